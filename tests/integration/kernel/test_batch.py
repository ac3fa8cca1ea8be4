"""The batch transaction on PostgreSQL: one effect per event, whatever comes in which order."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.kernel.runtime.database import open_pool
from services.kernel.runtime.failures import Stop
from services.kernel.runtime.inbox import Inbox
from services.kernel.runtime.records import Record
from tests.parts.databases import Databases
from tests.tally.domain import BUG, IGNORED, NO_POLICY, SILENT, SQL_BUG, tally_service
from tests.tally.records import added, headers, record


@pytest.fixture
async def pool(database: Databases) -> AsyncIterator[asyncpg.Pool]:
    pool = await open_pool(database("tally").dsn, size=4)
    yield pool
    pool.terminate()


@pytest.fixture
def inbox(pool: asyncpg.Pool) -> Inbox:
    return Inbox(tally_service(), None, pool)


async def total(pool: asyncpg.Pool, key: str) -> tuple[int, int] | None:
    row = await pool.fetchrow("SELECT state->>'total' t, state->>'count' c FROM aggregate WHERE key = $1", key)
    return None if row is None or row["t"] is None else (int(row["t"]), int(row["c"]))


async def position(pool: asyncpg.Pool, topic: str = "numbers", partition: int = 0) -> int:
    found: int = await pool.fetchval(
        "SELECT next_offset FROM stream_position WHERE topic = $1 AND partition = $2", topic, partition
    )
    return found


async def dead(pool: asyncpg.Pool) -> list[tuple[str, str]]:
    return [tuple(r) for r in await pool.fetch("SELECT kind, code FROM dead_letter ORDER BY record_offset")]


async def outbox(pool: asyncpg.Pool, key: str) -> list[int]:
    return [r["sequence"] for r in await pool.fetch("SELECT sequence FROM outbox WHERE key = $1 ORDER BY id", key)]


async def test_a_batch_has_one_effect_per_event(inbox: Inbox, pool: asyncpg.Pool) -> None:
    counts = await inbox.process([record(0, "a", 1, 5), record(1, "b", 1, 7), record(2, "a", 2, 6)])
    assert (counts.applied, counts.events) == (3, 3)
    assert await total(pool, "a") == (11, 2)
    assert await total(pool, "b") == (7, 1)
    assert await position(pool) == 3
    assert await outbox(pool, "a") == [1, 2]


async def test_no_record_is_no_work(inbox: Inbox, pool: asyncpg.Pool) -> None:
    counts = await inbox.process([])
    assert (counts.applied, counts.duplicates) == (0, 0)


async def test_redelivery_is_trimmed(inbox: Inbox, pool: asyncpg.Pool) -> None:
    records = [record(0, "a", 1, 5), record(1, "a", 2, 6)]
    await inbox.process(records)
    assert (await inbox.process(records)).duplicates == 2
    straddling = await inbox.process([*records, record(2, "a", 3, 1)])
    assert (straddling.applied, straddling.duplicates) == (1, 2)
    await inbox.process(records)
    assert await position(pool) == 3, "what lies wholly below takes it nowhere"
    assert await total(pool, "a") == (12, 3)


async def test_a_duplicate_at_a_new_offset_is_skipped(inbox: Inbox, pool: asyncpg.Pool) -> None:
    await inbox.process([record(0, "a", 1, 5), record(1, "a", 1, 5)])
    await inbox.process([record(2, "a", 1, 5), record(3, "a", 2, 1)])
    assert await total(pool, "a") == (6, 2)
    assert await dead(pool) == []


async def test_a_sequence_jump_waits_for_its_late_arrival(inbox: Inbox, pool: asyncpg.Pool) -> None:
    counts = await inbox.process([record(0, "a", 1, 1), record(1, "a", 3, 100), record(2, "b", 1, 1)])
    assert counts.waiting == 1
    await inbox.process([record(3, "a", 4, 1000)])
    assert await total(pool, "a") == (1, 1)
    assert await total(pool, "b") == (1, 1)
    assert await pool.fetchval("SELECT waiting FROM key_position WHERE key = 'a'") == 2
    late = await inbox.process([record(4, "a", 2, 10)])
    assert late.applied == 3
    assert await total(pool, "a") == (1111, 4)
    assert await pool.fetchval("SELECT count(*) FROM waiting_event") == 0
    assert await pool.fetchval("SELECT waiting FROM key_position WHERE key = 'a'") == 0


async def test_a_jump_that_is_filled_in_the_same_batch_is_never_stored(inbox: Inbox, pool: asyncpg.Pool) -> None:
    await inbox.process([record(0, "a", 2, 10), record(1, "a", 2, 10), record(2, "a", 1, 1)])
    assert await total(pool, "a") == (11, 2)
    assert await pool.fetchval("SELECT count(*) FROM waiting_event") == 0


async def test_one_sequence_with_two_ids_stops_the_key_only(inbox: Inbox, pool: asyncpg.Pool) -> None:
    other = "11111111-1111-5111-8111-111111111111"
    await inbox.process([record(0, "a", 1, 1), record(1, "a", 1, 9, event=other), record(2, "a", 2, 1)])
    await inbox.process([record(3, "b", 1, 1)])
    assert await total(pool, "a") == (1, 1)
    assert await total(pool, "b") == (1, 1)
    assert await dead(pool) == [("conflict", "sequence_conflict")]
    assert await pool.fetchval("SELECT stopped FROM key_position WHERE key = 'a'")


async def test_two_ids_that_wait_for_one_sequence_conflict(inbox: Inbox, pool: asyncpg.Pool) -> None:
    other = "11111111-1111-5111-8111-111111111111"
    await inbox.process([record(0, "a", 2, 1)])
    await inbox.process([record(1, "a", 2, 9, event=other)])
    assert await dead(pool) == [("conflict", "sequence_conflict")]
    await inbox.process([record(2, "a", 1, 1)])
    assert await total(pool, "a") is None


async def test_an_offset_gap_stops_and_latches(inbox: Inbox, pool: asyncpg.Pool) -> None:
    await inbox.process([record(0, "a", 1)])
    with pytest.raises(Stop, match="offset_gap"):
        await inbox.process([record(2, "a", 2)])
    assert await total(pool, "a") == (1, 1)
    assert await pool.fetchval("SELECT reason FROM consumer_stop WHERE resumed_at IS NULL") == "offset_gap"
    with pytest.raises(Stop, match="latched"):
        await inbox.process([record(1, "a", 2)])


async def test_undecodable_bytes_with_a_readable_key_hold_back_only_that_key(inbox: Inbox, pool: asyncpg.Pool) -> None:
    broken = Record("numbers", 0, 1, b"a", b"\xff{", headers("a", 2))
    await inbox.process([record(0, "a", 1), broken, record(2, "a", 3, 5), record(3, "b", 1)])
    assert await total(pool, "a") == (1, 1)
    assert await total(pool, "b") == (1, 1)
    assert await dead(pool) == [("poison", "data_invalid")]
    row = await pool.fetchrow("SELECT key, sequence, value FROM dead_letter")
    assert row is not None
    assert tuple(row) == ("a", 2, b"\xff{")
    await inbox.process([record(4, "a", 2, 7)])
    assert await total(pool, "a") == (13, 3)


@pytest.mark.parametrize(
    ("key", "value", "found", "code"),
    [
        (b"\xff\xfe", b"{}", headers("a", 2), "subject_is_not_key"),
        (None, b"{}", headers("a", 2), "subject_is_not_key"),
        (b"a", b"{}", (), "envelope_incomplete"),
        (b"a", None, headers("a", 2), "no_value"),
        (b"a", b"[" * 17 + b"]" * 17, headers("a", 2), "too_deep"),
        (b"a", b'{"number": NaN}', headers("a", 2), "not_a_number"),
        (b"a", b'{"number": 9007199254740993}', headers("a", 2), "integer_too_large"),
        (b"a", b'{"number": 1, "note": "\\u0000"}', headers("a", 2), "nul_character"),
        (b"a", b'{"number": 1, "note": "\\ud800"}', headers("a", 2), "lone_surrogate"),
        (b"a", b" " * 65537, headers("a", 2), "value_too_large"),
        (b"k" * 65, added(1), headers("k" * 65, 1), "key_too_large"),
        (b"a", added(1), (*headers("a", 2), *((f"h{i}", b"") for i in range(20))), "too_many_headers"),
        (b"a", added(1), (*headers("a", 2), ("h", b"x" * 4097)), "header_too_large"),
        (b"a", added(1), (*headers("a", 2), ("ce_id", b"again")), "header_repeated"),
        (b"a", added(1), headers("a", 2, type_="org.stranger.thing.v1", source="/stranger"), "type_unknown"),
        (b"a", added(1), headers("a", 2, source="/pathway/tally"), "source_not_producer"),
        (b"a", b'{"number": "one"}', headers("a", 2), "data_invalid"),
    ],
)
async def test_poison_is_set_aside_and_the_stream_goes_on(
    inbox: Inbox,
    pool: asyncpg.Pool,
    key: bytes | None,
    value: bytes | None,
    found: tuple[tuple[str, bytes], ...],
    code: str,
) -> None:
    await inbox.process([record(0, "a", 1), Record("numbers", 0, 1, key, value, found), record(2, "b", 1)])
    assert await dead(pool) == [("poison", code)]
    assert await total(pool, "b") == (1, 1)
    assert await position(pool) == 3
    kept = await pool.fetchrow("SELECT record_key, value FROM dead_letter")
    assert kept is not None
    assert tuple(kept) == (key, value)


async def test_a_bug_sets_its_event_aside_and_its_key_waits(inbox: Inbox, pool: asyncpg.Pool) -> None:
    await inbox.process([record(0, "a", 1), record(1, "a", 2, BUG), record(2, "a", 3), record(3, "b", 1)])
    assert await dead(pool) == [("bug", "ZeroDivisionError")]
    assert await total(pool, "a") == (1, 1)
    assert await total(pool, "b") == (1, 1)
    detail = await pool.fetchval("SELECT detail FROM dead_letter")
    assert detail.endswith(" decide")
    assert "a bug" not in detail


async def test_what_only_the_database_refuses_is_bisected_to_its_event(inbox: Inbox, pool: asyncpg.Pool) -> None:
    batch = [record(i, f"k{i}", 1, SQL_BUG if i == 5 else 1) for i in range(11)]
    await inbox.process(batch)
    assert [kind for kind, _ in await dead(pool)] == ["bug"]
    assert await position(pool) == 11
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 10


async def test_bugs_on_more_than_five_keys_in_a_row_stop_the_consumer(inbox: Inbox, pool: asyncpg.Pool) -> None:
    await inbox.process([record(i, f"k{i}", 1, BUG) for i in range(5)])
    with pytest.raises(Stop, match="too_many_bugs"):
        await inbox.process([record(5, "k5", 1, BUG)])
    assert await position(pool) == 5
    assert len(await dead(pool)) == 5


async def test_an_unknown_type_of_our_own_producer_stops(inbox: Inbox, pool: asyncpg.Pool) -> None:
    newer = Record(
        "numbers", 0, 0, b"a", added(1), headers("a", 1, type_="uk.example.number.added.v2", source="/pathway/source")
    )
    with pytest.raises(Stop, match="unknown_version"):
        await inbox.process([newer])
    assert await pool.fetchval("SELECT count(*) FROM dead_letter") == 0


async def test_a_missing_policy_stops(inbox: Inbox, pool: asyncpg.Pool) -> None:
    with pytest.raises(Stop, match="policy_missing"):
        await inbox.process([record(0, "a", 1, NO_POLICY)])
    assert await pool.fetchval("SELECT count(*) FROM aggregate") == 0


async def test_types_that_are_not_handled_advance_the_sequence(inbox: Inbox, pool: asyncpg.Pool) -> None:
    ignored = Record("numbers", 0, 0, b"a", added(1), headers("a", 1, type_=IGNORED))
    await inbox.process([ignored, record(1, "a", 2, 4)])
    assert await total(pool, "a") == (4, 1)


async def test_an_input_that_says_nothing_changes_no_state(inbox: Inbox, pool: asyncpg.Pool) -> None:
    await inbox.process([record(0, "a", 1, SILENT)])
    assert await total(pool, "a") is None
    assert await pool.fetchval("SELECT sequence FROM key_position WHERE key = 'a'") == 1
