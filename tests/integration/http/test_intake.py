"""Intake over HTTP on real PostgreSQL: accepted, refused with everything at once, duplicates, safety."""

import asyncio
import copy
import itertools
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.contracts.assessment import Gad7
from services.contracts.referral import ReferralCreated
from services.intake.api import create_app
from services.intake.referrals.examples import EMPLOYER_REFERRAL, GP_REFERRAL, JOINT_ASSESSMENT
from services.intake.service import build
from services.intake.store import ADDITIONAL_INFORMATION
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.sealing.tokens import open_token
from services.kernel.settings import Settings
from tests.integration.http.conftest import Ask, calling, emptied, settings_for
from tests.parts.databases import Database, Databases
from tests.parts.keys import MadeKeys, key_of, opened

PROGRAMME = "workwell-greater-manchester"
_keys = itertools.count()


@pytest.fixture
def stored(databases: Databases) -> Database:
    return emptied(databases("intake"))


@pytest.fixture
def ask(stored: Database) -> Ask:
    return lambda sql: stored.postgres.execute(sql, stored.name)


@pytest.fixture
def settings(stored: Database) -> Settings:
    return settings_for(stored)


@pytest.fixture
def keys() -> MadeKeys:
    return MadeKeys()


@pytest.fixture
async def intake(settings: Settings, issuer: DevIssuer, keys: MadeKeys) -> AsyncIterator[FastAPI]:
    app = create_app(settings, issuer_transport=issuer.transport(), keys=keys)
    async with app.router.lifespan_context(app):
        yield app


def token(
    issuer: DevIssuer, kind: str = "nhs", org: str = "P84001", role: str = "referrer", **more: str
) -> dict[str, str]:
    return issuer.headers(role, org=org, organisation_kind=kind, **{"programme": PROGRAMME, **more})


@pytest.fixture
async def gp(intake: FastAPI, issuer: DevIssuer) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(intake, token(issuer)) as client:
        yield client


@pytest.fixture
async def employer(intake: FastAPI, issuer: DevIssuer) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(intake, token(issuer, "employer", "example-logistics")) as client:
        yield client


async def post(client: httpx.AsyncClient, body: object, place: str = "/referrals") -> httpx.Response:
    return await client.post(place, json=body, headers={"Idempotency-Key": f"k{next(_keys)}"})


def changed(base: dict[str, Any], *changes: Callable[[dict[str, Any]], object], **fields: Any) -> dict[str, Any]:
    body = copy.deepcopy(base)
    body.update(fields)
    for change in changes:
        change(body)
    return body


def events(ask: Ask) -> list[dict[str, Any]]:
    rows = ask("SELECT convert_from(value, 'UTF8') FROM outbox ORDER BY id")
    return [json.loads(row) for row in rows.splitlines()]


def codes(answer: httpx.Response) -> set[tuple[str, str]]:
    return {(e["code"], e["pointer"]) for e in answer.json()["errors"]}


async def test_a_referral_is_accepted(gp: httpx.AsyncClient, ask: Ask, keys: MadeKeys) -> None:
    answer = await post(gp, GP_REFERRAL)
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert body["status"] == "accepted"
    assert body["programme"] == {"id": PROGRAMME, "version": "2024.1"}
    assert body["safety"] is None
    assert body["alternatives"] == []
    assert answer.headers["location"] == body["links"]["self"]
    [event] = events(ask)
    data = opened(ReferralCreated, json.dumps(event), event["person_id"])
    assert data.sealed.assessment is not None
    assert data.sealed.assessment.content.gad7 == Gad7(score=9)
    assert keys.made == [data.person_id]
    assert data.referral_id == body["referral_id"]
    assert (data.age_band, data.area_code, data.locality) == ("35-49", "QOP", "manchester")
    assert data.equality.ethnic_group == "asian"
    assert data.provider in {"growth-company", "big-life"}
    assert data.contract == f"wwgm-manchester-{data.provider}"
    assert data.priority_groups == ("work_at_risk", "racially_minoritised")
    assert data.facts.local_gp is True


async def test_the_event_holds_nothing_that_identifies(gp: httpx.AsyncClient, ask: Ask) -> None:
    posted = changed(
        GP_REFERRAL,
        additional_information="Ring her sister Jo",
        person={**GP_REFERRAL["person"], "family_name": "Zweigenthal", "given_name": "Philippa"},
    )
    assert (await post(gp, posted)).status_code == 201
    text = ask("SELECT string_agg(convert_from(value, 'UTF8') || headers, ' ') FROM outbox").lower()
    person = posted["person"]
    secrets = [
        *(person[name] for name in ("nhs_number", "family_name", "given_name", "birth_date", "postcode")),
        *(person["contact"][name] for name in ("phone", "email")),
        "m1 1ae",
        "m11ae",
        "sister",
        "1986",
        "gp-2024-001",
        "example surgery",
        "phq9",
        "back_pain",
        "work_stress",
    ]
    assert [s for s in secrets if s.lower() in text] == []
    state = ask("SELECT string_agg(state::text, ' ') FROM aggregate").lower()
    stored = ask("SELECT string_agg(answer::text, ' ') FROM idempotency").lower()
    assert [s for s in secrets if s.lower() in state + stored] == []
    assert "zweigenthal" in ask("SELECT string_agg(d::text, ' ') FROM referral_details d").lower()
    assert "sister" not in ask("SELECT string_agg(r::text, ' ') FROM referral r").lower()
    [event], token = events(ask), ask("SELECT additional_information FROM referral")
    subject = event["person_id"]
    assert open_token(token, key_of(subject), ADDITIONAL_INFORMATION, {subject}) == posted["additional_information"]


async def test_everything_that_is_wrong_is_told_at_once(gp: httpx.AsyncClient, ask: Ask) -> None:
    body = changed(
        GP_REFERRAL,
        lambda b: b["person"].update(nhs_number="9990000019", postcode="nowhere", nickname="A"),
        lambda b: b["consents"]["take_part"].update(given=False),
        lambda b: b["assessment"]["phq9"].update(score=28),
        lambda b: b["assessment"]["red_flags"].update(chest_pain=True),
        lambda b: b["work"].update(status="unemployed"),
        lambda b: b.pop("route"),
        locality="atlantis",
    )
    answer = await post(gp, body)
    assert answer.status_code == 422
    assert codes(answer) == {
        ("invalid_nhs_number", "/person/nhs_number"),
        ("malformed", "/person/postcode"),
        ("unknown_field", "/person/nickname"),
        ("consent_required", "/consents/take_part"),
        ("out_of_range", "/assessment/phq9/score"),
        ("attendance_without_work", "/work/attendance"),
        ("required", "/route"),
        ("locality_unknown", "/locality"),
    }
    assert answer.json()["safety"]["level"] == "emergency"
    assert "9990000019" not in answer.text
    assert events(ask) == []


async def test_an_employer_may_send_no_health_detail_but_its_red_flag_is_answered(employer: httpx.AsyncClient) -> None:
    body = changed(EMPLOYER_REFERRAL, assessment={"red_flags": {"chest_pain": True}})
    answer = await post(employer, body)
    assert codes(answer) == {("health_detail_not_accepted", "/assessment")}
    assert answer.json()["safety"]["level"] == "emergency"
    dressed = await post(employer, changed(body, route="gp"))
    assert codes(dressed) == {("health_detail_not_accepted", "/assessment"), ("route_not_allowed", "/route")}


async def test_only_nhs_and_providers_learn_of_an_open_referral(
    gp: httpx.AsyncClient, employer: httpx.AsyncClient, intake: FastAPI, issuer: DevIssuer, ask: Ask
) -> None:
    first = (await post(gp, GP_REFERRAL)).json()
    again = changed(GP_REFERRAL, lambda b: b["referrer"].update(reference="GP-2"))
    again["assessment"]["red_flags"]["chest_pain"] = True
    told = await post(gp, again)
    assert (told.status_code, told.json()["code"]) == (409, "duplicate_referral")
    assert told.json()["referral_id"] == first["referral_id"]
    assert told.json()["safety"]["level"] == "emergency"

    person = {k: v for k, v in GP_REFERRAL["person"].items() if k not in {"nhs_number", "sex", "ethnic_category"}}
    theirs = changed(EMPLOYER_REFERRAL, person={**person, "family_name": "EXAMPLE ", "given_name": "Adá"})
    neutral = await post(employer, theirs)
    fresh = await post(employer, changed(EMPLOYER_REFERRAL, lambda b: b["referrer"].update(reference="HR-18")))
    assert neutral.status_code == fresh.status_code == 201
    assert set(neutral.json()) == set(fresh.json())
    assert neutral.json()["status"] == fresh.json()["status"] == "accepted"
    assert first["referral_id"] not in neutral.text

    one, two, three = events(ask)
    assert two["linked_referral"] == one["referral_id"]
    assert two["person_id"] == one["person_id"] != three["person_id"]
    assert three["linked_referral"] is None


async def test_after_the_first_has_ended_a_person_may_be_referred_again(gp: httpx.AsyncClient) -> None:
    first = (await post(gp, GP_REFERRAL)).json()
    assert (await post(gp, {"reason": "changed_mind"}, first["links"]["withdrawal"])).status_code == 201
    again = changed(GP_REFERRAL, lambda b: b["referrer"].update(reference="GP-2"))
    assert (await post(gp, again)).status_code == 201


async def test_two_referrals_of_one_person_at_once_are_one_person(
    gp: httpx.AsyncClient, employer: httpx.AsyncClient, ask: Ask
) -> None:
    people = [changed(GP_REFERRAL, lambda b, n=n: b["referrer"].update(reference=f"GP-{n}")) for n in range(6)]  # type: ignore[misc]
    answers = await asyncio.gather(*(post(gp, body) for body in people))
    assert sorted(a.status_code for a in answers) == [201, 409, 409, 409, 409, 409]

    theirs = [
        changed(
            EMPLOYER_REFERRAL,
            lambda b, n=n: b["referrer"].update(reference=f"HR-{n}"),  # type: ignore[misc]
            person={**EMPLOYER_REFERRAL["person"], "family_name": "Twice"},
        )
        for n in range(6)
    ]
    answers = await asyncio.gather(*(post(employer, body) for body in theirs))
    assert {a.status_code for a in answers} == {201}
    assert ask("SELECT count(*) FROM person") == "2"
    linked = [event["linked_referral"] for event in events(ask) if event["route"] == "employer"]
    assert sum(link is None for link in linked) == 1


async def test_locks_are_taken_in_one_order_whatever_the_keys(gp: httpx.AsyncClient, ask: Ask) -> None:
    """Without an order, A (by number, then name) and B (by name, then number) would wait for each other."""
    bodies = []
    for n in range(12):
        body = changed(GP_REFERRAL, lambda b, n=n: b["referrer"].update(reference=f"GP-{n}"))  # type: ignore[misc]
        if n % 2:
            body["person"]["nhs_number"] = None
        bodies.append(body)
    answers = await asyncio.gather(*(post(gp, body) for body in bodies))
    assert {a.status_code for a in answers} == {201, 409}
    assert ask("SELECT count(*) FROM person") == "1"


async def test_two_nhs_numbers_are_two_people_whatever_their_names(gp: httpx.AsyncClient, ask: Ask) -> None:
    await post(gp, GP_REFERRAL)
    other = changed(GP_REFERRAL, lambda b: b["person"].update(nhs_number="9990000026"))
    other["referrer"]["reference"] = "GP-2"
    assert (await post(gp, other)).status_code == 201
    assert ask("SELECT count(*) FROM person") == "2"


async def test_a_reference_is_used_once(employer: httpx.AsyncClient) -> None:
    assert (await post(employer, EMPLOYER_REFERRAL)).status_code == 201
    other = changed(EMPLOYER_REFERRAL, person={**EMPLOYER_REFERRAL["person"], "family_name": "Other"})
    answer = await post(employer, other)
    assert (answer.status_code, codes(answer)) == (422, {("reference_used", "/referrer/reference")})


async def test_a_retry_gets_the_first_answer_with_its_safety_text(gp: httpx.AsyncClient, ask: Ask) -> None:
    body = changed(GP_REFERRAL, lambda b: b["assessment"]["phq9"].update(item9=1))
    first = await gp.post("/referrals", json=body, headers={"Idempotency-Key": "same"})
    again = await gp.post("/referrals", json=body, headers={"Idempotency-Key": "same"})
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json()["safety"]["level"] == "hold"
    assert "hold" not in ask("SELECT answer FROM idempotency")
    assert len(events(ask)) == 1


async def test_unmet_eligibility_is_a_review_with_alternatives_and_no_refusal(gp: httpx.AsyncClient, ask: Ask) -> None:
    body = changed(GP_REFERRAL, lambda b: b["eligibility_facts"].update(right_to_work=False))
    body["person"]["birth_date"] = "2010-01-01"
    answer = (await post(gp, body)).json()
    assert answer["status"] == "eligibility_review"
    assert answer["alternatives"] == ["working_well", "jobcentre_plus", "gp"]
    [event] = events(ask)
    unmet = [{"code": "under_16", "known": True}, {"code": "no_right_to_work", "known": True}]
    assert event["eligibility"] == {"outcome": "review", "reasons": unmet}
    stands = (await gp.get(answer["links"]["self"])).json()
    assert stands["status"] == "eligibility_review"


async def test_assessments_and_withdrawal_follow_in_sequence(gp: httpx.AsyncClient, ask: Ask) -> None:
    made = (await post(gp, GP_REFERRAL)).json()
    links = made["links"]
    added = await post(gp, JOINT_ASSESSMENT, links["assessments"])
    assert (added.status_code, added.json()["waiting"], added.json()["safety"]) == (201, False, None)
    empty = await post(gp, {"assessment": {"taken_on": "2024-11-25", "red_flags": None}}, links["assessments"])
    assert codes(empty) == {("assessment_empty", "/assessment")}
    assert (await post(gp, {"reason": "moved_away"}, links["withdrawal"])).status_code == 201
    for place, body in (("withdrawal", {"reason": "moved_away"}), ("assessments", JOINT_ASSESSMENT)):
        late = await post(gp, body, links[place])
        assert (late.status_code, late.json()["code"]) == (409, "referral_withdrawn")
    rows = ask("SELECT sequence, headers ->> 'type' FROM outbox ORDER BY id")
    assert [row.split("|")[0] for row in rows.splitlines()] == ["1", "2", "3"]
    assert (await gp.get(links["self"])).json()["status"] == "withdrawn"


async def test_a_referral_is_seen_by_its_organisation_and_the_programmes_staff(
    gp: httpx.AsyncClient, intake: FastAPI, issuer: DevIssuer
) -> None:
    made = (await post(gp, GP_REFERRAL)).json()
    seen = (await gp.get("/referrals", params={"reference": "GP-2024-001"})).json()
    assert [s["referral_id"] for s in seen] == [made["referral_id"]]
    assert seen[0]["history"] == [{"status": "received", "on": seen[0]["on"]}]
    for who, status in (
        (token(issuer, org="P84002"), 404),
        (token(issuer, org="P84001", programme="another"), 404),
        (token(issuer, "provider", "big-life", "coach"), 200),
        (token(issuer, "provider", "big-life", "coach", programme="another"), 404),
        (token(issuer, "provider", "x", "auditor", programme="another"), 200),
        (token(issuer, role="commissioner"), 403),
    ):
        async with calling(intake, who) as client:
            assert (await client.get(made["links"]["self"])).status_code == status
            if status == 404:
                assert (await post(client, JOINT_ASSESSMENT, made["links"]["assessments"])).status_code == 404
                assert (await client.get("/referrals", params={"reference": "GP-2024-001"})).json() in ([], seen)


async def test_another_programme_than_the_tokens_is_refused(intake: FastAPI, issuer: DevIssuer) -> None:
    async with calling(intake, token(issuer, programme="another")) as client:
        answer = await post(client, GP_REFERRAL)
    assert (answer.status_code, answer.json()["code"]) == (403, "programme_not_allowed")


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'"x"', b"{}", b"1"])
async def test_what_is_no_referral_is_422(gp: httpx.AsyncClient, body: bytes) -> None:
    headers = {"Idempotency-Key": "k", "content-type": "application/json"}
    assert (await gp.post("/referrals", content=body, headers=headers)).status_code == 422


def test_the_run_role_cannot_rewrite_what_was_said(ask: Ask) -> None:
    for verb in ("UPDATE", "DELETE", "TRUNCATE"):
        held = ask(f"SELECT has_table_privilege('intake_run', 'referral_status', '{verb}')")
        assert held == "f"


def test_service_builds_with_its_programmes() -> None:
    service = build()
    assert PROGRAMME in service.policy().book
