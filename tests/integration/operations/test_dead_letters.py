"""Redrive and discard: by the sequence rule, with the position row in hand, and with an audit row."""

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from services.kernel.operations.audit import OperationRefused
from services.kernel.operations.dead_letters import DeadLetters, list_letters
from services.kernel.runtime.inbox import Inbox
from services.kernel.runtime.records import Record
from tests.tally import domain
from tests.tally.domain import BUG, tally_service
from tests.tally.records import added, headers, record


async def only_letter(pool: asyncpg.Pool) -> int:
    found: int = await pool.fetchval("SELECT id FROM dead_letter WHERE resolution IS NULL")
    return found


async def tally(pool: asyncpg.Pool, key: str) -> tuple[int, int]:
    row = await pool.fetchrow("SELECT state->>'total' t, state->>'count' c FROM aggregate WHERE key = $1", key)
    assert row is not None
    return int(row["t"]), int(row["c"])


@pytest.fixture
async def bug_and_two_behind(inbox: Inbox) -> None:
    await inbox.process([record(0, "a", 1), record(1, "a", 2, BUG), record(2, "a", 3, 10), record(3, "a", 4, 100)])


@pytest.fixture
def mended(monkeypatch: pytest.MonkeyPatch) -> None:
    """The release with the bug mended: the number counts as any other."""
    monkeypatch.setattr(domain, "BUG", -1)


@pytest.mark.usefixtures("bug_and_two_behind", "mended")
async def test_redrive_applies_the_missing_number_and_drains(letters: DeadLetters, pool: asyncpg.Pool) -> None:
    result = await letters.redrive(await only_letter(pool), apply=True, reason="mended in 1.2")
    assert (result.outcome, result.applied, result.events) == ("applied", 3, 3)
    assert await tally(pool, "a") == (1 + BUG + 10 + 100, 4)
    assert await pool.fetchval("SELECT count(*) FROM waiting_event") == 0
    assert await pool.fetchval("SELECT resolution FROM dead_letter") == "redriven"
    audit = await pool.fetchrow("SELECT actor, action, reason FROM operator_action")
    assert audit is not None
    assert tuple(audit) == ("ann", "redrive", "mended in 1.2")


@pytest.mark.usefixtures("bug_and_two_behind", "mended")
async def test_a_dry_run_says_the_same_and_changes_nothing(letters: DeadLetters, pool: asyncpg.Pool) -> None:
    result = await letters.redrive(await only_letter(pool), apply=False)
    assert (result.outcome, result.applied) == ("applied", 3)
    assert await tally(pool, "a") == (1, 1)
    assert await pool.fetchval("SELECT count(*) FROM operator_action") == 0
    assert await only_letter(pool)


@pytest.mark.usefixtures("bug_and_two_behind")
async def test_what_fails_again_stays_dead(letters: DeadLetters, pool: asyncpg.Pool) -> None:
    with pytest.raises(OperationRefused, match="fails again") as refused:
        await letters.redrive(await only_letter(pool), apply=True)
    assert refused.value.code == "fails_again"
    assert await tally(pool, "a") == (1, 1)


@pytest.mark.usefixtures("bug_and_two_behind", "mended")
async def test_a_letter_is_resolved_once(letters: DeadLetters, pool: asyncpg.Pool) -> None:
    letter = await only_letter(pool)
    await letters.redrive(letter, apply=True)
    for act in (letters.redrive(letter, apply=True), letters.discard(letter, reason="again", apply=True)):
        with pytest.raises(OperationRefused) as refused:
            await act
        assert refused.value.code == "already_resolved"


@pytest.mark.usefixtures("bug_and_two_behind")
async def test_discard_needs_a_reason_and_lets_the_key_go_on(letters: DeadLetters, pool: asyncpg.Pool) -> None:
    letter = await only_letter(pool)
    with pytest.raises(OperationRefused) as refused:
        await letters.discard(letter, reason=" ", apply=True)
    assert refused.value.code == "reason_required"
    result = await letters.discard(letter, reason="counted by hand", apply=True)
    assert (result.outcome, result.applied) == ("discarded", 2)
    assert await tally(pool, "a") == (111, 3)
    assert await pool.fetchval("SELECT reason FROM operator_action") == "counted by hand"


@pytest.mark.usefixtures("bug_and_two_behind")
async def test_the_late_event_of_a_discarded_number_is_no_conflict(
    letters: DeadLetters, inbox: Inbox, pool: asyncpg.Pool
) -> None:
    await letters.discard(await only_letter(pool), reason="gone", apply=True)
    counts = await inbox.process([record(4, "a", 2, 5)])
    assert (counts.duplicates, counts.dead) == (1, 0)


async def test_discarding_a_conflict_frees_the_key(letters: DeadLetters, inbox: Inbox, pool: asyncpg.Pool) -> None:
    other = "11111111-1111-5111-8111-111111111111"
    await inbox.process([record(0, "a", 1), record(1, "a", 1, 9, event=other), record(2, "a", 2, 10)])
    letter = await only_letter(pool)
    with pytest.raises(OperationRefused) as refused:
        await letters.redrive(letter, apply=True)
    assert refused.value.code == "conflict"
    await letters.discard(letter, reason="the second history was a test", apply=True)
    assert await tally(pool, "a") == (11, 2)
    await inbox.process([record(3, "a", 3, 100)])
    assert await tally(pool, "a") == (111, 3)


async def test_discarding_ahead_of_the_turn_waits_for_it(
    letters: DeadLetters, inbox: Inbox, pool: asyncpg.Pool
) -> None:
    poison = Record("numbers", 0, 1, b"a", b"{", headers("a", 3))
    await inbox.process([record(0, "a", 1), poison, record(2, "a", 4, 10)])
    await letters.discard(await only_letter(pool), reason="unreadable", apply=True)
    assert await tally(pool, "a") == (1, 1)
    await inbox.process([record(3, "a", 2, 100)])
    assert await tally(pool, "a") == (111, 3)


async def test_a_gap_without_a_letter_can_be_given_up(letters: DeadLetters, inbox: Inbox, pool: asyncpg.Pool) -> None:
    unreadable = Record("numbers", 0, 1, b"\xff", b"{", ())
    await inbox.process([record(0, "a", 1), unreadable, record(2, "a", 3, 10)])
    await letters.discard(await only_letter(pool), reason="nobody can read it", apply=True)
    assert await tally(pool, "a") == (1, 1)
    with pytest.raises(OperationRefused) as refused:
        await letters.give_up("numbers", "a", 3, reason="wrong number", apply=True)
    assert refused.value.code == "not_missing"
    await letters.give_up("numbers", "a", 2, reason="its producer has lost it", apply=True)
    assert await tally(pool, "a") == (11, 2)


@pytest.mark.usefixtures("bug_and_two_behind", "mended")
async def test_a_redrive_and_a_running_consumer_wait_for_each_other(
    letters: DeadLetters, inbox: Inbox, pool: asyncpg.Pool
) -> None:
    """Both see what the other committed: whichever is first, every number counts once."""
    letter = await only_letter(pool)
    more = [record(offset, "a", offset + 1, 1000) for offset in range(4, 40)]
    await asyncio.gather(
        letters.redrive(letter, apply=True),
        *[inbox.process(more[: n + 1]) for n in range(0, len(more), 6)],
        inbox.process(more),
    )
    assert await tally(pool, "a") == (111 + BUG + 36 * 1000, 40)
    assert await pool.fetchval("SELECT count(*) FROM waiting_event") == 0


@pytest.mark.usefixtures("bug_and_two_behind", "mended")
async def test_a_redrive_holds_the_position_row(letters: DeadLetters, inbox: Inbox, pool: asyncpg.Pool) -> None:
    """While somebody holds the partition, a redrive does not even look at the key."""
    letter = await only_letter(pool)
    async with pool.acquire() as holder, holder.transaction():
        await holder.execute("SELECT FROM stream_position FOR UPDATE")
        redrive = asyncio.create_task(letters.redrive(letter, apply=True))
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        async with asyncio.timeout(10):
            while not await pool.fetchval(waits):  # noqa: ASYNC110  the condition is in the database
                await asyncio.sleep(0.01)
        await holder.execute("UPDATE key_position SET sequence = 1 WHERE key = 'a'")
    assert (await redrive).applied == 3


async def test_poison_that_can_be_read_by_now_is_applied(
    letters: DeadLetters, inbox: Inbox, pool: asyncpg.Pool
) -> None:
    stranger = "org.stranger.number.v1"
    found = headers("a", 2, type_=stranger, source="/pathway/stranger")
    foreign = Record("numbers", 0, 1, b"a", added(7), found)
    await inbox.process([record(0, "a", 1), foreign])
    letter = await only_letter(pool)
    with pytest.raises(OperationRefused) as refused:
        await letters.redrive(letter, apply=True)
    assert refused.value.code == "still_poison"
    known = tally_service()
    contract = replace(known.registry[domain.ADDED], type=stranger, producer="stranger")
    registry = type(known.registry)([*known.registry, contract], known.registry.classes)
    newer = replace(known, registry=registry, handles=known.handles | {stranger})
    await DeadLetters(newer, None, pool, "ann").redrive(letter, apply=True)
    assert await tally(pool, "a") == (8, 2)


async def test_the_list_shows_open_letters_without_their_content(inbox: Inbox, pool: asyncpg.Pool) -> None:
    await inbox.process([Record("numbers", 0, 0, b"a", b"{secret", headers("a", 1))])
    rows = [dict(row) for row in await list_letters(pool, everything=False, limit=10)]
    assert [(row["kind"], row["code"], row["bytes"]) for row in rows] == [("poison", "data_invalid", 7)]
    assert "secret" not in str(rows)
