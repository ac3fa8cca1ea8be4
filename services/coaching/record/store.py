"""The record's tables: each change that a plan's snapshot keeps only the latest of, and the scores of reviews.

``plan_record`` follows from the events, so that a restore makes it again; what is sealed there stays so. Scores are in
no event: they come from the command and rest sealed, like a note.
"""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import Column
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from services.coaching.domain.command_fields import ScoreFields
from services.coaching.domain.commands import Asked
from services.coaching.domain.work_commands import CompleteReview
from services.contracts.plan import PlanUpdated
from services.contracts.plan_codes import ChangeKind
from services.kernel.decision import Command, Event
from services.kernel.service import Change, Row, Table

RECORDED: Final = frozenset(
    {
        ChangeKind.BARRIER_CHANGED,
        ChangeKind.BOOKING_CHANGED,
        ChangeKind.ADJUSTMENT_CHANGED,
        ChangeKind.EMPLOYER_CONTACTED,
        ChangeKind.FIT_NOTE_RECORDED,
        ChangeKind.REVIEW_COMPLETED,
        ChangeKind.WORK_STATUS_CHANGED,
        ChangeKind.WORK_STATUS_CONFIRMED,
    }
)
SCORES_FIELD: Final = "scores"
"""What the scores of a review are sealed as."""

SCORES_OF_REVIEW: TypeAdapter[tuple[ScoreFields, ...]] = TypeAdapter(tuple[ScoreFields, ...])


class RecordRow(SQLModel, table=True):
    """One change of a plan in codes; ``sealed`` are the tokens of what of it is health detail."""

    __tablename__ = "plan_record"

    referral_id: str = Field(primary_key=True)
    plan_version: int = Field(primary_key=True)
    kind: str
    recorded_by: str
    occurred_on: date
    content: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    sealed: dict[str, str] | None = Field(sa_column=Column(JSONB))


class ScoreRow(SQLModel, table=True):
    """The scores of one review, sealed."""

    __tablename__ = "plan_score"

    event_id: str = Field(primary_key=True)
    referral_id: str = Field(index=True)
    plan_version: int
    occurred_on: date
    scores: str


RECORDS = Table(
    "plan_record",
    (
        ("referral_id", "text"),
        ("plan_version", "int"),
        ("kind", "text"),
        ("recorded_by", "text"),
        ("occurred_on", "date"),
        ("content", "jsonb"),
        ("sealed", "jsonb"),
    ),
    2,
    "ON CONFLICT (referral_id, plan_version) DO NOTHING",
)
SCORES = Table(
    "plan_score",
    (
        ("event_id", "text"),
        ("referral_id", "text"),
        ("plan_version", "int"),
        ("occurred_on", "date"),
        ("scores", "text"),
    ),
)
_SAID_ELSEWHERE = {"kind", "by", "occurred_on", "sealed"}


def rows(change: Change) -> Iterator[Row]:
    """Return the rows that follow from a change of a plan."""
    for event in change.events:
        data = event.data
        if isinstance(data, PlanUpdated) and data.change.kind in RECORDED:
            yield RECORDS, _record(data)
            scores = _scores(change.cause)
            if scores:
                yield SCORES, _score_row(event, data, change.seal(scores, SCORES_FIELD))


def _record(data: PlanUpdated) -> tuple[Any, ...]:
    said = data.change
    sealed = getattr(said, "sealed", None)
    return (
        data.referral_id,
        data.plan_version,
        said.kind.value,
        said.by or "",
        data.occurred_on,
        said.model_dump_json(exclude=_SAID_ELSEWHERE),
        None if sealed is None else json.dumps(sealed.model_dump(mode="json")),
    )


def _scores(cause: Any) -> str:
    if isinstance(cause, Command) and isinstance(cause.data, Asked) and isinstance(cause.data.command, CompleteReview):
        scores = cause.data.command.scores
        return SCORES_OF_REVIEW.dump_json(scores).decode() if scores else ""
    return ""


def _score_row(event: Event, data: PlanUpdated, token: str) -> tuple[Any, ...]:
    return (event.id, data.referral_id, data.plan_version, data.occurred_on, token)
