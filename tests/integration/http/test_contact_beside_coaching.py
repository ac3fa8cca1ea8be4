"""How a person is reached, with coaching's own API and database beside intake's: intake goes by what coaching says."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.coaching.api import create_app
from services.coaching.papers.contact import Contacts
from services.coaching.service import build as build_coaching
from services.contracts import types
from services.intake.referrals.examples import GP_REFERRAL
from services.intake.service import build as build_intake
from services.kernel.envelope import to_headers
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.runtime.inbox import Inbox
from services.kernel.runtime.records import Record
from tests.integration.coaching.world import PROVIDER, Desk
from tests.integration.http.conftest import Ask, calling, emptied, settings_for
from tests.integration.http.test_intake import ask, gp, intake, keys, post, settings, stored
from tests.parts.databases import Database, Databases
from tests.parts.keys import MadeKeys
from tests.property.pipeline import PARTITIONS, World

__all__ = ["ask", "gp", "intake", "keys", "settings", "stored"]

OUTBOX = "SELECT json_build_array(key, headers, convert_from(value, 'UTF8')) FROM outbox ORDER BY id"
READS = "SELECT asked_by || ' ' || purpose || ' ' || outcome FROM contact_read ORDER BY asked_at, request_id"
REFERRAL = {**GP_REFERRAL, "provider": {"named": PROVIDER, "chosen": None}}
NAME = f"{GP_REFERRAL['person']['given_name']} {GP_REFERRAL['person']['family_name']}"


class Log:
    """What lies between the databases of intake and coaching. Triage is in memory."""

    def __init__(self, intake: FastAPI, coaching: FastAPI, stored: Database, plans: Database, keys: MadeKeys) -> None:
        self._sides = {"intake": (build_intake(), intake, stored), "coaching": (build_coaching(), coaching, plans)}
        self._keys = keys
        self._world = World(keys=keys)
        self._sent = 0

    def _outbox(self, name: str) -> list[tuple[str, Any, bytes]]:
        _, _, database = self._sides[name]
        lines = database.postgres.execute(OUTBOX, database.name).splitlines()
        return [(key, headers, value.encode()) for key, headers, value in map(json.loads, lines)]

    async def _read(self, name: str, records: list[Record]) -> None:
        service, app, _ = self._sides[name]
        inbox = Inbox(service, service.policy(), app.state.parts.pool, keys=self._keys)
        assert (await inbox.process(records)).dead == 0

    async def refer(self) -> None:
        """Intake's referrals reach coaching, through triage."""
        rows = self._outbox("intake")
        for key, headers, value in rows[self._sent :]:
            row = ["", 0, json.dumps(headers), value, False]
            self._world.publish("intake", [((types.TOPIC_REFERRAL, key, 0), row)])
        self._sent = len(rows)
        self._world.read_in_order()
        for number in range(PARTITIONS):
            if records := self._world.log[types.TOPIC_TRIAGE, number]:
                await self._read("coaching", records)

    async def tell(self) -> None:
        """Intake reads what coaching has said."""
        rows = enumerate(self._outbox("coaching"))
        records = [
            Record(types.TOPIC_PLAN, 0, offset, key.encode(), value, to_headers(headers))
            for offset, (key, headers, value) in rows
        ]
        await self._read("intake", records)


@pytest.fixture
def plans(databases: Databases) -> Database:
    return emptied(databases("coaching"))


@pytest.fixture
async def coaching(intake: FastAPI, plans: Database, issuer: DevIssuer, keys: MadeKeys) -> AsyncIterator[FastAPI]:
    contacts = Contacts("http://intake", httpx.ASGITransport(intake))
    app = create_app(settings_for(plans), contacts=contacts, issuer_transport=issuer.transport(), keys=keys)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
def log(intake: FastAPI, coaching: FastAPI, stored: Database, plans: Database, keys: MadeKeys) -> Log:
    return Log(intake, coaching, stored, plans, keys)


class Colleague:
    """Somebody at the provider, who speaks to both services with one token."""

    def __init__(self, intake: FastAPI, coaching: httpx.AsyncClient, issuer: DevIssuer, sub: str, role: str) -> None:
        self.desk = Desk(coaching, issuer, sub, role)
        self._intake = intake

    async def contact(self, person: str, purpose: str = "call") -> tuple[int, str]:
        """Return the status with the code of a refusal, else with the name."""
        async with calling(self._intake, self.desk.headers) as client:
            answer = await client.get(f"/people/{person}/contact", params={"purpose": purpose})
        told = answer.json()
        if answer.status_code == 200:
            return 200, f"{told['given_name']} {told['family_name']}"
        return answer.status_code, str(told["errors"][0]["code"])

    async def page(self, referral: str) -> tuple[int, bool]:
        """Return the status of the printed plan, and whether the person is named on it."""
        answer = await self.desk.get(f"/plans/{referral}/pages/gp")
        return answer.status_code, NAME in answer.text

    async def does(self, referral: str, kind: str, **fields: Any) -> None:
        answer = await self.desk.ask(kind, plan=referral, **fields)
        assert answer.status_code == 200, answer.text


@pytest.fixture
async def colleagues(intake: FastAPI, coaching: FastAPI, issuer: DevIssuer) -> AsyncIterator[list[Colleague]]:
    async with calling(coaching, {}) as client:
        roles = {"coach-ada": "coach", "coach-ben": "coach", "lead-1": "team_lead"}
        yield [Colleague(intake, client, issuer, sub, role) for sub, role in roles.items()]


async def test_a_transfer_takes_the_contact_from_one_coach_and_gives_it_to_the_other(
    gp: httpx.AsyncClient, log: Log, colleagues: list[Colleague], ask: Ask
) -> None:
    ada, ben, lead = colleagues
    referral = (await post(gp, REFERRAL)).json()["referral_id"]
    person = ask("SELECT person_id FROM referral")
    await log.refer()
    assert await ada.contact(person) == (404, "person_unknown"), "intake has not heard of a plan"
    await log.tell()
    assert await ada.contact(person) == (403, "no_coach")
    await ada.does(referral, "recommendation_confirmed", revision=1)
    assert await ada.contact(person) == (403, "no_coach"), "coaching knows, intake has not read it"
    await log.tell()
    assert await ada.contact(person, "letter") == (200, NAME)
    assert await ben.contact(person) == (403, "not_the_coach")
    assert await lead.contact(person) == (403, "not_the_coach")
    assert await ada.page(referral) == (200, True)

    await lead.does(referral, "coach_assigned", coach="coach-ben")
    assert await ben.page(referral) == (403, False), "the two do not agree yet: nobody is named"
    await log.tell()
    assert await ada.contact(person) == (403, "not_the_coach")
    assert await ada.page(referral) == (404, False)
    assert await ben.contact(person) == (200, NAME)
    assert await ben.page(referral) == (200, True)

    await ben.does(referral, "withdrawn", reason="changed_mind")
    await log.tell()
    assert await ben.contact(person) == (403, "plan_withdrawn")
    assert ask(READS).splitlines() == [
        "coach-ada call person_unknown",
        "coach-ada call no_coach",
        "coach-ada call no_coach",
        "coach-ada letter read",
        "coach-ben call not_the_coach",
        "lead-1 call not_the_coach",
        "coach-ada printed_plan read",
        "coach-ben printed_plan not_the_coach",
        "coach-ada call not_the_coach",
        "coach-ben call read",
        "coach-ben printed_plan read",
        "coach-ben call plan_withdrawn",
    ]


async def test_who_covers_is_told_nothing_before_a_transfer(
    gp: httpx.AsyncClient, log: Log, colleagues: list[Colleague], ask: Ask
) -> None:
    """They see the plan, and intake passes over what coaching says about coaches."""
    ada, ben, lead = colleagues
    referral = (await post(gp, REFERRAL)).json()["referral_id"]
    person = ask("SELECT person_id FROM referral")
    await log.refer()
    for coach in ("coach-ada", "coach-ben"):
        assert (await say(lead.desk, coach, "registered", profile={"capacity": 3})).status_code == 200
    await ada.does(referral, "recommendation_confirmed", revision=1)
    away = {"from_on": "2024-01-01", "until_on": None, "cover": "coach-ben"}
    assert (await say(lead.desk, "coach-ada", "absence_recorded", **away)).status_code == 200
    await log.tell()
    assert (await ben.desk.get(f"/plans/{referral}")).status_code == 200
    assert await ben.contact(person) == (403, "not_the_coach")
    assert await ben.page(referral) == (409, False)
    await lead.does(referral, "coach_assigned", coach="coach-ben")
    await log.tell()
    assert await ben.page(referral) == (200, True)


async def say(desk: Desk, coach: str, kind: str, **fields: Any) -> httpx.Response:
    headers = {**desk.headers, "Idempotency-Key": f"{coach}-{kind}"}
    return await desk.client.post(f"/coaches/{coach}/commands", json={"kind": kind, **fields}, headers=headers)
