"""How a person is reached, over HTTP: for the coach of the newest plan.updated, and every question written down."""

import json
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from services.contracts import types
from services.intake.referrals.examples import GP_REFERRAL
from services.intake.service import build
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.runtime.inbox import Inbox
from tests.integration.http.conftest import Ask, calling
from tests.integration.http.test_intake import ask, gp, intake, keys, post, settings, stored, token
from tests.integration.http.test_intake_and_people_who_change import by, erased, merged
from tests.integration.http.test_intake_status import EXAMPLES, record
from tests.parts.databases import Database
from tests.parts.keys import MadeKeys

__all__ = ["ask", "gp", "intake", "keys", "settings", "stored"]

ADA, BEN = "coach-ada", "coach-ben"
SNAPSHOT = json.loads((EXAMPLES / "plan.updated/examples/0.1/coach_assigned.pass.json").read_text())["plan"]


@pytest.fixture
async def inbox(intake: FastAPI) -> Inbox:
    service = build()
    return Inbox(service, service.policy(), intake.state.parts.pool)


class Caller:
    """Somebody who asks how people are reached."""

    def __init__(self, app: FastAPI, issuer: DevIssuer, sub: str, role: str = "coach", **claims: str) -> None:
        self.app = app
        self.headers = token(
            issuer, **{"kind": "provider", "org": "growth-company", "role": role, "sub": sub, **claims}
        )

    async def ask(self, person: str, purpose: str | None = "call") -> httpx.Response:
        params = {} if purpose is None else {"purpose": purpose}
        async with calling(self.app, self.headers) as client:
            return await client.get(f"/people/{person}/contact", params=params)


@pytest.fixture
def ada(intake: FastAPI, issuer: DevIssuer) -> Caller:
    return Caller(intake, issuer, ADA)


@pytest.fixture
def ben(intake: FastAPI, issuer: DevIssuer) -> Caller:
    return Caller(intake, issuer, BEN)


async def referred(gp: httpx.AsyncClient, ask: Ask, body: dict[str, Any] = GP_REFERRAL) -> tuple[str, str]:
    referral = (await post(gp, body)).json()["referral_id"]
    return referral, ask(f"SELECT person_id FROM referral WHERE referral_id = '{referral}'")


async def plan_of(
    inbox: Inbox, offset: int, referral: str, coach: str | None, *, sequence: int = 1, **plan: Any
) -> None:
    state = plan.pop("state", "active")
    fields = {"state": state, "provider": "growth-company", "plan": {**SNAPSHOT, "coach": coach, **plan}}
    said = record(offset, types.PLAN_UPDATED, "coach_assigned", referral, sequence, **fields)
    assert (await inbox.process([said])).applied == 1


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["code"]


def reads(ask: Ask) -> list[str]:
    found = ask("SELECT asked_by || ' ' || purpose || ' ' || outcome FROM contact_read ORDER BY asked_at, request_id")
    return found.splitlines()


async def test_the_coach_named_last_is_told_and_nobody_before(
    gp: httpx.AsyncClient, inbox: Inbox, ada: Caller, ben: Caller, ask: Ask
) -> None:
    referral, person = await referred(gp, ask)
    assert code(await ada.ask(person)) == (404, "person_unknown"), "no plan yet"
    await plan_of(inbox, 0, referral, ADA)
    told = await ada.ask(person, "letter")
    assert told.status_code == 200
    given = GP_REFERRAL["person"]
    assert told.json() == {
        "person_id": person,
        "referral_id": referral,
        "given_name": given["given_name"],
        "family_name": given["family_name"],
        "postcode": given["postcode"],
        "contact": given["contact"],
        "language": given["language"],
        "accessible_needs": given["accessible_needs"],
    }
    assert told.headers["cache-control"] == "no-store"
    await plan_of(inbox, 1, referral, BEN, sequence=2)
    assert code(await ada.ask(person)) == (403, "not_the_coach")
    assert (await ben.ask(person)).status_code == 200
    assert reads(ask) == [
        "coach-ada call person_unknown",
        "coach-ada letter read",
        "coach-ada call not_the_coach",
        "coach-ben call read",
    ]


async def test_every_refusal(
    gp: httpx.AsyncClient, intake: FastAPI, issuer: DevIssuer, inbox: Inbox, ada: Caller, keys: MadeKeys, ask: Ask
) -> None:
    referral, person = await referred(gp, ask)
    await plan_of(inbox, 0, referral, ADA)
    strangers = {
        "another organisation": Caller(intake, issuer, ADA, org="big-life"),
        "another programme": Caller(intake, issuer, ADA, programme="working-well-early-help"),
        "an employer, whatever its role": Caller(intake, issuer, ADA, kind="employer"),
    }
    for title, stranger in strangers.items():
        assert code(await stranger.ask(person)) == (404, "person_unknown"), title
    for role in ("referrer", "assessor", "auditor", "operator", "commissioner", "clinical_safety", "provider_finance"):
        assert code(await Caller(intake, issuer, ADA, role).ask(person)) == (403, "role_not_allowed"), role
    lead = await Caller(intake, issuer, "lead-1", "team_lead").ask(person)
    assert code(lead) == (403, "not_the_coach"), "a team lead who is not the coach"
    assert (await ada.ask("01933e1b-7f3a-7c11-8f5e-0242ac120999")).status_code == 404
    assert (await ada.ask(person, None)).status_code == 422, "it must be said what for"
    assert (await ada.ask(person, "curiosity")).status_code == 422
    keys.restricted.add(person)
    assert code(await ada.ask(person)) == (423, "person_restricted")
    keys.restricted.clear()
    await plan_of(inbox, 1, referral, ADA, sequence=2, state="closed", outcomes_until="2025-01-01")
    assert code(await ada.ask(person)) == (403, "plan_over")
    await plan_of(inbox, 2, referral, ADA, sequence=3, state="closed", outcomes_until="2099-01-01")
    assert (await ada.ask(person)).status_code == 200
    await plan_of(inbox, 3, referral, ADA, sequence=4, state="withdrawn")
    assert code(await ada.ask(person)) == (403, "plan_withdrawn")
    assert [line.split()[2] for line in reads(ask)] == [
        *["person_unknown"] * 3,
        "not_the_coach",
        "person_restricted",
        "plan_over",
        "read",
        "plan_withdrawn",
    ]


async def test_of_an_erased_person_nothing_is_left_to_tell(
    gp: httpx.AsyncClient, inbox: Inbox, ada: Caller, keys: MadeKeys, ask: Ask
) -> None:
    referral, person = await referred(gp, ask)
    await plan_of(inbox, 0, referral, ADA)
    keys.erased.add(person)
    assert code(await ada.ask(person)) == (410, "person_erased"), "the key is gone, the event has not come yet"
    keys.erased.clear()
    await inbox.process([erased(0, person)])
    assert code(await ada.ask(person)) == (410, "person_erased"), "the details are gone"


async def test_a_merged_person_is_reached_by_either_pseudonym(
    gp: httpx.AsyncClient, inbox: Inbox, ada: Caller, ask: Ask
) -> None:
    _, person = await referred(gp, ask, by("GP-1", given_name="Bea", nhs_number=None))
    second, other = await referred(gp, ask, by("GP-2", given_name="Cleo", nhs_number=None))
    assert person != other
    await inbox.process([merged(0, person, other)])
    await plan_of(inbox, 0, second, ADA)
    for pseudonym in (person, other):
        told = (await ada.ask(pseudonym)).json()
        assert (told["referral_id"], told["given_name"]) == (second, "Cleo")


async def test_what_is_asked_twice_or_too_late_changes_nobody(
    gp: httpx.AsyncClient, inbox: Inbox, ben: Caller, ask: Ask
) -> None:
    referral, person = await referred(gp, ask)
    await plan_of(inbox, 0, referral, ADA)
    await plan_of(inbox, 1, referral, BEN, sequence=2)
    old = record(2, types.PLAN_UPDATED, "coach_assigned", referral, 1, plan={**SNAPSHOT, "coach": ADA})
    await inbox.process([old])
    assert (await ben.ask(person)).status_code == 200


async def test_logs_name_nobody_and_the_rows_cannot_be_changed(
    gp: httpx.AsyncClient, inbox: Inbox, ada: Caller, ask: Ask, stored: Database
) -> None:
    referral, person = await referred(gp, ask)
    await plan_of(inbox, 0, referral, ADA)
    with capture_logs() as logs:
        await ada.ask(person)
    assert not any(word in str(logs) for word in (person, *GP_REFERRAL["person"]["contact"].values()))
    connection = await asyncpg.connect(stored.dsn)
    for act in ("UPDATE contact_read SET asked_by = 'x'", "DELETE FROM contact_read"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(act)
    await connection.close()


async def test_an_event_about_a_coach_is_passed_over(inbox: Inbox, ask: Ask) -> None:
    body = json.loads((EXAMPLES / "coach.changed/examples/0.1/full.pass.json").read_text())
    said = record(0, types.COACH_CHANGED, "full", body["coach_id"], 1)
    counts = await inbox.process([said])
    assert (counts.applied, counts.dead) == (1, 0)
    assert ask("SELECT count(*) FROM plan_holder") == "0"
