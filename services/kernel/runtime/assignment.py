"""Where to begin reading: the database's position, after the log has been held against it."""

from collections.abc import Collection

import asyncpg

from services.kernel.runtime.failures import Stop
from services.kernel.runtime.log_view import Extent, LogView, Place
from services.kernel.runtime.positions import ADD_POSITION, fingerprint
from services.kernel.runtime.records import Record

READ = """
SELECT topic, partition, next_offset, topic_id, last_sha256 FROM stream_position
WHERE (topic, partition) IN (SELECT * FROM unnest($1::text[], $2::int[]))
"""
NAME_TOPIC = """
UPDATE stream_position SET topic_id = $3 WHERE topic = $1 AND partition = $2 AND topic_id IS NULL
"""


async def starting_offsets(pool: asyncpg.Pool, log: LogView, places: Collection[Place]) -> dict[Place, int]:
    """Return the offset to read next for each partition. Raises :class:`Stop` when the log is not ours.

    A log that was cut, made again or restored to an earlier state would otherwise be read from another
    place than where we stand, and its events skipped in silence. A partition that was never read
    begins at offset 0, which must still be there.
    """
    if not places:
        return {}
    await pool.executemany(ADD_POSITION, [list(place) for place in sorted(places)])
    rows = await pool.fetch(READ, [p[0] for p in places], [p[1] for p in places])
    # in this order: whoever had a partition before may still commit, but never beyond an end seen later
    extents = await log.extents(places)
    last = await _last_records(log, {(r[0], r[1]): r[2] for r in rows}, extents)
    for topic, partition, position, topic_id, digest in rows:
        extent = extents[topic, partition]
        if topic_id is not None and extent.topic_id is not None and topic_id != extent.topic_id:
            raise Stop("topic_replaced", "the topic was deleted and made again", topic, partition)
        _check_extent(topic, partition, position, extent)
        if (topic, partition) in last and digest is not None:
            record = last[topic, partition]
            if fingerprint(record.key, record.value) != digest:
                raise Stop("log_differs", f"the record at {position - 1} is not the one we read", topic, partition)
        if topic_id is None and extent.topic_id is not None:
            await pool.execute(NAME_TOPIC, topic, partition, extent.topic_id)
    return {(row[0], row[1]): row[2] for row in rows}


def _check_extent(topic: str, partition: int, position: int, extent: Extent) -> None:
    if position < extent.earliest:
        detail = f"the log begins at {extent.earliest}, we stand at {position}: records are gone"
        raise Stop("log_truncated", detail, topic, partition)
    if position > extent.end:
        detail = f"the log ends at {extent.end}, we stand at {position}: the log was cut or replaced"
        raise Stop("log_shorter", detail, topic, partition)


async def _last_records(log: LogView, positions: dict[Place, int], extents: dict[Place, Extent]) -> dict[Place, Record]:
    """Read the record just before each position, where the log still holds it."""
    spans = {
        place: (position - 1, position)
        for place, position in positions.items()
        if extents[place].earliest < position <= extents[place].end
    }
    found: dict[Place, Record] = {}
    if spans:
        async for records in log.read(spans):
            found.update({(r.topic, r.partition): r for r in records})
    return found
