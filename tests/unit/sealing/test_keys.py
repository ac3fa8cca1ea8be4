"""The ring of keys: one query a call, at most a minute, nothing held after it was forgotten."""

import asyncio
from collections.abc import Sequence

import pytest

from services.kernel.sealing.errors import WrappingKeyWrong
from services.kernel.sealing.keys import ERASED, MISSING, KeyRing, KeyRow
from services.kernel.sealing.subject_key import SubjectKey
from tests.unit.sealing.subjects import ADA, BOB, PlainRoot, Rows, keks, row


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def secret_of(found: object) -> bytes:
    assert isinstance(found, SubjectKey)
    return found.secret


async def test_one_query_gives_keys_erased_and_missing() -> None:
    rows = Rows([row(ADA), row(BOB, erased=True)])
    found = await KeyRing(rows, keks()).get(["ada", "bob", "eve", "ada"])
    assert found == {"ada": ADA, "bob": ERASED, "eve": MISSING}
    assert rows.asked == [["ada", "bob", "eve"]]


async def test_what_is_held_is_not_asked_for_again_and_missing_is_not_held() -> None:
    rows = Rows([row(ADA), row(BOB, erased=True)])
    ring = KeyRing(rows, keks())
    await ring.get(["ada", "bob", "eve"])
    assert await ring.get(["ada", "bob", "eve"]) == {"ada": ADA, "bob": ERASED, "eve": MISSING}
    assert rows.asked[1:] == [["eve"]]
    await ring.get(["ada"])
    await ring.get([])
    assert len(rows.asked) == 2


async def test_a_key_is_held_for_a_minute_from_when_it_was_asked_for() -> None:
    clock, rows = Clock(), Rows([row(ADA)])
    ring = KeyRing(rows, keks(), monotonic=clock)
    await ring.get(["ada"])
    rows.rows["ada"] = row(ADA, erased=True)
    clock.seconds += 59.9
    assert await ring.get(["ada"]) == {"ada": ADA}
    clock.seconds += 0.1
    assert await ring.get(["ada"]) == {"ada": ERASED}


def test_nobody_holds_a_key_for_longer() -> None:
    with pytest.raises(ValueError, match="60 seconds"):
        KeyRing(Rows([]), keks(), max_age_seconds=61)


async def test_what_is_held_counts_for_nothing_where_it_must_be_fresh() -> None:
    rows = Rows([row(ADA)])
    ring = KeyRing(rows, keks())
    await ring.get(["ada"])
    rows.rows["ada"] = row(ADA, erased=True)
    assert await ring.get(["ada"], fresh=True) == {"ada": ERASED}
    assert await ring.get(["ada"]) == {"ada": ERASED}


async def test_an_answer_that_was_asked_for_earlier_replaces_no_later_one() -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    class Slow(Rows):
        async def fetch(self, subjects: Sequence[str]) -> Sequence[KeyRow]:
            found = await super().fetch(subjects)
            if len(self.asked) == 1:
                asked.set()
                await answer.wait()
            return found

    rows, clock = Slow([row(ADA)]), Clock()
    ring = KeyRing(rows, keks(), monotonic=clock)
    early = asyncio.ensure_future(ring.get(["ada"]))
    await asked.wait()
    clock.seconds += 1
    rows.rows["ada"] = row(ADA, erased=True)
    assert await ring.get(["ada"]) == {"ada": ERASED}
    answer.set()
    assert await early == {"ada": ADA}
    assert await ring.get(["ada"]) == {"ada": ERASED}


async def test_no_more_than_so_many_are_held() -> None:
    rows = Rows([row(SubjectKey(f"s{n}", f"k{n}", bytes([n]) * 32)) for n in range(10)])
    ring = KeyRing(rows, keks(), max_held=4)
    assert len(await ring.get([f"s{n}" for n in range(10)])) == 10
    await ring.get([f"s{n}" for n in range(6, 10)])
    assert len(rows.asked) == 1
    await ring.get(["s5"])
    assert rows.asked[1:] == [["s5"]]


async def test_the_root_key_is_asked_once() -> None:
    root, rows = PlainRoot(), Rows([row(ADA), row(BOB)])
    shared = keks(root)
    await asyncio.gather(KeyRing(rows, shared).get(["ada"]), KeyRing(rows, shared).get(["bob"]))
    assert root.asked == 1


async def test_a_key_of_another_subject_or_id_does_not_open() -> None:
    stolen = row(ADA)
    for wrong in (
        KeyRow("bob", stolen.kid, stolen.wrapped, stolen.kek_id, stolen.kek_wrapped, "bob"),
        KeyRow("ada", "kid-9", stolen.wrapped, stolen.kek_id, stolen.kek_wrapped, "ada"),
        KeyRow("ada", stolen.kid, b"short", stolen.kek_id, stolen.kek_wrapped, "ada"),
    ):
        with pytest.raises(WrappingKeyWrong):
            await KeyRing(Rows([wrong]), keks()).get([wrong.subject])


async def test_what_the_source_raises_passes_and_nothing_is_held() -> None:
    class Gone(Rows):
        async def fetch(self, subjects: Sequence[str]) -> Sequence[KeyRow]:
            await super().fetch(subjects)
            raise ConnectionResetError

    rows = Gone([row(ADA)])
    ring = KeyRing(rows, keks())
    for _ in range(2):
        with pytest.raises(ConnectionResetError):
            await ring.get(["ada"])
    assert len(rows.asked) == 2


async def test_subjects_that_were_merged_keep_their_own_keys() -> None:
    rows = Rows([row(ADA, survivor="bob"), row(BOB), row(SubjectKey("eve", "kid-3", b"e" * 32))])
    found = await KeyRing(rows, keks()).get(["ada", "bob", "eve", "nobody"])
    assert [secret_of(found[name]) for name in ("ada", "bob")] == [ADA.secret, BOB.secret]
    assert found["nobody"] is MISSING


def test_no_key_shows_in_a_row() -> None:
    assert "wrapped" not in repr(row(ADA))
