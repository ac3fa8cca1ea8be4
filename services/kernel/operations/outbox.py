"""What a service has decided and not yet sent, and having it sent again."""

from typing import Any

import asyncpg

from services.kernel.operations.audit import OperationRefused, record_action, transaction
from services.kernel.runtime.outbox import runs

STATUS = """
SELECT count(*) AS unsent, min(id) AS oldest_id, min(created_at) AS oldest_at,
       extract(epoch FROM clock_timestamp() - min(created_at))::float8 AS oldest_seconds,
       coalesce(sum(octet_length(value)), 0) AS bytes
FROM outbox_unsent
"""
SENT = """
SELECT o.id, o.day, o.sequence FROM outbox o, outbox_progress p
WHERE o.key = $1 AND o.sequence BETWEEN $2 AND $3 AND p.sent @> o.id ORDER BY o.id
"""
TAKE_BACK = """
UPDATE outbox_progress SET floor_day = least(floor_day, $3), sent = sent - (
    SELECT range_agg(int8range(first, last, '[]')) FROM unnest($1::bigint[], $2::bigint[]) AS run(first, last))
"""
LAST = 2**62


async def status(pool: asyncpg.Pool) -> dict[str, Any]:
    """Return how much is unsent and how old the oldest is (seconds)."""
    row = await pool.fetchrow(STATUS)
    return dict(row or {})


async def resend(
    pool: asyncpg.Pool, key: str, first: int, last: int | None, *, actor: str, reason: str, apply: bool
) -> list[int]:
    """Have a key's events sent again. Readers skip those that they have, and fill a gap with the rest."""
    async with transaction(pool, apply=apply) as connection:
        rows = await connection.fetch(SENT, key, first, LAST if last is None else last)
        if not rows:
            raise OperationRefused("nothing_sent", f"no sent event of {key} in that range; see: pathway outbox status")
        sequences = sorted(row["sequence"] for row in rows)
        await record_action(connection, actor, "resend", key, reason, {"sequences": sequences})
        await connection.execute(TAKE_BACK, *runs([row["id"] for row in rows]), min(row["day"] for row in rows))
        await connection.execute("SELECT pg_notify('outbox', '')")
        return sequences
