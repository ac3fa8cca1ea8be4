"""Two migrations of one database at once do no harm; the roles that they make may do no more than they should."""

import asyncio

import asyncpg
import pytest

from services.embedded.postgres import Postgres
from services.kernel.migrations.runner import migrate


@pytest.fixture
def empty(postgres: Postgres) -> str:
    postgres.create_roles("outcomes")
    postgres.create_database("two_at_once", owner="outcomes_owner")
    return "two_at_once"


async def test_two_at_once_do_no_harm(postgres: Postgres, empty: str) -> None:
    url = postgres.dsn(empty, "outcomes_owner")
    try:
        async with asyncio.timeout(60):
            await asyncio.gather(*(migrate(url, "outcomes") for _ in range(2)))
        connection = await asyncpg.connect(postgres.dsn(empty))
        try:
            assert await connection.fetchval("SELECT count(*) FROM alembic_version") >= 1
            assert await connection.fetchval("SELECT to_regclass('ledger_line') IS NOT NULL")
        finally:
            await connection.close()
        reader = await asyncpg.connect(postgres.dsn(empty, "outcomes_read"))
        try:
            assert await reader.fetchval("SELECT count(*) FROM ledger_line") == 0
            for refused in ("DELETE FROM outbox", "INSERT INTO consumer_stop (reason, detail) VALUES ('a', 'b')"):
                with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.ReadOnlySQLTransactionError)):
                    await reader.execute(refused)
        finally:
            await reader.close()
    finally:
        postgres.drop_database(empty)
