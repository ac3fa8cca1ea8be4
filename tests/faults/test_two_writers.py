"""Two transactions on one key at the same moment: they take turns, and each sees what the other did.

No race is left to chance: a lock that the test holds stops the first where it must be, and the test
waits until the second waits for the first.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

from services.kernel.decision import Command
from services.kernel.runtime.commands import Commands
from services.kernel.runtime.failures import Stop
from services.kernel.runtime.inbox import Inbox
from services.kernel.runtime.records import Record
from services.kernel.runtime.turn import Counts
from tests.faults.stage import BLOCKED, Stage
from tests.tally.domain import Added, tally_service
from tests.tally.records import record

NO_INSERT = "LOCK TABLE outbox IN SHARE MODE"


@pytest.fixture
def pool(stage: Stage) -> asyncpg.Pool:
    return stage.pool


def batch(pool: asyncpg.Pool, *records: Record) -> "asyncio.Task[Counts]":
    return asyncio.ensure_future(Inbox(tally_service(), None, pool).process(records))


async def command(pool: asyncpg.Pool, key: str, number: int) -> None:
    async with Commands(pool, tally_service(), None).begin() as transaction:
        await transaction.execute(Command(transaction.command_id, "number.add", key, Added(number=number)))


@pytest.mark.parametrize("first", ["batch", "command"])
@pytest.mark.parametrize("there", [False, True], ids=["not there yet", "there"])
async def test_a_batch_and_a_command_on_one_aggregate(
    stage: Stage, pool: asyncpg.Pool, first: str, there: bool
) -> None:
    if there:
        stage.expect("a", 2)
        await command(pool, "a", 2)
    stage.expect("a", 5)
    stage.expect("a", 7)
    works: list[Callable[[], asyncio.Future[Any]]] = [
        lambda: batch(pool, record(0, "a", 1, 5)),
        lambda: asyncio.ensure_future(command(pool, "a", 7)),
    ]
    if first == "command":
        works.reverse()
    async with stage.holding(NO_INSERT):
        tasks = [works[0]()]
        await stage.until_blocked("outbox")
        tasks.append(works[1]())
        await stage.until_blocked("aggregate")
    await asyncio.gather(*tasks)
    await stage.until_counted()
    given = [row["sequence"] for row in await stage.admin.fetch("SELECT sequence FROM outbox ORDER BY id")]
    assert given == list(range(1, 3 + there))
    async with stage.relaying():
        await stage.until("SELECT count(*) = 0 FROM outbox_unsent")
        await stage.prove_log()


async def test_nobody_looks_at_an_aggregate_that_another_holds(stage: Stage, pool: asyncpg.Pool) -> None:
    """Both would decide on the same state, and the later would undo what the earlier did."""
    for number in (2, 5, 7):
        stage.expect("a", number)
    await command(pool, "a", 2)
    async with stage.holding("SELECT FROM aggregate FOR UPDATE"):
        one = batch(pool, record(0, "a", 1, 5))
        await stage.until_blocked("FROM aggregate")
        two = asyncio.ensure_future(command(pool, "a", 7))
        await stage.until(f"SELECT count(*) = 2 FROM ({BLOCKED}) waiting", "FROM aggregate")
    await asyncio.gather(one, two)
    await stage.until_counted()


@pytest.mark.parametrize("first", ["worker", "command"])
async def test_a_running_worker_and_a_command_on_an_aggregate_that_is_not_there_yet(
    stage: Stage, pool: asyncpg.Pool, first: str
) -> None:
    """As above, with the record on the broker and Faust around it."""
    stage.expect("a", 7)
    record_of_a = stage.next("a", 5)
    async with stage.relaying(), stage.consuming():
        await stage.send("b")
        await stage.until("SELECT count(*) > 0 FROM aggregate WHERE state IS NOT NULL")
        async with stage.holding(NO_INSERT):
            if first == "worker":
                await stage.put([record_of_a])
                await stage.until_blocked("outbox")
            commanded = asyncio.ensure_future(command(pool, "a", 7))
            await stage.until_blocked("aggregate" if first == "worker" else "outbox")
            if first == "command":
                await stage.put([record_of_a])
                await stage.until_blocked("aggregate")
        await commanded
        await stage.prove()


async def test_one_event_in_two_partitions_counts_once(stage: Stage, pool: asyncpg.Pool) -> None:
    """As when a topic is given more partitions between a send and its repetition."""
    stage.expect("a", 5)
    async with stage.holding(NO_INSERT):
        one = batch(pool, record(0, "a", 1, 5, partition=0))
        await stage.until_blocked("outbox")
        two = batch(pool, record(0, "a", 1, 5, partition=1))
        await stage.until_blocked("aggregate")
    assert [(c.applied, c.duplicates) for c in await asyncio.gather(one, two)] == [(1, 0), (0, 1)]
    await stage.until_counted()


async def test_one_event_that_waits_in_two_partitions_waits_once(stage: Stage, pool: asyncpg.Pool) -> None:
    async with stage.holding("LOCK TABLE waiting_event IN SHARE MODE"):
        one = batch(pool, record(0, "a", 2, 5, partition=0))
        await stage.until_blocked("waiting_event")
        two = batch(pool, record(0, "a", 2, 5, partition=1))
        await stage.until_blocked("aggregate")
    assert [(c.waiting, c.duplicates, c.dead) for c in await asyncio.gather(one, two)] == [(1, 0, 0), (0, 1, 0)]


async def test_a_batch_of_two_processes_counts_once(stage: Stage, pool: asyncpg.Pool) -> None:
    """A zombie and its successor read the same records."""
    for key, number in (("c", 1), ("a", 5), ("b", 6)):
        stage.expect(key, number)
    await batch(pool, record(0, "c", 1, 1))  # the position's row is there: two who would insert it wait by that alone
    same = [record(1, "a", 1, 5), record(2, "b", 1, 6)]
    async with stage.holding(NO_INSERT):
        zombie = batch(pool, *same)
        await stage.until_blocked("outbox")
        successor = batch(pool, *same, record(3, "a", 2, 1))
        stage.expect("a", 1)
        await stage.until_blocked("stream_position")
    assert [c.applied for c in await asyncio.gather(zombie, successor)] == [2, 1]
    await stage.until_counted()


async def test_a_batch_that_waited_while_the_consumer_was_stopped_is_not_taken(
    stage: Stage, pool: asyncpg.Pool
) -> None:
    await batch(pool, record(0, "a", 1, 5))
    stage.expect("a", 5)
    async with stage.holding("SELECT FROM stream_position FOR UPDATE"):
        late = batch(pool, record(1, "a", 2, 6))
        await stage.until_blocked("stream_position")
        await stage.admin.execute("INSERT INTO consumer_stop (reason, detail) VALUES ('too_many_bugs', '')")
    with pytest.raises(Stop, match="latched"):
        await late
    await stage.until_counted()


async def test_a_stop_that_was_resumed_meanwhile_is_not_latched_again(stage: Stage, pool: asyncpg.Pool) -> None:
    """Several workers see one stop; the slowest of them must not bring it back."""
    await batch(pool, record(0, "a", 1, 5))
    await stage.admin.execute("INSERT INTO consumer_stop (reason, detail) VALUES ('too_many_bugs', '')")
    async with stage.holding("LOCK TABLE consumer_stop IN EXCLUSIVE MODE") as operator:
        slow = batch(pool, record(1, "a", 2, 6))
        writes = asyncio.ensure_future(stage.until_blocked("INSERT INTO consumer_stop"))
        await asyncio.wait([slow, writes], return_when=asyncio.FIRST_COMPLETED)
        writes.cancel()
        await operator.execute("UPDATE consumer_stop SET resumed_at = clock_timestamp()")
    with pytest.raises(Stop, match="latched"):
        await slow
    assert await stage.admin.fetchval("SELECT count(*) FROM consumer_stop WHERE resumed_at IS NULL") == 0
