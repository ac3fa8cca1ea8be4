"""A letter is never the last that is seen of an event: not after a redrive, a new topic or a restore."""

from dataclasses import replace

import asyncpg
import pytest

from services.kernel.operations.audit import OperationRefused
from services.kernel.operations.dead_letters import DeadLetters
from services.kernel.registry import Registry
from services.kernel.runtime.inbox import Inbox
from services.kernel.runtime.records import Record
from services.kernel.service import Service
from tests.tally.domain import ADDED, BUG, NO_POLICY, tally_service
from tests.tally.records import added, headers, record

STRANGER = "org.stranger.number.v1"
NEWCOMER = "/pathway/stranger"
OTHER = "11111111-1111-5111-8111-111111111111"


def knowing(type_: str) -> Service:
    """The release that can read one type more."""
    known = tally_service()
    new = replace(known.registry[ADDED], type=type_, producer="stranger")
    registry = Registry([*known.registry, new], known.registry.classes)
    return replace(known, registry=registry, handles=known.handles | {type_})


async def tally(pool: asyncpg.Pool, key: str = "a") -> tuple[int, int]:
    row = await pool.fetchrow("SELECT state->>'total' t, state->>'count' c FROM aggregate WHERE key = $1", key)
    assert row is not None
    return int(row["t"]), int(row["c"])


async def letters_of(pool: asyncpg.Pool) -> list[tuple[str, int, str, str | None]]:
    rows = await pool.fetch("SELECT key, sequence, kind, resolution FROM dead_letter ORDER BY id")
    return [tuple(row) for row in rows]


def event_id(key: str, sequence: int) -> str:
    return dict(headers(key, sequence))["ce_id"].decode()


async def test_a_redriven_letter_that_fails_when_its_turn_comes_is_open_again(pool: asyncpg.Pool) -> None:
    service = knowing(STRANGER)
    foreign = Record("numbers", 0, 1, b"a", added(BUG), headers("a", 3, type_=STRANGER, source=NEWCOMER))
    await Inbox(tally_service(), None, pool).process([record(0, "a", 1), foreign])
    letters = DeadLetters(service, None, pool, "ann")
    assert (await letters.redrive(1, apply=True)).outcome == "waits"
    await Inbox(service, None, pool).process([record(2, "a", 2)])
    assert await letters_of(pool) == [("a", 3, "bug", None)]
    await letters.discard(1, reason="known by now", apply=True)
    await Inbox(service, None, pool).process([record(3, "a", 4)])
    assert await tally(pool) == (3, 3)


async def test_a_letter_at_an_offset_that_a_new_topic_gives_out_again_is_another(
    inbox: Inbox, pool: asyncpg.Pool
) -> None:
    await inbox.process([record(0, "a", 1), Record("numbers", 0, 1, b"a", b"{", headers("a", 2))])
    await pool.execute("UPDATE stream_position SET next_offset = 0, topic_id = NULL, last_sha256 = NULL")
    same, other = (Record("numbers", 0, n, key, b"{", headers(key.decode(), 2)) for n, key in ((1, b"a"), (2, b"b")))
    await inbox.process([record(0, "a", 1), same, other, Record("numbers", 0, 3, b"c", b"[", headers("c", 1))])
    await pool.execute("UPDATE stream_position SET next_offset = 0, topic_id = NULL, last_sha256 = NULL")
    await inbox.process([record(0, "a", 1), Record("numbers", 0, 1, b"d", b"{", headers("d", 1))])
    assert [key for key, *_ in await letters_of(pool)] == ["a", "b", "c", "d"]


async def test_discarding_a_broken_copy_leaves_the_good_one_its_turn(
    letters: DeadLetters, inbox: Inbox, pool: asyncpg.Pool
) -> None:
    broken = Record("numbers", 0, 1, b"a", b"{", headers("a", 2))
    await inbox.process([record(0, "a", 1), broken, record(2, "a", 1, 9, event=OTHER), record(3, "a", 2, 100)])
    await letters.discard(1, reason="a broken copy", apply=True)
    await letters.discard(2, reason="a test", apply=True)
    assert await tally(pool) == (101, 2)
    assert await pool.fetchval("SELECT count(*) FROM waiting_event") == 0


async def test_discarding_a_strangers_record_gives_up_no_number_that_may_still_come(
    letters: DeadLetters, inbox: Inbox, pool: asyncpg.Pool
) -> None:
    strange = Record("numbers", 0, 1, b"a", b"garbage", headers("a", 2, source="/stranger"))
    await inbox.process([record(0, "a", 1), strange, record(2, "a", 3, 10)])
    await letters.discard(1, reason="garbage", apply=True)
    assert await tally(pool) == (1, 1), "what waits for number 2 goes on waiting"
    await inbox.process([record(3, "a", 2, 100)])
    assert await tally(pool) == (111, 3)


async def test_discarding_poison_that_cannot_be_read_gives_up_no_number_that_may_still_come(
    letters: DeadLetters, inbox: Inbox, pool: asyncpg.Pool
) -> None:
    await inbox.process([record(0, "a", 1), Record("numbers", 0, 1, b"a", b"garbage", headers("a", 2))])
    await letters.discard(1, reason="garbage", apply=True)
    await inbox.process([record(2, "a", 2, 100)])
    assert await tally(pool) == (101, 2)


async def test_a_key_goes_on_when_its_last_conflict_is_resolved(
    letters: DeadLetters, inbox: Inbox, pool: asyncpg.Pool
) -> None:
    third = "22222222-2222-5222-8222-222222222222"
    both = [record(1, "a", 1, 9, event=OTHER), record(2, "a", 1, 8, event=third)]
    await inbox.process([record(0, "a", 1), *both, record(3, "a", 2, 100)])
    await letters.discard(1, reason="a test", apply=True)
    assert await tally(pool) == (1, 1)
    await letters.discard(2, reason="a test too", apply=True)
    assert await tally(pool) == (101, 2)


async def test_after_a_restore_a_discard_decides_nothing_again(
    letters: DeadLetters, inbox: Inbox, pool: asyncpg.Pool
) -> None:
    """The letter came back with the backup; what waited behind it was answered in the time that was lost."""
    await inbox.process([record(0, "a", 1), record(1, "a", 2, BUG), record(2, "a", 3, 10), record(3, "a", 4, 100)])
    await pool.execute("""UPDATE aggregate SET sequence = 3, state = '{"total": 111, "count": 3}'""")
    await pool.execute("INSERT INTO restored_input VALUES ('a', $1, 'numbers', 4)", event_id("a", 4))
    await letters.discard(1, reason="again", apply=True)
    assert await tally(pool) == (111, 3)
    await inbox.process([record(4, "a", 5, 1000)])
    assert await tally(pool) == (1111, 4)


async def test_after_a_restore_a_letter_that_was_the_last_answered_holds_back_nothing(
    letters: DeadLetters, inbox: Inbox, pool: asyncpg.Pool
) -> None:
    await inbox.process([record(0, "a", 1), record(1, "a", 2, BUG)])
    await pool.execute("""UPDATE aggregate SET sequence = 2, state = '{"total": 5, "count": 2}'""")
    await pool.execute("INSERT INTO restored_input VALUES ('a', $1, 'numbers', 2)", event_id("a", 2))
    await letters.discard(1, reason="it had been redriven", apply=True)
    await inbox.process([record(2, "a", 3, 10), record(3, "a", 4, 100)])
    assert await tally(pool) == (115, 4)
    assert await pool.fetchval("SELECT count(*) FROM restored_input") == 0


@pytest.mark.parametrize(
    ("number", "type_", "source", "code"),
    [
        (NO_POLICY, STRANGER, NEWCOMER, "policy_missing"),
        (1, "uk.example.number.added.v2", "/pathway/source", "unknown_version"),
    ],
)
async def test_what_would_stop_the_consumer_is_refused(
    pool: asyncpg.Pool, number: int, type_: str, source: str, code: str
) -> None:
    found = Record("numbers", 0, 0, b"a", added(number), headers("a", 1, type_=STRANGER, source=NEWCOMER))
    await Inbox(tally_service(), None, pool).process([found])
    await pool.execute("UPDATE dead_letter SET headers = replace(replace(headers::text, $1, $2), $3, $4)::json",
                       STRANGER, type_, f'"{NEWCOMER}"', f'"{source}"')  # fmt: skip
    service = knowing(STRANGER) if type_ == STRANGER else tally_service()
    with pytest.raises(OperationRefused) as refused:
        await DeadLetters(service, None, pool, "ann").redrive(1, apply=True)
    assert refused.value.code == code
    assert await letters_of(pool) == [("a", 1, "poison", None)]
