"""The record: what was on the four topics, kept in a local file while the demo runs.

The embedded broker keeps about 5 MB a partition and forgets the rest, so whoever wants to compare the
ledger with the topics must have listened from the start. One JSON object a line, in the order of arrival.
"""

import base64
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from services.kernel.envelope import Headers
from services.kernel.runtime.records import Record


@dataclass(frozen=True, slots=True)
class Recorded:
    """A record and the moment (seconds since 1970) at which it was read from the broker."""

    record: Record
    read_at: float

    @property
    def attributes(self) -> dict[str, str]:
        """The CloudEvents attributes, without ``ce_``."""
        return {name.removeprefix("ce_"): content.decode() for name, content in self.record.headers}

    @property
    def data(self) -> dict[str, Any]:
        """The event's data."""
        found: dict[str, Any] = json.loads(self.record.value or b"null")
        return found


@dataclass(frozen=True, slots=True)
class LostRange:
    """Offsets of a partition that the record does not hold: from ``first`` up to, not with, ``end``."""

    topic: str
    partition: int
    first: int
    end: int


def write_line(file: TextIO, recorded: Recorded) -> None:
    """Append one record."""
    record = recorded.record
    line = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "read_at": recorded.read_at,
        "key": _text(record.key),
        "value": _text(record.value),
        "headers": [[name, _text(content)] for name, content in record.headers],
    }
    file.write(json.dumps(line, separators=(",", ":")) + "\n")


def read_line(line: str) -> Recorded:
    """Read one line back."""
    held = json.loads(line)
    headers: Headers = tuple((name, _bytes(content) or b"") for name, content in held["headers"])
    record = Record(
        held["topic"], held["partition"], held["offset"], _bytes(held["key"]), _bytes(held["value"]), headers
    )
    return Recorded(record, held["read_at"])


def read_record(file: Path) -> Iterator[Recorded]:
    """Read a whole file; a last line that is still being written is left out."""
    with file.open() as lines:
        for line in lines:
            if line.endswith("\n"):
                yield read_line(line)


def lost_ranges(records: Iterable[Recorded], ends: dict[tuple[str, int], int] | None = None) -> list[LostRange]:
    """Return the offsets, from 0 on, that are missing; ``ends`` are the partitions' ends on the broker."""
    seen: dict[tuple[str, int], set[int]] = defaultdict(set)
    for recorded in records:
        seen[recorded.record.topic, recorded.record.partition].add(recorded.record.offset)
    lost = []
    for place in sorted({*seen, *(ends or {})}):
        held = seen[place]
        end = max(max(held, default=-1) + 1, (ends or {}).get(place, 0))
        missing = [offset for offset in range(end) if offset not in held]
        lost += [LostRange(*place, first, last + 1) for first, last in _runs(missing)]
    return lost


def _runs(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """Group adjacent numbers into (first, last)."""
    start = previous = None
    for number in numbers:
        if start is None or previous is None or number != previous + 1:
            if start is not None and previous is not None:
                yield start, previous
            start = number
        previous = number
    if start is not None and previous is not None:
        yield start, previous


def _text(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode()


def _bytes(content: str | None) -> bytes | None:
    return None if content is None else base64.b64decode(content)
