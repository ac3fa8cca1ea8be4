"""Triage over HTTP on a real database: the work list, a decision explained, an acknowledgement."""

import itertools
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from services.contracts import types
from services.contracts.referral import ReferralCreated
from services.kernel.decision import Event
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.runtime.fold import Aggregate, Lineage, Output, Sealing, apply, encode
from services.kernel.runtime.tables import finish, lock_aggregates, save
from services.kernel.settings import Environment, Settings
from services.triage.api import create_app
from services.triage.service import build
from tests.parts.contents import contents
from tests.parts.cursors import at_the_edges, of_parts
from tests.parts.databases import Database, Databases
from tests.parts.keys import MadeKeys, key_of, opened
from tests.spec.people import NOW, PERSON, PROGRAMME, received, referral

HELD = "00000000-0000-4000-8000-00000000000a"
URGENT = "00000000-0000-4000-8000-00000000000b"
ROUTINE = "00000000-0000-4000-8000-00000000000c"
LATER = datetime(2024, 11, 18, 12, 0, tzinfo=UTC)
DONE = {"actions": ["person_safe", "gp_informed"]}


@pytest.fixture
def triage_database(database: Databases) -> Database:
    return database("triage")


@pytest.fixture
async def triaged(triage_database: Database) -> None:
    """Three referrals, as intake seals them, each through the kernel's own fold and writes."""
    service = build()
    policy = service.policy()
    connection = await asyncpg.connect(triage_database.dsn)
    people: dict[str, dict[str, Any]] = {
        HELD: {"item9": 1, "phq9": 12},
        URGENT: {"conditions": ["back_pain"], "start_msk": 6, "red_flags": {"fever": True}},
        ROUTINE: {"barriers": ["debt"]},
    }
    try:
        async with connection.transaction():
            output = Output()
            locked: dict[str, Aggregate] = await lock_aggregates(connection, service, sorted(people))
            for number, (key, given) in enumerate(people.items()):
                cause = received(types.REFERRAL_CREATED, referral(referral_id=key, **given), number + 1)
                sent = Event(cause.id, cause.type, key, 1, cause.data, NOW)
                data = opened(ReferralCreated, encode(sent, key_of(PERSON)), PERSON)
                cause, sealing = replace(cause, data=data), Sealing({PERSON: key_of(PERSON)})
                apply(service, policy, locked[key], cause, NOW, Lineage(NOW, cause.id), output, sealing)
            await save(connection, list(locked.values()), output)
            await finish(connection, output)
    finally:
        await connection.close()


@pytest.fixture
def settings(triage_database: Database) -> Settings:
    return Settings(environment=Environment.DEVELOPMENT, database_url=SecretStr(triage_database.dsn))


@pytest.fixture
def issuer(settings: Settings) -> DevIssuer:
    return DevIssuer(settings)


@pytest.fixture
def keys() -> MadeKeys:
    return MadeKeys()


@pytest.fixture
async def app(settings: Settings, issuer: DevIssuer, triaged: None, keys: MadeKeys) -> AsyncIterator[FastAPI]:
    made = create_app(settings, issuer_transport=issuer.transport(), clock=lambda: LATER, keys=keys)
    async with made.router.lifespan_context(made):
        yield made


@asynccontextmanager
async def calling(
    app: FastAPI, issuer: DevIssuer, role: str, programme: str = PROGRAMME, **claims: str
) -> AsyncIterator[httpx.AsyncClient]:
    headers = issuer.headers(role, programme=programme, **claims)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api", headers=headers) as client:
        yield client


async def test_a_hold_is_listed_explained_acknowledged_and_gone(app: FastAPI, issuer: DevIssuer) -> None:
    async with calling(app, issuer, "clinical_safety", sub="nurse-7") as client:
        held = (await client.get("/triage", params={"outcome": "held"})).json()
        assert [item["referral_id"] for item in held["items"]] == [HELD]
        assert held["items"][0]["awaiting_since"].startswith("2024-11-18T09:30:00")
        assert "self_harm" not in json.dumps(held), "the list says that a person is needed, not why"

        shown = (await client.get(f"/triage/{HELD}")).json()
        assert (shown["outcome"], shown["urgency"], shown["cause"]) == ("held", "hold", "self_harm_risk")
        assert shown["reasons"][0]["rule"] == "R02"
        assert "A named person must make contact." in shown["reasons"][0]["text"]
        assert shown["ruleset"]["version"] == "2024.1"
        assert re.fullmatch("[0-9a-f]{64}", shown["input_digest"])
        assert shown["erased"] is False

        body = {"revision": 1, "actions": ["person_safe"]}
        answer = await client.post(f"/triage/{HELD}/acknowledge", json=body, headers={"Idempotency-Key": "a"})
        assert answer.status_code == 200, answer.text
        assert answer.json() == {
            "referral_id": HELD,
            "acknowledged_revision": 1,
            "revision": 2,
            "outcome": "recommended",
            "waiting": False,
        }
        again = await client.post(f"/triage/{HELD}/acknowledge", json=body, headers={"Idempotency-Key": "a"})
        assert again.json() == answer.json()

        assert (await client.get("/triage", params={"outcome": "held"})).json() == {"items": [], "next": None}
        shown = (await client.get(f"/triage/{HELD}")).json()
        assert (shown["acknowledged"], shown["awaits"], shown["revision"]) == (["R02"], [], 2)
        assert [item["support"] for item in shown["package"]] == ["talking_therapies"]


async def test_refusals_have_codes(app: FastAPI, issuer: DevIssuer) -> None:
    numbers = itertools.count()

    async def acknowledge(client: httpx.AsyncClient, key: str, body: Any = None) -> tuple[int, str]:
        headers = {"Idempotency-Key": f"k{next(numbers)}"}
        answer = await client.post(f"/triage/{key}/acknowledge", headers=headers, json={**DONE, **(body or {})})
        return answer.status_code, answer.json()["code"]

    async with calling(app, issuer, "coach") as client:
        assert await acknowledge(client, ROUTINE) == (409, "nothing_to_acknowledge")
        assert await acknowledge(client, HELD, {"revision": 4}) == (409, "revision_changed")
        assert await acknowledge(client, "00000000-0000-4000-8000-0000000000ff") == (404, "referral_not_found")
        assert (await acknowledge(client, HELD, {"revison": 1}))[0] == 422
        assert (await client.get("/triage/00000000-0000-4000-8000-0000000000ff")).status_code == 404
        assert (await client.get("/triage/nothing")).status_code == 422
        assert (await client.get("/triage", params={"cursor": "%%%"})).json()["code"] == "cursor_malformed"
        without = await client.post(f"/triage/{HELD}/acknowledge", json=DONE)
        assert (without.status_code, without.json()["code"]) == (400, "idempotency_key_required")


@pytest.mark.parametrize("role", ["referrer", "provider_finance", "commissioner", "operator"])
async def test_other_roles_see_nothing(app: FastAPI, issuer: DevIssuer, role: str) -> None:
    async with calling(app, issuer, role) as client:
        assert (await client.get("/triage")).status_code == 403
        assert (await client.get(f"/triage/{HELD}")).status_code == 403
        sent = await client.post(f"/triage/{HELD}/acknowledge", json=DONE, headers={"Idempotency-Key": "b"})
        assert sent.status_code == 403


async def test_an_auditor_reads_all_and_acknowledges_nothing(app: FastAPI, issuer: DevIssuer) -> None:
    async with calling(app, issuer, "auditor", programme="any") as client:
        assert len((await client.get("/triage")).json()["items"]) == 3
        sent = await client.post(f"/triage/{HELD}/acknowledge", json=DONE, headers={"Idempotency-Key": "c"})
        assert sent.status_code == 403


@pytest.mark.parametrize(
    ("title", "claims", "sees"),
    [
        ("its own provider", {"org": "big-life", "organisation_kind": "provider"}, 3),
        ("another provider", {"org": "growth-company", "organisation_kind": "provider"}, 0),
        ("another programme", {"programme": "workwell-elsewhere"}, 0),
        ("an employer, who has no staff of ours", {"organisation_kind": "employer"}, 0),
    ],
)
async def test_a_coach_s_reach(app: FastAPI, issuer: DevIssuer, title: str, claims: dict[str, str], sees: int) -> None:
    async with calling(app, issuer, "coach", **claims) as client:
        assert len((await client.get("/triage")).json()["items"]) == sees, title
        assert (await client.get(f"/triage/{HELD}")).status_code == (200 if sees else 404)
        sent = await client.post(f"/triage/{HELD}/acknowledge", json=DONE, headers={"Idempotency-Key": "d"})
        assert sent.status_code == (200 if sees else 404)


async def acknowledge(client: httpx.AsyncClient, key: str) -> tuple[int, str | None]:
    """Acknowledge what a referral holds; returns the status and the code of a refusal."""
    answer = await client.post(f"/triage/{key}/acknowledge", json=DONE, headers={"Idempotency-Key": key})
    return answer.status_code, answer.json().get("code")


async def test_of_an_erased_person_the_decision_is_shown_without_what_was_found(
    app: FastAPI, issuer: DevIssuer, keys: MadeKeys
) -> None:
    async with calling(app, issuer, "clinical_safety") as client:
        before = (await client.get(f"/triage/{HELD}")).json()
        keys.erased.add(PERSON)
        shown = (await client.get(f"/triage/{HELD}")).json()
        gone: dict[str, Any] = {
            "urgency": None,
            "cause": None,
            "reasons": [],
            "awaits": [],
            "acknowledged": [],
            "erased": True,
        }
        assert shown == {**before, **gone, "erased": True}
        assert await acknowledge(client, HELD) == (410, "person_erased")
        assert await acknowledge(client, ROUTINE) == (409, "nothing_to_acknowledge")
        assert (await client.get(f"/triage/{HELD}")).json() == shown, "nothing has changed"
        assert len((await client.get("/triage")).json()["items"]) == 3


async def test_a_task_of_an_erased_person_is_ended_by_a_named_person_who_says_so(
    app: FastAPI, issuer: DevIssuer, keys: MadeKeys, triage_database: Database
) -> None:
    place = f"/triage/{HELD}/acknowledge"
    async with calling(app, issuer, "clinical_safety", sub="nurse-7") as client:
        early = await client.post(place, json={"actions": ["data_erased"]}, headers={"Idempotency-Key": "early"})
        assert (early.status_code, early.json()["code"]) == (422, "not_erased")
        keys.erased.add(PERSON)
        told = await client.post(place, json=DONE, headers={"Idempotency-Key": "told"})
        assert (told.status_code, told.json()["code"]) == (410, "person_erased")
        assert "data_erased" in told.json()["detail"]
        body = {"actions": ["data_erased", "referrer_informed"]}
        ended = await client.post(place, json=body, headers={"Idempotency-Key": "ended"})
        assert (ended.status_code, ended.json()["revision"], ended.json()["outcome"]) == (200, 1, "held"), ended.text
        waiting = (await client.get("/safety-tasks")).json()
        assert HELD not in [task["referral_id"] for task in waiting], "it alerts no more"
        assert (await client.get(f"/triage/{HELD}")).json()["awaiting_since"] is None
    rows = triage_database.postgres.execute(
        f"SELECT done_by, actions FROM safety_task WHERE referral_id = '{HELD}'",
        triage_database.name,
    )
    assert rows == 'nurse-7|["data_erased", "referrer_informed"]'


async def test_a_key_that_cannot_be_had_is_said_and_nothing_changes(
    app: FastAPI, issuer: DevIssuer, keys: MadeKeys
) -> None:
    async with calling(app, issuer, "clinical_safety") as client:
        keys.lost.add(PERSON)
        answer = await client.get(f"/triage/{HELD}")
        assert (answer.status_code, answer.json()["code"]) == (503, "key_missing")
        assert await acknowledge(client, HELD) == (503, "key_missing")
        assert len((await client.get("/triage")).json()["items"]) == 3, "a list opens nothing"
        keys.lost.clear()
        assert (await client.get(f"/triage/{HELD}")).json()["revision"] == 1
        assert await acknowledge(client, HELD) == (200, None)


async def test_a_restricted_person_s_findings_are_not_shown_and_a_hold_is_still_taken_up(
    app: FastAPI, issuer: DevIssuer, keys: MadeKeys
) -> None:
    keys.restricted.add(PERSON)
    async with calling(app, issuer, "clinical_safety") as client:
        answer = await client.get(f"/triage/{HELD}")
        assert (answer.status_code, answer.json()["code"]) == (423, "person_restricted")
        assert await acknowledge(client, HELD) == (200, None)


async def test_who_may_not_see_a_referral_learns_nothing_of_its_person(
    app: FastAPI, issuer: DevIssuer, keys: MadeKeys
) -> None:
    async with calling(app, issuer, "coach", programme="workwell-elsewhere") as client:
        for kind in (keys.restricted, keys.erased, keys.lost):
            kind.add(PERSON)
            assert (await client.get(f"/triage/{HELD}")).status_code == 404
            kind.clear()


async def test_pages_and_filters(app: FastAPI, issuer: DevIssuer) -> None:
    async with calling(app, issuer, "assessor") as client:
        seen: list[str] = []
        cursor = None
        while True:
            page = (await client.get("/triage", params={"limit": 1, **({"cursor": cursor} if cursor else {})})).json()
            seen += [item["referral_id"] for item in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert seen == [HELD, URGENT, ROUTINE], "those that wait for a person come first"
        waiting = (await client.get("/triage", params={"awaiting": True})).json()["items"]
        assert [(item["referral_id"], item["outcome"]) for item in waiting] == [(HELD, "held"), (URGENT, "recommended")]
        rest = (await client.get("/triage", params={"awaiting": False})).json()["items"]
        assert [item["referral_id"] for item in rest] == [ROUTINE]


async def test_any_cursor_is_a_page_or_malformed(app: FastAPI, issuer: DevIssuer) -> None:
    async with calling(app, issuer, "assessor") as client:
        odd: list[tuple[Any, Any]] = [(3, 4), (None, None), ([], {})]
        for parts in [*at_the_edges(), *odd]:
            answer = await client.get("/triage", params={"cursor": of_parts(*parts)})
            assert answer.status_code in {200, 422}, (parts, answer.text)
            assert answer.status_code == 200 or answer.json()["code"] == "cursor_malformed"


async def test_nothing_clinical_rests_in_clear(triaged: None, triage_database: Database) -> None:
    rows = "".join(contents(triage_database).values())
    assert HELD in rows
    clinical = ('"phq9"', "item9", "fever", "back_pain", "urgency", "self_harm", "acknowledge", '"awaits"')
    assert [word for word in clinical if word in rows] == []


async def test_the_table_holds_nothing_clinical(triaged: None, triage_database: Database) -> None:
    connection = await asyncpg.connect(triage_database.dsn)
    try:
        row = dict(await connection.fetchrow("SELECT * FROM triage_case WHERE referral_id = $1", HELD) or {})
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("DELETE FROM triage_case")
    finally:
        await connection.close()
    assert sorted(row) == [
        "awaiting_since",
        "locality",
        "outcome",
        "programme",
        "provider",
        "referral_id",
        "revision",
        "withdrawn",
    ]
