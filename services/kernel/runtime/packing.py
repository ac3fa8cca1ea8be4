"""What goes into one record batch: the events that followed from one cause are never parted.

A batch is on the log whole or not at all. Were only the first of a cause's events published before the database is
lost, a restore would find the cause answered, and the others would be decided never again.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from services.kernel.envelope import Headers, to_headers

SPILL = 64
"""So many rows beyond a limit are looked through for the rest of what began before it."""
RECORD_FRAME = 64
HEADER_FRAME = 10
"""Bytes that a record and a header take besides their content, at most."""


class Batch(Protocol):
    """A batch under construction, as the client library has it."""

    def append(self, *, key: bytes, value: bytes, timestamp: int, headers: list[tuple[str, bytes]]) -> Any:
        """Add a record; None: it does not fit."""
        ...

    def size(self) -> int:
        """Return its bytes so far."""
        ...


class Packed(NamedTuple):
    """One outbox row as it goes out, and which cause it followed from."""

    id: int
    topic: str
    key: str
    cause: str
    value: bytes
    recorded_ms: int
    headers: Headers

    @property
    def size(self) -> int:
        """Bytes that it takes at most."""
        headers = sum(len(name) + len(content) + HEADER_FRAME for name, content in self.headers)
        return RECORD_FRAME + len(self.key) * 4 + len(self.value) + headers


class DoesNotFit(Exception):
    """A row does not fit a batch of its own."""


def read_rows(rows: Iterable[Any]) -> list[Packed]:
    """Return outbox rows as they go out."""
    found = []
    for row in rows:
        attributes = json.loads(row["headers"])
        cause = attributes.get("causationid", "")
        found.append(
            Packed(row["id"], row["topic"], row["key"], cause, row["value"], row["recorded_ms"], to_headers(attributes))
        )
    return found


def first_whole(rows: Sequence[Packed], count: int) -> list[Packed]:
    """Return the first ``count`` rows, and of the next those that belong to a cause that is among them."""
    kept = list(rows[:count])
    began = {(row.key, row.cause) for row in kept}
    return kept + [row for row in rows[count : count + SPILL] if (row.key, row.cause) in began]


def affordable(rows: Sequence[Packed], most_bytes: int) -> int:
    """Return how many of the first rows hold at most so many bytes; one at least."""
    total = 0
    for count, row in enumerate(rows):
        total += len(row.value)
        if total > most_bytes and count:
            return count
    return len(rows)


def pack(rows: Iterable[Packed], make: Callable[[], Batch], limit: int, latest_ms: int) -> Iterator[Batch]:
    """Put the rows of one partition into batches of at most ``limit`` bytes, in order per key.

    A cause's events lie in one batch unless they are larger than a batch. No record's time is after ``latest_ms``.
    Raises DoesNotFit.
    """
    groups: dict[tuple[str, str], list[Packed]] = {}
    for row in rows:
        groups.setdefault((row.key, row.cause), []).append(row)
    batch, empty = make(), True
    for group in groups.values():
        if not empty and batch.size() + sum(row.size for row in group) > limit:
            yield batch
            batch, empty = make(), True
        for row in group:
            if not _append(batch, row, latest_ms):
                if empty:
                    raise DoesNotFit(f"outbox row {row.id} does not fit an empty batch")
                yield batch
                batch = make()
                if not _append(batch, row, latest_ms):
                    raise DoesNotFit(f"outbox row {row.id} does not fit an empty batch")
            empty = False
    if not empty:
        yield batch


def _append(batch: Batch, row: Packed, latest_ms: int) -> bool:
    at = min(row.recorded_ms, latest_ms)
    return batch.append(key=row.key.encode(), value=row.value, timestamp=at, headers=list(row.headers)) is not None
