"""What triage knows of whether a safety task of referrals waits: its tasks, and how far it has read of them."""

from collections.abc import Sequence
from typing import Any, Final

from services.contracts import types
from services.kernel.operations.audit import Pool
from services.kernel.runtime.tables import Connection

_WAITING: Final = """
SELECT task_id, referral_id, response, role, raised_at FROM safety_task
WHERE done_at IS NULL AND referral_id = ANY($1::text[]) ORDER BY raised_at, task_id
"""
_READ: Final = "SELECT key, sequence FROM key_position WHERE topic = $1 AND key = ANY($2::text[])"
_HOLD: Final = 'SELECT FROM aggregate WHERE key = ANY($1::text[]) ORDER BY key COLLATE "C" FOR UPDATE'


async def waiting_of(connection: Connection | Pool, referral_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return the tasks of these referrals that wait, the longest waiting first."""
    return [dict(row) for row in await connection.fetch(_WAITING, list(referral_ids))]


async def read_of(connection: Connection | Pool, referral_ids: Sequence[str]) -> dict[str, int]:
    """Return the sequence of the last event of intake's that was read, for each of these referrals that has one."""
    rows = await connection.fetch(_READ, types.TOPIC_REFERRAL, list(referral_ids))
    return {row["key"]: row["sequence"] for row in rows}


async def hold(connection: Connection, referral_ids: Sequence[str]) -> None:
    """Have nothing decided of these referrals until the transaction ends; whoever decides already comes first."""
    await connection.execute(_HOLD, list(referral_ids))
