"""Where a consumer stands, and taking back latched stops."""

from collections.abc import Collection, Sequence
from typing import Any

import asyncpg

from services.kernel.operations.audit import OperationRefused, record_action, transaction
from services.kernel.runtime.log_view import LogView
from services.kernel.runtime.positions import lock_position
from services.kernel.runtime.stops import ONLY_BY_RESTORE
from services.kernel.runtime.tables import Connection

POSITIONS = "SELECT topic, partition, next_offset, updated_at FROM stream_position ORDER BY topic, partition"
STOPS = """
SELECT reason, detail, topic, partition, stopped_at FROM consumer_stop WHERE resumed_at IS NULL ORDER BY id
"""
COUNTS = """
SELECT (SELECT count(*) FROM dead_letter WHERE resolution IS NULL) AS dead_letters,
       (SELECT count(*) FROM key_position WHERE waiting > 0) AS waiting_keys,
       (SELECT count(*) FROM key_position WHERE stopped) AS stopped_keys,
       (SELECT count(*) FROM waiting_event) AS waiting_events,
       (SELECT extract(epoch FROM clock_timestamp() - min(waiting_since))::float8 FROM waiting_event)
           AS oldest_wait_seconds
"""
STOPPED_KEYS = """
SELECT p.topic, p.key, p.sequence, p.waiting, array_agg(l.id ORDER BY l.id) FILTER (WHERE l.id IS NOT NULL) AS letters,
       min(l.created_at) AS since
FROM key_position p
LEFT JOIN dead_letter l ON l.topic = p.topic AND l.key = p.key AND l.kind = 'conflict' AND l.resolution IS NULL
WHERE p.stopped GROUP BY p.topic, p.key, p.sequence, p.waiting ORDER BY since, p.topic, p.key LIMIT $1
"""
MOST_KEYS = 50
"""How many stopped keys are named; all are counted."""
RESUME = """
UPDATE consumer_stop SET resumed_at = clock_timestamp() WHERE resumed_at IS NULL AND reason = ANY($1::text[])
"""
MOVE = """
UPDATE stream_position SET next_offset = $3, topic_id = NULL, last_sha256 = NULL, updated_at = clock_timestamp()
WHERE topic = $1 AND partition = $2
"""


async def status(pool: asyncpg.Pool, log: LogView | None = None) -> dict[str, Any]:
    """Return positions, latched stops, stopped keys and what waits; with ``log`` also how far each partition lags."""
    positions = [dict(row) for row in await pool.fetch(POSITIONS)]
    if log is not None and positions:
        extents = await log.extents([(p["topic"], p["partition"]) for p in positions])
        for row in positions:
            extent = extents[row["topic"], row["partition"]]
            row["end"] = extent.end
            row["lag"] = extent.end - row["next_offset"]
    found = {
        "stops": [dict(row) for row in await pool.fetch(STOPS)],
        "stopped": [dict(row) for row in await pool.fetch(STOPPED_KEYS, MOST_KEYS)],
        "positions": positions,
    }
    return {**found, **dict(await pool.fetchrow(COUNTS) or {})}


async def resume(
    pool: asyncpg.Pool,
    *,
    actor: str,
    reason: str,
    apply: bool,
    only: Collection[str] = (),
    stand_at: tuple[str, int, int] | None = None,
) -> dict[str, Any]:
    """Take back latched stops: those with a reason in ``only``, or all that an operator may take back.

    The consumer goes on by itself once none is left; if a cause is still there, it stops again. What says that the
    database is behind its log ends by a restore alone. ``stand_at`` (topic, partition, offset) also accepts a log that
    is not the one we read: one that was made again or cut, and whose records are gone for certain. The topic's id is
    learnt anew. What lies between is not read; what lies before may be read again and is then skipped by its sequence.
    """
    if not reason.strip():
        raise OperationRefused("reason_required", "say why: --reason 'what was mended'")
    async with transaction(pool, apply=apply) as connection:
        latched = [dict(row) for row in await connection.fetch(STOPS + "FOR UPDATE")]
        ending = _that_may_end(latched, only)
        await connection.execute(RESUME, [stop["reason"] for stop in ending])
        moved = {} if stand_at is None else await _stand_at(connection, *stand_at)
        for stop in ending:
            await record_action(
                connection, actor, "resume", stop["reason"], reason, {"detail": stop["detail"], **moved}
            )
        left = [stop["reason"] for stop in latched if stop not in ending]
        return {"resumed": [stop["reason"] for stop in ending], "left": left, **moved}


def _that_may_end(latched: Sequence[dict[str, Any]], only: Collection[str]) -> list[dict[str, Any]]:
    """Return the stops that are asked for and may be resumed. Raises :class:`OperationRefused` when there is none."""
    if not latched:
        raise OperationRefused("not_stopped", "no stop is latched: the consumer is free to read")
    unknown = sorted(set(only) - {stop["reason"] for stop in latched})
    if unknown:
        raise OperationRefused("not_stopped", f"no stop is latched for {', '.join(unknown)}")
    asked = [stop for stop in latched if not only or stop["reason"] in only]
    ending = [stop for stop in asked if stop["reason"] not in ONLY_BY_RESTORE]
    if not ending or (only and len(ending) < len(asked)):
        reasons = ", ".join(stop["reason"] for stop in asked if stop not in ending)
        raise OperationRefused("restore_needed", f"only a restore ends {reasons}: run pathway restore")
    return ending


async def _stand_at(connection: Connection, topic: str, partition: int, offset: int) -> dict[str, Any]:
    before, _, _ = await lock_position(connection, topic, partition)
    await connection.execute(MOVE, topic, partition, offset)
    return {"topic": topic, "partition": partition, "before": before, "after": offset}
