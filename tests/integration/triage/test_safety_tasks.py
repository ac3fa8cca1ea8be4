"""Safety tasks on a real database: listed as of a moment, breached by the clock, counted, gone when acknowledged."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY
from pydantic import SecretStr
from typer.testing import CliRunner

from services.contracts import types
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.runtime.fold import Aggregate, Lineage, Output, Sealing, apply
from services.kernel.runtime.tables import finish, lock_aggregates, save
from services.kernel.settings import Environment, Settings
from services.safety.cli import BREACHED, safety_commands
from services.safety.watch import look_of
from services.triage.api import create_app
from services.triage.service import build
from tests.parts.databases import Database, Databases
from tests.parts.keys import MadeKeys, key_of
from tests.spec.people import NOW, PERSON, PROGRAMME, received, referral

CHEST, MOOD, BACK, CALM = (f"00000000-0000-4000-8000-00000000000{last}" for last in "abcd")
PEOPLE: dict[str, dict[str, Any]] = {
    CHEST: {"red_flags": {"chest_pain": True}},
    MOOD: {"phq9": 12, "item9": 1},
    BACK: {"conditions": ["back_pain"], "start_msk": 6, "red_flags": {"fever": True}},
    CALM: {"barriers": ["debt"]},
}
CLINICAL = ("chest_pain", "harm", "item9", "R01", "R02", "fever", "emergency", "hold")
NOT_DONE: list[dict[str, list[str]]] = [{}, {"actions": []}, {"actions": ["nobody_answered"]}]


@pytest.fixture
def triage_database(database: Databases) -> Database:
    return database("triage")


@pytest.fixture
async def triaged(triage_database: Database) -> None:
    service, connection = build(), await asyncpg.connect(triage_database.dsn)
    policy = service.policy()
    try:
        async with connection.transaction():
            output = Output()
            locked: dict[str, Aggregate] = await lock_aggregates(connection, service, sorted(PEOPLE))
            for number, (key, given) in enumerate(PEOPLE.items()):
                cause = received(types.REFERRAL_CREATED, referral(referral_id=key, **given), number + 1)
                sealing = Sealing({PERSON: key_of(PERSON)})
                apply(service, policy, locked[key], cause, NOW, Lineage(NOW, cause.id), output, sealing)
            await save(connection, list(locked.values()), output)
            await finish(connection, output)
    finally:
        await connection.close()


@pytest.fixture
def settings(triage_database: Database) -> Settings:
    return Settings(environment=Environment.DEVELOPMENT, database_url=SecretStr(triage_database.dsn))


@pytest.fixture
async def app(settings: Settings, triaged: None) -> AsyncIterator[FastAPI]:
    issuer = DevIssuer(settings)
    made = create_app(settings, issuer_transport=issuer.transport(), clock=lambda: NOW, keys=MadeKeys())
    made.state.issuer = issuer
    async with made.router.lifespan_context(made):
        yield made


def calling(app: FastAPI, role: str, **claims: str) -> httpx.AsyncClient:
    headers = app.state.issuer.headers(role, **{"programme": PROGRAMME, **claims})
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api", headers=headers)


def minutes(number: float) -> str:
    return (NOW + timedelta(minutes=number)).isoformat()


async def breached_at(client: httpx.AsyncClient, as_of: str) -> dict[str, bool]:
    answer = await client.get("/safety-tasks", params={"as_of": as_of})
    assert answer.status_code == 200, answer.text
    return {task["referral_id"]: task["breached"] for task in answer.json()}


@pytest.mark.parametrize(
    ("title", "after", "breached"),
    [
        ("raised a moment ago", 0, {CHEST: False, MOOD: False, BACK: False}),
        ("a moment before 15 minutes", 14.99, {CHEST: False, MOOD: False, BACK: False}),
        ("15 minutes: the emergency", 15, {CHEST: True, MOOD: False, BACK: False}),
        ("a moment before 4 hours", 239.99, {CHEST: True, MOOD: False, BACK: False}),
        ("4 hours: the hold too", 240, {CHEST: True, MOOD: True, BACK: False}),
        ("a week: urgent back pain waits, without an alarm", 10080, {CHEST: True, MOOD: True, BACK: False}),
        ("before it was raised", -1, {}),
    ],
)
async def test_a_task_is_breached_by_the_clock(
    app: FastAPI, title: str, after: float, breached: dict[str, bool]
) -> None:
    async with calling(app, "clinical_safety") as client:
        assert await breached_at(client, minutes(after)) == breached, title


async def test_the_clock_runs_at_night_and_at_the_week_s_end(triage_database: Database, app: FastAPI) -> None:
    """Raised on a Saturday at 02:00: nothing waits for Monday."""
    night = datetime(2024, 11, 23, 2, tzinfo=UTC)
    connection = await asyncpg.connect(triage_database.admin_dsn)
    await connection.execute("UPDATE safety_task SET raised_at = $1", night)
    await connection.close()
    async with calling(app, "clinical_safety") as client:
        found = await breached_at(client, (night + timedelta(hours=4)).isoformat())
        assert found == {CHEST: True, MOOD: True, BACK: False}


async def test_only_an_acknowledgement_with_what_was_done_ends_a_task(app: FastAPI) -> None:
    place, headers = f"/triage/{MOOD}/acknowledge", {"Idempotency-Key": "a"}
    async with calling(app, "clinical_safety", sub="nurse-7") as client:
        for body in NOT_DONE:
            refused = await client.post(place, json=body, headers=headers)
            assert refused.status_code == 422, body
            assert refused.json()["errors"][0]["pointer"].startswith("/actions")
        assert MOOD in await breached_at(client, minutes(1))
        taken = await client.post(place, json={"actions": ["crisis_team_informed"]}, headers=headers)
        assert taken.status_code == 200, taken.text
        assert MOOD not in await breached_at(client, minutes(1))
        assert (await client.get("/safety-tasks")).json()[0]["referral_id"] == CHEST


async def test_the_list_says_how_soon_and_by_whom_never_why(app: FastAPI) -> None:
    async with calling(app, "clinical_safety") as client:
        found = (await client.get("/safety-tasks", params={"as_of": minutes(1)})).json()
    assert {task["referral_id"]: (task["response"], task["role"]) for task in found} == {
        CHEST: ("immediate", "clinical_safety"),
        MOOD: ("prompt", "clinical_safety"),
        BACK: ("soon", "coach"),
    }
    text = json.dumps(found)
    assert not [word for word in CLINICAL if word in text]


async def test_what_rests_in_the_table_says_nothing_clinical(app: FastAPI, triage_database: Database) -> None:
    rows = triage_database.postgres.execute("SELECT * FROM safety_task", triage_database.name)
    assert CHEST in rows
    assert not [word for word in CLINICAL if word in rows]


@pytest.mark.parametrize(
    ("title", "role", "claims", "sees"),
    [
        ("clinical safety of the programme", "clinical_safety", {}, 3),
        ("its provider's coach", "coach", {"org": "big-life", "organisation_kind": "provider"}, 3),
        ("another provider's coach", "coach", {"org": "growth-company", "organisation_kind": "provider"}, 0),
        ("another programme", "clinical_safety", {"programme": "workwell-elsewhere"}, 0),
        ("an auditor", "auditor", {"programme": "any"}, 3),
        ("a referrer", "referrer", {}, None),
        ("an operator", "operator", {}, None),
        ("a commissioner", "commissioner", {}, None),
    ],
)
async def test_who_sees_which_tasks(
    app: FastAPI, title: str, role: str, claims: dict[str, str], sees: int | None
) -> None:
    async with calling(app, role, **claims) as client:
        answer = await client.get("/safety-tasks")
        assert answer.status_code == (403 if sees is None else 200), title
        if sees is not None:
            assert len(answer.json()) == sees, title


async def test_pages_join_to_the_whole_list(app: FastAPI) -> None:
    async with calling(app, "clinical_safety") as client:
        found, address = [], "/safety-tasks?limit=1"
        while address:
            answer = await client.get(address)
            found += [task["referral_id"] for task in answer.json()]
            address = answer.links.get("next", {}).get("url", "")
        assert sorted(found) == sorted([CHEST, MOOD, BACK])
        malformed = await client.get("/safety-tasks", params={"cursor": "%%%"})
        assert malformed.json()["code"] == "cursor_malformed"
        assert (await client.get("/safety-tasks", params={"as_of": "today"})).status_code == 422


def gauge(response: str, breached: str) -> float | None:
    labels = {"service": "triage", "response": response, "breached": breached}
    return REGISTRY.get_sample_value("pathway_safety_tasks", labels)


async def test_the_worker_s_look_sets_gauges_and_says_what_is_breached(
    app: FastAPI, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    pool = app.state.parts.pool
    await look_of("triage", lambda: NOW + timedelta(minutes=15))(pool, settings)
    assert [gauge("immediate", said) for said in ("true", "false")] == [1, 0]
    assert [gauge("prompt", said) for said in ("true", "false")] == [0, 1]
    assert [gauge("soon", said) for said in ("true", "false")] == [0, 1]
    oldest = {"service": "triage", "response": "immediate"}
    assert REGISTRY.get_sample_value("pathway_safety_oldest_seconds", oldest) == 900
    said = capsys.readouterr()
    assert "safety_tasks_breached" in said.out + said.err
    assert CHEST not in said.out + said.err
    strict = settings.model_copy(update={"safety_prompt_minutes": 10})
    await look_of("triage", lambda: NOW + timedelta(minutes=15))(pool, strict)
    assert gauge("prompt", "true") == 1


def test_the_command_lists_and_its_exit_code_says_that_one_is_breached(
    triaged: None, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.safety.cli.KEEPERS", ("triage",))
    app, runner = safety_commands(lambda _: (build(), settings)), CliRunner()
    calm = runner.invoke(app, ["list", "--as-of", f"{NOW + timedelta(minutes=14):%Y-%m-%dT%H:%M}", "--json"])
    assert calm.exit_code == 0, calm.output
    assert [row["breached"] for row in json.loads(calm.output)] == [False, False, False]
    late = runner.invoke(app, ["list", "--as-of", f"{NOW + timedelta(minutes=15):%Y-%m-%dT%H:%M}"])
    assert late.exit_code == BREACHED
    assert "breached" in late.output
