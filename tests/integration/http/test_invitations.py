"""The provider route over HTTP on real PostgreSQL: identified, invited, accepted as a referral, declined, expired."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.intake.api import create_app
from services.intake.invitations.examples import ACCEPTED, DECLINED, IDENTIFIED, INVITED
from services.intake.referrals.examples import GP_REFERRAL
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.settings import Settings
from tests.integration.http.conftest import Ask, Clock, calling
from tests.integration.http.test_intake import ask, changed, codes, events, keys, post, settings, stored, token
from tests.parts.keys import MadeKeys

__all__ = ["ask", "keys", "settings", "stored"]

RED_FLAG = {"assessment": {"red_flags": {"chest_pain": True}}}


@pytest.fixture
async def intake(settings: Settings, issuer: DevIssuer, keys: MadeKeys, clock: Clock) -> AsyncIterator[FastAPI]:
    app = create_app(settings, issuer_transport=issuer.transport(), keys=keys, clock=clock)
    async with app.router.lifespan_context(app):
        yield app


def by(issuer: DevIssuer, org: str = "growth-company", **more: str) -> dict[str, str]:
    return token(issuer, "provider", org, **{"role": "coach", **more})


@pytest.fixture
async def provider(intake: FastAPI, issuer: DevIssuer) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(intake, by(issuer)) as client:
        yield client


@pytest.fixture
async def gp(intake: FastAPI, issuer: DevIssuer) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(intake, token(issuer)) as client:
        yield client


async def identified(client: httpx.AsyncClient, **fields: Any) -> str:
    answer = await post(client, changed(IDENTIFIED, **fields), "/invitations")
    assert answer.status_code == 201, answer.text
    return str(answer.json()["links"]["self"])


async def invited(client: httpx.AsyncClient) -> str:
    here = await identified(client)
    answer = await post(client, INVITED, f"{here}/invite")
    assert (answer.status_code, answer.json()["respond_by"]) == (201, "2024-12-16"), answer.text
    return here


def later(clock: Clock, days: int) -> str:
    clock.now += timedelta(days=days)
    return clock.now.date().isoformat()


async def test_who_accepts_is_referred_in_the_same_transaction(
    provider: httpx.AsyncClient, ask: Ask, keys: MadeKeys
) -> None:
    here = await invited(provider)
    assert ask("SELECT count(*) FROM referral") == "0", "a referral exists only on acceptance"
    answer = await post(provider, ACCEPTED, f"{here}/accept")
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert body["status"] == "accepted"
    assert answer.headers["Location"] == f"/referrals/{body['referral_id']}"
    one, two, three, referral = events(ask)
    assert [e["state"] for e in (one, two, three)] == ["identified", "invited", "accepted"]
    assert three["change"]["referral_id"] == referral["referral_id"] == body["referral_id"]
    assert (referral["route"], referral["provider"], referral["locality"]) == (
        "provider",
        "growth-company",
        "manchester",
    )
    assert {e["person_id"] for e in (one, two, three, referral)} == set(keys.made)
    assert ask("SELECT count(DISTINCT headers::json ->> 'causationid') FROM outbox WHERE id > 2") == "1"
    assert ask("SELECT family_name FROM referral_details") == "Muster"
    assert ask("SELECT count(*) FROM invitation_details") == "0", "said once: with the referral"
    seen = (await provider.get(here)).json()
    assert (seen["state"], seen["referral_id"]) == ("accepted", body["referral_id"])
    assert (await provider.get(body["links"]["self"])).json()["status"] == "received"


async def test_no_topic_holds_anything_of_the_person(provider: httpx.AsyncClient, ask: Ask) -> None:
    here = await invited(provider)
    await post(provider, DECLINED, f"{here}/decline")
    text = json.dumps(events(ask)) + json.dumps((await provider.get(here)).json())
    assert not [word for word in ("Muster", "Grace", "9990000026", "1990-06-30", "M14", "07700900002") if word in text]
    assert ask("SELECT count(*) FROM invitation_details") == "0", "who says no is not kept"


@pytest.mark.parametrize(("kind", "org"), [("nhs", "P84001"), ("employer", "growth-company"), ("self", "someone")])
async def test_only_providers_invite(intake: FastAPI, issuer: DevIssuer, kind: str, org: str) -> None:
    async with calling(intake, token(issuer, kind, org)) as client:
        for place in ("/invitations", "/invitations/x/invite", "/invitations/x/accept", "/invitations/x/decline"):
            answer = await post(client, {**IDENTIFIED, **RED_FLAG}, place)
            assert (answer.status_code, answer.json()["code"]) == (403, "not_a_provider")
            assert answer.json()["safety"]["level"] == "emergency"


async def test_what_is_wrong_is_told_at_once(provider: httpx.AsyncClient, ask: Ask) -> None:
    wrong = changed(IDENTIFIED, locality="nowhere", on="2024-11-19", colour="red")
    wrong["person"] = {**wrong["person"], "nhs_number": "9990000027", "contact": {"preferred": "email"}}
    answer = await post(provider, wrong, "/invitations")
    assert answer.status_code == 422
    assert codes(answer) == {
        ("unknown_field", "/colour"),
        ("invalid_nhs_number", "/person/nhs_number"),
        ("locality_unknown", "/locality"),
        ("date_in_future", "/on"),
        ("required", "/person/contact/email"),
    }
    assert ask("SELECT count(*) FROM aggregate") == "0"


@pytest.mark.parametrize("org", ["alchemy-arts", "somebody-else", "Not_A_Slug"])
async def test_a_provider_invites_where_and_when_it_takes_people(intake: FastAPI, issuer: DevIssuer, org: str) -> None:
    async with calling(intake, by(issuer, org)) as client:
        answer = await post(client, IDENTIFIED, "/invitations")
        assert (answer.status_code, codes(answer)) == (422, {("provider_not_offered", "/locality")})


async def test_the_token_s_programme_counts(intake: FastAPI, issuer: DevIssuer) -> None:
    async with calling(intake, by(issuer, programme="another")) as client:
        answer = await post(client, IDENTIFIED, "/invitations")
        assert (answer.status_code, answer.json()["code"]) == (403, "programme_not_allowed")


async def test_an_acceptance_is_read_like_a_referral(provider: httpx.AsyncClient, ask: Ask) -> None:
    here = await invited(provider)
    body = changed(ACCEPTED, consents={}, person=IDENTIFIED["person"], route="gp", provider={"named": "big-life"})
    body["work"]["status"] = "retired"
    answer = await post(provider, {**body, **RED_FLAG}, f"{here}/accept")
    assert answer.status_code == 422
    assert codes(answer) == {
        ("unknown_code", "/work/status"),
        ("consent_required", "/consents/take_part"),
        *(("unknown_field", f"/{name}") for name in ("person", "route", "provider")),
    }
    assert answer.json()["safety"]["level"] == "emergency"
    assert ask("SELECT count(*) FROM referral") == "0"
    assert ask("SELECT state FROM invitation") == "invited"


async def test_red_flags_of_an_acceptance_are_answered(provider: httpx.AsyncClient) -> None:
    here = await invited(provider)
    answer = await post(provider, {**ACCEPTED, **RED_FLAG}, f"{here}/accept")
    assert (answer.status_code, answer.json()["safety"]["level"]) == (201, "emergency")


async def test_after_28_days_the_person_is_invited_again(provider: httpx.AsyncClient, clock: Clock) -> None:
    here = await invited(provider)
    assert (await provider.get(here, params={"as_of": "2024-12-16"})).json()["state"] == "invited"
    assert (await provider.get(here, params={"as_of": "2024-12-17"})).json()["state"] == "expired"
    today = later(clock, 29)
    assert (await provider.get(here)).json()["state"] == "expired"
    for place, body in (("accept", {**ACCEPTED, "referred_on": today}), ("decline", {"reason": "not_now"})):
        answer = await post(provider, body, f"{here}/{place}")
        assert (answer.status_code, answer.json()["code"]) == (409, "invitation_expired")
        assert "invite the person again" in answer.json()["detail"]
    again = await post(provider, {"channel": "letter"}, f"{here}/invite")
    assert (again.status_code, again.json()["respond_by"]) == (201, "2025-01-14")
    answer = await post(provider, {**ACCEPTED, "referred_on": later(clock, 28)}, f"{here}/accept")
    assert answer.status_code == 201, answer.text


async def test_what_was_said_in_time_may_be_written_down_late(provider: httpx.AsyncClient, clock: Clock) -> None:
    here = await invited(provider)
    later(clock, 40)
    answer = await post(provider, {**ACCEPTED, "referred_on": "2024-12-16"}, f"{here}/accept")
    assert answer.status_code == 201, answer.text


async def test_a_person_with_an_open_referral_is_not_invited(
    provider: httpx.AsyncClient, gp: httpx.AsyncClient
) -> None:
    made = await post(gp, GP_REFERRAL)
    answer = await post(provider, changed(IDENTIFIED, person=GP_REFERRAL["person"]), "/invitations")
    assert (answer.status_code, answer.json()["code"]) == (409, "duplicate_referral")
    assert answer.json()["referral_id"] == made.json()["referral_id"]


async def test_who_was_referred_meanwhile_is_a_duplicate_on_acceptance(
    provider: httpx.AsyncClient, gp: httpx.AsyncClient, ask: Ask
) -> None:
    here = await invited(provider)
    made = await post(gp, changed(GP_REFERRAL, person={**GP_REFERRAL["person"], **IDENTIFIED["person"]}))
    assert made.status_code == 201, made.text
    assert ask("SELECT count(DISTINCT person_id) FROM person") == "1", "one pseudonym for both"
    answer = await post(provider, ACCEPTED, f"{here}/accept")
    assert (answer.status_code, answer.json()["code"]) == (409, "duplicate_referral")
    assert answer.json()["referral_id"] == made.json()["referral_id"]
    assert ask("SELECT state FROM invitation") == "invited", "nothing of the acceptance stays"


async def test_a_person_is_identified_once_by_an_organisation(
    provider: httpx.AsyncClient, intake: FastAPI, issuer: DevIssuer
) -> None:
    here = await identified(provider)
    again = await post(provider, IDENTIFIED, "/invitations")
    assert (again.status_code, again.json()["code"]) == (409, "already_identified")
    assert here.endswith(again.json()["invitation_id"])
    async with calling(intake, by(issuer, "big-life")) as other:
        answer = await post(other, IDENTIFIED, "/invitations")
        assert answer.status_code == 201, "another provider learns nothing of the first"
        assert (await other.get(here)).status_code == 404
        for place in ("invite", "accept", "decline"):
            answer = await post(other, {}, f"{here}/{place}")
            assert (answer.status_code, answer.json()["code"]) == (404, "invitation_unknown")


async def test_two_at_once_are_one(provider: httpx.AsyncClient, ask: Ask) -> None:
    first = await asyncio.gather(*(post(provider, IDENTIFIED, "/invitations") for _ in range(4)))
    assert sorted(answer.status_code for answer in first) == [201, 409, 409, 409]
    here = next(answer.json()["links"]["self"] for answer in first if answer.status_code == 201)
    await post(provider, INVITED, f"{here}/invite")
    second = await asyncio.gather(*(post(provider, ACCEPTED, f"{here}/accept") for _ in range(4)))
    assert sorted(answer.status_code for answer in second) == [201, 409, 409, 409]
    assert {a.json()["code"] for a in second if a.status_code == 409} <= {"invitation_accepted", "duplicate_referral"}
    assert ask("SELECT count(*) FROM referral") == "1"


async def test_an_answer_is_given_once(provider: httpx.AsyncClient, ask: Ask) -> None:
    here = await invited(provider)
    first, again = [
        await provider.post(f"{here}/accept", json=ACCEPTED, headers={"Idempotency-Key": "one"}) for _ in range(2)
    ]
    assert (first.json(), again.headers["Idempotency-Replayed"]) == (again.json(), "true")
    assert ask("SELECT count(*) FROM referral") == "1"


async def test_a_list_is_read_by_state_and_page(
    provider: httpx.AsyncClient, intake: FastAPI, issuer: DevIssuer, clock: Clock
) -> None:
    places = []
    for number in range(5):
        person = {**IDENTIFIED["person"], "nhs_number": None, "family_name": f"Muster{'abcde'[number]}"}
        places.append(await identified(provider, person=person, on=f"2024-11-1{number}"))
    for here in places[1:]:
        await post(provider, INVITED, f"{here}/invite")
    await post(provider, DECLINED, f"{places[4]}/decline")

    async def listed(client: httpx.AsyncClient = provider, **asked: Any) -> list[str]:
        found, place = [], f"/invitations?{httpx.QueryParams(asked)}"
        while place:
            answer = await client.get(place)
            assert answer.status_code == 200, answer.text
            found += [f"/invitations/{one['invitation_id']}" for one in answer.json()]
            place = answer.links.get("next", {}).get("url", "")
        return found

    assert await listed() == await listed(limit=2) == places
    assert await listed(state="identified") == places[:1]
    assert await listed(state="invited", limit=1) == places[1:4]
    assert await listed(state="expired") == []
    assert await listed(state="expired", as_of="2024-12-16") == [], "the last day"
    assert await listed(state="invited", as_of="2024-12-16") == places[1:4]
    assert await listed(state="expired", as_of="2024-12-17") == places[1:4]
    assert await listed(state="invited", as_of="2024-12-17") == []
    assert await listed(state="declined") == places[4:]
    for headers, wanted in ((by(issuer, "big-life"), []), (token(issuer, "nhs", "auditors", "auditor"), places)):
        async with calling(intake, headers) as client:
            assert await listed(client) == wanted
    assert (await provider.get("/invitations", params={"cursor": "x"})).json()["code"] == "cursor_malformed"
    answer = await provider.get("/invitations", params={"cursor": "WyJhIiwiYiJd"})
    assert (answer.status_code, answer.json()["code"]) == (422, "cursor_malformed")


async def test_who_was_erased_is_not_invited_further(provider: httpx.AsyncClient, keys: MadeKeys, ask: Ask) -> None:
    here = await invited(provider)
    keys.erased.add(ask("SELECT person_id FROM invitation"))
    for place, body in (("invite", INVITED), ("accept", ACCEPTED), ("decline", DECLINED)):
        answer = await post(provider, body, f"{here}/{place}")
        assert (answer.status_code, answer.json()["code"]) == (410, "person_erased")


async def test_whose_use_is_restricted_can_still_decline(provider: httpx.AsyncClient, keys: MadeKeys, ask: Ask) -> None:
    here = await invited(provider)
    keys.restricted.add(ask("SELECT person_id FROM invitation"))
    for place, body in (("invite", INVITED), ("accept", ACCEPTED)):
        answer = await post(provider, body, f"{here}/{place}")
        assert (answer.status_code, answer.json()["code"]) == (423, "person_restricted")
    assert (await post(provider, DECLINED, f"{here}/decline")).status_code == 201


def test_the_clock_of_these_tests_is_that_of_the_examples(clock: Clock) -> None:
    assert clock.now.date() == datetime(2024, 11, 18, tzinfo=UTC).date()
