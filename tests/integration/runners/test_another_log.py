"""A log that is not the one we read is refused: it would be read from another place, and skipped in silence."""

from collections.abc import Awaitable, Callable

import pytest

from tests.faults.stage import Stage

Change = Callable[[Stage, str], Awaitable[None]]


async def recreated_and_empty(stage: Stage, _: str) -> None:
    stage.kafka.recreate_topics([stage.numbers], partitions=stage.partitions)


async def recreated_and_longer(stage: Stage, key: str) -> None:
    stage.kafka.recreate_topics([stage.numbers], partitions=stage.partitions)
    await stage.put([stage.raw(key, n, 1) for n in range(1, 20)])


async def replaced_on_a_broker_without_topic_ids(stage: Stage, key: str) -> None:
    await recreated_and_longer(stage, key)
    await stage.admin.execute("UPDATE stream_position SET topic_id = NULL")


async def cut_above_the_position(stage: Stage, key: str) -> None:
    await stage.put([stage.raw(key, n, 1) for n in range(11, 21)])
    stage.kafka.cut_off(stage.numbers, 0, before=15)


async def restored_to_an_earlier_end(stage: Stage, _: str) -> None:
    # the same topic with fewer records: the disk of the broker came from a backup
    await stage.admin.execute("UPDATE stream_position SET next_offset = 13 WHERE partition = 0")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (recreated_and_empty, "topic_replaced"),
        (recreated_and_longer, "topic_replaced"),
        (replaced_on_a_broker_without_topic_ids, "log_differs"),
        (cut_above_the_position, "log_truncated"),
        (restored_to_an_earlier_end, "log_shorter"),
    ],
)
async def test_it_is_refused_and_nothing_of_it_is_read(stage: Stage, change: Change, reason: str) -> None:
    key = stage.key_in(0)
    await stage.send([key], 10)
    async with stage.relaying():
        stage.runner = "aiokafka"
        async with stage.consuming():
            await stage.prove()
        await change(stage, key)
        stage.runner = "faust"
        async with stage.consuming() as consumption:
            await stage.prove(stop=reason)
            assert not consumption.ready
            await stage.resume()
            await stage.until("SELECT count(*) = 2 FROM consumer_stop")
            await stage.prove(stop=reason)


async def test_records_deleted_below_the_position_are_no_loss(stage: Stage) -> None:
    key = stage.key_in(0)
    await stage.send([key], 10)
    async with stage.relaying():
        stage.runner = "aiokafka"
        async with stage.consuming():
            await stage.prove()
        stage.kafka.cut_off(stage.numbers, 0, before=10)
        await stage.send([key], 5)
        stage.runner = "faust"
        async with stage.consuming():
            await stage.prove()


async def test_a_topic_replaced_under_a_running_worker_is_noticed(stage: Stage) -> None:
    key = stage.key_in(0)
    await stage.send([key], 10)
    async with stage.relaying(), stage.consuming():
        await stage.prove()
        await recreated_and_longer(stage, key)
        await stage.until("SELECT reason = 'topic_replaced' FROM consumer_stop")
        await stage.prove(stop="topic_replaced")
