"""Workers come, go, freeze and wake: a partition has one owner that counts, whoever believes to own it."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import RequestTimedOutError

from services.embedded.processes import Child
from services.kernel.runtime.rejoins import DisplacedRepeatedly, RejoinLimit
from tests.faults.stage import Stage, until

RUNNERS = pytest.mark.parametrize("runner", ["faust", "aiokafka"])
KEYS = [f"k{n}" for n in range(30)]
CONNECTIONS_OF_A_WORKER = 2
WAIT_FOR_A_LOCK = """
SELECT count(*) >= $1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


@RUNNERS
async def test_two_workers_share_and_give_back(stage: Stage, runner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.runner = runner
    joins: list[str] = []
    monkeypatch.setattr(RejoinLimit, "joined", lambda _, member: joins.append(member))
    async with stage.relaying(), stage.consuming() as one:
        await stage.send(KEYS, 2)
        await stage.until_counted()
        assert len(one.positions) == stage.partitions
        async with stage.consuming() as two:
            await stage.send(KEYS, 2)  # in the middle of the rebalance

            async def shared() -> bool:
                return 0 < len(two.positions) < stage.partitions

            await until(shared, what="both have partitions")
            await stage.send(KEYS, 2)
            await stage.until_counted()
        await stage.send(KEYS, 2)
        await stage.prove()
    assert len(joins) > 2
    assert len(set(joins)) == 2  # a rebalance gives nobody another member id: it is no displacement


@RUNNERS
async def test_partitions_that_move_while_their_batches_are_in_hand(stage: Stage, runner: str) -> None:
    """Both workers hold the same records at one moment, and only one of them may apply them."""
    stage.runner = runner
    await stage.send(KEYS, 2)  # first, so that one fetch brings all partitions
    async with stage.relaying(), AsyncExitStack() as workers:
        async with stage.holding("LOCK TABLE outbox IN SHARE MODE"):
            await workers.enter_async_context(stage.consuming())
            await stage.until(WAIT_FOR_A_LOCK, CONNECTIONS_OF_A_WORKER)
            await workers.enter_async_context(stage.consuming())
            await stage.until(WAIT_FOR_A_LOCK, CONNECTIONS_OF_A_WORKER + 1)
        await stage.until_counted()
        await stage.send(KEYS, 2)
        await stage.prove()


def test_only_joins_under_a_new_member_id_end_a_worker() -> None:
    now = 0.0
    limit = RejoinLimit(lambda: now)
    for member in "aaaaaaaabbbbcccc":
        limit.joined(member)
        limit.check()
    limit.joined("d")
    limit.check()
    limit.joined("e")
    with pytest.raises(DisplacedRepeatedly):
        limit.check()
    now = 11.0
    limit.joined("f")
    limit.check()


@RUNNERS
async def test_offsets_that_the_broker_does_not_take_trouble_nobody(
    stage: Stage, runner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = 0

    async def refuse(*_: object) -> None:
        nonlocal refused
        refused += 1
        raise RequestTimedOutError

    async def often() -> bool:
        return refused > 1

    stage.runner = runner
    monkeypatch.setattr(f"services.kernel.runtime.{runner}_runner.COMMIT_SECONDS", 0.1)
    monkeypatch.setattr(AIOKafkaConsumer, "commit", refuse)
    async with stage.relaying(), stage.consuming():
        await stage.send(KEYS)
        await stage.until_counted()
        await stage.send(KEYS)
        await until(often, what="offsets are offered again")
        await stage.send(KEYS)
        await stage.prove()


async def until_some_ended(children: list[Child], seconds: float = 60.0) -> list[Child]:
    async def ended() -> bool:
        return any(not child.alive for child in children)

    await until(ended, seconds, "one of them ended")
    return [child for child in children if not child.alive]


async def test_two_live_processes_with_one_id(stage: Stage) -> None:
    same = {"PATHWAY_GROUP_INSTANCE_ID": "worker-0"}
    async with stage.relaying():
        one = stage.worker(**same)
        await stage.send(KEYS, 2)
        await stage.until_counted()
        two = stage.worker(**same)
        await stage.send(KEYS, 2)
        gone = await until_some_ended([one, two])
        assert all("DisplacedRepeatedly" in child.output() and child.returncode for child in gone)

        async def both_have_gone() -> bool:
            return not (one.alive or two.alive)

        async def start_one_if_both_go() -> None:
            """As whoever runs them does: each may see that it is displaced before the other has gone."""
            await until(both_have_gone, seconds=120.0)
            stage.worker(**same)

        platform = asyncio.create_task(start_one_if_both_go())
        await stage.send(KEYS, 2)
        await stage.prove()
        platform.cancel()


@pytest.mark.parametrize("member", ["the same id", "another id"])
async def test_a_frozen_worker_wakes_after_its_partitions_have_moved(stage: Stage, member: str) -> None:
    name = stage.databases("tally").name
    await stage.admin.execute(f"ALTER ROLE tally_run IN DATABASE {name} SET idle_in_transaction_session_timeout = '1s'")
    identity = {"PATHWAY_GROUP_INSTANCE_ID": "worker-0"} if member == "the same id" else {}
    async with stage.relaying():
        zombie = stage.worker(**identity)
        await stage.send(KEYS, 2)
        await stage.until_counted()
        async with stage.holding("LOCK TABLE outbox IN SHARE MODE"):
            await stage.send(KEYS, 2)
            await stage.until_blocked("outbox")
            zombie.pause()
        stage.worker(**identity)
        await stage.until_counted()
        await stage.send(KEYS, 2)
        await stage.until_counted()
        zombie.resume()
        zombie.wait_for_line("batch_retried")
        await stage.send(KEYS, 2)
        await stage.prove()
