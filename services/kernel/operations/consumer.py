"""Where a consumer stands, and taking back a latched stop."""

from typing import Any

import asyncpg

from services.kernel.operations.audit import OperationRefused, record_action, transaction
from services.kernel.runtime.log_view import LogView

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
WHERE topic = $1 AND partition = $2 RETURNING next_offset
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


async def resume(pool: asyncpg.Pool, *, actor: str, reason: str, apply: bool) -> dict[str, Any]:
    """Take back the latched stop. The consumer goes on by itself; if its cause is still there, it stops again."""
    if not reason.strip():
        raise OperationRefused("reason_required", "say why: --reason 'what was mended'")
    async with transaction(pool, apply=apply) as connection:
        row = await connection.fetchrow(RESUME)
        if row is None:
            raise OperationRefused("not_stopped", "no stop is latched: the consumer is free to read")
        await record_action(connection, actor, "resume", row["reason"], reason, {"detail": row["detail"]})
        return dict(row)


async def move_position(
    pool: asyncpg.Pool, topic: str, partition: int, offset: int, *, actor: str, reason: str, apply: bool
) -> dict[str, Any]:
    """Accept a log that is not the one we read: stand at ``offset``, and learn its id anew.

    For a topic that was made again or cut and whose records are gone for certain. What lies between is
    not read; what lies before may be read again and is then skipped by its sequence.
    """
    if not reason.strip():
        raise OperationRefused("reason_required", "say why: --reason 'what happened to the log'")
    async with transaction(pool, apply=apply) as connection:
        before = await connection.fetchval(
            "SELECT next_offset FROM stream_position WHERE topic = $1 AND partition = $2 FOR UPDATE", topic, partition
        )
        if before is None:
            raise OperationRefused("partition_unknown", f"this consumer never read {topic} partition {partition}")
        await connection.execute(MOVE, topic, partition, offset)
        target = f"{topic}/{partition}"
        await record_action(connection, actor, "move_position", target, reason, {"before": before, "after": offset})
        return {"topic": topic, "partition": partition, "before": before, "after": offset}
