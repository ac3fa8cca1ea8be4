"""Consents over HTTP on PostgreSQL: given, withdrawn, who said what when; and what an employer is told of it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.contracts import types
from services.intake.api import create_app
from services.intake.referrals.examples import CONSENT_EXAMPLES, EMPLOYER_REFERRAL, GP_REFERRAL, JOINT_ASSESSMENT
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.runtime.inbox import Inbox
from services.kernel.settings import Settings
from tests.integration.http.conftest import Ask, Clock, calling
from tests.integration.http.test_intake import ask, codes, events, keys, post, settings, stored, token
from tests.integration.http.test_intake_status import inbox, record, story
from tests.parts.keys import MadeKeys

__all__ = ["ask", "inbox", "keys", "settings", "stored"]

NEUTRAL = {"received", "acknowledged", "closed", "withdrawn"}


@pytest.fixture
def clock() -> Clock:
    made = Clock()
    made.now = datetime(2024, 12, 16, 9, 30, tzinfo=UTC)
    return made


@pytest.fixture
async def intake(settings: Settings, issuer: DevIssuer, keys: MadeKeys, clock: Clock) -> AsyncIterator[FastAPI]:
    app = create_app(settings, issuer_transport=issuer.transport(), keys=keys, clock=clock)
    async with app.router.lifespan_context(app):
        yield app


class People:
    """Who calls: each with a token of their own."""

    def __init__(self, app: FastAPI, issuer: DevIssuer) -> None:
        self._app = app
        self._issuer = issuer

    @asynccontextmanager
    async def calling(
        self, kind: str, org: str, role: str = "referrer", **more: str
    ) -> AsyncIterator[httpx.AsyncClient]:
        async with calling(self._app, token(self._issuer, kind, org, role, **more)) as client:
            yield client


@pytest.fixture
def people(intake: FastAPI, issuer: DevIssuer) -> People:
    return People(intake, issuer)


@pytest.fixture
async def gp(people: People) -> AsyncIterator[httpx.AsyncClient]:
    async with people.calling("nhs", "P84001") as client:
        yield client


@pytest.fixture
async def coach(people: People) -> AsyncIterator[httpx.AsyncClient]:
    async with people.calling("provider", "big-life", "coach", sub="coach-9") as client:
        yield client


@pytest.fixture
async def employer(people: People) -> AsyncIterator[httpx.AsyncClient]:
    async with people.calling("employer", "example-logistics") as client:
        yield client


def said(given: bool, on: str | None = None, channel: str | None = "phone") -> dict[str, Any]:
    return {"given": given, "on": on, "channel": channel}


async def say(client: httpx.AsyncClient, made: dict[str, Any], **consents: Any) -> httpx.Response:
    return await post(client, {"consents": consents}, made["links"]["consents"])


async def test_consents_change_and_it_is_known_who_said_so_when(
    gp: httpx.AsyncClient, coach: httpx.AsyncClient, ask: Ask
) -> None:
    made = (await post(gp, GP_REFERRAL)).json()
    answer = await say(coach, made, share_with_employer=said(True, "2024-11-25"), share_with_gp=said(False))
    assert (answer.status_code, answer.json()) == (
        201,
        {"referral_id": made["referral_id"], "status": "accepted", "waiting": False, "safety": None},
    )
    first, gp_event, employer_event = events(ask)
    assert [e["change"]["consent"] for e in (gp_event, employer_event)] == ["share_with_gp", "share_with_employer"]
    assert [e["occurred_on"] for e in (gp_event, employer_event)] == ["2024-12-16", "2024-11-25"]
    ids = ask("SELECT event_id FROM outbox ORDER BY id").splitlines()

    told = (await coach.get(made["links"]["consents"])).json()
    assert told["on"] == "2024-12-16"
    assert told["allowed"] == {"take_part": True, "share_with_gp": False, "share_with_employer": True}
    assert [(f["consent"], f["given"], f["on"], f["by"], f["event_id"]) for f in told["history"]] == [
        ("take_part", True, "2024-11-18", None, ids[0]),
        ("share_with_gp", True, "2024-11-18", None, ids[0]),
        ("share_with_employer", False, "2024-11-18", None, ids[0]),
        ("share_with_employer", True, "2024-11-25", "coach-9", ids[2]),
        ("share_with_gp", False, "2024-12-16", "coach-9", ids[1]),
    ]
    assert {f["recorded_at"] for f in told["history"]} == {first["received_at"]}
    then = (await coach.get(made["links"]["consents"], params={"on": "2024-11-24"})).json()
    assert then["allowed"] == {"take_part": True, "share_with_gp": True, "share_with_employer": False}
    before = (await coach.get(made["links"]["consents"], params={"on": "2024-11-17"})).json()
    assert before["allowed"] == {"take_part": None, "share_with_gp": None, "share_with_employer": None}


async def test_the_examples_of_the_document_are_accepted(gp: httpx.AsyncClient) -> None:
    made = (await post(gp, GP_REFERRAL)).json()
    for example in CONSENT_EXAMPLES.values():
        assert (await post(gp, example["value"], made["links"]["consents"])).status_code == 201


async def test_a_retry_has_one_effect(gp: httpx.AsyncClient, ask: Ask) -> None:
    made = (await post(gp, GP_REFERRAL)).json()
    place, body = made["links"]["consents"], {"consents": {"share_with_gp": said(False)}}
    first, again = [await gp.post(place, json=body, headers={"Idempotency-Key": "once"}) for _ in range(2)]
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert len(events(ask)) == 2
    assert (await gp.post(place, json=body)).json()["code"] == "idempotency_key_required"


async def test_everything_that_is_wrong_is_told_at_once_with_the_safety_text(gp: httpx.AsyncClient, ask: Ask) -> None:
    made = (await post(gp, GP_REFERRAL)).json()
    answer = await say(
        gp,
        made,
        take_part=said(False, "2024-12-17"),
        share_with_gp=said(True, "2024-11-17", "pigeon"),
        chest_pain=True,
    )
    assert answer.status_code == 422
    assert codes(answer) == {
        ("date_in_future", "/consents/take_part/on"),
        ("before_referral", "/consents/share_with_gp/on"),
        ("unknown_code", "/consents/share_with_gp/channel"),
        ("unknown_field", "/consents/chest_pain"),
    }
    assert answer.json()["safety"]["level"] == "emergency"
    assert codes(await say(gp, made)) == {("consents_empty", "/consents")}
    assert len(events(ask)) == 1
    assert ask("SELECT count(*) FROM consent_fact") == "3"


async def test_who_no_longer_takes_part_is_no_longer_referred(gp: httpx.AsyncClient, coach: httpx.AsyncClient) -> None:
    made = (await post(gp, GP_REFERRAL)).json()
    assert (await say(gp, made, take_part=said(False, "2024-12-02"))).status_code == 201
    stands = (await gp.get(made["links"]["self"])).json()
    assert (stands["status"], stands["on"]) == ("withdrawn", "2024-12-02")
    assert (await say(gp, made, share_with_gp=said(False))).status_code == 201, "a withdrawal is always heard"
    late = await say(gp, made, share_with_gp=said(True))
    assert (late.status_code, late.json()["code"]) == (409, "referral_withdrawn")
    allowed = (await coach.get(made["links"]["consents"])).json()["allowed"]
    assert allowed == {"take_part": False, "share_with_gp": False, "share_with_employer": False}
    again = {**GP_REFERRAL, "referrer": {**GP_REFERRAL["referrer"], "reference": "GP-2"}}
    assert (await post(gp, again)).status_code == 201, "and may be referred anew"


def consent_at_the_coach(referral_id: str, sequence: int, event_id: str | None, **change: Any) -> Any:
    whole = {"by": "coach-7f3a", "occurred_on": "2024-12-10", "kind": "consent_changed", "consent": "share_with_gp"}
    return record(
        sequence - 1,
        types.PLAN_UPDATED,
        "consent_changed",
        referral_id,
        sequence,
        occurred_on=change.get("occurred_on", "2024-12-10"),
        change={**whole, "given": False, "channel": "phone", "event_id": event_id, **change},
    )


async def test_what_the_coach_heard_is_part_of_the_history_and_an_echo_is_not(
    gp: httpx.AsyncClient, coach: httpx.AsyncClient, inbox: Inbox, ask: Ask
) -> None:
    made = (await post(gp, GP_REFERRAL)).json()
    await say(gp, made, share_with_employer=said(True, "2024-12-09"))
    own = ask("SELECT event_id FROM outbox ORDER BY id").splitlines()[1]
    number = made["referral_id"]
    heard = [
        consent_at_the_coach(number, 1, own, consent="share_with_employer", given=True, occurred_on="2024-12-09"),
        consent_at_the_coach(number, 2, None),
    ]
    assert (await inbox.process(heard)).applied == 2
    assert (await inbox.process(heard)).applied == 0
    told = (await coach.get(made["links"]["consents"])).json()
    assert [(f["consent"], f["given"], f["on"], f["by"]) for f in told["history"][3:]] == [
        ("share_with_employer", True, "2024-12-09", "someone"),
        ("share_with_gp", False, "2024-12-10", "coach-7f3a"),
    ]
    assert told["allowed"] == {"take_part": True, "share_with_gp": False, "share_with_employer": True}


async def test_consent_given_again_to_the_coach_overtakes_a_withdrawal_that_comes_late(
    gp: httpx.AsyncClient, coach: httpx.AsyncClient, inbox: Inbox
) -> None:
    made = (await post(gp, GP_REFERRAL)).json()
    again = consent_at_the_coach(made["referral_id"], 1, None, consent="take_part", given=True, channel="in_person")
    await inbox.process([again])
    assert (await say(gp, made, take_part=said(False, "2024-12-01"))).status_code == 201
    assert (await gp.get(made["links"]["self"])).json()["status"] != "withdrawn"
    for day, allowed in (("2024-11-30", True), ("2024-12-01", False), ("2024-12-09", False), ("2024-12-10", True)):
        told = (await coach.get(made["links"]["consents"], params={"on": day})).json()
        assert told["allowed"]["take_part"] is allowed


async def test_who_may_read_and_who_may_say(people: People, gp: httpx.AsyncClient) -> None:
    made = (await post(gp, GP_REFERRAL)).json()
    place = made["links"]["consents"]
    for kind, org, role, more, status in (
        ("nhs", "P84001", "referrer", {}, 403),
        ("provider", "big-life", "assessor", {}, 200),
        ("provider", "big-life", "clinical_safety", {}, 200),
        ("provider", "big-life", "coach", {"programme": "another"}, 404),
        ("provider", "x", "auditor", {"programme": "another"}, 200),
        ("provider", "x", "commissioner", {}, 403),
        ("employer", "P84001", "coach", {}, 404),
        ("employer", "x", "auditor", {}, 404),
    ):
        async with people.calling(kind, org, role, **more) as client:
            assert (await client.get(place)).status_code == status, (kind, role)
    async with people.calling("nhs", "P84002") as other:
        assert (await say(other, made, share_with_gp=said(False))).status_code == 404
    async with people.calling("employer", "another", "coach") as dressed:
        assert (await say(dressed, made, share_with_gp=said(False))).status_code == 404
    assert (await post(gp, {"consents": {"share_with_gp": said(False)}}, "/referrals/x/consents")).status_code == 404


async def test_an_employer_learns_nothing_without_the_third_consent(
    employer: httpx.AsyncClient, inbox: Inbox, coach: httpx.AsyncClient
) -> None:
    """Whatever has become of the referral, whatever the employer asks and whatever it tries."""
    referral = {**EMPLOYER_REFERRAL, "eligibility_facts": {"right_to_work": False}}
    first = await post(employer, referral)
    assert (first.json()["status"], first.json()["alternatives"]) == ("accepted", [])
    made = first.json()
    heard = [(await employer.get(made["links"]["self"])).text]
    triage, plan, outcome = story(made["referral_id"])
    for topic in (triage, plan, outcome):
        await inbox.process(topic)
        heard.append((await employer.get(made["links"]["self"])).text)
    await say(coach, made, take_part=said(False, "2024-12-10"))
    heard.append((await employer.get(made["links"]["self"])).text)
    [listed] = (await employer.get("/referrals", params={"reference": "HR-17"})).json()
    assert {json.dumps(json.loads(text)) for text in heard} == {json.dumps(listed)}
    assert listed["status"] == "received"
    assert [step["status"] for step in listed["history"]] == ["received"]

    assert (await employer.get(made["links"]["consents"])).status_code == 403
    tried = await post(employer, JOINT_ASSESSMENT, made["links"]["assessments"])
    assert codes(tried) == {("health_detail_not_accepted", "/assessment")}
    for _ in range(2):
        back = await post(employer, {"reason": "made_in_error"}, made["links"]["withdrawal"])
        assert (back.status_code, back.json()["status"]) == (201, "withdrawn")
    granted = await say(employer, made, share_with_employer=said(True))
    assert codes(granted) == {("consent_not_accepted", "/consents/share_with_employer/given")}
    assert (await say(employer, made, share_with_gp=said(False))).json()["status"] == "accepted"


async def test_with_the_third_consent_an_employer_is_told_four_words_until_it_is_withdrawn(
    employer: httpx.AsyncClient, inbox: Inbox, coach: httpx.AsyncClient, clock: Clock
) -> None:
    made = (await post(employer, EMPLOYER_REFERRAL)).json()
    triage, plan, outcome = story(made["referral_id"])
    for topic in (triage, plan[:4], outcome):
        await inbox.process(topic)

    async def told() -> dict[str, Any]:
        answer = (await employer.get(made["links"]["self"])).json()
        assert {answer["status"], *(step["status"] for step in answer["history"])} <= NEUTRAL
        assert set(answer) == {"referral_id", "reference", "programme", "status", "on", "history"}
        return dict(answer)

    assert (await told())["status"] == "received"
    await say(coach, made, share_with_employer=said(True, "2024-12-16"))
    assert (await told())["status"] == "acknowledged"
    await inbox.process([record(4, types.PLAN_UPDATED, "closed", made["referral_id"], 5, state="closed")])
    assert (await told())["status"] == "closed"
    clock.now += timedelta(days=2)
    await say(coach, made, share_with_employer=said(False, "2024-12-18"))
    assert (await told())["status"] == "received"
    clock.now += timedelta(days=1)
    assert (await told())["status"] == "received"


async def test_jobcentres_and_others_are_told_as_before(people: People, inbox: Inbox) -> None:
    async with people.calling("jobcentre", "jcp-1") as jobcentre:
        made = (await post(jobcentre, {**EMPLOYER_REFERRAL, "route": "jobcentre_plus"})).json()
        await inbox.process(story(made["referral_id"])[1])
        assert (await jobcentre.get(made["links"]["self"])).json()["status"] == "closed"


async def test_a_restricted_person_may_withdraw_and_not_give(gp: httpx.AsyncClient, keys: MadeKeys) -> None:
    made = (await post(gp, GP_REFERRAL)).json()
    keys.restricted |= set(keys.made)
    refused = await say(gp, made, share_with_employer=said(True))
    assert (refused.status_code, refused.json()["code"]) == (423, "person_restricted")
    assert (await say(gp, made, share_with_gp=said(False))).status_code == 201


def test_the_run_role_cannot_rewrite_what_was_said(ask: Ask) -> None:
    for verb in ("UPDATE", "DELETE", "TRUNCATE"):
        assert ask(f"SELECT has_table_privilege('intake_run', 'consent_fact', '{verb}')") == "f"
    for verb in ("SELECT", "INSERT"):
        assert ask(f"SELECT has_table_privilege('intake_run', 'consent_fact', '{verb}')") == "t"
