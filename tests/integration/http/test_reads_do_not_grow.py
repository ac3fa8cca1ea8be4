"""A referral costs no more because many came before it: every statement finds its rows by key.

A plan stays as a table grows, whether it was made before the table was ever analysed or after. What is counted is
what was read, so no time decides; nor does autovacuum, which wakes once a minute: a table that it meets while the very
first rows are uncommitted may be read whole until it is analysed again.
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import date, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from services.kernel.http.parts import POOL_SIZE
from tests.integration.http.conftest import Ask
from tests.integration.http.test_batch import ask, gp, intake, keys, lines, person, send, settings, stored

__all__ = ["ask", "gp", "intake", "keys", "settings", "stored"]

READ = """
SELECT relname || '.' || indexrelname AS place, idx_tup_read AS read FROM pg_stat_user_indexes WHERE idx_tup_read > 0
UNION ALL SELECT relname, seq_tup_read FROM pg_stat_user_tables WHERE seq_tup_read > 0
"""
NO_AUTOVACUUM = """
DO $$ BEGIN EXECUTE (
    SELECT string_agg(format('ALTER TABLE %I SET (autovacuum_enabled = off)', relname), ';') FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
); END $$
"""
BORN = date(1950, 1, 1)
LINES = 50
SINGLE = 5


def stranger(number: int) -> dict[str, Any]:
    """Somebody who has no birthday in common with the others, so that none of them is compared."""
    return person(number, birth_date=(BORN + timedelta(days=number)).isoformat())


async def _everywhere(pool: asyncpg.Pool, query: str) -> list[Any]:
    """Run a query on each of the pool's connections; return the last one's rows."""
    taken = [await pool.acquire() for _ in range(POOL_SIZE)]
    try:
        return [await one.fetch(query) for one in taken][-1]
    finally:
        await asyncio.gather(*(pool.release(one) for one in taken))


async def read_by(pool: asyncpg.Pool, act: Callable[[], Coroutine[Any, Any, None]]) -> dict[str, int]:
    """Return how many entries of each index and rows of each table were read while ``act`` ran."""

    async def looked() -> dict[str, int]:
        await _everywhere(pool, "SELECT pg_stat_force_next_flush()")
        return {row["place"]: row["read"] for row in await _everywhere(pool, READ)}

    before = await looked()
    await act()
    return {place: read - before.get(place, 0) for place, read in (await looked()).items()}


@pytest.mark.parametrize("analysed", [False, True])
async def test_what_came_before_is_not_read_again(
    gp: httpx.AsyncClient, intake: FastAPI, ask: Ask, analysed: bool
) -> None:
    ask(NO_AUTOVACUUM)
    pool = intake.state.parts.pool
    sent = 0

    async def batch() -> None:
        nonlocal sent
        told = await send(gp, lines(*(stranger(sent + n) for n in range(LINES))), key=f"batch-{sent}")
        assert {one["status"] for one in told} == {201}
        sent += LINES

    async def one_by_one() -> None:
        nonlocal sent
        for _ in range(SINGLE):
            key = {"Idempotency-Key": f"single-{sent}"}
            assert (await gp.post("/referrals", json=stranger(sent), headers=key)).status_code == 201
            sent += 1

    for act, size in ((batch, LINES), (one_by_one, SINGLE)):
        await act()
        if analysed:
            ask("ANALYZE")
        await read_by(pool, act)
        for _ in range(5):
            await batch()
        grown = await read_by(pool, act)
        assert {place: read for place, read in grown.items() if read > 4 * size} == {}
