"""The floor of the outbox leaves out what is certainly sent, and never a row that is not.

The server's clock is moved by a function that stands before PostgreSQL's own in the search path.
"""

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import asyncpg
import pytest

from services.kernel.runtime.outbox import LOOK_EVERY_SECONDS, READ, SESSION, Unsent, runs
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
    """It looks at the floor each time that it reads."""
    await stage.admin.execute(CLOCK)
    connection = await asyncpg.connect(stage.databases("tally").dsn, server_settings=SESSION)
    await connection.execute("SET search_path = moved, pg_catalog, public")
    await move_clock(unsent := Unsent(connection, seconds=count(step=LOOK_EVERY_SECONDS).__next__), "0 s")
    yield unsent
    connection.terminate()


class ThenDoes:
    """The relay's connection; right after it looked which transactions ended, something else happens."""

    def __init__(self, connection: asyncpg.Connection, other: asyncpg.Connection, statement: str) -> None:
        self._connection = connection
        self._other = other
        self._statement = statement

    async def fetchrow(self, *arguments: Any) -> Any:
        row = await self._connection.fetchrow(*arguments)
        await self._other.execute(self._statement)
        return row

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


async def move_clock(unsent: Unsent, by: str) -> None:
    """Set the relay's session that far from the right time."""
    await unsent.connection.execute(f"SET moved.by = '{by}'")


async def send_all(unsent: Unsent) -> list[str]:
    """Read and mark as the relay does, until nothing is left."""
    keys = []
    while rows := await unsent.read():
        await unsent.mark([row["id"] for row in rows])
        keys += [row["key"] for row in rows]
    return keys


async def floor(stage: Stage) -> int:
    """The id up to which nothing is read any more."""
    found: int = await stage.admin.fetchval(
        "SELECT coalesce((SELECT upper(r) - 1 FROM outbox_progress, unnest(sent) AS r WHERE lower(r) = 1), 0)"
    )
    return found


async def lose_an_id(stage: Stage) -> None:
    """Leave a gap, as a transaction that rolled back does."""
    await stage.admin.execute("SELECT nextval('outbox_id')")


async def test_it_passes_what_is_sent_and_what_never_will_be(stage: Stage, unsent: Unsent) -> None:
    await lose_an_id(stage)
    await stage.decide("ab")
    assert await send_all(unsent) == ["a", "b"]
    await move_clock(unsent, "59 seconds")
    assert (await send_all(unsent), await floor(stage)) == ([], 0)
    await move_clock(unsent, SAFE)
    assert (await send_all(unsent), await floor(stage)) == ([], 3)
    await lose_an_id(stage)
    await stage.decide("c")
    assert await send_all(unsent) == ["c"]
    assert await stage.admin.fetchval("SELECT sent::text FROM outbox_progress") == "{[1,4),[5,6)}"
    assert await stage.admin.fetchval("SELECT floor_day > '-infinity' FROM outbox_progress")


async def test_an_outbox_in_which_nothing_was_ever_written_has_no_floor(stage: Stage, unsent: Unsent) -> None:
    """A service may be quiet for its first minute and for its first year."""
    for moved in ("0 s", SAFE, DAY):
        await move_clock(unsent, moved)
        assert (await send_all(unsent), await floor(stage)) == ([], 0)
    await stage.decide("a")
    assert await send_all(unsent) == ["a"]


async def test_it_never_passes_what_is_not_sent(stage: Stage, unsent: Unsent) -> None:
    await lose_an_id(stage)
    await stage.decide("ab")
    assert len(await unsent.read()) == 2
    await move_clock(unsent, DAY)
    rows = await unsent.read()
    assert ([row["key"] for row in rows], await floor(stage)) == (["a", "b"], 0)
    await unsent.mark([rows[1]["id"]])
    assert [row["key"] for row in await unsent.read()] == ["a"]


@pytest.mark.parametrize("by", [SAFE, DAY])
async def test_it_never_passes_a_row_that_commits_late_under_a_lower_id(stage: Stage, unsent: Unsent, by: str) -> None:
    """Whatever the clocks say: the row's transaction began before, so it is waited for."""
    async with stage.holding(LATE):
        await stage.decide("ab")
        assert await send_all(unsent) == ["a", "b"]
        await move_clock(unsent, by)
        for _ in range(3):
            assert await send_all(unsent) == []
        assert await floor(stage) == 0
    assert await send_all(unsent) == ["late"]


async def test_a_row_that_commits_after_a_look_at_what_has_ended_is_seen(stage: Stage, unsent: Unsent) -> None:
    async with stage.holding(LATE) as late:
        await stage.decide("a")
        await send_all(unsent)
        await move_clock(unsent, SAFE)
        await send_all(unsent)
        relay, unsent.connection = unsent.connection, ThenDoes(unsent.connection, late, "COMMIT")  # type: ignore[assignment]
        await unsent.move_floor()
        unsent.connection = relay
        assert await send_all(unsent) == ["late"]


async def test_a_row_that_is_to_be_sent_again_while_the_floor_moves_is_sent_again(stage: Stage, unsent: Unsent) -> None:
    await stage.decide("ab")
    assert await send_all(unsent) == ["a", "b"]
    await move_clock(unsent, SAFE)
    async with stage.holding("UPDATE outbox_progress SET sent = sent - '{[1,2)}'") as operator:
        moving = asyncio.create_task(unsent.move_floor())
        await stage.until_blocked("UPDATE outbox_progress")
        await operator.execute("COMMIT")
        await moving
    assert await send_all(unsent) == ["a"]


async def test_a_clock_that_is_set_back_hides_no_row(stage: Stage, unsent: Unsent) -> None:
    await move_clock(unsent, DAY)
    await stage.decide("a")
    await send_all(unsent)
    await move_clock(unsent, "1 day 61 seconds")
    await send_all(unsent)
    assert await floor(stage) > 0
    await move_clock(unsent, "0 s")
    await stage.decide("b")
    assert await send_all(unsent) == ["b"]


async def test_ids_are_read_in_order_whatever_the_gaps(stage: Stage, unsent: Unsent) -> None:
    await stage.decide("abcdefgh")
    await stage.admin.execute("UPDATE outbox_progress SET sent = '{[2,3),[5,7)}'")
    assert [row["id"] for row in await unsent.read()] == [1, 3, 4, 7, 8]
    assert await send_all(unsent) == ["a", "c", "d", "g", "h"]


async def test_a_read_takes_ids_from_the_indexes_in_order(unsent: Unsent) -> None:
    """Whatever the planner believes of a table: a plan that sorts reads the whole backlog each time."""
    plan = [row[0] for row in await unsent.connection.fetch("EXPLAIN " + READ.replace("$1", "1000"))]
    assert any("Merge Append" in line for line in plan)
    assert not [line for line in plan if "Bitmap" in line or "Seq Scan on outbox_2" in line]


@pytest.mark.parametrize(
    ("ids", "expected"),
    [([], ([], [])), ([7], ([7], [7])), ([1, 2, 3], ([1], [3])), ([1, 3, 4, 9], ([1, 3, 9], [1, 4, 9]))],
)
def test_runs_of_ids(ids: list[int], expected: tuple[list[int], list[int]]) -> None:
    assert runs(ids) == expected
