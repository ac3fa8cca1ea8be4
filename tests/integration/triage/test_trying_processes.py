"""Trying rules as an operator does: commands and a role as processes, on a broker, a database and a vault.

On the in-memory broker; ``test_trying_on_kafka.py`` runs the same on Apache Kafka.
"""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from services.contracts import types
from services.embedded.broker import MockBroker
from services.embedded.processes import Supervisor
from services.kernel.runtime.log_view import open_log
from services.kernel.sealing.keyring import VaultKeys
from services.kernel.sealing.subject_key import SubjectKey
from services.kernel.settings import Settings, load_settings
from tests.parts.databases import Databases
from tests.parts.kafka import Broker
from tests.tally.source import produce, until
from tests.unit.triage.logged import Log, many, person_id
from tests.unit.triage.trying import FROM_11, LIVE, candidate

TOPICS = (types.TOPIC_REFERRAL, types.TOPIC_TRIAGE)
NAMES = [f"{group}{n}" for group in "fmx" for n in range(6)]


@pytest.fixture
def broker(mock_broker: MockBroker) -> MockBroker | Broker:
    return mock_broker


@pytest.fixture
def environment(
    database: Databases, broker: MockBroker | Broker, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    made = database("triage")
    found = {
        **database.environment("triage"),
        "PATHWAY_ENVIRONMENT": "development",
        "PATHWAY_KAFKA_BOOTSTRAP": broker.bootstrap,
        "PATHWAY_TOPIC_PREFIX": topic_prefix,
        "PATHWAY_HTTP_PORT": "0",
        "PATHWAY_FETCH_MAX_WAIT_MS": "20",
        "PATHWAY_SHADOW_RULES": str(candidate(tmp_path, FROM_11)),
        "PATHWAY_SHADOW_URL": made.postgres.dsn(made.name, "triage_shadow"),
    }
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    broker.create_topics([topic_prefix + topic for topic in TOPICS])
    return {**os.environ, **found}


async def people(settings: Settings) -> dict[str, SubjectKey]:
    """Make everybody a key in the vault; returns them by pseudonym."""
    keys = await VaultKeys.open(settings)
    subjects = [person_id(name) for name in NAMES]
    await keys.create(subjects)
    found = await keys.get(subjects)
    keys.close()
    return {subject: key for subject, key in found.items() if isinstance(key, SubjectKey)}


async def erase(database: Databases, subject: str) -> None:
    """Destroy a key as the vault does."""
    connection = await asyncpg.connect(database("vault").dsn)
    await connection.execute(
        "UPDATE subject_key SET wrapped = NULL, kek_id = NULL, destroyed_at = clock_timestamp() WHERE subject = $1",
        subject,
    )
    await connection.execute(
        "INSERT INTO erasure (subject, event_id, erased_at, reason) VALUES ($1, 'e', clock_timestamp(), 'asked')",
        subject,
    )
    await connection.close()


async def publish(settings: Settings, log: Log) -> None:
    """Send what is new in a log, and forget it."""
    for topic in TOPICS:
        messages = [(record.key, record.value, record.headers) for record in log.of(topic)]
        await produce(settings.kafka_bootstrap, settings.topic_prefix + topic, messages)
    log.records.clear()


async def records(settings: Settings) -> dict[str, int]:
    """How many records each topic holds."""
    async with open_log(settings) as view:
        found = {}
        for topic in TOPICS:
            extents = await view.extents(await view.partitions(topic))
            found[topic] = sum(extent.end for extent in extents.values())
        return found


async def rules_command(environment: dict[str, str], *words: str) -> tuple[int, Any]:
    command = [sys.executable, "-m", "services.cli", "rules", *words, "--json"]
    done = await asyncio.to_thread(
        subprocess.run, command, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


async def test_the_log_is_decided_again_and_nothing_is_written(
    environment: dict[str, str], database: Databases
) -> None:
    settings = load_settings()
    log = Log((await people(settings)).__getitem__)
    list(many(log, "f", 6, phq9=10, equality={"sex": "female"}))
    list(many(log, "m", 6, phq9=12, equality={"sex": "male"}))
    await publish(settings, log)
    await erase(database, person_id("m5"))
    before = await records(settings)
    code, found = await rules_command(
        environment, "diff", str(LIVE), environment["PATHWAY_SHADOW_RULES"], "--from-kafka"
    )
    assert code == 1
    assert (found["compared"], found["changed"], found["not_compared"]["erased"]) == (10, 5, None)
    sexes = {row["group"]: (row["compared"], row["changed"]) for row in found["groups"] if row["by"] == "sex"}
    assert sexes == {"female": (5, None), "male": (5, None)}, "of 5 men nobody, of 6 women all: each tells the other"
    assert {(why["rule"], why["before"], why["after"]) for why in found["because"]} == {
        ("R10", "fired", "not_met"),
        ("R00", "not_met", "fired"),
    }
    _, listed = await rules_command(
        environment,
        "diff",
        str(LIVE),
        environment["PATHWAY_SHADOW_RULES"],
        "--from-kafka",
        "--referrals",
        "--actor",
        "ann",
    )
    ids = {one["id"] for one in listed["referrals"]}
    assert len(ids) == 6
    assert await records(settings) == before
    connection = await asyncpg.connect(database("triage").admin_dsn)
    (row,) = await connection.fetch("SELECT actor, action, detail::text FROM operator_action")
    await connection.close()
    assert (row["actor"], row["action"], set(json.loads(row["detail"])["referrals"])) == ("ann", "rules.diff", ids)


async def test_a_candidate_follows_counts_and_emits_nothing(
    environment: dict[str, str], database: Databases, processes: Supervisor
) -> None:
    settings = load_settings()
    log = Log((await people(settings)).__getitem__)
    list(many(log, "x", 3, phq9=10))
    await publish(settings, log)
    role = processes.python("shadow", "-m", "services.cli", "shadow", env=environment)
    connection = await asyncpg.connect(database("triage").admin_dsn)

    async def followed(column: str, count: int) -> bool:
        return bool(
            await connection.fetchval(f"SELECT coalesce(sum({column}), 0) >= $1 FROM triage_shadow_progress", count)
        )

    await until(lambda: followed("1", 4))
    list(many(log, "f", 6, phq9=10))
    list(many(log, "m", 6, phq9=12))
    await publish(settings, log)
    before = await records(settings)
    await until(lambda: followed("agreeing + disagreeing", 12))
    outbox = await connection.fetchval("SELECT count(*) FROM outbox")
    await connection.close()
    code, found = await rules_command(environment, "shadow")
    assert code == 1
    newest = found["candidates"][0]
    assert [newest[name] for name in ("agreeing", "disagreeing", "left_out", "failed")] == [6, 6, 0, 0]
    assert {one["rules"] for one in found["differences"]} == {"R10 -> R00"}
    assert await asyncio.to_thread(role.stop) == 0
    assert (await records(settings), outbox) == (before, 0)


def test_a_candidate_that_is_unsound_does_not_start(environment: dict[str, str], tmp_path: Path) -> None:
    unsound = candidate(tmp_path, ("suppresses: all", "suppresses: [gp]"), version="2024.9")
    command = [sys.executable, "-m", "services.cli", "shadow"]
    for rules, said in ((str(unsound), "red_flag_stops_all"), (None, "PATHWAY_SHADOW_RULES")):
        given = {name: value for name, value in environment.items() if name != "PATHWAY_SHADOW_RULES"}
        given |= {} if rules is None else {"PATHWAY_SHADOW_RULES": rules}
        done = subprocess.run(command, env=given, capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr
