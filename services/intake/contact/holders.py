"""Who holds which plan, as coaching said last; and who read how to reach a person, when and why."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import BigInteger, Column, DateTime, Index, Text
from sqlmodel import Field, SQLModel

from services.contracts.plan import PlanUpdated
from services.contracts.plan_codes import PlanState
from services.intake.domain.contact import Holding
from services.kernel.runtime.tables import Connection
from services.kernel.service import Row, Table


def _text(*, primary_key: bool = False, nullable: bool = False) -> Column[str]:
    return Column(Text, primary_key=primary_key, nullable=nullable)


class PlanHolder(SQLModel, table=True):
    """A referral's plan: who holds it, whether it goes on."""

    __tablename__ = "plan_holder"

    referral_id: str = Field(sa_column=_text(primary_key=True))
    sequence: int = Field(sa_column=Column(BigInteger, nullable=False))
    programme: str = Field(sa_column=_text())
    provider: str | None = Field(sa_column=_text(nullable=True))
    coach: str | None = Field(sa_column=_text(nullable=True))
    state: str = Field(sa_column=_text())
    outcomes_until: date | None


class ContactRead(SQLModel, table=True):
    """Somebody asked how to reach a person, and what they were told: ``read``, or the code of the refusal."""

    __tablename__ = "contact_read"
    __table_args__ = (Index("contact_read_person", "person_id", "asked_at"),)

    request_id: str = Field(sa_column=_text(primary_key=True))
    person_id: str = Field(sa_column=_text())
    referral_id: str | None = Field(sa_column=_text(nullable=True))
    asked_by: str = Field(sa_column=_text())
    organisation_id: str = Field(sa_column=_text())
    purpose: str = Field(sa_column=_text())
    outcome: str = Field(sa_column=_text())
    asked_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


HOLDER = Table(
    "plan_holder",
    (
        *(("referral_id", "text"), ("sequence", "bigint"), ("programme", "text"), ("provider", "text")),
        *(("coach", "text"), ("state", "text"), ("outcomes_until", "date")),
    ),
    key=1,
    on_conflict="ON CONFLICT (referral_id) DO UPDATE SET (sequence, programme, provider, coach, state, outcomes_until) "
    "= (excluded.sequence, excluded.programme, excluded.provider, excluded.coach, excluded.state, "
    "excluded.outcomes_until) WHERE excluded.sequence > plan_holder.sequence",
)
"""The newest event of a key counts, in whatever order they are read again."""


def rows(key: str, sequence: int, data: PlanUpdated) -> Iterable[Row]:
    """Return who holds a plan after an event."""
    plan = data.plan
    yield HOLDER, (key, sequence, data.programme.id, data.provider, plan.coach, data.state.value, plan.outcomes_until)


_HOLDINGS: Final = """
WITH asked AS (SELECT coalesce(survivor, person_id) AS root FROM person WHERE person_id = $1),
pseudonym AS (
    SELECT root AS person_id FROM asked
    UNION SELECT p.person_id FROM asked JOIN person p ON p.survivor = asked.root)
SELECT r.referral_id, r.person_id, h.programme, h.provider, h.coach, h.state, h.outcomes_until
FROM pseudonym JOIN referral r USING (person_id) JOIN plan_holder h USING (referral_id)
ORDER BY r.received_at DESC, r.referral_id DESC
"""


async def holdings(connection: Connection, person_id: str) -> Sequence[Holding]:
    """Return the plans of a person, by whichever of their pseudonyms, the newest referral first."""
    return [
        Holding(
            row["referral_id"],
            row["programme"],
            row["provider"],
            row["coach"],
            PlanState(row["state"]),
            row["outcomes_until"],
        )
        for row in await connection.fetch(_HOLDINGS, person_id)
    ]


_KNOWN: Final = "SELECT EXISTS (SELECT FROM person WHERE person_id = $1)"
_READ: Final = """
INSERT INTO contact_read (request_id, person_id, referral_id, asked_by, organisation_id, purpose, outcome, asked_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"""


async def record_read(connection: Connection, person_id: str, *values: Any) -> None:
    """Write down who asked for what. Nothing is held of somebody unknown, so nothing is written about them."""
    request_id, *rest = values
    if await connection.fetchval(_KNOWN, person_id):
        await connection.execute(_READ, request_id, person_id, *rest)
