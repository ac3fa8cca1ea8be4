"""What intake knows of whether somebody must be looked at: its own safety tasks, and how much it has said of whom."""

from collections.abc import Sequence
from typing import Any, Final

from services.kernel.operations.audit import Pool
from services.kernel.runtime.tables import Connection

_WAITING: Final = """
SELECT task_id, referral_id, person_id, response, role, raised_at FROM safety_task
WHERE done_at IS NULL AND person_id = ANY($1::text[]) ORDER BY raised_at, task_id
"""
_SAID: Final = """
SELECT r.person_id, r.referral_id, a.sequence FROM referral r JOIN aggregate a ON a.key = r.referral_id
WHERE r.person_id = ANY($1::text[]) ORDER BY a.key COLLATE "C"
"""
_HELD: Final = f"{_SAID} FOR UPDATE OF a"


async def waiting_of(connection: Connection | Pool, person_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return the tasks of these people that wait, the longest waiting first."""
    return [dict(row) for row in await connection.fetch(_WAITING, list(person_ids))]


async def said_of(
    connection: Connection | Pool, person_ids: Sequence[str], *, hold: bool = False
) -> list[tuple[str, str, int]]:
    """Return the referrals of these people: whose, which, and the sequence of the last event about it.

    With ``hold`` nothing more is said of them, and no task is made about them, until the transaction ends.
    """
    rows = await connection.fetch(_HELD if hold else _SAID, list(person_ids))
    return [(row["person_id"], row["referral_id"], row["sequence"]) for row in rows]
