"""What fails for no fault of the record's: one event is set aside or tried again, the stream goes on."""

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from pydantic import BaseModel, field_validator

from services.kernel.field_classes import MustNotLeave
from services.kernel.operations.dead_letters import DeadLetters
from services.kernel.registry import Registry
from services.kernel.runtime import backoff
from services.kernel.runtime.consumption import Consumption
from services.kernel.runtime.database import open_pool
from services.kernel.runtime.failures import Stop
from services.kernel.runtime.inbox import Inbox
from services.kernel.runtime.records import Record
from services.kernel.service import Change, Row, Service, Table
from services.kernel.settings import Settings
from tests.parts.databases import Databases
from tests.tally.domain import ADDED, tally_service
from tests.tally.records import added, headers, record

NEWER = "uk.example.number.added.v2"
UNLUCKY = 42


@pytest.fixture
async def pool(database: Databases) -> AsyncIterator[asyncpg.Pool]:
    pool = await open_pool(database("tally").dsn, size=3)
    yield pool
    pool.terminate()


@pytest.fixture
async def admin(database: Databases) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database("tally").admin_dsn)
    yield connection
    connection.terminate()


async def totals(pool: asyncpg.Pool) -> dict[str, tuple[int, int]]:
    rows = await pool.fetch(
        "SELECT key, (state->>'count')::int, (state->>'total')::int FROM aggregate WHERE sequence > 0"
    )
    return {key: (count, total) for key, count, total in rows}


async def dead(pool: asyncpg.Pool) -> list[tuple[str, str, str]]:
    return [tuple(r) for r in await pool.fetch("SELECT key, kind, code FROM dead_letter ORDER BY id")]


def with_type(known: Service, type_: str, model: type[BaseModel] | None = None) -> Service:
    """Let the service know one type more, read by ``model``."""
    contract = known.registry[ADDED]
    others = [c for c in known.registry if c.type != type_]
    new = replace(contract, type=type_, model=model or contract.model)
    return replace(known, registry=Registry([*others, new], known.registry.classes), handles=known.handles | {type_})


@pytest.mark.parametrize("value", [2**70, "\ud800"], ids=["too large", "not a character"])
async def test_a_row_that_cannot_be_encoded_sets_its_event_aside(
    pool: asyncpg.Pool, admin: asyncpg.Connection, value: Any
) -> None:
    """What a COPY raises while it encodes is no error of the database's."""
    kind = "text" if isinstance(value, str) else "bigint"
    await admin.execute(f"CREATE TABLE grows (value {kind}); GRANT INSERT, SELECT ON grows TO tally_run")
    grows = Table("grows", (("value", kind),))

    def project(change: Change) -> list[Row]:
        return [(grows, (value,))] if change.cause and change.cause.data.number == UNLUCKY else []

    service = replace(tally_service(), project=project, tables=(grows,))
    await Inbox(service, None, pool).process([record(0, "a", 1), record(1, "b", 1, UNLUCKY), record(2, "c", 1)])
    assert await totals(pool) == {"a": (1, 1), "c": (1, 1)}
    assert [kind for _, kind, _ in await dead(pool)] == ["bug"]


async def test_a_state_that_cannot_be_read_holds_up_its_key_only(pool: asyncpg.Pool) -> None:
    inbox = Inbox(tally_service(), None, pool)
    await inbox.process([record(0, "a", 1), record(1, "b", 1)])
    await pool.execute("""UPDATE aggregate SET state = '{"total": "many"}' WHERE key = 'a'""")
    await inbox.process([record(2, "a", 2), record(3, "b", 2), record(4, "a", 3)])
    assert await dead(pool) == [("a", "bug", "ValidationError")]
    assert await pool.fetchval("SELECT (state->>'count')::int FROM aggregate WHERE key = 'b'") == 2
    assert await pool.fetchval("SELECT waiting FROM key_position WHERE key = 'a'") == 1


async def test_a_bug_in_reading_data_is_a_bug_and_no_poison(pool: asyncpg.Pool) -> None:
    class Careless(BaseModel):
        number: int

        @field_validator("number")
        @classmethod
        def share(cls, number: int) -> int:
            return 100 // (number - UNLUCKY) and number

    service = with_type(tally_service(), ADDED, Careless)
    await Inbox(service, None, pool).process([record(0, "a", 1, UNLUCKY), record(1, "a", 2), record(2, "b", 1, 7)])
    assert await dead(pool) == [("a", "bug", "ZeroDivisionError")]
    assert await totals(pool) == {"b": (1, 7)}


async def test_what_must_not_leave_is_a_bug_that_is_redriven_once_it_may(pool: asyncpg.Pool) -> None:
    known = tally_service()
    unfit = replace(known, registry=Registry(known.registry))
    with pytest.raises(MustNotLeave, match="has no class"):
        Consumption(unfit, Settings())
    await Inbox(unfit, None, pool).process([record(0, "a", 1), record(1, "a", 2)])
    assert await dead(pool) == [("a", "bug", "MustNotLeave")]
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 0
    letter = await pool.fetchval("SELECT id FROM dead_letter")
    await DeadLetters(known, None, pool, "ann").redrive(letter, apply=True)
    assert await totals(pool) == {"a": (2, 2)}
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 2


async def test_an_event_that_a_newer_release_left_waiting_stops_an_older_one(pool: asyncpg.Pool) -> None:
    waits = Record("numbers", 0, 0, b"a", added(1), headers("a", 2, type_=NEWER, source="/pathway/source"))
    await Inbox(with_type(tally_service(), NEWER), None, pool).process([waits])
    with pytest.raises(Stop, match="unknown_version"):
        await Inbox(tally_service(), None, pool).process([record(1, "a", 1)])
    assert await pool.fetchval("SELECT reason FROM consumer_stop WHERE resumed_at IS NULL") == "unknown_version"


async def test_a_migration_under_a_running_worker_costs_a_try_and_no_event(
    pool: asyncpg.Pool, admin: asyncpg.Connection
) -> None:
    inbox = Inbox(tally_service(), None, pool)
    await inbox.process([record(0, "a", 1)])
    await admin.execute("ALTER TABLE key_position ALTER COLUMN waiting TYPE bigint")
    await inbox.process([record(1, "a", 2)])
    assert await dead(pool) == []
    assert await totals(pool) == {"a": (2, 2)}


@pytest.mark.faults
async def test_connections_that_end_and_tasks_that_are_cancelled_at_any_moment(
    pool: asyncpg.Pool, admin: asyncpg.Connection, database: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each record has one effect, and nothing but a cancelled task ends without one."""
    monkeypatch.setattr(backoff, "LONGEST_SECONDS", 0.05)
    chance = random.Random(7)  # noqa: S311
    ended = asyncio.Event()

    async def kill_for_ever() -> None:
        killer = await asyncpg.connect(database("tally").admin_dsn)
        while not ended.is_set():
            await killer.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'tally_run' "
                "AND datname = current_database() AND random() < 0.3"
            )
            await asyncio.sleep(chance.random() * 0.1)
        killer.terminate()

    async def position() -> int:
        return await admin.fetchval("SELECT next_offset FROM stream_position") or 0

    killing = asyncio.create_task(kill_for_ever())
    inboxes = [Inbox(tally_service(), None, pool) for _ in range(2)]
    log: list[Record] = []
    expected: Counter[str] = Counter()
    for cancelled in itertools.islice(itertools.cycle([False, True, False]), 40):
        for _ in range(chance.randint(1, 8)):
            key = f"k{chance.randint(0, 5)}"
            expected[key] += 1
            log.append(record(len(log), key, expected[key], 3))
        begin = await position()
        tasks = [asyncio.create_task(inbox.process(log[max(0, begin - 5) :])) for inbox in inboxes]
        if cancelled:
            await asyncio.sleep(chance.random() * 0.02)
            tasks[0].cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            assert not isinstance(result, Exception)
    ended.set()
    await killing
    await inboxes[0].process(log[-1:])
    assert await totals(pool) == {key: (count, 3 * count) for key, count in expected.items()}
    rows = await pool.fetch("SELECT key, array_agg(sequence ORDER BY id) FROM outbox GROUP BY key")
    assert dict(map(tuple, rows)) == {key: list(range(1, count + 1)) for key, count in expected.items()}
