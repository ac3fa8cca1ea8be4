"""A closing that is killed at any call leaves nothing or everything; two at once leave one; nobody rewrites it."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from services.kernel.runtime.commands import Commands
from services.outcomes.settlement.closing import close
from services.outcomes.settlement.proving import prove
from services.programmes.book import ProgrammeBook
from tests.faults.closing_victim import COUNTS
from tests.integration.outcomes.conftest import Feed
from tests.parts.databases import Database
from tests.unit.outcomes.histories import PROGRAMME, Plan

ROOT = Path(__file__).resolve().parents[4]
LEAST_KILLS = 20


async def victims(outcomes: Database, month: str) -> list[tuple[int, ...]]:
    command = [sys.executable, "-m", "tests.faults.closing_victim", outcomes.dsn, PROGRAMME, month]
    done = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [tuple(int(word) for word in line.split()) for line in done.stdout.splitlines()]


@pytest.mark.slow
async def test_killed_at_every_call_and_closed_once(
    outcomes: Database, commands: Commands, book: ProgrammeBook, feed: Feed, pool: asyncpg.Pool
) -> None:
    await close(commands, book, PROGRAMME, "2024-10", by="ann", confirm=True)
    plans = [Plan(f"p{number}") for number in range(30)]
    await feed([plan.session("2024-11-20") for plan in plans])
    dry = await close(commands, book, PROGRAMME, "2024-11", by="ann", confirm=False)
    before = tuple(await pool.fetchrow(COUNTS) or ())
    *killed, last = await victims(outcomes, "2024-11")
    assert len(killed) >= LEAST_KILLS
    assert set(killed) == {(-signal.SIGKILL, *before)}
    assert last[0] == -signal.SIGKILL
    done = await close(commands, book, PROGRAMME, "2024-11", by="ann", confirm=True)
    assert done.again
    assert [one.totals for one in done.statements] == [one.totals for one in dry.statements]
    assert [one.root for one in done.statements] == [one.root for one in dry.statements]
    assert await pool.fetchval("SELECT count(*) FROM statement WHERE month = '2024-11'") == len(done.statements)
    async with pool.acquire() as connection:
        assert (await prove(connection)).differences == []


async def test_two_closes_at_once_are_one(
    commands: Commands, book: ProgrammeBook, feed: Feed, pool: asyncpg.Pool
) -> None:
    await close(commands, book, PROGRAMME, "2024-10", by="ann", confirm=True)
    await feed([Plan().session("2024-11-20")])
    both = await asyncio.gather(
        *(close(commands, book, PROGRAMME, "2024-11", by=who, confirm=True) for who in ("ann", "bea"))
    )
    assert sorted(one.again for one in both) == [False, True]
    assert [one.root for one in both[0].statements] == [one.root for one in both[1].statements]


TABLES = ["settlement_line", "statement", "statement_act", "payment_line", "audit_finding", "reconciliation"]


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("change", ["UPDATE {} SET month = '2000-01'", "DELETE FROM {}", "TRUNCATE {}"])
async def test_nobody_rewrites_settlement(outcomes: Database, pool: asyncpg.Pool, table: str, change: str) -> None:
    column = {"audit_finding": "reason", "reconciliation": "made_by"}.get(table, "month")
    sql = change.format(table).replace("month = '2000-01'", f"{column} = ''")
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
        await pool.execute(sql)
    owner = await asyncpg.connect(outcomes.owner_dsn)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="only grows"):
            await owner.execute(sql)
    finally:
        await owner.close()
