"""Whatever a stream holds: nothing is lost, nothing counts twice, and only what must wait waits."""

from confluent_kafka import Producer

from services.kernel.runtime.failures import MAX_KEYS_IN_A_ROW
from tests.faults.stage import Stage
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
        await stage.put([stage.raw("a", 3, 7)])
        await stage.prove(stop="offset_gap")
        assert not consumption.ready
        await stage.resume()
        await stage.until("SELECT count(*) = 2 FROM consumer_stop")  # and again: the gap has not gone
        await stage.prove(stop="offset_gap")
