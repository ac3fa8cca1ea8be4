"""Further referrals of somebody who has an open one: shown with its plan, so that nothing said in them is overlooked.

A row comes from triage's first word that a referral is additional, held or not: a referral that triage holds has no
plan yet, and one that was opened again is additional from then on.
"""

from collections.abc import Iterator
from datetime import date

from pydantic import BaseModel
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from services.coaching.domain.deciding import linked_referral
from services.coaching.store import PlanRow
from services.contracts.base import Slug, Uuid
from services.contracts.codes import Route
from services.contracts.plan_codes import PlanState
from services.contracts.triage import TriageCompleted, TriageRelayed
from services.kernel.service import Row, Table


class AdditionalReferralRow(SQLModel, table=True):
    """A referral that is additional to another of the same person."""

    __tablename__ = "additional_referral"

    referral_id: str = Field(primary_key=True)
    linked_referral: str
    programme: str
    route: str
    referred_on: date


class AdditionalReferral(BaseModel):
    """A further referral of the same person; ``state`` is its own plan's, null while triage holds it."""

    referral_id: Uuid
    programme: Slug
    route: Route
    referred_on: date
    state: PlanState | None


ADDITIONAL = Table(
    "additional_referral",
    (
        ("referral_id", "text"),
        ("linked_referral", "text"),
        ("programme", "text"),
        ("route", "text"),
        ("referred_on", "date"),
    ),
    1,
    "ON CONFLICT (referral_id) DO NOTHING",
)


def rows(data: object) -> Iterator[Row]:
    """Return the row of what triage says of a referral that is additional to another; the first one stands."""
    linked = linked_referral(data)
    if isinstance(data, TriageCompleted | TriageRelayed) and linked is not None:
        yield ADDITIONAL, (data.referral_id, linked, data.programme.id, data.route.value, data.referred_on)


async def additional_to(session: AsyncSession, referral_id: str) -> list[AdditionalReferral]:
    """Return the referrals that are additional to one, the first first."""
    row = AdditionalReferralRow
    query = (
        select(row, PlanRow.state)
        .join(PlanRow, col(PlanRow.referral_id) == col(row.referral_id), isouter=True)
        .where(col(row.linked_referral) == referral_id)
        .order_by(col(row.referred_on), col(row.referral_id))
    )
    return [
        AdditionalReferral.model_validate({**found.model_dump(), "state": state})
        for found, state in (await session.exec(query)).all()
    ]
