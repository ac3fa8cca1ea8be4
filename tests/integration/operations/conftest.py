"""A tally database with an inbox on it."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.kernel.operations.dead_letters import DeadLetters
from services.kernel.runtime.database import open_pool
from services.kernel.runtime.inbox import Inbox
from tests.parts.databases import Databases
from tests.tally.domain import tally_service


@pytest.fixture
async def pool(database: Databases) -> AsyncIterator[asyncpg.Pool]:
    """Connect as the run role."""
    pool = await open_pool(database("tally").dsn, size=4)
    yield pool
    pool.terminate()


@pytest.fixture
def inbox(pool: asyncpg.Pool) -> Inbox:
    """An inbox of the tally service."""
    return Inbox(tally_service(), None, pool)


@pytest.fixture
def letters(pool: asyncpg.Pool) -> DeadLetters:
    """The operator's hand on the tally's dead letters."""
    return DeadLetters(tally_service(), None, pool, "ann")
