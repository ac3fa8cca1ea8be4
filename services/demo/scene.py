"""Where a demo plays: a system of its own, or one that runs already; what both tell the players."""

from pathlib import Path
from typing import Final, Protocol

from services.contracts.types import TOPIC_OUTCOME, TOPIC_PERSON, TOPIC_PLAN, TOPIC_REFERRAL, TOPIC_TRIAGE
from services.kernel.settings import Settings

SERVICES: Final = ("intake", "triage", "coaching", "outcomes")
VAULT: Final = "vault"
TOPICS: Final = (TOPIC_REFERRAL, TOPIC_TRIAGE, TOPIC_PLAN, TOPIC_OUTCOME, TOPIC_PERSON)

RELAY_PACE_SECONDS: Final = 0.15
"""Relays gather a little before they publish again, so that two cores are enough for all of it."""


class Scene(Protocol):
    """A running system, as those who play in it and reconcile it see it."""

    record: Path
    issuer: str
    closes_months: bool
    """Whether the demo may close months here at its end: nobody else is at work in it, or will be."""

    def url(self, service: str) -> str:
        """The address of a service's API."""
        ...

    def dsn(self, service: str) -> str:
        """Where a service's database is, as one who may read it."""
        ...

    def ends(self) -> dict[tuple[str, int], int]:
        """The end of each partition; blocks."""
        ...

    def check(self) -> None:
        """Raise when a part of it has ended."""
        ...

    def settings(self) -> Settings:
        """The settings of work that is done in this process."""
        ...
