"""A worker ends soon after it is asked to, whatever it waits for."""

import asyncio

import pytest

from tests.faults.stage import Stage, until

ENDS_WITHIN_SECONDS = 9.5


@pytest.mark.parametrize("runner", ["faust", "aiokafka"])
async def test_it_ends_while_a_stop_is_latched(stage: Stage, runner: str) -> None:
    stage.runner = runner
    await stage.admin.execute("INSERT INTO consumer_stop (reason, detail) VALUES ('test', '')")
    worker = stage.worker()

    async def says_so() -> bool:
        return "consumer_latched" in worker.output()

    await until(says_so)
    await asyncio.to_thread(worker.stop, ENDS_WITHIN_SECONDS)
    assert worker.returncode == 0


@pytest.mark.parametrize("runner", ["faust", "aiokafka"])
async def test_it_ends_while_its_batch_waits_for_the_database(stage: Stage, runner: str) -> None:
    stage.runner = runner
    await stage.send(["a"])
    worker = stage.worker()
    await stage.until_counted()
    async with stage.holding("SELECT FROM stream_position FOR UPDATE"):
        await stage.send(["a"])
        await stage.until_blocked("stream_position")
        await asyncio.to_thread(worker.stop, ENDS_WITHIN_SECONDS)
        assert worker.returncode == 0
    async with stage.consuming(), stage.relaying():
        await stage.prove()


@pytest.mark.parametrize("runner", ["faust", "aiokafka"])
async def test_a_broker_that_is_not_there_is_waited_for(stage: Stage, runner: str) -> None:
    stage.runner = runner
    worker = stage.worker(PATHWAY_KAFKA_BOOTSTRAP="127.0.0.1:1")

    async def says_so() -> bool:
        return '"waiting"' in worker.output()

    await until(says_so)
    assert worker.alive
    await asyncio.to_thread(worker.stop, ENDS_WITHIN_SECONDS)
    assert worker.returncode == 0
