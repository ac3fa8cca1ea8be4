"""A replay of a log with dead letters ends, and says only what nobody has said yet."""

import json
from dataclasses import replace

import asyncpg
import pytest

from services.kernel.decision import Event
from services.kernel.envelope import to_headers
from services.kernel.operations.dead_letters import DeadLetters
from services.kernel.replay.comparing import compare, set_aside
from services.kernel.replay.folding import replay
from services.kernel.replay.history import History
from services.kernel.runtime.inbox import Inbox
from services.kernel.runtime.records import Record
from services.kernel.service import Service
from tests.tally import domain
from tests.tally.domain import BUG, tally_service
from tests.tally.records import headers, record

INPUTS = [
    record(0, "a", 1),
    record(1, "a", 2, BUG),
    record(2, "a", 3),
    record(3, "b", 1),
    Record("numbers", 0, 4, b"b", b"{", headers("b", 2)),
    record(5, "b", 2, 7),
    record(6, "c", 2),
]


async def found_by_replay(
    pool: asyncpg.Pool, *, knowing: bool = True, service: Service | None = None
) -> list[tuple[str, str, str]]:
    """Replay the inputs and what they led to; ``knowing`` what the database says was set aside."""
    history = History(service or tally_service())
    await pool.execute("UPDATE outbox_progress SET sent = (SELECT range_agg(int8range(id, id, '[]')) FROM outbox)")
    rows = await pool.fetch("SELECT key, value, headers FROM outbox ORDER BY id")
    own = [
        Record("tallies", 0, n, key.encode(), value, to_headers(json.loads(found)))
        for n, (key, value, found) in enumerate(rows)
    ]
    for one in [*INPUTS, *own]:
        history.add(one)
    async with pool.acquire() as connection:
        aside = await set_aside(connection) if knowing else frozenset[tuple[str, str, int]]()
        replayed = replay(history, None, aside)
        differences = [*replayed.differences, *await compare(connection, history, replayed)]
    return [(d.key, d.what, d.detail.rsplit(" sequence ", 1)[-1]) for d in differences]


async def test_open_letters_and_what_waits_behind_them(inbox: Inbox, pool: asyncpg.Pool) -> None:
    await inbox.process(INPUTS)
    assert await found_by_replay(pool) == []


async def test_a_letter_that_was_given_up(inbox: Inbox, letters: DeadLetters, pool: asyncpg.Pool) -> None:
    await inbox.process(INPUTS)
    await letters.discard(1, reason="counted by hand", apply=True)
    assert await found_by_replay(pool) == []


async def test_a_letter_that_was_redriven(
    inbox: Inbox, letters: DeadLetters, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await inbox.process(INPUTS)
    monkeypatch.setattr(domain, "BUG", -1)
    await letters.redrive(1, apply=True)
    assert await found_by_replay(pool) == []


async def test_without_the_database_a_bug_is_a_difference_and_no_end(inbox: Inbox, pool: asyncpg.Pool) -> None:
    await inbox.process(INPUTS)
    assert await found_by_replay(pool, knowing=False) == [
        ("a", "input_not_answered", "2 raises ZeroDivisionError"),
        ("a", "input_not_answered", "3 would lead to events"),
        ("c", "input_not_answered", "2 would lead to events"),
    ]


async def test_a_key_that_cannot_be_folded_leaves_the_others(inbox: Inbox, pool: asyncpg.Pool) -> None:
    await inbox.process(INPUTS)

    def evolve(_: object, event: Event) -> domain.Tally:
        if event.key == "a":
            raise KeyError(event.key)
        return domain.evolve(None, event)

    found = await found_by_replay(pool, service=replace(tally_service(), evolve=evolve))
    assert ("a", "replay_failed", "KeyError") in found
    assert {key for key, *_ in found} == {"a"}
