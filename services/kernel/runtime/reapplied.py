"""After a backup: what some inputs did to a service's rows, done again before anything is served.

Such an input scrubs rows. A database from a backup has not read it, and its own log knows nothing of it: where nobody
said anything since, that log is not ahead. So whoever meets a database looks whether it has read such topics to their
end, and applies the rest first. A restore does all of it again, whatever the database says that it has read. Such rows
are projected from the input alone, so doing it again changes nothing.
"""

from collections.abc import Sequence

import asyncpg

from services.kernel.runtime.log_view import LogView, Place
from services.kernel.runtime.positions import ADD_POSITION, LOCK_POSITION
from services.kernel.runtime.records import Decoded, Record, UnknownVersion, decode
from services.kernel.runtime.tables import Connection, write_rows
from services.kernel.service import Change, Row, Service, Table

POSITIONS = "SELECT topic, partition, next_offset FROM stream_position WHERE topic = ANY($1::text[])"

Span = tuple[int, int]
"""(first offset, end offset)"""


async def unread(database: asyncpg.Pool | asyncpg.Connection, service: Service, log: LogView) -> dict[Place, Span]:
    """Return what the database has not read of the service's ``reapplied`` topics; none where it is as new as they."""
    spans = await _spans(service, log)
    rows = await database.fetch(POSITIONS, sorted(service.reapplied)) if spans else []
    positions = {(row["topic"], row["partition"]): row["next_offset"] for row in rows}
    found = {place: (max(first, positions.get(place, 0)), end) for place, (first, end) in spans.items()}
    return {place: (first, end) for place, (first, end) in found.items() if first < end}


async def apply_unread(database: asyncpg.Pool, service: Service, log: LogView, spans: dict[Place, Span]) -> int:
    """Project those inputs, ahead of the consumer, which takes them in later; returns how many there were.

    What the consumer has read meanwhile is left to it: an older input must not undo what a newer one did.
    """
    done = 0
    async for records in log.read(spans):
        async with database.acquire() as connection, connection.transaction():
            place = records[0].topic, records[0].partition
            await connection.execute(ADD_POSITION, *place)
            position = await connection.fetchval(LOCK_POSITION, *place)
            todo = [record for record in records if record.offset >= position]
            await _project(connection, service, todo)
        done += len(todo)
    return done


async def apply_all(database: asyncpg.Pool, service: Service, log: LogView) -> int:
    """Project the inputs of the service's ``reapplied`` topics again, whole; returns how many there were.

    Nothing may be consumed meanwhile: a stop is latched.
    """
    done = 0
    async for records in log.read(await _spans(service, log)):
        async with database.acquire() as connection, connection.transaction():
            await _project(connection, service, records)
        done += len(records)
    return done


async def _spans(service: Service, log: LogView) -> dict[Place, Span]:
    places = [place for topic in sorted(service.reapplied) for place in await log.partitions(topic)]
    extents = await log.extents(places) if places else {}
    return {place: (extent.earliest, extent.end) for place, extent in extents.items()}


async def _project(connection: Connection, service: Service, records: Sequence[Record]) -> None:
    rows: dict[Table, list[tuple[object, ...]]] = {}
    for record in records:
        for table, row in _rows(service, record):
            rows.setdefault(table, []).append(row)
    for table, found in rows.items():
        await write_rows(connection, table, found)


def _rows(service: Service, record: Record) -> list[Row]:
    try:
        item = decode(service, record)
    except UnknownVersion:
        return []  # the consumer stops at it and says so
    if not isinstance(item, Decoded) or item.cause is None:
        return []
    return list(service.project(Change(item.envelope.subject, item.cause, [], None)))
