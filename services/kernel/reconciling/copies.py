"""A service's part of the log, copied beside its own tables, so that its database can compare the two.

The copy is a temporary table: Python holds one fetch of records at a time and no set of anything; what does not fit
into PostgreSQL's memory goes to its temporary files. Nothing is written that outlives the session.

All is compared as at one moment. The log is read up to an end (``early``), then every database takes its snapshot, then
what has arrived meanwhile is read (``late``). So what a snapshot calls sent is in the copy, and what is early in the
copy must be in the snapshot of its sender.
"""

import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from services.kernel.envelope import EnvelopeError, from_headers
from services.kernel.replay.history import Difference
from services.kernel.runtime.database import comparing_session
from services.kernel.runtime.log_view import LogView, Place
from services.kernel.runtime.records import Record
from services.kernel.runtime.tables import Connection
from services.kernel.service import Service
from services.kernel.settings import Settings

MAKE: Final = """
CREATE TEMP TABLE logged (
    topic text COLLATE "C", partition int, record_offset bigint, key text COLLATE "C", sequence bigint,
    event_id text COLLATE "C", digest bytea, late boolean, headers text, value bytea
)
"""
COLUMNS: Final = (
    *("topic", "partition", "record_offset", "key", "sequence", "event_id", "digest", "late", "headers", "value"),
)
SENT: Final = """
CREATE TEMP TABLE sent AS
SELECT l.topic, l.key, l.sequence, bool_and(l.late) AS late,
       coalesce(bool_or(l.record_offset < p.next_offset), false) AS reached
FROM logged l LEFT JOIN stream_position p ON p.topic = l.topic AND p.partition = l.partition
GROUP BY l.topic, l.key, l.sequence
"""
"""Distinct (topic, key, sequence). ``reached``: below the reader's position."""
INDEXES: Final = (
    "CREATE INDEX ON logged (key, topic, sequence)",
    "CREATE UNIQUE INDEX ON sent (key, topic, sequence)",
    "ANALYZE logged",
    "ANALYZE sent",
)
Advance = Callable[[int, int], None]
"""Is given how many records are read, of how many."""


@dataclass(frozen=True)
class Copy:
    """One service's session: its part of the log beside its tables, as at one moment. ``whole``: with own values."""

    service: Service
    connection: Connection
    whole: bool = False

    async def load(self, records: Iterable[Record], *, late: bool) -> None:
        """Copy the records that concern the service and that their topic's producer sent."""
        rows = [row for record in records if (row := self._row(record, late=late)) is not None]
        if rows:
            await self.connection.copy_records_to_table("logged", records=rows, columns=COLUMNS)

    def _row(self, record: Record, *, late: bool) -> tuple[Any, ...] | None:
        own = record.topic == self.service.output
        if not own and record.topic not in self.service.inputs:
            return None
        try:
            envelope = from_headers(record.headers, record.key)
        except EnvelopeError:
            return None
        if not self.service.registry.produces(envelope.source, record.topic):
            return None  # it counts no sequence: readers set it aside
        kept = (envelope.attributes_json(), record.value) if own and self.whole else (None, None)
        digest = hashlib.sha256(record.value or b"").digest()
        place = (record.topic, record.partition, record.offset, envelope.subject, envelope.sequence)
        return (*place, envelope.id, digest, late, *kept)


@asynccontextmanager
async def copied(
    services: Sequence[Service], settings: Settings, log: LogView, *, whole: str, advance: Advance
) -> AsyncIterator[tuple[dict[str, Copy], list[Difference]]]:
    """Yield each service's copy by its name, and what of the log is lost. ``whole``: whose own values are copied too.

    Every database holds its snapshot until the block ends. Raises KafkaError, and what a database that cannot be
    reached raises.
    """
    async with AsyncExitStack() as stack:
        copies = {}
        for service in services:
            session = await stack.enter_async_context(comparing_session(settings.reader_url(service.name)))
            copies[service.name] = Copy(service, session, service.name == whole)
            await session.execute(MAKE)
        extents = await log.extents_of(sorted({service.output for service in services}))
        early = {place: (extent.earliest, extent.end) for place, extent in extents.items()}
        total, done = sum(end - first for first, end in early.values()), 0
        async for records in log.read(early):
            done += await _load(copies, records, late=False)
            advance(done, total)
        for copy in copies.values():
            await stack.enter_async_context(copy.connection.transaction(isolation="repeatable_read"))
            await copy.connection.execute("SELECT FROM stream_position")  # the snapshot is taken by what reads first
        ends = await log.ends(list(early))
        async for records in log.read({place: (end, ends[place]) for place, (_, end) in early.items()}):
            done += await _load(copies, records, late=True)
            advance(done, max(done, total))
        for copy in copies.values():
            for statement in (SENT, *INDEXES):
                await copy.connection.execute(statement)
        yield copies, _lost(services, {place: extent.earliest for place, extent in extents.items()})


async def _load(copies: dict[str, Copy], records: Sequence[Record], *, late: bool) -> int:
    for copy in copies.values():
        await copy.load(records, late=late)
    return len(records)


def _lost(services: Sequence[Service], earliest: dict[Place, int]) -> list[Difference]:
    """Of what the broker no longer holds nothing can be said: that is a difference."""
    senders = {service.output: service.name for service in services}
    return [
        Difference(senders[topic], "", 0, "log_lost", f"{topic} {partition}: offsets 0 to {first - 1}")
        for (topic, partition), first in sorted(earliest.items())
        if first > 0
    ]
