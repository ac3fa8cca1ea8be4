"""The tables of caseloads: coaches, their absences, and each plan as every one of its versions left it.

All of them follow from the log alone. ``plan_history`` is what work lists are computed from, so that they can be asked
as of any day: a row for each event, with the few facts of it that a list needs.
"""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from sqlalchemy import Column, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from services.coaching.domain.dates import london_day
from services.contracts.coach import AbsenceChanged, AbsenceRecorded, CoachChanged
from services.contracts.plan import PlanUpdated
from services.contracts.plan_change import Contacted, Corrected, SessionRecorded
from services.kernel.decision import Event
from services.kernel.service import Row, Table


class CoachRow(SQLModel, table=True):
    """What a coach can take on."""

    __tablename__ = "coach"
    __table_args__ = (Index("coach_of", "programme", "provider", "coach_id"),)

    coach_id: str = Field(sa_column=Column(Text, primary_key=True))
    programme: str
    provider: str
    version: int
    state: str
    capacity: int
    languages: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    localities: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    offers: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    changed_on: date


class CoachAbsenceRow(SQLModel, table=True):
    """When a coach is away and who covers; one that was called off ends before it begins."""

    __tablename__ = "coach_absence"
    __table_args__ = (Index("coach_absence_cover", "cover"),)

    coach_id: str = Field(primary_key=True)
    from_on: date = Field(primary_key=True)
    until_on: date | None
    cover: str | None


class PlanVersionRow(SQLModel, table=True):
    """A plan after one event: who held it, how it stood, what had happened; ``recorded_on``: the event's London day.

    ``refers_to``: the version that this one takes back.
    """

    __tablename__ = "plan_history"
    __table_args__ = (
        Index("plan_history_of", "programme", "provider", "occurred_on"),
        Index("plan_history_taken_back", "referral_id", "refers_to", postgresql_where=text("refers_to IS NOT NULL")),
    )

    referral_id: str = Field(primary_key=True)
    plan_version: int = Field(primary_key=True)
    kind: str
    occurred_on: date
    recorded_on: date
    actor: str | None
    programme: str
    programme_version: str
    provider: str | None
    locality: str | None
    referred_on: date
    work_status: str
    state: str
    coach: str | None
    proposal: bool
    agreed_on: date | None
    review_on: date | None
    reached: bool | None
    attendance: str | None
    refers_to: int | None


COACH = Table(
    "coach",
    (
        *(("coach_id", "text"), ("programme", "text"), ("provider", "text"), ("version", "int"), ("state", "text")),
        *(("capacity", "int"), ("languages", "jsonb"), ("localities", "jsonb"), ("offers", "jsonb")),
        ("changed_on", "date"),
    ),
    key=1,
    on_conflict="ON CONFLICT (coach_id) DO UPDATE SET (programme, provider, version, state, capacity, languages, "
    "localities, offers, changed_on) = (excluded.programme, excluded.provider, excluded.version, excluded.state, "
    "excluded.capacity, excluded.languages, excluded.localities, excluded.offers, excluded.changed_on)",
)
ABSENCE = Table(
    "coach_absence",
    (("coach_id", "text"), ("from_on", "date"), ("until_on", "date"), ("cover", "text")),
    key=2,
    on_conflict="ON CONFLICT (coach_id, from_on) DO UPDATE SET until_on = excluded.until_on, cover = excluded.cover",
)
HISTORY = Table(
    "plan_history",
    (
        *(("referral_id", "text"), ("plan_version", "int"), ("kind", "text"), ("occurred_on", "date")),
        *(("recorded_on", "date"), ("actor", "text"), ("programme", "text"), ("programme_version", "text")),
        *(("provider", "text"), ("locality", "text"), ("referred_on", "date"), ("work_status", "text")),
        *(("state", "text"), ("coach", "text")),
        *(("proposal", "boolean"), ("agreed_on", "date"), ("review_on", "date"), ("reached", "boolean")),
        *(("attendance", "text"), ("refers_to", "int")),
    ),
    key=2,
    on_conflict="ON CONFLICT (referral_id, plan_version) DO NOTHING",
)
TABLES = (COACH, ABSENCE, HISTORY)

STANDING: Final = (
    "SELECT *, max(occurred_on) OVER (PARTITION BY referral_id ORDER BY plan_version) AS stood_on FROM plan_history"
)
"""Every version of every plan with the day from which it stood: the latest of those up to it, since what is recorded
late says how the plan stood by then. The newest by a day says how a plan stood on it."""


def coach_rows(data: CoachChanged) -> Iterator[Row]:
    """Return what an event about a coach changes."""
    profile = data.profile
    lists = (profile.languages, profile.localities, [offer.value for offer in profile.offers])
    yield (
        COACH,
        (
            *(data.coach_id, data.programme, data.provider, data.version, data.state.value, profile.capacity),
            *(json.dumps(list(one)) for one in lists),
            data.occurred_on,
        ),
    )
    if isinstance(data.change, AbsenceRecorded | AbsenceChanged):
        absence = data.change.absence
        yield ABSENCE, (data.coach_id, absence.from_on, absence.until_on, absence.cover)


def history_row(data: PlanUpdated, recorded_on: date) -> Row:
    """Return a plan as one event left it."""
    plan, change = data.plan, data.change
    work = plan.work_at_referral or data.work
    values: tuple[Any, ...] = (
        *(data.referral_id, data.plan_version, change.kind.value, data.occurred_on, recorded_on, change.by),
        *(data.programme.id, data.programme.version, data.provider, data.locality, data.referred_on),
        *(work.status.value, data.state.value, plan.coach, plan.proposal is not None, plan.agreed_on, plan.review_on),
        change.reached if isinstance(change, Contacted) else None,
        change.attendance.value if isinstance(change, SessionRecorded) else None,
        change.refers_to if isinstance(change, Corrected) else None,
    )
    return HISTORY, values


def rows(event: Event) -> Iterator[Row]:
    """Return what one of coaching's own events changes in these tables."""
    if isinstance(event.data, CoachChanged):
        yield from coach_rows(event.data)
    else:
        yield history_row(event.data, london_day(event.occurred_at))
