"""Composition root: the vault as the kernel runs it. It has no inputs: people tell it what to do."""

from services.contracts.registry import EVENTS
from services.contracts.types import TOPIC_PERSON
from services.kernel.service import Service
from services.vault.domain.decide import decide, reissue
from services.vault.domain.person import Person, evolve
from services.vault.store import DERIVED, TABLES, project


def build() -> Service:
    """Return the service."""
    return Service(
        name="vault",
        registry=EVENTS,
        inputs=(),
        output=TOPIC_PERSON,
        handles=frozenset(),
        state=Person,
        decide=decide,
        evolve=evolve,
        policy=lambda: None,
        project=project,
        tables=TABLES,
        derived=DERIVED,
        reissue=reissue,
    )
