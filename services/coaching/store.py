"""Coaching's tables: the list of plans, each recommendation with its reasons, the coaches' notes."""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import Column, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from services.coaching.domain.commands import Asked
from services.contracts.plan import PlanUpdated
from services.contracts.plan_change import Proposed
from services.kernel.decision import Command, Event
from services.kernel.service import Change, Row, Table


class PlanRow(SQLModel, table=True):
    """One plan as lists show it; the whole plan is the aggregate's state."""

    __tablename__ = "plan"
    __table_args__ = (
        Index("plan_of_provider", "provider", "referred_on", "referral_id"),
        Index("plan_of_coach", "coach", "referred_on", "referral_id"),
        Index("plan_of_person", "person_id"),
    )

    referral_id: str = Field(primary_key=True)
    programme: str
    locality: str | None
    provider: str | None
    coach: str | None
    state: str
    plan_version: int
    held: bool
    proposal: bool = Field(description="A recommendation waits for the coach.")
    referred_on: date
    changed_on: date
    started_on: date | None
    review_on: date | None
    closed_on: date | None
    person_id: str
    additional: bool = Field(description="Another referral of the person is paid for; this one earns nothing.")


class RecommendationRow(SQLModel, table=True):
    """What triage recommended in one revision, and why: for the coach's eyes."""

    __tablename__ = "plan_recommendation"

    referral_id: str = Field(primary_key=True)
    revision: int = Field(primary_key=True)
    outcome: str
    received_on: date
    package: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    alternatives: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    ruleset: dict[str, str] = Field(sa_column=Column(JSONB, nullable=False))
    sealed: dict[str, Any] | None = Field(sa_column=Column(JSONB))


class NoteRow(SQLModel, table=True):
    """A note, its text sealed. It leaves this table through the coach's API only."""

    __tablename__ = "plan_note"

    event_id: str = Field(primary_key=True)
    referral_id: str = Field(index=True)
    plan_version: int
    written_by: str
    occurred_on: date
    text: str


def _replace(key: tuple[str, ...], columns: tuple[tuple[str, str], ...]) -> str:
    values = ", ".join(f"{name} = excluded.{name}" for name, _ in columns if name not in key)
    return f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {values}"


_PLAN_COLUMNS = (
    ("referral_id", "text"),
    ("programme", "text"),
    ("locality", "text"),
    ("provider", "text"),
    ("coach", "text"),
    ("state", "text"),
    ("plan_version", "int"),
    ("held", "boolean"),
    ("proposal", "boolean"),
    ("referred_on", "date"),
    ("changed_on", "date"),
    ("started_on", "date"),
    ("review_on", "date"),
    ("closed_on", "date"),
    ("person_id", "text"),
    ("additional", "boolean"),
)
PLANS = Table("plan", _PLAN_COLUMNS, 1, _replace(("referral_id",), _PLAN_COLUMNS))

_RECOMMENDATION_COLUMNS = (
    ("referral_id", "text"),
    ("revision", "int"),
    ("outcome", "text"),
    ("received_on", "date"),
    ("package", "jsonb"),
    ("alternatives", "jsonb"),
    ("ruleset", "jsonb"),
    ("sealed", "jsonb"),
)
RECOMMENDATIONS = Table(
    "plan_recommendation",
    _RECOMMENDATION_COLUMNS,
    2,
    _replace(("referral_id", "revision"), _RECOMMENDATION_COLUMNS),
)

NOTE = "note"
"""What a note's text is sealed as."""

NOTES = Table(
    "plan_note",
    (
        ("event_id", "text"),
        ("referral_id", "text"),
        ("plan_version", "int"),
        ("written_by", "text"),
        ("occurred_on", "date"),
        ("text", "text"),
    ),
)
TABLES = (PLANS, RECOMMENDATIONS, NOTES)


def project(change: Change) -> Iterator[Row]:
    """Return the rows that follow from a change.

    Plans and recommendations come from events alone, so a restore makes them again. A note's text is in no
    event: it comes from the command.
    """
    for event in change.events:
        data: PlanUpdated = event.data
        yield PLANS, _plan(data)
        if isinstance(data.change, Proposed):
            yield RECOMMENDATIONS, _recommendation(data, data.change)
        note = _note(change.cause)
        if note is not None:
            yield NOTES, _note_row(event, data, change.seal(note, NOTE))


def _plan(data: PlanUpdated) -> tuple[Any, ...]:
    plan = data.plan
    return (
        data.referral_id,
        data.programme.id,
        data.locality,
        data.provider,
        plan.coach,
        data.state.value,
        data.plan_version,
        plan.held,
        plan.proposal is not None,
        data.referred_on,
        data.occurred_on,
        plan.started_on,
        plan.review_on,
        plan.closed_on,
        data.person_id,
        plan.additional,
    )


def _recommendation(data: PlanUpdated, change: Proposed) -> tuple[Any, ...]:
    shown = change.model_dump(mode="json", include={"package", "alternatives", "ruleset", "sealed"})
    return (
        data.referral_id,
        change.revision,
        change.outcome.value,
        change.occurred_on,
        json.dumps(shown["package"]),
        json.dumps(shown["alternatives"]),
        json.dumps(shown["ruleset"]),
        None if shown["sealed"] is None else json.dumps(shown["sealed"]),
    )


def _note(cause: Any) -> str | None:
    if isinstance(cause, Command) and isinstance(cause.data, Asked):
        return getattr(cause.data.command, "note", None)
    return None


def _note_row(event: Event, data: PlanUpdated, token: str) -> tuple[Any, ...]:
    return (event.id, data.referral_id, data.plan_version, data.change.by or "", data.occurred_on, token)
