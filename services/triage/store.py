"""Triage's own tables: which referrals were decided how, and the safety tasks that await a person or were done.

They hold no reason and no cause: those stay in the sealed part of the state.
"""

import json
from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Column, DateTime
from sqlmodel import Field, SQLModel

from services.contracts.safety_task import OWED_BY, SafetyTask
from services.kernel.service import Change, Row, Table
from services.safety.tasks import COLUMNS
from services.triage.domain.state import TriageState


class TriageCase(SQLModel, table=True):
    """One referral as the work list shows it. ``awaiting_since``: since when a person must acknowledge it."""

    __tablename__ = "triage_case"

    referral_id: str = Field(primary_key=True)
    programme: str
    locality: str | None
    provider: str | None
    outcome: str
    revision: int
    awaiting_since: datetime | None = Field(sa_column=Column(DateTime(timezone=True)))
    withdrawn: bool


CASES = Table(
    "triage_case",
    (
        ("referral_id", "text"),
        ("programme", "text"),
        ("locality", "text"),
        ("provider", "text"),
        ("outcome", "text"),
        ("revision", "int"),
        ("awaiting_since", "timestamptz"),
        ("withdrawn", "boolean"),
    ),
    key=1,
    on_conflict=(
        "ON CONFLICT (referral_id) DO UPDATE SET (programme, locality, provider, outcome, revision, awaiting_since,"
        " withdrawn) = (excluded.programme, excluded.locality, excluded.provider, excluded.outcome,"
        " excluded.revision, excluded.awaiting_since, excluded.withdrawn)"
    ),
)

TASKS = Table(
    "safety_task",
    COLUMNS,
    key=1,
    on_conflict=(
        "ON CONFLICT (task_id) DO UPDATE SET (programme, provider, done_at, done_by, actions) ="
        " (excluded.programme, excluded.provider, excluded.done_at, excluded.done_by, excluded.actions)"
    ),
)


def project(change: Change) -> Iterator[Row]:
    """Return the row of a referral whose state changed, and those of its safety tasks."""
    if not change.events:
        return
    state: TriageState = change.state
    decision = state.decision
    yield (
        CASES,
        (
            change.key,
            decision.programme.id,
            decision.locality,
            decision.provider,
            decision.outcome.value,
            decision.revision,
            state.awaiting_since,
            state.withdrawn,
        ),
    )
    for task in state.tasks:
        yield TASKS, _task(change.key, state, task)


def _task(referral: str, state: TriageState, task: SafetyTask) -> tuple[object, ...]:
    done = task.done
    return (
        f"{referral}.{task.revision}.{task.response.value}",
        state.decision.programme.id,
        state.decision.provider,
        referral,
        task.response.value,
        OWED_BY[task.response],
        task.raised_at,
        None if done is None else done.at,
        None if done is None else done.by,
        None if done is None else json.dumps([action.value for action in done.actions]),
    )
