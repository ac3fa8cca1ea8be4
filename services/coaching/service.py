"""Composition root: the coaching service as the kernel runs it."""

from collections.abc import Iterator
from pathlib import Path

from services.coaching import additional
from services.coaching.caseload import store as caseload
from services.coaching.domain.aggregates import State, again, decide, evolve
from services.coaching.domain.caseload.coach import Coach
from services.coaching.domain.policy import CoachingPolicy
from services.coaching.record import store as record
from services.coaching.store import PLANS, RECOMMENDATIONS, TABLES
from services.coaching.store import project as project_plan
from services.contracts.base import Common
from services.contracts.registry import EVENTS
from services.contracts.types import (
    TOPIC_PLAN,
    TOPIC_TRIAGE,
    TRIAGE_ACKNOWLEDGED,
    TRIAGE_COMPLETED,
    TRIAGE_RELAYED,
)
from services.kernel.decision import Received
from services.kernel.service import Change, Row, Service
from services.programmes.reader import FOLDER, load_book


def build(programmes_dir: Path | None = None) -> Service:
    """Return the service. Nothing is read before its policy is asked for; that raises FileRefused."""
    return Service(
        name="coaching",
        registry=EVENTS,
        inputs=(TOPIC_TRIAGE,),
        output=TOPIC_PLAN,
        handles=frozenset({TRIAGE_COMPLETED, TRIAGE_ACKNOWLEDGED, TRIAGE_RELAYED}),
        state=State,
        decide=decide,
        evolve=evolve,
        policy=lambda: CoachingPolicy(load_book(programmes_dir or FOLDER)),
        project=project,
        tables=(*TABLES, additional.ADDITIONAL, *caseload.TABLES, record.RECORDS, record.SCORES),
        derived=(PLANS, RECOMMENDATIONS, *caseload.TABLES, record.RECORDS),
        reissue=again,
        subject=lambda found: found.person_id if isinstance(found, Common) else None,
    )


def project(change: Change) -> Iterator[Row]:
    """Return the rows of a change: the plan's or the coach's, and that a referral is additional to another."""
    if isinstance(change.cause, Received):
        yield from additional.rows(change.cause.data)
    for event in change.events:
        yield from caseload.rows(event)
    yield from record.rows(change)
    if not isinstance(change.state, Coach):
        yield from project_plan(change)
