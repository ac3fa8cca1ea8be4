"""An explanation over HTTP and by ``pathway explain``: what each may read of a referral that came by intake."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from services.contracts.person_codes import ErasureReason, RestrictionReason
from services.kernel.http.dev_issuer import DevIssuer
from services.triage.api import create_app
from tests.integration.persons.conftest import Pathway
from tests.integration.persons.world import ORDER, PROGRAMME, World
from tests.parts.databases import Databases

NOBODY = "f0f0f0f0-0000-4000-8000-000000000009"
GP = {"org": "P84001", "organisation_kind": "nhs"}


@pytest.fixture
def referral(world: World) -> str:
    """A practice has referred somebody, and everybody has read it."""

    async def prepare() -> str:
        found = await world.refer()
        await world.flow()
        return found

    return asyncio.run(prepare())


@asynccontextmanager
async def triage(world: World) -> AsyncIterator[Any]:
    """``await ask(role, referral, view, **claims)`` returns status and body."""
    issuer = DevIssuer(world.settings)
    app = create_app(world.settings, issuer_transport=issuer.transport(), clock=lambda: world.now)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client,
    ):

        async def ask(role: str, referral: str, view: str | None, **claims: str) -> tuple[int, Any]:
            headers = issuer.headers(role, **{"programme": PROGRAMME, **GP, **claims})
            asked = {} if view is None else {"view": view}
            answer = await client.get(f"/triage/{referral}/explanation", params=asked, headers=headers)
            return answer.status_code, answer.json()

        yield ask


def test_each_reader_gets_their_view_and_a_referrer_their_own_referral_only(world: World, referral: str) -> None:
    async def run() -> None:
        async with triage(world) as ask:
            status, whole = await ask("coach", referral, None)
            assert status == 200, whole
            assert {rule["rule"] for rule in whole["rules"]} >= {"R00", "R10", "R21", "R30"}
            assert whole["ruleset"]["sha256"]
            status, person = await ask("assessor", referral, "participant")
            assert (status, person["summary"][0].startswith("We suggest")) == (200, True)
            status, own = await ask("referrer", referral, "referrer")
            assert (status, own["status"]) == (200, "triaged")
            assert {rule["rule"] for rule in own["rules"]} == {"R30", "R32"}
            assert (await ask("team_lead", referral, "referrer"))[1] == own

            refused: list[tuple[str, str | None, dict[str, str], int, str]] = [
                ("referrer", "coach", {}, 403, "view_not_allowed"),
                ("referrer", None, {}, 403, "view_not_allowed"),
                ("referrer", "participant", {}, 403, "view_not_allowed"),
                ("referrer", "referrer", {"org": "P84002"}, 404, "referral_not_found"),
                ("referrer", "referrer", {"programme": "workwell-elsewhere"}, 404, "referral_not_found"),
                ("referrer", "referrer", {"organisation_kind": "employer"}, 403, "view_not_allowed"),
                ("coach", "coach", {"organisation_kind": "employer"}, 403, "view_not_allowed"),
                ("coach", "coach", {"programme": "workwell-elsewhere"}, 404, "referral_not_found"),
                ("commissioner", "referrer", {}, 403, "role_not_allowed"),
                ("coach", "doctor", {}, 422, "invalid_request"),
            ]
            for role, view, claims, code, name in refused:
                status, body = await ask(role, referral, view, **claims)
                assert (status, body["code"]) == (code, name), (role, view, claims)
            assert (await ask("coach", NOBODY, "coach"))[0] == 404

    asyncio.run(run())


def test_of_an_erased_person_staff_are_told_so_and_the_referrer_is_known_no_more(world: World, referral: str) -> None:
    async def run() -> None:
        async with world.people() as people:
            await people.erase(await world.person_of(referral), ErasureReason.PERSON_ASKED, note="", apply=True)
        async with triage(world) as ask:
            status, whole = await ask("coach", referral, "coach")
            assert (status, whole["missing"], whole["rules"]) == (200, "erased", [])
            assert (await ask("referrer", referral, "referrer"))[0] == 404

    asyncio.run(run())


def test_of_a_restricted_person_nothing_is_shown(world: World, referral: str, pathway: Pathway) -> None:
    async def run() -> None:
        async with world.people() as people:
            why = RestrictionReason.OBJECTION_PENDING
            await people.restrict(await world.person_of(referral), why, note="", apply=True)
        async with triage(world) as ask:
            for role, view in (("coach", "coach"), ("referrer", "referrer")):
                status, body = await ask(role, referral, view)
                assert (status, body["code"]) == (423, "person_restricted")

    asyncio.run(run())
    refused = pathway("explain", referral)
    assert (refused.exit_code, "person_restricted" in refused.output) == (1, True)


def test_the_command_prints_it_and_says_who_asked(world: World, referral: str, pathway: Pathway) -> None:
    shown = pathway("explain", referral, "--actor", "ann")
    assert shown.exit_code == 0, shown.output
    assert "R10 Talking therapies, step 2 likely: This rule counts." in shown.stdout
    assert "Rules\n  workwell-matching, version 2024.1, SHA-256 " in shown.stdout
    for view, word in (("coach", "rules"), ("participant", "suggestions"), ("referrer", "not_told")):
        found = pathway("explain", referral, "--view", view, "--json", "--actor", "ann")
        assert found.exit_code == 0, found.output
        assert word in json.loads(found.stdout)
    rows = asyncio.run(
        world.ask("triage", "SELECT actor, action, target, detail->>'view' FROM operator_action ORDER BY id")
    )
    assert rows == [("ann", "triage.explain", referral, view) for view in ("coach", "coach", "participant", "referrer")]


def test_the_command_as_a_process_of_its_own(world: World, referral: str, database: Databases) -> None:
    environment = {**os.environ, **database.environment(*ORDER, "vault"), "PATHWAY_ENVIRONMENT": "development"}

    def explain(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "services.cli", "explain", *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)

    shown = explain(referral, "--actor", "ann")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith(f"Referral {referral}, revision 1, decided on ")
    assert "R10 Talking therapies, step 2 likely: This rule counts." in shown.stdout
    told = json.loads(explain(referral, "--view", "referrer", "--json").stdout)
    assert told["status"] == "triaged"
    nobody = explain(NOBODY)
    assert (nobody.returncode, nobody.stdout) == (1, "")
    assert "referral_not_found" in nobody.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [((NOBODY,), 1, "referral_not_found"), (("9990000018",), 2, "UUID"), ((NOBODY, "--view", "doctor"), 2, "doctor")],
)
def test_what_cannot_be_explained_is_said(pathway: Pathway, words: tuple[str, ...], code: int, said: str) -> None:
    refused = pathway("explain", *words)
    assert (refused.exit_code, said in refused.output) == (code, True), refused.output
    assert "9990000018" not in refused.output
