"""Consuming what is sealed, with a real vault: it may be away, have lost a key, have destroyed one."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from services.kernel.runtime import backoff, tables
from services.kernel.runtime.consumption import Consumption
from services.kernel.runtime.failures import Stop
from services.kernel.runtime.inbox import Inbox
from services.kernel.runtime.records import Record
from services.kernel.sealing.subject_key import SubjectKey
from services.kernel.sealing.tokens import seal
from tests.integration.sealing.conftest import ADA, BOB, WAITS_FOR_A_LOCK, House, watched
from tests.tally.source import until
from tests.tally.wishes import Answer, Ask, Box, Told, opened, subject, told, wish_service

TEXT = "a sunny day"


async def letters(house: House, name: str, key: SubjectKey) -> int:
    """Open what follows from all wishes under ``name``."""
    state = await house.admin.fetchval("SELECT state::text FROM aggregate WHERE key = $1", name)
    answer = opened(Box, state, key).answer
    assert answer is not None
    found: Answer = answer.content
    return found.letters


async def everything(house: House) -> bytes:
    """All that the service's database holds, but for original bytes of what was set aside or waits."""
    found = await house.ask(
        "SELECT convert_to(concat_ws(' ', key, state), 'UTF8') FROM aggregate "
        "UNION ALL SELECT convert_to(concat_ws(' ', key, headers), 'UTF8') FROM outbox "
        "UNION ALL SELECT value FROM outbox "
        "UNION ALL SELECT convert_to(concat_ws(' ', key, code, detail), 'UTF8') FROM dead_letter "
        "UNION ALL SELECT convert_to(concat_ws(' ', reason, detail), 'UTF8') FROM consumer_stop "
        "UNION ALL SELECT convert_to(concat_ws(' ', key, word), 'UTF8') FROM words"
    )
    return b"\n".join(row[0] for row in found)


async def test_wishes_are_read_and_nothing_rests_in_clear(house: House) -> None:
    key = await house.key(ADA)
    first, second = told(0, "k", 1, TEXT, by=key), told(1, "k", 2, "rain", by=key)
    await (await house.inbox()).process([first, second])
    assert await letters(house, "k", key) == len(TEXT) + len("rain")
    assert [kept.wish for kept in await house.kept("k")] == [
        Told.model_validate_json(record.value or b"").wish for record in (first, second)
    ], "passed on byte for byte"
    found = await everything(house)
    assert [word for word in (b"sunny", b"rain", b'"letters"', key.secret) if word in found] == []


async def test_what_follows_is_sealed_alike_by_whoever_decides_it(house: House) -> None:
    """The same event gives the same bytes: in another process, and in a replay."""
    key = await house.key(ADA)
    record = told(0, "k", 1, by=key)
    await (await house.inbox()).process([record])
    before = await house.ask("SELECT value FROM outbox")
    await house.admin.execute("TRUNCATE stream_position, key_position, aggregate, outbox")
    await (await house.inbox()).process([record])
    assert await house.ask("SELECT value FROM outbox") == before


async def test_one_query_a_batch_and_no_transaction_is_open_meanwhile(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [f"p{n:02}" for n in range(40)]
    await house.keys.create(people)
    found = await (await house.open_keys()).get(people)
    keys = [key for key in found.values() if isinstance(key, SubjectKey)]
    records = [told(n, f"k{n % 40}", 1 + n // 40, by=keys[n % 40]) for n in range(120)]
    inbox = await house.inbox()
    with watched(house, monkeypatch) as asked:
        await inbox.process(records[:80])
        await inbox.process(records[80:])
    assert asked == [(people, 0)]
    assert await house.position() == 120


async def test_subjects_that_only_a_state_names_are_fetched_without_a_lock_too(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await house.key(ADA)
    await (await house.inbox()).process([told(0, "k", 1, by=key)])
    with watched(house, monkeypatch) as asked:
        await (await house.inbox()).process([told(1, "k", 2, by=BOB, ask=Ask.PASS_ON)])
    assert asked == [([BOB], 0), ([ADA], 0)]
    assert [kept.subject for kept in await house.kept("k")] == [ADA, ADA]


# the vault is away


async def shut(house: House) -> None:
    await house.shut_vault()


async def no_longer_checked(house: House) -> None:
    await house.stop_serving()


async def stopped(house: House) -> None:
    await house.safe.execute("INSERT INTO consumer_stop (reason, detail) VALUES ('restoring', 'under way')")


async def back(house: House) -> None:
    await house.safe.execute("UPDATE consumer_stop SET resumed_at = clock_timestamp()")
    await house.open_vault()
    await house.serve()


@pytest.mark.parametrize("away", [shut, no_longer_checked, stopped])
async def test_a_vault_that_is_away_is_waited_for_without_a_transaction(
    house: House, monkeypatch: pytest.MonkeyPatch, away: Callable[[House], Awaitable[None]]
) -> None:
    key = await house.key(ADA)
    inbox = await house.inbox()
    await away(house)
    tries: list[int] = []

    async def pause(_: float) -> None:
        tries.append(await house.transactions())
        if len(tries) == 3:
            await back(house)

    monkeypatch.setattr(backoff, "pause", pause)
    async with asyncio.timeout(30):
        counts = await inbox.process([told(0, "k", 1, TEXT, by=key), told(1, "k", 2, "rain", by=key)])
    assert tries == [0, 0, 0]
    assert (counts.applied, counts.events, counts.dead) == (2, 2, 0)
    assert await letters(house, "k", key) == len(TEXT) + len("rain")
    assert len(await house.kept("k")) == 2
    assert (await house.position(), await house.dead(), await house.stops()) == (2, [], [])


async def test_a_vault_that_hangs_holds_up_no_lock_of_ours(house: House) -> None:
    key = await house.key(ADA)
    inbox = await house.inbox()
    async with house.safe.transaction():
        await house.safe.execute("LOCK TABLE subject_key IN ACCESS EXCLUSIVE MODE")
        work = asyncio.create_task(inbox.process([told(0, "k", 1, by=key)]))
        look = await asyncpg.connect(house.databases("vault").admin_dsn)
        house.stack.callback(look.terminate)

        async def waits() -> bool:
            return bool(await look.fetchval(WAITS_FOR_A_LOCK))

        await until(waits)
        assert await house.transactions() == 0
        assert not work.done()
    await work
    assert (await house.position(), len(await house.kept("k"))) == (1, 1)


async def test_what_a_process_holds_lasts_through_a_short_absence(house: House) -> None:
    key = await house.key(ADA)
    inbox = await house.inbox()
    await inbox.process([told(0, "k", 1, by=key)])
    await house.shut_vault()
    async with asyncio.timeout(10):
        await inbox.process([told(1, "k", 2, by=key)])
    await house.open_vault()
    assert await house.position() == 2


async def test_a_worker_gets_its_keys_by_its_settings_also_after_it_was_closed(house: House) -> None:
    key = await house.key(ADA)
    worker = Consumption(wish_service(), house.settings())
    async with asyncio.timeout(20):
        for offset in range(2):
            await worker.take({("told", 0): [told(offset, "k", offset + 1, TEXT, by=key)]})
            await worker.close()
    assert await letters(house, "k", key) == 2 * len(TEXT)


# keys that are not to be had


async def test_a_lost_key_latches_a_stop_and_loses_nothing(house: House) -> None:
    key, other = await house.key("eve"), await house.key(ADA)
    lost = await house.lose("eve")
    records = [told(0, "a", 1, by=other), told(1, "k", 1, TEXT, by=key), told(2, "b", 1, by=other)]
    inbox = await house.inbox()
    with pytest.raises(Stop, match="key_missing"):
        await inbox.process(records)
    assert await house.stops() == ["key_missing"]
    assert (await house.position(), await house.dead(), await house.kept("a")) == (0, [], [])
    with pytest.raises(Stop, match="latched"):
        await inbox.process(records)
    await house.put_back(lost)
    await house.resume()
    await inbox.process(records)
    assert await letters(house, "k", key) == len(TEXT)
    assert [len(await house.kept(name)) for name in "akb"] == [1, 1, 1]


async def test_a_lost_key_stops_nothing_that_only_passes_on(house: House) -> None:
    key = await house.key("eve")
    await house.lose("eve")
    await (await house.inbox()).process([told(0, "k", 1, by=key, ask=Ask.PASS_ON)])
    assert (await house.position(), await house.stops(), len(await house.kept("k"))) == (1, [], 1)


async def test_a_wrong_root_key_latches_a_stop_and_sets_nothing_aside(house: House, other_root_key: str) -> None:
    key = await house.key(ADA)
    records = [told(0, "k", 1, TEXT, by=key)]
    with pytest.raises(Stop, match="wrapping_key_wrong"):
        await (await house.inbox(await house.open_keys(root_key=other_root_key))).process(records)
    assert await house.stops() == ["wrapping_key_wrong"]
    assert (await house.position(), await house.dead()) == (0, [])
    await house.resume()
    await (await house.inbox()).process(records)
    assert await letters(house, "k", key) == len(TEXT)


async def test_nothing_follows_from_what_is_erased_and_the_stream_goes_on(house: House) -> None:
    key, other = await house.key(ADA), await house.key(BOB)
    await (await house.inbox()).process([told(0, "k", 1, by=key)])
    before = await house.box("k")
    await house.erase(ADA)
    counts = await (await house.inbox()).process(
        [told(1, "k", 2, by=key), told(2, "new", 1, by=key), told(3, "b", 1, by=other), told(4, "k", 3, by=key)]
    )
    assert (counts.applied, counts.events, counts.dead) == (4, 1, 0)
    assert (await house.position(), await house.dead(), await house.stops()) == (5, [], [])
    assert await house.box("k") == before
    assert await house.box("new") is None
    assert await house.ask("SELECT key, sequence FROM key_position ORDER BY key") == [("b", 1), ("k", 3), ("new", 1)]


async def test_what_is_erased_is_still_passed_on_as_it_is(house: House) -> None:
    key = await house.key(ADA)
    record = told(0, "k", 1, by=key, ask=Ask.PASS_ON)
    await house.erase(ADA)
    await (await house.inbox()).process([record])
    assert [kept.wish for kept in await house.kept("k")] == [Told.model_validate_json(record.value or b"").wish]


async def test_what_was_begun_goes_on_for_a_restricted_subject(house: House) -> None:
    """What another service has published already is answered: a gap in the chain would be a loss."""
    key = await house.key(ADA)
    await house.restrict(ADA)
    counts = await (await house.inbox()).process([told(0, "k", 1, TEXT, by=key)])
    assert (counts.applied, counts.events, await letters(house, "k", key)) == (1, 1, len(TEXT))


async def test_a_try_after_an_erasure_does_not_use_what_an_earlier_one_opened(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is away for longer than keys are held, and the subject is erased meanwhile."""
    key = await house.key(ADA)
    inbox = await house.inbox()
    fails = [True]

    async def finish(*given: Any) -> None:
        if fails and fails.pop():
            raise ConnectionResetError
        await tables.finish(*given)

    async def pause(_: float) -> None:
        await house.erase(ADA)
        inbox.keys = await house.open_keys()

    monkeypatch.setattr("services.kernel.runtime.inbox.finish", finish)
    monkeypatch.setattr(backoff, "pause", pause)
    counts = await inbox.process([told(0, "k", 1, by=key)])
    assert (counts.applied, counts.events) == (1, 0)
    assert await house.kept("k") == []


# tokens that are not what they say


def of(token: str, ask: Ask = Ask.READ, subject: str = ADA) -> bytes:
    return Told.model_validate({"subject": subject, "ask": ask, "wish": token}).model_dump_json().encode()


Make = Callable[[SubjectKey, SubjectKey], str]


def forged(ada: SubjectKey, _: SubjectKey) -> str:
    return seal({"text": TEXT}, SubjectKey(ADA, ada.kid, b"x" * 32), "wish")


def of_somebody_else(_: SubjectKey, bob: SubjectKey) -> str:
    return seal({"text": TEXT}, bob, "wish")


def of_another_field(ada: SubjectKey, _: SubjectKey) -> str:
    return seal({"text": TEXT}, ada, "answer")


def of_another_key(ada: SubjectKey, _: SubjectKey) -> str:
    return seal({"text": TEXT}, SubjectKey(ADA, "kid-of-old", ada.secret), "wish")


def of_other_content(ada: SubjectKey, _: SubjectKey) -> str:
    return seal({"sentence": TEXT}, ada, "wish")


@pytest.mark.parametrize(
    ("make", "ask", "code"),
    [
        (forged, Ask.READ, "token_forged"),
        (of_somebody_else, Ask.READ, "token_subject"),
        (of_another_field, Ask.READ, "token_field"),
        (of_another_key, Ask.READ, "token_key_id"),
        (of_other_content, Ask.READ, "token_plain"),
        (of_somebody_else, Ask.PASS_ON, "token_subject"),
        (of_another_field, Ask.PASS_ON, "token_field"),
    ],
)
async def test_a_token_that_is_not_what_it_says_is_set_aside_by_its_code(
    house: House, make: Make, ask: Ask, code: str
) -> None:
    ada, bob = await house.key(ADA), await house.key(BOB)
    bad = told(0, "k", 1, by=ada, value=of(make(ada, bob), ask))
    await (await house.inbox()).process([bad, told(1, "k", 2, by=ada), told(2, "b", 1, by=bob)])
    assert await house.dead() == [("k", "poison", code)]
    assert (await house.position(), await house.stops()) == (3, [])
    assert (await house.kept("k"), len(await house.kept("b"))) == ([], 1)
    assert await house.ask("SELECT key, waiting FROM key_position WHERE waiting > 0") == [("k", 1)]
    assert TEXT.encode() not in await everything(house)


async def test_an_erased_subject_s_token_of_somebody_else_is_not_passed_on_either(house: House) -> None:
    ada, bob = await house.key(ADA), await house.key(BOB)
    await house.erase(ADA)
    bad = told(0, "k", 1, by=ada, value=of(of_somebody_else(ada, bob), Ask.PASS_ON))
    await (await house.inbox()).process([bad])
    assert await house.dead() == [("k", "poison", "token_subject")]


# what is not sealed


async def test_plain_content_that_came_is_poison(house: House) -> None:
    key = await house.key(ADA)
    plain = told(0, "k", 1, by=key, value=b'{"subject": "ada", "ask": 0, "wish": "a sunny day"}')
    await (await house.inbox()).process([plain])
    assert await house.dead() == [("k", "poison", "data_invalid")]
    assert TEXT.encode() not in await everything(house)


async def test_plain_content_that_a_decision_lets_slip_never_leaves(house: House) -> None:
    key = await house.key(ADA)
    records: list[Record] = [told(0, "k", 1, by=key, ask=Ask.BLURT), told(1, "b", 1, by=key)]
    await (await house.inbox()).process(records)
    assert await house.dead() == [("k", "bug", "MustNotLeave")]
    assert await house.kept("k") == []
    assert await house.box("k") is None
    assert TEXT.encode() not in await everything(house)


async def test_a_subject_that_cannot_be_told_is_one_event_s_bug(house: House) -> None:
    key = await house.key(ADA)

    def careless(found: Any) -> str | None:
        if getattr(found, "ask", None) is Ask.PASS_ON:
            raise AttributeError("subject")
        return subject(found)

    inbox = Inbox(replace(wish_service(), subject=careless), None, house.pool, keys=await house.open_keys())
    await inbox.process([told(0, "k", 1, by=key, ask=Ask.PASS_ON), told(1, "b", 1, by=key)])
    assert await house.dead() == [("k", "bug", "AttributeError")]
    assert (await house.position(), await house.stops(), len(await house.kept("b"))) == (2, [], 1)


async def test_nothing_seals_without_a_vault(house: House) -> None:
    """A worker that was put together without keys stops; it neither publishes in clear nor sets anything aside."""
    key = await house.key(ADA)
    with pytest.raises(Stop, match="key_missing"):
        await Inbox(wish_service(), None, house.pool).process([told(0, "k", 1, by=key)])
    assert (await house.position(), await house.dead()) == (0, [])
