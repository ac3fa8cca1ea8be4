"""Somebody who is invited and not referred is a person too: exported, erased, merged, kept as long as others."""

import asyncio
import copy
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.contracts.person_codes import ErasureReason
from services.intake.api import create_app
from services.intake.invitations.examples import ACCEPTED, IDENTIFIED, INVITED
from services.kernel.http.dev_issuer import DevIssuer
from tests.integration.persons.conftest import Pathway
from tests.integration.persons.test_export import exported, said
from tests.integration.persons.test_retention import erased, go
from tests.integration.persons.world import PROGRAMME, REFERRED, World, years_after

NUMBER = IDENTIFIED["person"]["nhs_number"]
_keys = itertools.count()


@asynccontextmanager
async def provider(world: World) -> AsyncIterator[httpx.AsyncClient]:
    issuer = DevIssuer(world.settings)
    app = create_app(world.settings, issuer_transport=issuer.transport(), clock=lambda: world.now)
    headers = issuer.headers("coach", org="growth-company", organisation_kind="provider", programme=PROGRAMME)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api", headers=headers) as client,
    ):
        yield client


async def post(world: World, place: str, body: Any) -> httpx.Response:
    async with provider(world) as client:
        return await client.post(place, json=body, headers={"Idempotency-Key": f"i{next(_keys)}"})


async def identified(world: World, **person: Any) -> str:
    body = copy.deepcopy(IDENTIFIED)
    body["person"].update(person)
    answer = await post(world, "/invitations", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["links"]["self"])


async def invited(world: World, **person: Any) -> str:
    here = await identified(world, **person)
    assert (await post(world, f"{here}/invite", INVITED)).status_code == 201
    return here


async def person_of(world: World, here: str) -> str:
    wanted = here.rpartition("/")[2]
    found = await world.ask("intake", "SELECT person_id FROM invitation WHERE invitation_id = $1", wanted)
    return str(found[0][0])


def test_all_that_is_held_is_exported(world: World, pathway: Pathway, tmp_path: Path) -> None:
    here = asyncio.run(invited(world))
    asyncio.run(world.flow())
    person = asyncio.run(person_of(world, here))
    assert said(pathway("person", "show", "--nhs-number", "-", "--json", input=f"{NUMBER}\n"))["person_id"] == person
    found, page = exported(pathway, tmp_path, person)
    intake = found["services"]["intake"]
    assert [row["family_name"] for row in intake["invitation_details"]] == ["Muster"]
    assert [row["state"] for row in intake["invitation"]] == ["invited"]
    assert [row["state"]["kind"] for row in intake["aggregate"]] == ["invitation"]
    assert len(intake["outbox"]) == 2
    assert intake["idempotency"]
    assert found["services"]["triage"]["key_position"], "triage has seen its events, and passed over them"
    assert found["referral_ids"] == []
    assert "Muster" in page


async def test_who_is_erased_leaves_dates_under_a_pseudonym(world: World) -> None:
    here = await invited(world)
    person = await person_of(world, here)
    async with world.people() as people:
        await people.erase(person, ErasureReason.PERSON_ASKED, note="", apply=True)
    await world.flow()
    assert await world.count("intake", "invitation_details") == 0
    assert await world.ask("intake", "SELECT nhs_number, name_key FROM person") == [(None, None)]
    ((state, said_by),) = await world.ask("intake", "SELECT state, provider FROM invitation")
    assert (state, said_by) == ("invited", "growth-company")
    answer = await post(world, f"{here}/accept", ACCEPTED)
    assert (answer.status_code, answer.json()["code"]) == (410, "person_erased")
    again = await identified(world)
    assert await person_of(world, again) != person, "who comes again is somebody new"


async def test_who_is_erased_and_named_again_before_that_is_known_is_somebody_new(world: World) -> None:
    person = await person_of(world, await invited(world))
    async with world.people() as people:
        await people.erase(person, ErasureReason.PERSON_ASKED, note="", apply=True)
    assert await person_of(world, await identified(world)) != person
    assert await world.count("intake", "invitation_details") == 1


async def test_the_referral_of_merged_pseudonyms_is_the_survivor_s(world: World) -> None:
    here = await invited(world)
    merged = await person_of(world, here)
    survivor = await world.person_of(await world.refer(nhs_number="9990000034", family_name="Other"))
    async with world.people() as people:
        await people.merge(survivor, merged, note="", apply=True)
    await world.flow()
    async with world.gp() as gp:
        ((referral,),) = await world.ask("intake", "SELECT referral_id FROM referral")
        await gp.post(
            f"/referrals/{referral}/withdrawal", json={"reason": "moved_away"}, headers={"Idempotency-Key": "w"}
        )
    answer = await post(world, f"{here}/accept", ACCEPTED)
    assert answer.status_code == 201, answer.text
    assert await world.person_of(answer.json()["referral_id"]) == survivor


async def test_an_open_referral_of_the_survivor_is_told(world: World) -> None:
    here = await invited(world)
    referral = await world.refer(nhs_number="9990000034", family_name="Other")
    async with world.people() as people:
        await people.merge(await world.person_of(referral), await person_of(world, here), note="", apply=True)
    await world.flow()
    answer = await post(world, f"{here}/accept", ACCEPTED)
    assert (answer.status_code, answer.json()["code"]) == (409, "duplicate_referral")
    assert answer.json()["referral_id"] == referral


async def test_an_equal_number_with_another_name_is_not_taken_for_the_invited(world: World) -> None:
    here = await invited(world)
    referral = await world.refer(nhs_number=NUMBER, family_name="Different", given_name="Wholly")
    assert await world.person_of(referral) != await person_of(world, here)


@pytest.mark.parametrize(("days", "due"), [(0, 0), (1, 1)])
async def test_who_never_answers_is_kept_as_long_as_others(world: World, days: int, due: int) -> None:
    here = await invited(world)
    person = await person_of(world, here)
    last_day = years_after(REFERRED, 8, days=28)  # counted from the last day on which they could answer
    outcome = await go(world, years_after(last_day, 0, days=days))
    assert (outcome.looked_at, outcome.due, outcome.erased) == (1, due, due)
    assert await erased(world) == [(person, "retention_ended")] * due
    if due:
        assert outcome.tables["intake", "invitation_details"][0] == 1


async def test_an_invitation_is_heard_of_after_a_referral(world: World) -> None:
    referral = await world.refer(**IDENTIFIED["person"])
    await world.withdraw(referral)
    await world.flow()
    world.now = years_after(REFERRED, 2)
    body = {**IDENTIFIED, "on": "2024-11-18"}
    answer = await post(world, "/invitations", body)
    assert answer.status_code == 201, answer.text
    assert (await go(world, years_after(REFERRED, 8, days=1))).due == 0
    assert (await go(world, years_after(REFERRED, 10, days=1))).due == 1


def test_the_answers_that_are_kept_name_nobody(world: World) -> None:
    asyncio.run(invited(world))
    rows = asyncio.run(world.ask("intake", "SELECT answer::text FROM idempotency"))
    assert "Muster" not in json.dumps(rows)
