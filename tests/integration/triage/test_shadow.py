"""A candidate beside the live rules, on a real database: what it finds, what it leaves alone, and what it cannot do."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from typer.testing import CliRunner

from services.cli import app
from services.contracts import types
from services.kernel.runtime.database import open_pool
from services.kernel.runtime.log_view import Extent
from services.kernel.runtime.records import Record
from services.triage.domain.matching import Engine
from services.triage.service import build
from services.triage.trying.shadow import Shadow
from services.triage.trying.shadow_cli import differences
from services.triage.trying.shadow_store import AnotherFollows, ShadowStore
from tests.parts.contents import contents
from tests.parts.databases import Database, Databases
from tests.parts.keys import MadeKeys
from tests.spec.people import policy
from tests.unit.triage.logged import Log, person_id, referral_id
from tests.unit.triage.trying import FROM_11, candidate, rules

ROLE = "triage_shadow"
TABLES = {"triage_shadow_progress", "triage_shadow_difference"}
PLACE = (types.TOPIC_TRIAGE, 0)


@pytest.fixture
def made(database: Databases) -> Database:
    return database("triage")


def as_shadow(made: Database) -> str:
    return made.postgres.dsn(made.name, ROLE)


@pytest.fixture
async def store(made: Database) -> AsyncIterator[ShadowStore]:
    pool = await open_pool(as_shadow(made), point_lookups=False)
    yield ShadowStore(pool)
    pool.terminate()


@pytest.fixture
def log() -> Log:
    """Three whom the candidate would recommend otherwise, one whom it would not."""
    made = Log()
    for name in ("a", "b", "c"):
        made.add(name, phq9=10)
    made.add("d", phq9=12)
    return made


def shadow(store: ShadowStore, tmp_path: Path, keys: MadeKeys, version: str = "2024.2") -> Shadow:
    new = rules(candidate(tmp_path, FROM_11, version=version))
    return Shadow(new, build(), policy(), store, keys)


def upto(end: int, earliest: int = 0) -> dict[tuple[str, int], Extent]:
    return {PLACE: Extent(earliest, end, None)}


async def numbers(store: ShadowStore) -> dict[str, int]:
    (total,) = await store.totals()
    return {name: getattr(total, name) for name in ("agreeing", "disagreeing", "left_out", "failed")}


async def test_it_begins_at_the_end_and_says_where_it_differs(store: ShadowStore, log: Log, tmp_path: Path) -> None:
    keys = MadeKeys()
    beside = shadow(store, tmp_path, keys)
    decided = log.of(types.TOPIC_TRIAGE)
    assert await beside.begin(upto(1)) == {PLACE: 1}, "what was decided before it came is not its business"
    await beside.take(decided[1:])
    assert await numbers(store) == {"agreeing": 1, "disagreeing": 2, "left_out": 0, "failed": 0}
    assert await beside.begin(upto(4)) == {PLACE: 4}
    found = await differences(store, (await store.totals())[0].candidate, 10, keys)
    assert {one["referral_id"] for one in found} == {referral_id("b"), referral_id("c")}
    assert (found[0]["before"], found[0]["after"]) == ("talking_therapies", "coach_assessment")
    assert found[0]["rules"] == "R10 -> R00"


async def test_what_differs_rests_sealed_and_goes_with_the_key(
    store: ShadowStore, log: Log, tmp_path: Path, made: Database
) -> None:
    keys = MadeKeys()
    beside = shadow(store, tmp_path, keys)
    await beside.begin(upto(0))
    await beside.take(log.of(types.TOPIC_TRIAGE))
    kept = contents(made)["triage_shadow_difference"]
    assert referral_id("a") in kept
    for clinical in ("R10", "talking_therapies", "coach_assessment", "support_removed", "urgency"):
        assert clinical not in kept
    keys.erased, keys.restricted, keys.lost = {person_id("a")}, {person_id("b")}, {person_id("c")}
    found = await differences(store, (await store.totals())[0].candidate, 10, keys)
    assert {one["referral_id"]: (one["aspects"], one["before"]) for one in found} == {
        referral_id("a"): ("erased", None),
        referral_id("b"): ("restricted", None),
        referral_id("c"): ("no_key", None),
    }


async def test_whose_content_may_not_be_read_is_left_out(store: ShadowStore, log: Log, tmp_path: Path) -> None:
    keys = MadeKeys()
    keys.erased, keys.restricted, keys.lost = {person_id("a")}, {person_id("b")}, {person_id("c")}
    beside = shadow(store, tmp_path, keys)
    await beside.begin(upto(0))
    await beside.take(log.of(types.TOPIC_TRIAGE))
    assert await numbers(store) == {"agreeing": 1, "disagreeing": 0, "left_out": 3, "failed": 0}


async def test_a_candidate_that_fails_is_counted_and_goes_on(
    store: ShadowStore, log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = shadow(store, tmp_path, MadeKeys())
    await beside.begin(upto(0))
    asked = Engine.match

    def breaks(self: Engine, facts: Any, awaits: Any) -> Any:
        if facts["phq9"] == 12:
            raise ZeroDivisionError("a secret")
        return asked(self, facts, awaits)

    monkeypatch.setattr(Engine, "match", breaks)
    await beside.take(log.of(types.TOPIC_TRIAGE))
    assert await numbers(store) == {"agreeing": 0, "disagreeing": 3, "left_out": 0, "failed": 1}
    assert await beside.begin(upto(4)) == {PLACE: 4}, "it has moved on"


async def test_two_with_one_candidate_do_not_count_twice(store: ShadowStore, log: Log, tmp_path: Path) -> None:
    one, other = (shadow(store, tmp_path, MadeKeys()) for _ in range(2))
    decided = log.of(types.TOPIC_TRIAGE)
    await one.begin(upto(0))
    await one.take(decided)
    with pytest.raises(AnotherFollows):
        await other.take(decided)
    assert await numbers(store) == {"agreeing": 1, "disagreeing": 3, "left_out": 0, "failed": 0}


async def test_another_candidate_begins_anew_and_a_shorter_log_at_its_end(
    store: ShadowStore, log: Log, tmp_path: Path
) -> None:
    beside = shadow(store, tmp_path, MadeKeys())
    await beside.begin(upto(0))
    await beside.take(log.of(types.TOPIC_TRIAGE))
    another = shadow(store, tmp_path, MadeKeys(), version="2024.3")
    assert await another.begin(upto(4)) == {PLACE: 4}
    assert [total.version for total in await store.totals()] == ["2024.3", "2024.2"]
    assert await beside.begin(upto(2)) == {PLACE: 2}, "made anew with fewer records"
    assert await beside.begin(upto(9, earliest=7)) == {PLACE: 9}, "cut off behind it"


async def test_a_record_that_is_no_decision_only_moves_the_position(
    store: ShadowStore, log: Log, tmp_path: Path
) -> None:
    beside = shadow(store, tmp_path, MadeKeys())
    await beside.begin(upto(0))
    await beside.take(
        [Record(types.TOPIC_TRIAGE, 0, 0, b"k", b"{", ()), Record(types.TOPIC_TRIAGE, 0, 1, None, None, ())]
    )
    assert await beside.begin(upto(2)) == {PLACE: 2}
    assert await numbers(store) == {"agreeing": 0, "disagreeing": 0, "left_out": 0, "failed": 0}


PRIVILEGES = """
SELECT c.relname, p.privilege FROM pg_class c
CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS p(privilege)
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
  AND (has_table_privilege($1, c.oid, p.privilege)
       OR p.privilege IN ('SELECT', 'INSERT', 'UPDATE') AND has_any_column_privilege($1, c.oid, p.privilege))
"""
SEQUENCES = """
SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
  AND CASE WHEN c.relkind = 'S' THEN has_sequence_privilege($1, c.oid, 'USAGE') ELSE false END
"""


async def test_its_role_has_its_two_tables_and_nothing_else(made: Database) -> None:
    connection = await asyncpg.connect(made.admin_dsn)
    try:
        held = {(row["relname"], row["privilege"]) for row in await connection.fetch(PRIVILEGES, ROLE)}
        live = {(row["relname"], row["privilege"]) for row in await connection.fetch(PRIVILEGES, "triage_run")}
        assert await connection.fetch(SEQUENCES, ROLE) == []
    finally:
        await connection.close()
    assert held == {(table, act) for table in TABLES for act in ("SELECT", "INSERT")} | {
        ("triage_shadow_progress", "UPDATE")
    }
    assert ("outbox", "INSERT") in live, "the query sees a privilege where there is one"
    assert {(table, act) for table, act in live if table in TABLES} == {(table, "SELECT") for table in TABLES}


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO outbox (topic, key, event_id) VALUES ('triage.completed', 'k', 'e')",
        "SELECT nextval('outbox_id')",
        "UPDATE outbox_progress SET sent = sent",
        "INSERT INTO aggregate (key) VALUES ('k')",
        "UPDATE aggregate SET sequence = sequence + 1",
        "INSERT INTO stream_position (topic, partition, next_offset) VALUES ('t', 0, 0)",
        "UPDATE triage_case SET outcome = 'recommended'",
        "SELECT state FROM aggregate",
        "CREATE TABLE outbox_2 (id int)",
        "SET ROLE triage_run",
    ],
)
async def test_the_database_refuses_whatever_would_reach_a_topic(made: Database, statement: str) -> None:
    connection = await asyncpg.connect(as_shadow(made))
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()


def test_the_command_lists_candidates_and_what_differs(
    database: Databases, made: Database, log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in database.environment("triage").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATHWAY_SHADOW_URL", as_shadow(made))
    monkeypatch.setattr("services.triage.trying.shadow_cli.configure_logs", lambda *_, **__: None)

    def listed(*words: str) -> Any:
        return CliRunner().invoke(app, ["rules", "shadow", *words])

    nothing = listed()
    assert (nothing.exit_code, "No candidate has followed yet" in nothing.stdout) == (0, True)

    async def follow() -> None:
        pool = await open_pool(as_shadow(made), point_lookups=False)
        beside = shadow(ShadowStore(pool), tmp_path, MadeKeys())
        await beside.begin(upto(0))
        await beside.take(log.of(types.TOPIC_TRIAGE))
        pool.terminate()

    asyncio.run(follow())
    found = listed("--json")
    assert found.exit_code == 1, found.output
    told = json.loads(found.stdout)
    assert (told["candidates"][0]["version"], told["candidates"][0]["disagreeing"]) == ("2024.2", 3)
    assert {one["aspects"] for one in told["differences"]} == {"no_key"}, (
        "the vault of this test has none of their keys"
    )
    assert "Newest differences" in listed("--actor", "ann").stdout
    seen = contents(made)["operator_action"]
    assert seen.count("rules.shadow") == 2, "who looked is written down, each time"
    assert "ann" in seen and referral_id("a") in seen  # noqa: PT018  one row
    monkeypatch.setenv("PATHWAY_SHADOW_URL", "postgresql://triage_shadow@127.0.0.1:1/nowhere")
    assert listed().exit_code == 2
