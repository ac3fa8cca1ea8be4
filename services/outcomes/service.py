"""Composition root: the outcomes service as the kernel runs it."""

from pathlib import Path

from services.contracts.registry import EVENTS
from services.contracts.types import PERSON_MERGED, PLAN_UPDATED, TOPIC_OUTCOME, TOPIC_PERSON, TOPIC_PLAN
from services.kernel.service import Service
from services.outcomes.domain.both import State, decide, evolve
from services.outcomes.domain.commanding import reissue
from services.outcomes.domain.terms import RateBook
from services.outcomes.store import TABLES, project
from services.outcomes.watch import look_at_ledger
from services.programmes.bank_holidays import is_closed
from services.programmes.reader import FOLDER, load_book


def build(programmes_dir: Path | None = None) -> Service:
    """Return the service. Nothing is read before its policy is asked for; that raises FileRefused."""
    return Service(
        name="outcomes",
        registry=EVENTS,
        inputs=(TOPIC_PLAN, TOPIC_PERSON),
        output=TOPIC_OUTCOME,
        handles=frozenset({PLAN_UPDATED, PERSON_MERGED}),
        state=State,
        decide=decide,
        evolve=evolve,
        policy=lambda: RateBook(load_book(programmes_dir or FOLDER), is_closed),
        project=project,
        tables=TABLES,
        derived=TABLES,
        reissue=reissue,
        look=look_at_ledger(),
    )
