"""Which inputs a restored service has answered, and where they stand, so that none is decided a second time.

The service's own events name the inputs that they answered, by id alone. What was handled without an event stands
between them in no log of ours; it must not be decided after what came behind it either. So the inputs' topics are read
from the restored positions on, and each answered input is found there by its id. Per key and topic the last one is
kept: whatever lies up to it was handled. An input that is found nowhere is kept by its id, should it ever come.
"""

from collections.abc import AsyncIterator, Collection

import asyncpg

from services.kernel.operations.audit import transaction
from services.kernel.runtime.log_view import LogView, Place
from services.kernel.runtime.records import Decoded, Record, UnknownVersion, decode
from services.kernel.runtime.tables import Connection, columns
from services.kernel.service import Service

REMEMBER = """
INSERT INTO restored_input (key, event_id) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING
RETURNING true
"""
PLACELESS = "SELECT EXISTS (SELECT FROM restored_input WHERE topic IS NULL)"
POSITIONS = "SELECT topic, partition, next_offset FROM stream_position"
PLACE_READ = """
UPDATE restored_input r SET topic = $1, sequence = n.sequence
FROM unnest($2::text[], $3::text[], $4::bigint[]) AS n(key, event_id, sequence)
WHERE r.key = n.key AND r.event_id = n.event_id AND r.topic IS NULL
RETURNING r.key
"""
PLACE_SET_ASIDE = """
UPDATE restored_input r SET topic = n.topic, sequence = n.sequence
FROM (SELECT topic, key, event_id, sequence FROM waiting_event
      UNION ALL
      SELECT topic, key, event_id, sequence FROM dead_letter WHERE kind = 'bug') AS n
WHERE r.key = n.key AND r.event_id = n.event_id AND r.topic IS NULL
RETURNING r.key
"""
KEEP_THE_LAST = """
DELETE FROM restored_input r USING restored_input later
WHERE r.key = ANY($1::text[]) AND later.key = r.key AND later.topic = r.topic AND later.sequence > r.sequence
"""

Span = tuple[int, int]
"""(first offset, end offset)"""


async def remember(connection: Connection, answered: Collection[tuple[str, str]]) -> int:
    """Remember (key, event id) of answered inputs; returns how many were not remembered yet."""
    if not answered:
        return 0
    return len(await connection.fetch(REMEMBER, *columns(sorted(answered))))


async def unread_inputs(pool: asyncpg.Pool, service: Service, log: LogView) -> dict[Place, Span]:
    """Return where answered inputs may stand in the log; nothing where each has its place already."""
    if not await pool.fetchval(PLACELESS):
        return {}
    positions = {(topic, partition): offset for topic, partition, offset in await pool.fetch(POSITIONS)}
    places = [place for topic in service.inputs for place in await log.partitions(topic)]
    extents = await log.extents(places)
    return {place: (max(positions.get(place, 0), e.earliest), e.end) for place, e in extents.items()}


async def place_inputs(
    pool: asyncpg.Pool, service: Service, log: LogView, spans: dict[Place, Span]
) -> AsyncIterator[int]:
    """Find answered inputs: among what waits or was set aside, then in the log. Yields how many records were read.

    Can be broken off and run again.
    """
    await _place(pool, PLACE_SET_ASIDE)
    async for records in log.read(spans):
        rows = [row for record in records if (row := _row(service, record)) is not None]
        if rows:
            await _place(pool, PLACE_READ, records[0].topic, *columns(rows))
        yield len(records)


async def _place(pool: asyncpg.Pool, statement: str, *arguments: object) -> None:
    async with transaction(pool, apply=True) as connection:
        placed = {row["key"] for row in await connection.fetch(statement, *arguments)}
        await connection.execute(KEEP_THE_LAST, sorted(placed))


def _row(service: Service, record: Record) -> tuple[str, str, int] | None:
    """Return (key, event id, sequence) of what a consumer would take for an event."""
    try:
        item = decode(service, record)
    except UnknownVersion:
        return None
    if not isinstance(item, Decoded):
        return None
    return item.envelope.subject, item.envelope.id, item.envelope.sequence
