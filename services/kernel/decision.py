"""What a pure core is made of: inputs, drafts, events and refusals.

A service is two functions over these types::

    decide(state, cause, *, policy, now) -> list[Draft]
    evolve(state, event) -> state

Neither reads a clock, draws a random number or does I/O. ``decide`` answers with drafts; the
kernel mints each into an :class:`Event` (id, sequence) before ``evolve`` folds it, so a replay that
mints from the same causes gets the same events.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class PolicyRef:
    """The policy file that a decision followed: its id, version and content hash (hex SHA-256)."""

    id: str
    version: str
    sha256: str

    def header(self) -> str:
        """Return ``id;version;first 12 hex digits``, the form carried in the ``policy`` attribute."""
        return f"{self.id};{self.version};{self.sha256[:12]}"


@dataclass(frozen=True, slots=True)
class Received:
    """An event from another service, as ``decide`` sees it.

    ``type`` is the CloudEvents type, ``key`` the aggregate (the CloudEvents subject), ``data`` the
    contract's model of that type, ``occurred_at`` the CloudEvents ``time``.
    """

    id: str
    type: str
    key: str
    data: Any
    occurred_at: datetime
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Command:
    """What a person asked for. ``id`` is a UUIDv7 minted at the edge; ``type`` names the command.

    ``data`` is a pydantic model of the command's fields; ``actor`` is the pseudonymous subject of
    the token that sent it.
    """

    id: str
    type: str
    key: str
    data: Any
    actor: str = ""


Cause = Received | Command


@dataclass(frozen=True, slots=True)
class Draft:
    """An event that ``decide`` wants recorded, before it has an id and a sequence.

    ``occurred_at`` is when the fact happened (None: when it is recorded, ``now``).
    """

    type: str
    data: BaseModel
    occurred_at: datetime | None = None
    policy: PolicyRef | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One of the service's own events. ``id`` = UUIDv5(cause id, type, ordinal)."""

    id: str
    type: str
    key: str
    sequence: int
    data: Any
    occurred_at: datetime
    policy: PolicyRef | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that is wrong: a stable code, a JSON pointer to it and a sentence for a person."""

    code: str
    message: str
    pointer: str = ""


class Refused(Exception):
    """A command that the domain does not allow; it changes nothing.

    ``status`` is the HTTP status that fits (409 for an illegal move, 422 for an impossible value,
    404 for an aggregate that does not exist). All reasons are given at once.
    """

    def __init__(self, *reasons: Reason, status: int = 409) -> None:
        super().__init__("; ".join(f"{r.code}: {r.message}" for r in reasons))
        self.reasons: Sequence[Reason] = reasons
        self.status = status


class PolicyMissing(Exception):
    """No policy file covers a date. The consumer stops: going on would decide by the wrong rules."""
