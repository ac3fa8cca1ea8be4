"""One key's turn, what is set aside of a batch, and what became of its records."""

from dataclasses import dataclass, field

from services.kernel.runtime.records import Decoded, Poison, Record


@dataclass(slots=True)
class Turn:
    """One key's place in one topic. ``waiting`` holds what waits, by sequence; None: given up."""

    key: str
    sequence: int = 0
    event_id: str | None = None
    stopped: bool = False
    stored: int = 0
    waiting: dict[int, Decoded | Poison | None] = field(default_factory=dict)
    waiting_ids: dict[int, str | None] = field(default_factory=dict)
    changed: bool = False


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record set aside. ``kind`` is poison, bug or conflict."""

    record: Record
    kind: str
    code: str
    detail: str
    key: str | None
    sequence: int | None
    event_id: str | None


@dataclass(slots=True)
class Counts:
    """What became of a batch's records."""

    applied: int = 0
    duplicates: int = 0
    waiting: int = 0
    dead: int = 0
    events: int = 0
