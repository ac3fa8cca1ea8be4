"""Where a consumer stands, and taking back a latched stop."""

from typing import Any

import asyncpg

from services.kernel.operations.audit import OperationRefused, record_action, transaction
from services.kernel.runtime.log_view import LogView
from services.kernel.runtime.positions import lock_position
from services.kernel.runtime.tables import Connection

POSITIONS = "SELECT topic, partition, next_offset, updated_at FROM stream_position ORDER BY topic, partition"
STOP = "SELECT reason, detail, topic, partition, stopped_at FROM consumer_stop WHERE resumed_at IS NULL"
COUNTS = """
SELECT (SELECT count(*) FROM dead_letter WHERE resolution IS NULL) AS dead_letters,
       (SELECT count(*) FROM key_position WHERE waiting > 0 OR stopped) AS waiting_keys,
       (SELECT count(*) FROM key_position WHERE stopped) AS stopped_keys,
       (SELECT count(*) FROM waiting_event) AS waiting_events,
       (SELECT extract(epoch FROM clock_timestamp() - min(waiting_since))::float8 FROM waiting_event)
           AS oldest_wait_seconds
"""
RESUME = "UPDATE consumer_stop SET resumed_at = clock_timestamp() WHERE resumed_at IS NULL RETURNING reason, detail"
MOVE = """
UPDATE stream_position SET next_offset = $3, topic_id = NULL, last_sha256 = NULL, updated_at = clock_timestamp()
WHERE topic = $1 AND partition = $2
"""


async def status(pool: asyncpg.Pool, log: LogView | None = None) -> dict[str, Any]:
    """Return positions, the latched stop and what waits; with ``log`` also how far each partition lags."""
    positions = [dict(row) for row in await pool.fetch(POSITIONS)]
    if log is not None and positions:
        extents = await log.extents([(p["topic"], p["partition"]) for p in positions])
        for row in positions:
            extent = extents[row["topic"], row["partition"]]
            row["end"] = extent.end
            row["lag"] = extent.end - row["next_offset"]
    stop = await pool.fetchrow(STOP)
    counts = await pool.fetchrow(COUNTS)
    return {"stop": dict(stop) if stop else None, "positions": positions, **dict(counts or {})}


async def resume(
    pool: asyncpg.Pool, *, actor: str, reason: str, apply: bool, stand_at: tuple[str, int, int] | None = None
) -> dict[str, Any]:
    """Take back the latched stop. The consumer goes on by itself; if its cause is still there, it stops again.

    ``stand_at`` (topic, partition, offset) also accepts a log that is not the one we read: one that was
    made again or cut, and whose records are gone for certain. The topic's id is learnt anew. What lies
    between is not read; what lies before may be read again and is then skipped by its sequence.
    """
    if not reason.strip():
        raise OperationRefused("reason_required", "say why: --reason 'what was mended'")
    async with transaction(pool, apply=apply) as connection:
        row = await connection.fetchrow(RESUME)
        if row is None:
            raise OperationRefused("not_stopped", "no stop is latched: the consumer is free to read")
        moved = {} if stand_at is None else await _stand_at(connection, *stand_at)
        await record_action(connection, actor, "resume", row["reason"], reason, {"detail": row["detail"], **moved})
        return {**dict(row), **moved}


async def _stand_at(connection: Connection, topic: str, partition: int, offset: int) -> dict[str, Any]:
    before, _, _ = await lock_position(connection, topic, partition)
    await connection.execute(MOVE, topic, partition, offset)
    return {"topic": topic, "partition": partition, "before": before, "after": offset}
