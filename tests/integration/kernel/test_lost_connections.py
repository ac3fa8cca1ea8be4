"""Which of asyncpg's errors are a lost connection and pass, and which are a mistake of ours and do not.

asyncpg has one class for both, so they are told apart by its words: each is provoked here.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import asyncpg
import pytest

from services.kernel.runtime.database import open_pool
from services.kernel.runtime.failures import is_transient
from services.kernel.runtime.inbox import Inbox
from services.kernel.service import Change, Row, Table
from tests.parts.databases import Databases
from tests.tally.domain import tally_service
from tests.tally.records import record

Provoke = Callable[[asyncpg.Pool], Awaitable[object]]
END_ME = "SELECT pg_terminate_backend(pg_backend_pid())"
UNLUCKY = 42


@pytest.fixture
async def pool(database: Databases) -> AsyncIterator[asyncpg.Pool]:
    pool = await open_pool(database("tally").dsn)
    yield pool
    pool.terminate()


async def the_server_ends_it_in_a_transaction(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await connection.fetchval(END_ME)


async def it_is_used_after_the_server_ended_it(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        with pytest.raises(asyncpg.PostgresConnectionError):
            await connection.fetchval(END_ME)
        await connection.fetchval("SELECT 1")


async def a_transaction_begins_on_one_that_has_ended(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        with pytest.raises(asyncpg.PostgresConnectionError):
            await connection.fetchval(END_ME)
        await transaction.start()


async def one_that_is_closed_is_used(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        await connection.close()
        await connection.fetchval("SELECT 1")


async def the_pool_has_closed(pool: asyncpg.Pool) -> None:
    pool.terminate()
    await pool.fetchval("SELECT 1")


async def the_pool_is_closing(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        closing = asyncio.ensure_future(pool.close())
        await connection.fetchval("SELECT 1")
        try:
            await pool.acquire()
        finally:
            closing.cancel()


async def too_few_arguments(pool: asyncpg.Pool) -> None:
    await pool.fetchval("SELECT $1::int + $2::int", 1)


async def two_statements_at_a_time(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        await asyncio.gather(*[connection.fetchval("SELECT 1") for _ in range(2)])


async def a_transaction_that_is_committed_twice(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await transaction.commit()
        await transaction.commit()


async def a_value_that_says_it_is_a_lost_connection(pool: asyncpg.Pool) -> None:
    await pool.fetchval("SELECT $1::int", "connection is closed")


async def raised(pool: asyncpg.Pool, provoke: Provoke) -> Exception:
    try:
        await provoke(pool)
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize(
    "provoke",
    [
        the_server_ends_it_in_a_transaction,
        it_is_used_after_the_server_ended_it,
        a_transaction_begins_on_one_that_has_ended,
        one_that_is_closed_is_used,
        the_pool_has_closed,
        the_pool_is_closing,
    ],
)
async def test_a_connection_that_is_lost_may_come_back(pool: asyncpg.Pool, provoke: Provoke) -> None:
    assert is_transient(error := await raised(pool, provoke)), repr(error)


async def test_a_database_that_is_just_put_back_accepts_connections_again(database: Databases) -> None:
    shut = database("tally")
    shut.postgres.execute(f'ALTER DATABASE "{shut.name}" ALLOW_CONNECTIONS false')
    with pytest.raises(asyncpg.PostgresError) as refused:
        await asyncpg.connect(shut.dsn)
    assert is_transient(refused.value), repr(refused.value)


@pytest.mark.parametrize(
    "provoke",
    [
        too_few_arguments,
        two_statements_at_a_time,
        a_transaction_that_is_committed_twice,
        a_value_that_says_it_is_a_lost_connection,
    ],
)
async def test_what_is_asked_wrongly_will_be_wrong_again(pool: asyncpg.Pool, provoke: Provoke) -> None:
    assert not is_transient(error := await raised(pool, provoke)), repr(error)


async def test_a_row_with_a_column_too_few_sets_its_event_aside(pool: asyncpg.Pool, database: Databases) -> None:
    admin = await asyncpg.connect(database("tally").admin_dsn)
    await admin.execute("CREATE TABLE pairs (key text PRIMARY KEY, value int); GRANT ALL ON pairs TO tally_run")
    await admin.close()
    pairs = Table("pairs", (("key", "text"), ("value", "int")), key=1, on_conflict="ON CONFLICT DO NOTHING")

    def project(change: Change) -> list[Row]:
        number = change.cause.data.number if change.cause else 0
        return [(pairs, (change.key, number)[: 1 if number == UNLUCKY else 2])]

    service = replace(tally_service(), project=project, tables=(pairs,))
    await Inbox(service, None, pool).process([record(0, "a", 1, UNLUCKY), record(1, "b", 1, 2), record(2, "c", 1, 3)])
    assert [tuple(row) for row in await pool.fetch("SELECT key, kind, code FROM dead_letter")] == [
        ("a", "bug", "InterfaceError")
    ]
    assert [tuple(row) for row in await pool.fetch("SELECT * FROM pairs ORDER BY key")] == [("b", 2), ("c", 3)]
