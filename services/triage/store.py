"""Triage's own table: which referrals were decided how, and which await a person.

It holds no reason, no urgency and no cause: those stay in the sealed part of the state.
"""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Column, DateTime
from sqlmodel import Field, SQLModel

from services.kernel.service import Change, Row, Table
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


def project(change: Change) -> Iterator[Row]:
    """Return the row of a referral whose state changed."""
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
