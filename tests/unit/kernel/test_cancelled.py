"""A cancelled task ends, though a lost connection answers its rollback with another error."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from services.kernel.runtime.consumption import Consumption
from services.kernel.runtime.inbox import Inbox
from services.kernel.settings import Environment, Settings
from tests.tally.domain import tally_service
from tests.tally.records import record


class Lost:
    """A pool whose connections wait, and are gone when somebody looks again."""

    def __init__(self) -> None:
        self.waits = asyncio.Event()

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[None]:
        await self.fetchval()
        yield

    async def fetchval(self, *_: Any) -> None:
        self.waits.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError as cancelled:
            raise asyncpg.InterfaceError("connection is closed") from cancelled


async def cancelled(task: "asyncio.Task[Any]", lost: Lost) -> None:
    await lost.waits.wait()
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=5)
    assert done
    assert task.cancelled()


@pytest.fixture
def inbox() -> Inbox:
    lost: Any = Lost()
    return Inbox(tally_service(), None, lost)


async def test_a_batch(inbox: Inbox) -> None:
    lost: Any = inbox.pool
    await cancelled(asyncio.create_task(inbox.process([record(0, "a", 1)])), lost)


async def test_waiting_for_a_stop_to_be_resumed(inbox: Inbox) -> None:
    consumption = Consumption(tally_service(), Settings(environment=Environment.DEVELOPMENT))
    consumption._inbox = inbox
    lost: Any = inbox.pool
    await cancelled(asyncio.create_task(consumption.until_resumed()), lost)
