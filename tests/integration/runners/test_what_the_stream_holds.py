"""Whatever a stream holds: nothing is lost, nothing counts twice, and only what must wait waits."""

from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from confluent_kafka import Producer

from services.kernel.runtime.batches import _Batch
from services.kernel.runtime.failures import MAX_KEYS_IN_A_ROW
from tests.faults.stage import Stage, until
from tests.tally.domain import BUG
from tests.tally.records import added, headers

OTHER_ID = "11111111-1111-5111-8111-111111111111"


async def test_a_duplicate_at_a_new_offset_counts_once(stage: Stage) -> None:
    await stage.put([first := stage.next("a", 5), first, stage.next("a", 6), first, stage.next("b", 7)])
    async with stage.relaying(), stage.consuming():
        await stage.until_counted()
        await stage.put([first, stage.raw("a", 2, 6), stage.next("a", 1)])
        await stage.prove()


async def test_a_jump_waits_for_its_late_arrival(stage: Stage) -> None:
    one, two, three, four = (stage.next("a", n) for n in (1, 10, 100, 1000))
    await stage.put([one, three, four])
    async with stage.relaying(), stage.consuming():
        await stage.until("SELECT count(*) = 2 FROM waiting_event")
        assert await stage.totals() == {"a": (1, 1)}
        await stage.send(["b"])
        await stage.until("SELECT state IS NOT NULL FROM aggregate WHERE key = 'b'")
        await stage.put([three, two])
        await stage.prove()


async def test_a_sequence_with_another_id_stops_its_key_only(stage: Stage) -> None:
    first, other = stage.next("a", 5), stage.raw("a", 1, 500, event=OTHER_ID)
    async with stage.relaying(), stage.consuming():
        await stage.put([first, other, stage.raw("a", 2, 1), stage.next("b", 3)])
        await stage.prove(dead=[("conflict", "sequence_conflict")], waiting=[("a", 2)])


async def test_undecodable_bytes_with_a_readable_key_hold_back_that_key(stage: Stage) -> None:
    broken = stage.bytes(b"a", b"\xff\xfe{", headers("a", 2))
    await stage.put([stage.next("a", 5), broken, stage.raw("a", 3, 7), stage.next("b", 3)])
    async with stage.relaying(), stage.consuming():
        await stage.prove(dead=[("poison", "data_invalid")], waiting=[("a", 3)])
        stage.expect("a", 6)
        stage.expect("a", 7)
        await stage.put([stage.raw("a", 2, 6)])  # the producer sends it again, well
        await stage.prove(dead=[("poison", "data_invalid")])


async def test_undecodable_bytes_without_a_readable_key_hold_back_nobody(stage: Stage) -> None:
    nobodys = [
        stage.bytes(b"\xff\xfe", b"\xff", (), 0),
        stage.bytes(None, added(1), headers("a", 1), 0),
        stage.bytes(b"a", None, (), 0),
    ]
    keys = [stage.key_in(0, name) for name in "abc"]
    await stage.put([*nobodys, *(stage.next(key, 3) for key in keys), *nobodys, *(stage.next(key, 4) for key in keys)])
    async with stage.relaying(), stage.consuming():
        codes = ["envelope_incomplete", "subject_is_not_key", "no_value"]
        await stage.prove(dead=[("poison", code) for code in codes * 2])


async def test_what_others_write_in_a_producer_s_place_holds_back_nobody(stage: Stage) -> None:
    sources = ["/pathway/tally", "/stranger"]
    strangers = [stage.bytes(b"a", added(500), headers("a", 1, source=source)) for source in sources]
    await stage.put([strangers[0], stage.next("a", 5), strangers[1], stage.next("a", 6)])
    async with stage.relaying(), stage.consuming():
        await stage.prove(dead=[("poison", "source_not_producer")] * 2)


class Odd(str):
    """A header name that is no text once it is on the wire."""

    def encode(self, *_: str) -> bytes:
        return b"\xff\xfe"


def in_python(compression: int) -> Any:
    """aiokafka's builder of batches that asks names to encode themselves."""
    return _DefaultRecordBatchBuilderPy(
        magic=2, compression_type=compression, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=-1,
        batch_size=100_000,
    )  # fmt: skip


@pytest.mark.parametrize("runner", ["faust", "aiokafka"])
@pytest.mark.parametrize("compression", [0, 1], ids=["plain", "gzip"])
async def test_a_header_name_that_is_no_text_stops_nothing(stage: Stage, runner: str, compression: int) -> None:
    stage.runner = runner
    key = stage.key_in(0)
    stage.expect(key, 5)
    stage.expect(key, 6)
    async with AIOKafkaProducer(bootstrap_servers=stage.kafka.bootstrap) as producer:
        batch = producer.create_batch()
        batch._builder = in_python(compression)
        for value, found in (
            (added(5), headers(key, 1)),
            (added(6), (*headers(key, 2), (Odd("more"), b"is ignored"))),
            (b"{}", ((Odd("only"), b""),)),
        ):
            assert batch.append(key=key.encode(), value=value, timestamp=1, headers=list(found))
        await (await producer.send_batch(batch, stage.numbers, partition=0))
    stage.sequences[key] = 2
    async with stage.relaying():
        async with stage.consuming():
            await stage.prove(dead=[("poison", "envelope_incomplete")])
        await stage.send([key])
        async with stage.consuming():  # which first looks at the record before its position
            await stage.prove(dead=[("poison", "envelope_incomplete")])


@pytest.mark.parametrize("runner", ["faust", "aiokafka"])
async def test_a_batch_that_cannot_be_read_stops_and_loses_nothing(
    stage: Stage, runner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.runner = runner
    await stage.send("ab")
    async with stage.relaying(), stage.consuming() as consumption:
        await stage.prove()
        with monkeypatch.context() as broken:
            broken.setattr(_Batch, "validate_crc", lambda _: False, raising=False)
            late = stage.next("a", 7)
            stage.expected["a"].count -= 1
            stage.expected["a"].total -= 7
            await stage.put([late])
            await stage.prove(stop="batch_unreadable")
            assert not consumption.ready
        stage.expect("a", 7)
        await stage.resume()
        await stage.prove()


async def test_a_bug_in_decide_sets_its_event_aside_and_its_key_waits(stage: Stage) -> None:
    await stage.put([stage.next("a", 5), stage.raw("a", 2, BUG), stage.raw("a", 3, 1), stage.next("b", 3)])
    async with stage.relaying(), stage.consuming():
        await stage.prove(dead=[("bug", "ZeroDivisionError")], waiting=[("a", 3)])


async def test_a_release_full_of_bugs_stops_and_resumes_where_it_stood(stage: Stage) -> None:
    partition = 0
    keys = [stage.key_in(partition, name) for name in "abcdefg"]
    await stage.put([stage.next(keys[0], 2), *(stage.raw(key, 1, BUG, partition=0) for key in keys[1:])])
    assert len(keys) - 1 > MAX_KEYS_IN_A_ROW
    stage.expected.clear()  # the whole batch rolls back
    async with stage.relaying(), stage.consuming() as consumption:
        await stage.prove(stop="too_many_bugs")
        assert not consumption.ready
        assert await stage.positions() == {}
        await stage.resume()
        await stage.until("SELECT count(*) = 2 FROM consumer_stop")  # nobody mended it: it stops again
        assert await stage.positions() == {}


async def test_an_offset_gap_stops(stage: Stage) -> None:
    """The marker that ends a Kafka transaction takes an offset: nobody may write so into our topics."""
    await stage.put([stage.next("a", 5)])
    async with stage.relaying(), stage.consuming() as consumption:
        await stage.prove()
        producer = Producer({"bootstrap.servers": stage.kafka.bootstrap, "transactional.id": stage.prefix})
        producer.init_transactions(20)
        producer.begin_transaction()
        foreign = stage.next("a", 6)
        producer.produce(foreign.topic, foreign.value, foreign.key, foreign.partition, headers=dict(foreign.headers))
        producer.commit_transaction(20)
        await stage.until_counted()

        async def marked() -> bool:
            return set((await stage.ends()).values()) == {3}

        await until(marked)  # the broker answers a commit before it writes the marker
        await stage.put([stage.raw("a", 3, 7)])
        await stage.prove(stop="offset_gap")
        assert not consumption.ready
        await stage.resume()
        await stage.until("SELECT count(*) = 2 FROM consumer_stop")  # and again: the gap has not gone
        await stage.prove(stop="offset_gap")
