"""What waits or was set aside is sealed as it came, and is opened when its turn comes."""

from dataclasses import replace

import pytest

from services.kernel.operations.audit import OperationRefused
from services.kernel.runtime.failures import Stop
from services.kernel.sealing.subject_key import SubjectKey
from services.kernel.sealing.tokens import seal
from tests.integration.sealing.conftest import ADA, House, watched
from tests.tally.wishes import Answer, Ask, Box, Told, opened, told

TEXT = "a sunny day"


async def letters(house: House, key: SubjectKey) -> int:
    state = await house.admin.fetchval("SELECT state::text FROM aggregate WHERE key = 'k'")
    answer = opened(Box, state, key).answer
    assert answer is not None
    found: Answer = answer.content
    return found.letters


async def test_what_waits_is_opened_when_its_turn_comes(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    key = await house.key(ADA)
    later = [told(0, "k", 3, "three", by=key), told(1, "k", 2, "two", by=key)]
    await (await house.inbox()).process(later)
    values = [value for (value,) in await house.ask("SELECT value FROM waiting_event ORDER BY sequence DESC")]
    assert values == [record.value for record in later]
    with watched(house, monkeypatch) as asked:
        counts = await (await house.inbox()).process([told(2, "k", 1, "one", by=key)])
    assert asked == [([ADA], 0)]
    assert counts.applied == 3
    assert await letters(house, key) == len("onetwothree")


async def test_what_waits_about_somebody_else_gets_its_key_without_a_lock(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A waiting event names a subject that neither the record nor a state does."""
    key = await house.key(ADA)
    await (await house.inbox()).process([told(0, "k", 2, TEXT, by=key)])
    with watched(house, monkeypatch) as asked:
        await (await house.inbox()).process([told(1, "k", 1, by="bob", ask=Ask.BE_SILENT)])
    assert asked == [(["bob"], 0), ([ADA], 0)]
    assert await letters(house, key) == len(TEXT)


async def test_nothing_follows_from_what_waited_when_its_subject_is_erased_by_then(house: House) -> None:
    key = await house.key(ADA)
    await (await house.inbox()).process([told(0, "k", 2, by=key)])
    await house.erase(ADA)
    counts = await (await house.inbox()).process([told(1, "k", 1, by=key)])
    assert (counts.applied, counts.events, counts.dead) == (2, 0, 0)
    assert await house.ask("SELECT sequence, waiting FROM key_position") == [(2, 0)]
    assert await house.ask("SELECT FROM waiting_event") == []


async def test_a_lost_key_leaves_what_waits_where_it_is(house: House) -> None:
    key = await house.key("eve")
    await (await house.inbox()).process([told(0, "k", 2, "two", by=key)])
    lost = await house.lose("eve")
    first = [told(1, "k", 1, "one", by=key)]
    with pytest.raises(Stop, match="key_missing"):
        await (await house.inbox()).process(first)
    assert await house.ask("SELECT sequence FROM waiting_event") == [(2,)]
    await house.put_back(lost)
    await house.resume()
    await (await house.inbox()).process(first)
    assert await letters(house, key) == len("onetwo")


async def test_a_letter_under_a_key_that_comes_back_is_redriven(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The vault was put back from an old backup and made a new key; then the right one is found."""
    right = await house.key("eve")
    lost = await house.lose("eve")
    await house.key("eve")
    records = [told(0, "k", 1, "one", by=right), told(1, "k", 2, "two", by=right)]
    await (await house.inbox()).process(records)
    assert await house.dead() == [("k", "poison", "token_key_id")]
    with pytest.raises(OperationRefused, match=r"fails again \(token_key_id\)"):
        await (await house.letters()).redrive(1, apply=True)
    await house.lose("eve")
    await house.put_back(lost)
    with watched(house, monkeypatch) as asked:
        dry = await (await house.letters()).redrive(1, apply=False)
    assert asked == [(["eve"], 0)]
    assert (dry.outcome, dry.applied, await house.box("k")) == ("applied", 2, None)
    done = await (await house.letters()).redrive(1, apply=True)
    assert (done.applied, done.events) == (2, 2)
    assert await letters(house, right) == len("onetwo")


async def forged_letter(house: House, key: SubjectKey) -> None:
    token = seal({"text": TEXT}, SubjectKey(ADA, key.kid, b"x" * 32), "wish")
    value = Told.model_validate({"subject": ADA, "wish": token}).model_dump_json().encode()
    await (await house.inbox()).process([told(0, "k", 1, by=key, value=value), told(1, "k", 2, "two", by=key)])
    assert await house.dead() == [("k", "poison", "token_forged")]


async def test_what_waited_behind_a_forged_token_goes_on_when_that_is_given_up(house: House) -> None:
    key = await house.key(ADA)
    await forged_letter(house, key)
    done = await (await house.letters()).discard(1, reason="forged", apply=True)
    assert done.applied == 1
    assert await letters(house, key) == len("two")


async def test_a_missing_number_is_given_up_and_what_waits_is_opened(house: House) -> None:
    key = await house.key(ADA)
    await (await house.inbox()).process([told(0, "k", 2, "two", by=key)])
    done = await (await house.letters()).give_up("told", "k", 1, reason="lost", apply=True)
    assert done.applied == 1
    assert await letters(house, key) == len("two")


async def test_a_redrive_of_what_is_erased_by_then_ends_it(house: House) -> None:
    key = await house.key(ADA)
    await forged_letter(house, key)
    await house.erase(ADA)
    done = await (await house.letters()).redrive(1, apply=True)
    assert (done.applied, done.events, done.dead) == (2, 0, 0)
    assert await house.ask("SELECT resolution FROM dead_letter") == [("redriven",)]


async def test_a_redrive_without_the_key_changes_nothing(house: House) -> None:
    key = await house.key(ADA)
    await forged_letter(house, key)
    await house.lose(ADA)
    with pytest.raises(OperationRefused) as refused:
        await (await house.letters()).redrive(1, apply=True)
    assert refused.value.code == "key_missing"
    assert await house.ask("SELECT resolution FROM dead_letter") == [(None,)]
    assert (await house.stops(), await house.box("k")) == ([], None)


async def test_a_redrive_under_a_wrong_root_key_changes_nothing(house: House, other_root_key: str) -> None:
    key = await house.key(ADA)
    await forged_letter(house, key)
    letters = replace(await house.letters(), keys=await house.open_keys(root_key=other_root_key))
    with pytest.raises(OperationRefused) as refused:
        await letters.redrive(1, apply=True)
    assert refused.value.code == "wrapping_key_wrong"
    assert await house.ask("SELECT resolution FROM dead_letter") == [(None,)]
