"""An operator redrives a letter while the consumer runs: the position's row keeps the two apart."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.kernel.operations.dead_letters import DeadLetters
from services.kernel.runtime.database import open_pool
from tests.faults.stage import Stage
from tests.tally import domain
from tests.tally.domain import BUG, tally_service

DEAD = [("bug", "ZeroDivisionError")]


@pytest.fixture
async def letters(stage: Stage) -> AsyncIterator[DeadLetters]:
    """The operator's hand, on a connection of its own."""
    pool: asyncpg.Pool = await open_pool(stage.databases("tally").dsn)
    yield DeadLetters(tally_service(), None, pool, "ann")
    pool.terminate()


@pytest.mark.parametrize("first", ["the worker", "the operator"])
async def test_a_redrive_and_a_running_worker(
    stage: Stage, letters: DeadLetters, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    """Whoever is second waits until the first has committed, and sees what it did."""
    async with stage.relaying(), stage.consuming():
        await stage.put([stage.raw("a", 1, BUG), stage.raw("a", 2, 20)])
        await stage.prove(dead=DEAD, waiting=[("a", 2)])
        monkeypatch.setattr(domain, "BUG", -1)  # the release that has it mended
        for number in (BUG, 20, 300):
            stage.expect("a", number)
        if first == "the worker":
            async with stage.holding("LOCK TABLE waiting_event IN SHARE MODE"):
                await stage.put([stage.raw("a", 3, 300)])
                await stage.until_blocked("INSERT INTO waiting_event")
                redriven = asyncio.ensure_future(letters.redrive(1, apply=True))
                await stage.until_blocked("stream_position")
            assert (await redriven).applied == 3
        else:
            async with stage.holding("LOCK TABLE outbox IN SHARE MODE"):
                redriven = asyncio.ensure_future(letters.redrive(1, apply=True))
                await stage.until_blocked("outbox")
                await stage.put([stage.raw("a", 3, 300)])
                await stage.until_blocked("stream_position")
            assert (await redriven).applied == 2
        await stage.prove(dead=DEAD)
