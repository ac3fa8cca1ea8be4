"""What a referrer is told."""

from collections.abc import Iterable
from datetime import date
from typing import Any, Literal

from pydantic import BaseModel

from services.contracts.consent import EmployerFacing, EmployerPermission
from services.intake.domain.audience import Informed
from services.intake.domain.status import Fact, Status, View, received, view
from services.intake.store import ReferralRow

NeutralStatus = Literal[Status.RECEIVED, Status.ACKNOWLEDGED, Status.CLOSED, Status.WITHDRAWN]


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
    history: tuple[StepView, ...]


class ReceivedView(StatusView):
    """That a referral was received: what its sender knows. It says nothing of what became of it."""

    status: Literal[Status.RECEIVED]


class NeutralStep(StepView):
    """A status that an employer may be told, and its day."""

    status: NeutralStatus


class EmployerStatusView(EmployerFacing, StatusView):
    """How a referral stands, as far as the person lets their employer know."""

    status: NeutralStatus
    history: tuple[NeutralStep, ...]


def status_view(reader: Informed, row: ReferralRow, facts: Iterable[Fact]) -> StatusView | None:
    """Return what anybody but an employer is told; None when nothing is known yet."""
    found = view(facts, reduced=not reader.full)
    return None if found is None else StatusView(**_shown(row, found))


def received_view(row: ReferralRow, facts: Iterable[Fact]) -> ReceivedView | None:
    """Return what an employer is told in any case; None when nothing is known yet."""
    found = received(facts)
    return None if found is None else ReceivedView(**_shown(row, found))


def employer_view(permission: EmployerPermission, row: ReferralRow, facts: Iterable[Fact]) -> EmployerStatusView | None:
    """Return what an employer is told under the third consent; None when nothing is known yet."""
    found = view(facts, reduced=True)
    return None if found is None else EmployerStatusView(permission=permission, **_shown(row, found))


def _shown(row: ReferralRow, found: View) -> dict[str, Any]:
    return {
        "referral_id": row.referral_id,
        "reference": row.reference,
        "programme": ProgrammeView(id=row.programme, version=row.programme_version),
        "status": found.status,
        "on": found.on,
        "history": tuple({"status": status, "on": on} for status, on in found.history),
    }
