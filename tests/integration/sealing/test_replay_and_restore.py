"""The log of a service that seals, folded again: with keys byte for byte, without them as far as it says itself."""

import json
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack

import asyncpg
import pytest
from rich.progress import Progress

from services.kernel.envelope import to_headers
from services.kernel.operations.restore import restore
from services.kernel.replay import command
from services.kernel.replay.command import Verdict, verify
from services.kernel.runtime.database import open_pool
from services.kernel.runtime.inbox import Inbox
from services.kernel.runtime.log_view import Extent, LogView, Place
from services.kernel.runtime.records import Record
from services.kernel.sealing.content import Sealed
from services.kernel.sealing.errors import WrappingKeyWrong
from services.kernel.sealing.subject_key import SubjectKey
from tests.integration.sealing.conftest import ADA, BOB, House, watched
from tests.parts.databases import Databases
from tests.tally.wishes import CREATE_WORDS, Ask, Told, Wish, told, wish_service


class Shelf(LogView):
    """A log in memory, one partition a topic."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.topics: dict[str, list[Record]] = {}
        for record in records:
            self.topics.setdefault(record.topic, []).append(record)

    async def partitions(self, topic: str) -> list[Place]:
        return [(topic, 0)] if topic in self.topics else []

    async def extents(self, places: Collection[Place]) -> dict[Place, Extent]:
        return {place: Extent(0, len(self.topics[place[0]]), "id") for place in places}

    async def read(self, spans: dict[Place, tuple[int, int]]) -> AsyncIterator[list[Record]]:
        for (topic, _), (start, end) in spans.items():
            yield self.topics[topic][start:end]


def inputs(ada: SubjectKey, bob: SubjectKey) -> list[Record]:
    """Four that are read, one that is passed on, one that says nothing, of two subjects under three keys."""
    return [
        told(0, "k", 1, "one", by=ada),
        told(1, "k", 2, "two", by=ada),
        told(2, "k", 3, "three", by=ada, ask=Ask.PASS_ON),
        told(3, "k", 4, "four", by=ada, ask=Ask.BE_SILENT),
        told(4, "b", 1, "five", by=bob),
        told(5, "c", 1, "six", by=ada, ask=Ask.PASS_ON),
    ]


async def live(house: House) -> list[Record]:
    """Decide on inputs and one command; return the whole log."""
    given = inputs(await house.key(ADA), await house.key(BOB))
    await (await house.inbox()).process(given)
    await house.tell("k", Told(subject=ADA, wish=Sealed.of(Wish(text="seven"))))
    rows = await house.ask("SELECT key, value, headers::text FROM outbox ORDER BY id")
    own = [
        Record("kept", 0, n, key.encode(), value, to_headers(json.loads(found)))
        for n, (key, value, found) in enumerate(rows)
    ]
    return [*given, *own]


async def replayed(house: House, log: Sequence[Record], **settings: str) -> Verdict:
    """Replay a log with the keys that the vault has now."""

    async def batches() -> AsyncIterator[Sequence[Record]]:
        yield log

    with Progress(disable=True) as bar:
        return await verify([wish_service()], house.settings(**settings), batches(), bar)


def counted(verdict: Verdict) -> dict[str, int]:
    found = verdict.services["wishes"]
    return {name: found[name] for name in ("events", "decided_again", "folded_only", "accepted_on_digest")}


async def test_with_keys_every_event_is_decided_again_byte_for_byte(house: House) -> None:
    verdict = await replayed(house, await live(house))
    assert verdict.differences == []
    assert counted(verdict) == {"events": 6, "decided_again": 6, "folded_only": 0, "accepted_on_digest": 0}


async def test_of_an_erased_subject_what_was_read_is_accepted_on_its_digest(house: House) -> None:
    log = await live(house)
    await house.erase(ADA)
    verdict = await replayed(house, log)
    assert verdict.differences == []
    assert counted(verdict) == {"events": 6, "decided_again": 3, "folded_only": 0, "accepted_on_digest": 3}


async def test_what_an_erasure_kept_from_being_decided_is_no_difference(house: House) -> None:
    log = await live(house)
    await house.erase(ADA)
    late = told(6, "k", 5, "late", by=SubjectKey(ADA, "kid", b"k" * 32))
    await (await house.inbox()).process([late])
    verdict = await replayed(house, [*log, late])
    assert verdict.differences == []
    assert await house.position() == 7


async def test_an_erasure_hides_no_other_difference(house: House) -> None:
    log = await live(house)
    await house.erase(ADA)
    await house.admin.execute(
        "UPDATE aggregate SET state = jsonb_set(state::jsonb, '{count}', '9')::json WHERE key = 'k'"
    )
    verdict = await replayed(house, log)
    assert [(d.key, d.what) for d in verdict.differences] == [("k", "other_state")]


async def test_a_lost_key_is_a_difference_of_its_own_keys_alone(house: House) -> None:
    log = await live(house)
    await house.lose(ADA)
    verdict = await replayed(house, log)
    assert ("k", "replay_failed", "KeyMissing") in {(d.key, d.what, d.detail) for d in verdict.differences}
    assert {d.key for d in verdict.differences} == {"k"}


async def test_a_wrong_root_key_ends_a_replay(house: House, other_root_key: str) -> None:
    log = await live(house)
    with pytest.raises(WrappingKeyWrong):
        await replayed(house, log, root_key=other_root_key)


async def test_keys_are_fetched_some_at_a_time(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    log = await live(house)
    monkeypatch.setattr(command, "KEYS_AT_ONCE", 1)
    with watched(house, monkeypatch) as asked:
        assert (await replayed(house, log)).equal
    assert [subjects for subjects, _ in asked] == [[ADA], [BOB]]


async def test_a_restore_folds_the_log_without_a_key(house: House, other_databases: Databases) -> None:
    """The vault is away; a database that holds nothing comes to the same states, and decides nothing twice."""
    log = await live(house)
    states = "SELECT key, sequence, state::jsonb::text FROM aggregate WHERE sequence > 0 ORDER BY key"
    events = "SELECT key, sequence, event_id, value FROM outbox ORDER BY key, sequence"
    await house.shut_vault()
    async with AsyncExitStack() as stack:
        pool = await open_pool(other_databases("wishes").dsn)
        stack.callback(pool.terminate)
        admin = await asyncpg.connect(other_databases("wishes").admin_dsn)
        stack.callback(admin.terminate)
        await admin.execute(CREATE_WORDS)
        found = await restore(pool, wish_service(), Shelf(log), actor="ann", apply=True)
        assert (found.events, found.inputs) == (6, 5)
        assert [tuple(row) for row in await admin.fetch(states)] == await house.ask(states)
        assert [tuple(row) for row in await admin.fetch(events)] == await house.ask(events)
        await house.open_vault()
        again = Inbox(wish_service(), None, pool, keys=await house.open_keys())
        counts = await again.process([record for record in log if record.topic == "told"])
        assert (counts.applied, counts.events, counts.dead) == (6, 0, 0)
        assert [tuple(row) for row in await admin.fetch(states)] == await house.ask(states)
