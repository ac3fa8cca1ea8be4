"""The floor of the outbox leaves out what is certainly sent, and never a row that is not.

The server's clock is moved by a function that stands before PostgreSQL's own in the search path.
"""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from services.kernel.runtime.outbox import Unsent
from tests.faults.stage import Stage

CLOCK = """
CREATE SCHEMA moved;
GRANT USAGE ON SCHEMA moved TO tally_run;
CREATE FUNCTION moved.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS
$$ SELECT pg_catalog.clock_timestamp() + current_setting('moved.by')::interval $$;
"""
LATE = """
INSERT INTO outbox (topic, key, sequence, event_id, recorded_ms, headers, value)
VALUES ('tallies', 'late', 1, '', 0, '{}', '')
"""
SAFE, DAY = "61 seconds", "1 day"


@pytest.fixture
async def unsent(stage: Stage) -> AsyncIterator[Unsent]:
    await stage.admin.execute(CLOCK)
    connection = await asyncpg.connect(stage.databases("tally").dsn)
    await connection.execute("SET search_path = moved, pg_catalog, public")
    await move_clock(unsent := Unsent(connection), "0 s")
    yield unsent
    connection.terminate()


class ThenCommits:
    """The relay's connection; right after its next look another transaction commits."""

    def __init__(self, connection: asyncpg.Connection, late: asyncpg.Connection) -> None:
        self._connection = connection
        self._late = late

    async def fetch(self, *arguments: Any) -> Any:
        rows = await self._connection.fetch(*arguments)
        await self._late.execute("COMMIT")
        return rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


async def move_clock(unsent: Unsent, by: str) -> None:
    """Set the relay's session that far from the right time."""
    await unsent.connection.execute(f"SET moved.by = '{by}'")


async def send_all(unsent: Unsent) -> list[str]:
    """Read and mark as the relay does, until nothing is left; then look once more, as it does later."""
    keys = []
    while rows := await unsent.read():
        await unsent.mark(rows)
        keys += [row["key"] for row in rows]
    return keys


async def test_it_passes_what_is_sent(stage: Stage, unsent: Unsent) -> None:
    await stage.decide("ab")
    assert await send_all(unsent) == ["a", "b"]
    assert unsent.floor == 0
    await move_clock(unsent, SAFE)
    await send_all(unsent)
    await send_all(unsent)
    assert unsent.floor == await stage.admin.fetchval("SELECT max(id) FROM outbox")
    await stage.decide("c")
    assert await send_all(unsent) == ["c"]


@pytest.mark.parametrize("by", [SAFE, DAY])
async def test_it_never_passes_a_row_that_commits_late_under_a_lower_id(stage: Stage, unsent: Unsent, by: str) -> None:
    """Whatever the clocks say: the row's transaction began before, so it is waited for."""
    async with stage.holding(LATE):
        await stage.decide("ab")
        assert await send_all(unsent) == ["a", "b"]
        await move_clock(unsent, by)
        for _ in range(3):
            assert await send_all(unsent) == []
    assert await send_all(unsent) == ["late"]


async def test_a_row_that_commits_just_after_a_look_is_seen_by_the_next(stage: Stage, unsent: Unsent) -> None:
    async with stage.holding(LATE) as late:
        await stage.decide("a")
        await send_all(unsent)
        await move_clock(unsent, SAFE)
        await send_all(unsent)
        relay, unsent.connection = unsent.connection, ThenCommits(unsent.connection, late)  # type: ignore[assignment]
        assert await unsent.read() == []
        unsent.connection = relay
        assert await send_all(unsent) == ["late"]


async def test_a_clock_that_is_set_back_hides_no_row(stage: Stage, unsent: Unsent) -> None:
    await move_clock(unsent, DAY)
    await stage.decide("a")
    await send_all(unsent)
    await move_clock(unsent, "1 day 61 seconds")
    await send_all(unsent)
    await send_all(unsent)
    assert unsent.floor > 0
    await move_clock(unsent, "0 s")
    await stage.decide("b")
    assert await send_all(unsent) == ["b"]
