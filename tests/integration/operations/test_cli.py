"""The operator's commands as typed: tables, JSON beside them, exit codes that scripts can trust."""

import asyncio
import json
from collections.abc import Callable

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from services.cli import app
from tests.parts.databases import Databases

Pathway = Callable[..., Result]


@pytest.fixture
def pathway(database: Databases, monkeypatch: pytest.MonkeyPatch) -> Pathway:
    """``pathway("dlq", "list", "triage")`` on a database of this test's own."""
    for name, value in database.environment("triage").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATHWAY_ENVIRONMENT", "development")
    monkeypatch.setenv("PATHWAY_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    # loggers would keep the command's own stderr, which is closed when it ends, for every later test
    for module in ("services.cli", "services.cli_groups"):
        monkeypatch.setattr(f"{module}.configure_logs", lambda *_, **__: None)
    return lambda *words: CliRunner().invoke(app, list(words))


def do(dsn: str, *statements: str) -> None:
    """Change the database behind the commands' back."""

    async def run() -> None:
        connection = await asyncpg.connect(dsn)
        for statement in statements:
            await connection.execute(statement)
        await connection.close()

    asyncio.run(run())


LETTER = """
INSERT INTO dead_letter (topic, partition, record_offset, record_key, value, headers, key, sequence, kind, code, detail)
VALUES ('referral.created', 0, 7, 'k', 'not json', '[]', 'k', 1, 'poison', 'data_invalid', 'is not JSON')
"""
POSITION = "INSERT INTO stream_position (topic, partition, next_offset) VALUES ('referral.created', 0, 8)"
STOP = "INSERT INTO consumer_stop (reason, detail) VALUES ('offset_gap', 'expected offset 8, got 9')"
SENT = """
INSERT INTO outbox (topic, key, sequence, event_id, recorded_ms, headers, value)
SELECT 'triage.completed', 'k', n, 'e' || n, 0, '{}', '{}' FROM generate_series(1, 3) n
"""
MARK = "UPDATE outbox_progress SET sent = sent + (SELECT range_agg(int8range(id, id, '[]')) FROM outbox)"


def test_dead_letters_are_listed_shown_and_discarded(pathway: Pathway, database: Databases) -> None:
    do(database("triage").dsn, POSITION, LETTER)
    assert "data_invalid" in pathway("dlq", "list", "triage").stdout
    rows = json.loads(pathway("dlq", "list", "triage", "--json").stdout)
    assert [(row["code"], row["bytes"]) for row in rows] == [("data_invalid", 8)]
    letter = str(rows[0]["id"])
    assert json.loads(pathway("dlq", "show", "triage", letter, "--json").stdout)["value"] == "not json"

    redrive = pathway("dlq", "redrive", "triage", letter, "--apply")
    assert (redrive.exit_code, "still_poison" in redrive.stderr) == (1, True)
    unreasoned = pathway("dlq", "discard", "triage", letter, "--apply")
    assert (unreasoned.exit_code, "reason_required" in unreasoned.stderr) == (1, True)

    dry = pathway("dlq", "discard", "triage", letter, "--reason", "a test message")
    assert (dry.exit_code, "Dry run" in dry.stdout) == (0, True)
    assert len(json.loads(pathway("dlq", "list", "triage", "--json").stdout)) == 1
    done = pathway("dlq", "discard", "triage", letter, "--reason", "a test message", "--apply", "--json")
    assert json.loads(done.stdout)[0]["outcome"] == "discarded"
    assert json.loads(pathway("dlq", "list", "triage", "--json").stdout) == []
    assert len(json.loads(pathway("dlq", "list", "triage", "--all", "--json").stdout)) == 1


def test_a_latched_stop_shows_in_the_status_and_is_taken_back(pathway: Pathway, database: Databases) -> None:
    assert pathway("consumer", "status", "triage").exit_code == 0
    do(database("triage").dsn, POSITION, STOP)
    status = pathway("consumer", "status", "triage", "--json")
    assert status.exit_code == 1
    assert [stop["reason"] for stop in json.loads(status.stdout)["stops"]] == ["offset_gap"]
    assert json.loads(status.stdout)["positions"][0]["next_offset"] == 8

    assert pathway("consumer", "resume", "triage", "--apply").exit_code == 1
    assert pathway("consumer", "resume", "triage", "--reason", "looked").exit_code == 0
    assert pathway("consumer", "status", "triage").exit_code == 1, "a dry run resumes nothing"
    accept = ("--topic", "referral.created", "--partition", "0", "--offset", "9")
    assert pathway("consumer", "resume", "triage", "--reason", "8 is lost", *accept, "--apply").exit_code == 0
    after = json.loads(pathway("consumer", "status", "triage", "--json").stdout)
    assert (after["stops"], after["positions"][0]["next_offset"]) == ([], 9)
    accept = ("--topic", "referral.created", "--partition", "0", "--offset", "5")
    again = pathway("consumer", "resume", "triage", "--reason", "again", *accept, "--apply")
    assert (again.exit_code, "not_stopped" in again.stderr) == (1, True)
    unmoved = json.loads(pathway("consumer", "status", "triage", "--json").stdout)
    assert unmoved["positions"][0]["next_offset"] == 9


def test_stops_are_taken_back_by_reason_and_a_restore_is_not_gone_round(pathway: Pathway, database: Databases) -> None:
    def latched() -> list[str]:
        return [
            stop["reason"] for stop in json.loads(pathway("consumer", "status", "triage", "--json").stdout)["stops"]
        ]

    def resume(*words: str) -> Result:
        return pathway("consumer", "resume", "triage", "--reason", "looked", "--apply", "--json", *words)

    reasons = ["too_many_bugs", "offset_gap", "database_behind_log", "restoring"]
    do(database("triage").dsn, *(STOP.replace("offset_gap", reason) for reason in reasons))
    assert latched() == reasons
    for stop in ("database_behind_log", "restoring"):
        behind = resume("--stop", stop, "--stop", "offset_gap")
        assert (behind.exit_code, "restore_needed" in behind.stderr) == (1, True)
    assert "not_stopped" in resume("--stop", "log_differs").stderr
    assert latched() == reasons
    one = json.loads(resume("--stop", "offset_gap").stdout)
    assert one == {"resumed": ["offset_gap"], "left": ["too_many_bugs", *reasons[2:]]}
    assert json.loads(resume().stdout) == {"resumed": ["too_many_bugs"], "left": reasons[2:]}
    assert "restore_needed" in resume().stderr
    assert latched() == reasons[2:]


def test_a_stopped_key_shows_in_the_status_with_its_letters(pathway: Pathway, database: Databases) -> None:
    stopped = "INSERT INTO key_position (topic, key, sequence, stopped) VALUES ('referral.created', 'k', 1, true)"
    do(database("triage").dsn, LETTER.replace("'poison'", "'conflict'"), stopped)
    found = json.loads(pathway("consumer", "status", "triage", "--json").stdout)
    assert (found["stopped_keys"], found["waiting_keys"]) == (1, 0)
    assert [(row["topic"], row["key"], row["letters"]) for row in found["stopped"]] == [("referral.created", "k", [1])]
    assert "Stopped keys of triage" in pathway("consumer", "status", "triage").stdout


def test_the_outbox_is_shown_and_sent_again(pathway: Pathway, database: Databases) -> None:
    do(database("triage").dsn, SENT, MARK)
    assert json.loads(pathway("outbox", "status", "triage", "--json").stdout)["unsent"] == 0
    assert pathway("outbox", "resend", "triage", "k", "--from", "2").exit_code == 0
    assert json.loads(pathway("outbox", "status", "triage", "--json").stdout)["unsent"] == 0
    resent = pathway("outbox", "resend", "triage", "k", "--from", "2", "--reason", "asked for", "--apply", "--json")
    assert [row["sequence"] for row in json.loads(resent.stdout)] == [2, 3]
    assert json.loads(pathway("outbox", "status", "triage", "--json").stdout)["unsent"] == 2
    nothing = pathway("outbox", "resend", "triage", "other", "--apply")
    assert (nothing.exit_code, "nothing_sent" in nothing.stderr) == (1, True)


def test_what_is_out_of_reach_is_said_in_a_line(pathway: Pathway, monkeypatch: pytest.MonkeyPatch) -> None:
    lag = pathway("consumer", "status", "triage", "--lag")
    assert (lag.exit_code, "broker_unreachable" in lag.stderr) == (1, True)
    monkeypatch.setenv("PATHWAY_DATABASE_URL", "postgresql://{service}_run@127.0.0.1:1/none")
    lost = pathway("dlq", "list", "triage")
    assert (lost.exit_code, "database_unreachable" in lost.stderr) == (1, True)
    unknown = pathway("dlq", "list", "nothing")
    assert (unknown.exit_code, "there is no service" in unknown.stderr) == (1, True)
