"""What goes by age from the kernel's own tables, a batch a transaction: it can be broken off and begun again.

A dead letter is emptied, not deleted: a replay and the counts need to know that its place was set aside, and nothing
else of it.
"""

from collections.abc import Collection
from datetime import datetime

from services.kernel.operations.audit import Pool, record_action, transaction

BATCH = 1000
OLD_ANSWERS = "SELECT count(*) FROM idempotency WHERE created_at < $1"
DELETE_ANSWERS = """
DELETE FROM idempotency WHERE ctid = ANY(ARRAY(SELECT ctid FROM idempotency WHERE created_at < $1 LIMIT $2))
"""
# Whose a letter is may be unreadable; then it stays while anything is kept for anybody.
_LETTER = """
FROM dead_letter d WHERE d.resolved_at < $1 AND d.record_key IS DISTINCT FROM convert_to('emptied:' || d.id, 'UTF8')
"""
_KEPT = """
(coalesce(d.key = ANY($2::text[]), false) OR d.key IS NULL AND cardinality($2::text[]) > 0
 OR EXISTS (SELECT FROM unnest($2::text[]) AS n WHERE position(convert_to(n, 'UTF8') IN coalesce(d.value, '')) > 0))
"""
OLD_LETTERS = f"SELECT count(*) FILTER (WHERE NOT {_KEPT}) AS due, count(*) FILTER (WHERE {_KEPT}) AS kept {_LETTER}"
EMPTY_LETTERS = f"""
UPDATE dead_letter SET record_key = convert_to('emptied:' || id, 'UTF8'), value = NULL, headers = NULL,
    detail = 'emptied', key = CASE WHEN EXISTS (SELECT FROM key_position p WHERE p.key = dead_letter.key) THEN key END
WHERE id = ANY(ARRAY(SELECT d.id {_LETTER} AND NOT {_KEPT} ORDER BY d.id LIMIT $3))
"""  # noqa: S608  our own words


async def count_answers(pool: Pool, before: datetime) -> int:
    """Return how many stored answers are older."""
    found: int = await pool.fetchval(OLD_ANSWERS, before)
    return found


async def delete_answers(pool: Pool, before: datetime, *, actor: str, reason: str) -> int:
    """Delete a batch of stored answers that are older; returns how many went."""
    async with transaction(pool, apply=True) as connection:
        count = _affected(await connection.execute(DELETE_ANSWERS, before, BATCH))
        if count:
            await record_action(connection, actor, "retention.delete", "idempotency", reason, {"rows": count})
    return count


async def count_letters(pool: Pool, before: datetime, kept: Collection[str]) -> tuple[int, int]:
    """Return how many dead letters that were dealt with before then are due, and how many stay for ``kept`` ids."""
    row = await pool.fetchrow(OLD_LETTERS, before, sorted(kept))
    return (0, 0) if row is None else (row["due"], row["kept"])


async def empty_letters(pool: Pool, before: datetime, kept: Collection[str], *, actor: str, reason: str) -> int:
    """Empty a batch of dead letters that were dealt with before then; returns how many."""
    async with transaction(pool, apply=True) as connection:
        count = _affected(await connection.execute(EMPTY_LETTERS, before, sorted(kept), BATCH))
        if count:
            await record_action(connection, actor, "retention.empty", "dead_letter", reason, {"rows": count})
    return count


def _affected(status: str) -> int:
    """Return the number of rows from what the server says, such as ``DELETE 3``."""
    return int(status.rpartition(" ")[2])
