"""Two topics say something about one key: after a restore each input had its effect once, whatever was lost."""

import json
import random
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import asyncpg
import pytest

from services.kernel.decision import Command, Draft
from services.kernel.envelope import to_headers
from services.kernel.ids import event_id
from services.kernel.operations.audit import OperationRefused
from services.kernel.operations.dead_letters import DeadLetters
from services.kernel.operations.restore import Restored, restore
from services.kernel.registry import Contract, Registry
from services.kernel.runtime.commands import Commands
from services.kernel.runtime.database import open_pool
from services.kernel.runtime.inbox import Inbox
from services.kernel.runtime.log_view import Extent, Place
from services.kernel.runtime.records import Record
from services.kernel.service import Change, Row, Service, Table
from tests.parts.databases import Database, Databases
from tests.tally import domain
from tests.tally.domain import ADDED, BUG, SILENT, Added, Tally, tally_service
from tests.tally.records import ROOT, added, headers

NUMBERS, OTHERS = "numbers", "others"
TYPES = {NUMBERS: ADDED, OTHERS: "uk.example.number.found.v1"}
PLAIN = (1, 2)
SHY = 7
SEEN = Table("operator_action", (("actor", "text"), ("action", "text"), ("target", "text"), ("reason", "text")))

Identity = tuple[tuple[str, str], str, int, int]
"""((topic, key), event id, sequence, number)"""


def decide(state: Tally | None, cause: Any, *, policy: Any, now: datetime) -> list[Draft]:
    """Count a number. A shy one says nothing, unless it comes too late: behind three others."""
    if cause.data.number == SHY and (state or Tally()).count < 3:
        return []
    return domain.decide(state, cause, policy=policy, now=now)


def project(change: Change) -> list[Row]:
    """A row that follows from the input itself."""
    cause = change.cause
    return [(SEEN, (change.key, cause.type, cause.id, ""))] if cause and not isinstance(cause, Command) else []


def service() -> Service:
    known = tally_service()
    others = Contract(TYPES[OTHERS], Added, OTHERS, "source")
    return replace(
        known,
        registry=Registry([*known.registry, others], known.registry.classes),
        inputs=(NUMBERS, OTHERS),
        handles=frozenset(TYPES.values()),
        decide=decide,
        project=project,
        tables=(SEEN,),
    )


def number(topic: str, offset: int, key: str, sequence: int, value: int = 1) -> Record:
    return Record(topic, 0, offset, key.encode(), added(value), headers(key, sequence, type_=TYPES[topic]))


def id_of(topic: str, key: str, sequence: int) -> str:
    return event_id(ROOT, f"{key}/{TYPES[topic]}", sequence)


@dataclass
class Log:
    """A log in memory, one partition a topic."""

    topics: dict[str, list[Record]]

    async def partitions(self, topic: str) -> list[Place]:
        return [(topic, 0)] if topic in self.topics else []

    async def extents(self, places: Collection[Place]) -> dict[Place, Extent]:
        return {place: Extent(0, len(self.topics[place[0]]), None) for place in places}

    async def read(self, spans: dict[Place, tuple[int, int]]) -> AsyncIterator[list[Record]]:
        for (topic, _), (start, end) in spans.items():
            for at in range(start, end, 3):
                yield self.topics[topic][at : min(at + 3, end)]


@dataclass
class Life:
    """One database with its inputs, its backup and its log."""

    database: Database
    pool: asyncpg.Pool
    inputs: dict[str, list[Record]] = field(default_factory=lambda: {NUMBERS: [], OTHERS: []})
    taken: dict[str, int] = field(default_factory=lambda: {NUMBERS: 0, OTHERS: 0})
    own: list[Record] = field(default_factory=list)

    def add(self, topic: str, key: str, sequence: int, value: int = 1) -> None:
        self.inputs[topic].append(number(topic, len(self.inputs[topic]), key, sequence, value))

    async def take(self, topic: str, count: int | None = None) -> None:
        start = self.taken[topic]
        records = self.inputs[topic][start:][:count]
        if records:
            await Inbox(service(), None, self.pool).process(records)
        self.taken[topic] = start + len(records)

    async def command(self, key: str) -> None:
        async with Commands(self.pool, service(), None).begin() as tx:
            await tx.execute(Command(tx.command_id, "add", key, Added(number=1)))

    async def _copy(self, source: str, target: str) -> None:
        self.pool.terminate()
        self.database.postgres.copy_database(source, target)
        self.pool = await open_pool(self.database.dsn)

    async def back_up(self) -> None:
        await self._copy(self.database.name, f"{self.database.name}_backup")

    async def lose(self) -> None:
        """Publish everything, then put the backup back."""
        rows = await self.pool.fetch("SELECT key, headers, value FROM outbox ORDER BY id")
        self.own = [
            Record("tallies", 0, at, row["key"].encode(), row["value"], to_headers(json.loads(row["headers"])))
            for at, row in enumerate(rows)
        ]
        await self._copy(f"{self.database.name}_backup", self.database.name)
        self.database.postgres.drop_database(f"{self.database.name}_backup")
        positions = await self.pool.fetch("SELECT topic, next_offset FROM stream_position")
        self.taken = {NUMBERS: 0, OTHERS: 0} | {row["topic"]: row["next_offset"] for row in positions}

    async def restore(self, **without: list[Record]) -> Restored:
        log: Any = Log({"tallies": self.own, **self.inputs, **without})
        return await restore(self.pool, service(), log, actor="ann", apply=True)

    async def answers(self) -> dict[str, int]:
        """How many events each cause led to."""
        rows = await self.pool.fetch("SELECT headers->>'causationid' AS cause, count(*) AS n FROM outbox GROUP BY 1")
        return {row["cause"]: row["n"] for row in rows}

    async def remembered(self) -> list[tuple[str, str, str | None, int | None]]:
        rows = await self.pool.fetch("SELECT key, event_id, topic, sequence FROM restored_input ORDER BY key, topic")
        return [tuple(row) for row in rows]

    async def seen(self) -> set[str]:
        return {row["target"] for row in await self.pool.fetch("SELECT target FROM operator_action")}

    async def total(self, key: str) -> int:
        found: int = await self.pool.fetchval("SELECT (state->>'total')::int FROM aggregate WHERE key = $1", key)
        return found


@pytest.fixture
async def life(database: Databases) -> AsyncIterator[Life]:
    made = Life(database("tally"), await open_pool(database("tally").dsn))
    yield made
    made.pool.terminate()


async def test_answers_of_two_topics_are_both_remembered(life: Life) -> None:
    for topic, value in ((NUMBERS, 1), (OTHERS, 100)):
        for sequence in (1, 2, 3):
            life.add(topic, "a", sequence, value)
    await life.back_up()
    await life.take(NUMBERS, 2)
    await life.take(OTHERS, 2)
    await life.lose()
    assert (await life.restore()).inputs == 4
    assert await life.remembered() == [("a", id_of(topic, "a", 2), topic, 2) for topic in (NUMBERS, OTHERS)], (
        "one a topic is enough"
    )
    assert (await life.restore()).inputs == 0
    await life.take(OTHERS)
    await life.take(NUMBERS)
    assert await life.total("a") == 303
    assert set((await life.answers()).values()) == {1}
    assert await life.remembered() == []
    assert {id_of(topic, "a", n) for topic in TYPES for n in (1, 2, 3)} <= await life.seen()


async def test_what_said_nothing_before_an_answered_input_of_its_topic_says_nothing_later(life: Life) -> None:
    life.add(NUMBERS, "a", 1, SHY)
    for sequence in range(2, 8):
        life.add(NUMBERS, "a", sequence)
    life.add(OTHERS, "a", 1, 100)
    await life.back_up()
    await life.take(OTHERS)
    await life.take(NUMBERS)
    await life.lose()
    await life.restore()
    await life.take(NUMBERS)
    await life.take(OTHERS)
    assert await life.total("a") == 106
    assert id_of(NUMBERS, "a", 1) not in await life.answers()


async def test_an_answered_input_that_waits_or_lies_in_a_letter_again_is_found_there(life: Life) -> None:
    life.add(NUMBERS, "a", 1)
    life.add(NUMBERS, "a", 2, BUG)
    life.add(NUMBERS, "a", 3, SHY)
    for sequence in (4, 5):
        life.add(NUMBERS, "a", sequence, 10)
    life.add(OTHERS, "b", 2, 10)
    for topic in TYPES:
        await life.take(topic)
    await life.back_up()
    mended = replace(service(), decide=_as_mended)
    await DeadLetters(mended, None, life.pool, "ann").redrive(1, apply=True)
    life.add(OTHERS, "b", 1, 1)
    await life.take(OTHERS)
    before = await life.answers()
    assert set(before) == {id_of(NUMBERS, "a", n) for n in (1, 2, 4, 5)} | {id_of(OTHERS, "b", n) for n in (1, 2)}
    await life.lose()
    await life.restore()
    await DeadLetters(mended, None, life.pool, "ann").redrive(1, apply=True)
    await life.take(OTHERS)
    assert await life.answers() == before
    assert await life.remembered() == []


def _as_mended(state: Tally | None, cause: Any, *, policy: Any, now: datetime) -> list[Draft]:
    data = Added(number=5) if cause.data.number == BUG else cause.data
    return decide(state, replace(cause, data=data), policy=policy, now=now)


async def test_an_answered_input_that_is_nowhere_yet_has_no_second_effect_when_it_comes(life: Life) -> None:
    """The broker lost its end too, and its producer sends it again only after the restore."""
    life.add(NUMBERS, "a", 1)
    life.add(OTHERS, "a", 1, 10)
    await life.back_up()
    for topic in TYPES:
        await life.take(topic)
    await life.lose()
    await life.restore(numbers=[])
    assert ("a", id_of(NUMBERS, "a", 1), None, None) in await life.remembered()
    life.add(NUMBERS, "a", 2)
    for topic in TYPES:
        await life.take(topic)
    assert await life.total("a") == 12
    assert await life.remembered() == []


async def test_a_letter_is_not_applied_before_the_restore_is_through(life: Life) -> None:
    life.add(NUMBERS, "a", 1, BUG)
    await life.take(NUMBERS)
    letters = DeadLetters(service(), None, life.pool, "ann")
    for reason in ("database_behind_log", "restoring"):
        await life.pool.execute("INSERT INTO consumer_stop (reason, detail) VALUES ($1, '')", reason)
        for work in (letters.redrive(1, apply=True), letters.discard(1, apply=True, reason="a test")):
            with pytest.raises(OperationRefused) as refused:
                await work
            assert refused.value.code == "database_behind_log"
        await life.pool.execute("UPDATE consumer_stop SET resumed_at = now()")


@pytest.mark.parametrize("seed", range(6))
async def test_each_input_has_one_effect_whatever_was_lost(life: Life, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  spreads cases
    sequences: dict[tuple[str, str], int] = {}
    for topic in TYPES:
        for _ in range(16):
            key = chance.choice("ab")
            sequences[topic, key] = sequences.get((topic, key), 0) + 1
            life.add(topic, key, sequences[topic, key], chance.choice([*PLAIN, SHY, SHY, SILENT]))
        _swap(life.inputs[topic], chance)

    async def go_on(steps: int) -> None:
        for _ in range(steps):
            await life.take(chance.choice([NUMBERS, OTHERS]), chance.randint(1, 4))
            if chance.random() < 0.3:
                await life.command(chance.choice("ab"))

    await go_on(chance.randint(0, 3))
    await life.back_up()
    await go_on(chance.randint(1, 5))
    lost = await life.answers()
    await life.lose()
    await life.restore()
    assert await life.answers() == lost
    await go_on(3)
    for topic in TYPES:
        await life.take(topic)
    found = await life.answers()
    assert set(found.values()) == {1}
    inputs = [_identity(record) for records in life.inputs.values() for record in records]
    assert {id_ for _, id_, _, value in inputs if value in PLAIN} <= set(found)
    assert not _up_to_the_last_of(lost, inputs) & (set(found) - set(lost)), "decided behind what came after it"
    assert await life.remembered() == []


def _swap(records: list[Record], chance: random.Random) -> None:
    """Let some come late: their followers wait."""
    for at in chance.sample(range(1, len(records)), 4):
        a, b = records[at - 1], records[at]
        records[at - 1], records[at] = replace(b, offset=at - 1), replace(a, offset=at)


def _identity(record: Record) -> Identity:
    found = {name: content.decode() for name, content in record.headers if content}
    place = (record.topic, found["ce_subject"])
    return place, found["ce_id"], int(found["ce_sequence"]), json.loads(record.value or b"")["number"]


def _up_to_the_last_of(lost: Collection[str], inputs: list[Identity]) -> set[str]:
    """Return the ids of all inputs up to the last answered one of their key and topic."""
    last: dict[tuple[str, str], int] = {}
    for place, id_, sequence, _ in inputs:
        if id_ in lost:
            last[place] = max(sequence, last.get(place, 0))
    return {id_ for place, id_, sequence, _ in inputs if sequence <= last.get(place, 0)}
