"""Whoever packs a batch, and however: it is read, or set aside, and stops nothing."""

import gzip
from collections.abc import Callable, Iterable

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from confluent_kafka import Producer

from services.kernel.runtime.compression import MOST_BYTES, UNPACK
from tests.faults.stage import Stage
from tests.parts.kafka_admin import Raw

RUNNERS = pytest.mark.parametrize("runner", ["faust", "aiokafka"])
NUMBERS = {"gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}


def write_packed(stage: Stage, codec: str, records: Iterable[Raw]) -> None:
    """Write records in one batch a partition, packed by librdkafka."""
    producer = Producer(
        {
            "bootstrap.servers": stage.kafka.bootstrap,
            "compression.type": codec,
            "linger.ms": 60_000,  # until flush: on a busy machine a second may be over before the last record is there
            "message.max.bytes": 2 * MOST_BYTES,
            "batch.size": 2 * MOST_BYTES,
        }
    )
    for record in records:
        producer.produce(record.topic, record.value, record.key, record.partition, headers=dict(record.headers))
    assert producer.flush(20) == 0


@pytest.fixture
def unpacked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The codecs of the batches that were unpacked so far."""
    seen: list[int] = []
    for number, unpack in UNPACK.items():

        def noted(packed: bytes, number: int = number, unpack: Callable[[bytes], bytes] = unpack) -> bytes:
            seen.append(number)
            return unpack(packed)

        monkeypatch.setitem(UNPACK, number, noted)
    return seen


@RUNNERS
async def test_batches_of_every_codec_are_read(stage: Stage, runner: str, unpacked: list[int]) -> None:
    stage.runner = runner
    key = stage.key_in(0)
    async with stage.relaying():
        for codec, number in NUMBERS.items():
            write_packed(stage, codec, [stage.next(key, 1 + n) for n in range(50)])
            async with stage.consuming():  # which also looks at the record before its position, in the batch before
                await stage.prove()
            assert number in unpacked


@pytest.mark.parametrize("codec", NUMBERS)
async def test_a_topic_that_packs_by_itself_is_read(stage: Stage, codec: str, unpacked: list[int]) -> None:
    stage.kafka.delete_topics([stage.numbers])
    stage.kafka.create_topics([stage.numbers], stage.partitions, {"compression.type": codec})
    await stage.send("abc", 50)
    async with stage.relaying(), stage.consuming():
        await stage.prove()
    assert set(unpacked) == {NUMBERS[codec]}


@RUNNERS
@pytest.mark.parametrize("codec", NUMBERS)
async def test_a_batch_that_holds_too_much_is_set_aside(stage: Stage, runner: str, codec: str) -> None:
    stage.runner = runner
    key = stage.key_in(0)
    await stage.put([stage.next(key, 1)])
    bomb = [stage.bytes(b"x", bytes(MOST_BYTES), (), 0), stage.bytes(b"x", b"in one batch with it", (), 0)]
    write_packed(stage, codec, bomb)
    await stage.put([stage.next(key, 2)])
    async with stage.relaying():
        async with stage.consuming():
            await stage.prove(dead=[("poison", "batch_malformed")] * 2)
        async with stage.consuming():
            await stage.put([stage.next(key, 3)])
            await stage.prove(dead=[("poison", "batch_malformed")] * 2)
    kept, nothing = await stage.admin.fetch("SELECT value, headers::text FROM dead_letter ORDER BY record_offset")
    assert kept["value"][22] & 7 == NUMBERS[codec], "the first letter holds the batch"
    assert len(kept["value"]) < MOST_BYTES // 10
    assert nothing["value"] is None
    assert "CannotUnpack" in nothing["headers"]


class Trailing(_DefaultRecordBatchBuilderPy):  # type: ignore[misc]  # final for type checkers
    """Packs with gzip and adds bytes behind its end: brokers take it, and Python's own reader raises."""

    def _maybe_compress(self) -> bool:
        head = self.HEADER_STRUCT.size
        packed = gzip.compress(bytes(self._buffer[head:])) + b"garbage"
        self._buffer = bytearray(self._buffer[:head]) + packed
        return True


@RUNNERS
async def test_bytes_behind_the_end_of_a_packed_batch_stop_nothing(stage: Stage, runner: str) -> None:
    stage.runner = runner
    key = stage.key_in(0)
    async with AIOKafkaProducer(bootstrap_servers=stage.kafka.bootstrap) as producer:
        batch = producer.create_batch()
        batch._builder = Trailing(
            magic=2, compression_type=1, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=-1,
            batch_size=100_000,
        )  # fmt: skip
        for record in [stage.next(key, 5), stage.next(key, 6)]:
            batch.append(key=record.key, value=record.value, timestamp=1, headers=list(record.headers.items()))
        await (await producer.send_batch(batch, stage.numbers, partition=0))
    async with stage.relaying(), stage.consuming():
        await stage.send([key])
        await stage.prove()


@RUNNERS
async def test_a_codec_that_this_release_does_not_know_stops_until_the_next(
    stage: Stage, runner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.runner = runner
    key = stage.key_in(0)
    await stage.send([key])
    async with stage.relaying(), stage.consuming() as consumption:
        await stage.prove()
        with monkeypatch.context() as old:
            old.delitem(UNPACK, NUMBERS["zstd"])
            late = [stage.raw(key, 2 + n, 7) for n in range(50)]
            write_packed(stage, "zstd", late)
            await stage.prove(stop="batch_unreadable")
            assert not consumption.ready
        for _ in late:
            stage.expect(key, 7)
        await stage.resume()
        await stage.prove()
