"""An outcomes database, and what the kernel writes into it when plan changes arrive."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import asyncpg
import pytest

from services.kernel.clock import rfc3339
from services.kernel.decision import Received
from services.kernel.envelope import to_headers
from services.kernel.runtime.database import open_pool
from services.kernel.runtime.inbox import Inbox
from services.kernel.runtime.records import Record
from services.outcomes.service import build
from tests.parts.databases import Database, Databases
from tests.unit.outcomes.histories import MANCHESTER

Feed = Callable[[Sequence[Received]], Awaitable[None]]


def record_of(cause: Received, offset: int) -> Record:
    """Return a plan change as coaching's relay would have published it."""
    headers = to_headers(
        {
            "id": cause.id,
            "source": "/pathway/coaching",
            "type": cause.type,
            "subject": cause.key,
            "time": rfc3339(cause.occurred_at),
            "recordedtime": rfc3339(cause.occurred_at),
            "sequence": str(cause.sequence),
            "correlationid": cause.key,
            "causationid": cause.id,
        }
    )
    return Record("plan.updated", 0, offset, cause.key.encode(), cause.data.model_dump_json().encode(), headers)


@pytest.fixture
def outcomes(database: Databases) -> Database:
    return database("outcomes")


@pytest.fixture
async def pool(outcomes: Database) -> AsyncIterator[asyncpg.Pool]:
    made = await open_pool(outcomes.dsn, size=4)
    yield made
    made.terminate()


@pytest.fixture
def fed() -> list[Record]:
    """The input's log: all that was fed."""
    return []


@pytest.fixture
def feed(pool: asyncpg.Pool, fed: list[Record]) -> Feed:
    inbox = Inbox(build(), MANCHESTER, pool)

    async def run(causes: Sequence[Received]) -> None:
        records = [record_of(cause, len(fed) + number) for number, cause in enumerate(causes)]
        fed.extend(records)
        await inbox.process(records)

    return run
