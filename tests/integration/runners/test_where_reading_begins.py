"""Reading begins where the database says, whatever Kafka remembers of the group."""

from collections.abc import Collection

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from services.kernel.runtime.consumption import Consumption
from services.kernel.runtime.log_view import Place
from tests.faults.stage import Stage, spy

RUNNERS = pytest.mark.parametrize("runner", ["faust", "aiokafka"])


async def committed(stage: Stage, offsets: dict[int, int] | None = None) -> dict[int, int | None]:
    """Return what Kafka holds for the group, after committing ``offsets`` behind its back."""
    consumer = AIOKafkaConsumer(bootstrap_servers=stage.kafka.bootstrap, group_id=stage.group, enable_auto_commit=False)
    consumer.assign([TopicPartition(stage.numbers, n) for n in range(stage.partitions)])
    async with consumer:
        if offsets:
            await consumer.commit({TopicPartition(stage.numbers, n): offset for n, offset in offsets.items()})
        return {tp.partition: await consumer.committed(tp) for tp in consumer.assignment()}


@RUNNERS
async def test_a_restart_begins_at_the_position_though_the_group_never_committed(stage: Stage, runner: str) -> None:
    stage.runner = runner
    keys = [f"k{n}" for n in range(20)]
    await stage.send(keys, 3)
    async with stage.relaying():
        async with stage.consuming():
            await stage.until_counted()
        before = await stage.positions()
        stage.kafka.forget_group(stage.group)
        assert set((await committed(stage)).values()) == {None}
        await stage.send(keys, 2)
        async with stage.consuming() as consumption:
            taken = spy(consumption)
            await stage.prove()
    assert {place: offsets[0] for place, offsets in taken.items()} == before
    assert sum(map(len, taken.values())) == 40


@RUNNERS
async def test_what_is_delivered_again_counts_once(stage: Stage, runner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the runner begins: what is below the position has no effect, and what is above has one."""
    stage.runner = runner
    keys = [f"k{n}" for n in range(20)]
    await stage.send(keys, 3)
    async with stage.relaying():
        async with stage.consuming():
            await stage.prove()
        before = await stage.positions()
        begin = Consumption.begin

        async def from_the_beginning(consumption: Consumption, places: Collection[Place]) -> dict[Place, int]:
            return dict.fromkeys(await begin(consumption, places), 0)

        monkeypatch.setattr(Consumption, "begin", from_the_beginning)
        await stage.send(keys, 2)
        async with stage.consuming() as consumption:
            taken = spy(consumption)
            await stage.prove()
    assert {place: offsets[: before[place]] for place, offsets in taken.items()} == {
        place: list(range(end)) for place, end in before.items()
    }


@RUNNERS
@pytest.mark.parametrize("kafka_says", ["the end", "the beginning"])
async def test_what_kafka_remembers_of_the_group_is_not_believed(stage: Stage, runner: str, kafka_says: str) -> None:
    stage.runner = runner
    keys = [f"k{n}" for n in range(20)]
    await stage.send(keys, 3)
    ends = {n: end for n, (_, end) in stage.kafka.ends(stage.numbers).items()}
    if kafka_says == "the end":  # as after a restore of the database: nothing is read, all is behind
        await committed(stage, ends)
        async with stage.relaying(), stage.consuming():
            await stage.prove()
    else:
        async with stage.relaying():
            async with stage.consuming():
                await stage.prove()
            await committed(stage, dict.fromkeys(ends, 0))
            await stage.send(keys[:1])
            async with stage.consuming() as consumption:
                taken = spy(consumption)
                await stage.prove()
        assert sum(map(len, taken.values())) == 1
