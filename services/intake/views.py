"""What a referrer is told."""

from datetime import date

from pydantic import BaseModel

from services.intake.domain.status import Status, View
from services.intake.store import ReferralRow


class ProgrammeView(BaseModel):
    """A programme in its version."""

    id: str
    version: str


class StepView(BaseModel):
    """A status that was reached, and the last day on which it was."""

    status: Status
    on: date


class StatusView(BaseModel):
    """How a referral stands."""

    referral_id: str
    reference: str | None
    programme: ProgrammeView
    status: Status
    on: date
    history: list[StepView]


def status_view(row: ReferralRow, found: View) -> StatusView:
    """Return the view of a referral."""
    return StatusView(
        referral_id=row.referral_id,
        reference=row.reference,
        programme=ProgrammeView(id=row.programme, version=row.programme_version),
        status=found.status,
        on=found.on,
        history=[StepView(status=status, on=on) for status, on in found.history],
    )
