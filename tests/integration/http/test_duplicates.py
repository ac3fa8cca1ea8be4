"""The same person referred twice: within a programme, in another area, in an overlapping programme; and who is told."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.intake.referrals.examples import EMPLOYER_REFERRAL, GP_REFERRAL
from services.kernel.http.dev_issuer import DevIssuer
from tests.integration.http.conftest import Ask, calling
from tests.integration.http.test_intake import (
    ask,
    changed,
    employer,
    events,
    gp,
    intake,
    keys,
    post,
    settings,
    stored,
    token,
)
from tests.parts.keys import MadeKeys

__all__ = ["ask", "employer", "gp", "intake", "keys", "settings", "stored"]

ELSEWHERE = "workwell-lancashire-and-south-cumbria"
ASIDE = "working-well-care-and-support"
"""Funds other days than WorkWell does: nothing is said of the two."""


def elsewhere(programme: str, base: dict[str, Any] = GP_REFERRAL, reference: str = "GP-2") -> dict[str, Any]:
    """The same person, referred to another programme."""
    return changed(
        base, lambda b: b["referrer"].update(reference=reference), programme=programme, locality=None, asks=[]
    )


@pytest.fixture
async def lancashire(intake: FastAPI, issuer: DevIssuer) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(intake, token(issuer, org="P81001", programme=ELSEWHERE)) as client:
        yield client


async def test_one_person_in_two_areas_is_one_person_and_not_funded_twice(
    gp: httpx.AsyncClient, lancashire: httpx.AsyncClient, ask: Ask
) -> None:
    first = (await post(gp, GP_REFERRAL)).json()
    told = await post(lancashire, elsewhere(ELSEWHERE))
    assert (told.status_code, told.json()["code"]) == (409, "duplicate_referral")
    assert told.json()["referral_id"] == first["referral_id"]
    assert len(events(ask)) == 1


async def test_whoever_may_not_know_is_linked_across_areas(
    gp: httpx.AsyncClient, intake: FastAPI, issuer: DevIssuer, ask: Ask
) -> None:
    first = (await post(gp, GP_REFERRAL)).json()
    jobcentre = token(issuer, "jobcentre", "jcp-preston", programme=ELSEWHERE)
    async with calling(intake, jobcentre) as client:
        answer = await post(client, elsewhere(ELSEWHERE, changed(GP_REFERRAL, route="jobcentre_plus")))
    assert answer.status_code == 201
    one, two = events(ask)
    assert (two["linked_referral"], two["person_id"]) == (first["referral_id"], one["person_id"])
    assert two["programme"]["id"] == ELSEWHERE


async def test_a_programme_that_funds_other_days_is_no_duplicate(
    gp: httpx.AsyncClient, intake: FastAPI, issuer: DevIssuer, ask: Ask
) -> None:
    await post(gp, GP_REFERRAL)
    async with calling(intake, token(issuer, programme=ASIDE)) as client:
        answer = await post(client, elsewhere(ASIDE))
    assert answer.status_code == 201, answer.text
    one, two = events(ask)
    assert one["person_id"] == two["person_id"]
    assert two["linked_referral"] is None


async def test_two_areas_at_once(gp: httpx.AsyncClient, lancashire: httpx.AsyncClient, ask: Ask) -> None:
    bodies = [(gp, changed(GP_REFERRAL, lambda b, n=n: b["referrer"].update(reference=f"A{n}"))) for n in range(4)]  # type: ignore[misc]
    bodies += [(lancashire, elsewhere(ELSEWHERE, reference=f"B{n}")) for n in range(4)]
    answers = await asyncio.gather(*(post(client, body) for client, body in bodies))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert ask("SELECT count(*) FROM person") == "1"


def shape(value: Any) -> Any:
    """What stands in an answer but for ids that are new each time."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return type(value).__name__ if isinstance(value, str) and len(value) > 30 else value


async def test_the_neutral_answer_cannot_be_told_from_another(
    gp: httpx.AsyncClient, employer: httpx.AsyncClient
) -> None:
    """Status, headers, members, links, and what each link answers."""
    await post(gp, GP_REFERRAL)
    same = {
        k: v for k, v in GP_REFERRAL["person"].items() if k in {"family_name", "given_name", "birth_date", "contact"}
    }
    bodies = {
        "somebody known": changed(EMPLOYER_REFERRAL, person={**same, "postcode": GP_REFERRAL["person"]["postcode"]}),
        "somebody near": changed(EMPLOYER_REFERRAL, person={**same, "given_name": "Adah", "postcode": "M1 1AE"}),
        "somebody new": changed(EMPLOYER_REFERRAL, person={**same, "family_name": "Nobody", "postcode": "M1 1AE"}),
    }
    told = {}
    for number, (who, body) in enumerate(bodies.items()):
        body["referrer"]["reference"] = f"HR-{number}"
        body["work"]["job_at_risk"] = None
        answer = await post(employer, body)
        assert answer.status_code == 201, answer.text
        names = [name for name, _ in answer.headers.multi_items()]
        follow = [
            await employer.get(answer.json()["links"]["self"]),
            await employer.get("/referrals", params={"reference": f"HR-{number}"}),
            await post(employer, {"reason": "changed_mind"}, answer.json()["links"]["withdrawal"]),
            await employer.get(answer.json()["links"]["self"]),
        ]
        seen = [(one.status_code, sorted(one.headers), json.dumps(shape(one.json()))) for one in follow]
        told[who] = (answer.status_code, names, shape(answer.json()), [shape_of(one) for one in seen])
    assert told["somebody known"] == told["somebody near"] == told["somebody new"]


async def test_whoever_may_not_know_waits_for_a_new_key_in_any_case(
    gp: httpx.AsyncClient, employer: httpx.AsyncClient, keys: MadeKeys
) -> None:
    """What takes the time of a referral is a key for somebody new; one is made, and left, for somebody known too."""
    for number in range(2):
        body = changed(EMPLOYER_REFERRAL, lambda b, n=number: b["referrer"].update(reference=f"HR-{n}"))  # type: ignore[misc]
        assert (await post(employer, body)).status_code == 201
        assert len(keys.made) == number + 1
    await post(gp, changed(GP_REFERRAL, person={**GP_REFERRAL["person"], **EMPLOYER_REFERRAL["person"]}))
    assert len(keys.made) == 2, "a GP is told: nothing is to be hidden"


def shape_of(seen: tuple[int, list[str], str]) -> tuple[int, list[str], str]:
    status, headers, body = seen
    return status, headers, body.replace("HR-0", "HR").replace("HR-1", "HR").replace("HR-2", "HR")


async def test_a_duplicate_of_a_duplicate_joins_the_first(
    gp: httpx.AsyncClient, employer: httpx.AsyncClient, ask: Ask
) -> None:
    first = (await post(gp, GP_REFERRAL)).json()
    person = {k: GP_REFERRAL["person"][k] for k in ("family_name", "given_name", "birth_date", "postcode", "contact")}
    for number in range(2):
        body = changed(EMPLOYER_REFERRAL, lambda b, n=number: b["referrer"].update(reference=f"HR-{n}"), person=person)  # type: ignore[misc]
        assert (await post(employer, body)).status_code == 201
    assert [event["linked_referral"] for event in events(ask)] == [None, *[first["referral_id"]] * 2]


async def test_red_flags_of_an_additional_referral_reach_triage(
    gp: httpx.AsyncClient, intake: FastAPI, issuer: DevIssuer, ask: Ask
) -> None:
    """The second referral is stored whole: its answers travel sealed, and its sender gets the safety text."""
    await post(gp, GP_REFERRAL)
    body = changed(GP_REFERRAL, lambda b: b["referrer"].update(reference="JCP-1"), route="jobcentre_plus")
    body["assessment"]["red_flags"]["chest_pain"] = True
    async with calling(intake, token(issuer, "jobcentre", "jcp-manchester")) as client:
        answer = await post(client, body)
    assert (answer.status_code, answer.json()["safety"]["level"]) == (201, "emergency")
    _, second = events(ask)
    assert second["linked_referral"]
    assert second["sealed"]["assessment"]


async def test_somebody_who_awaits_a_decision_on_eligibility_can_withdraw(gp: httpx.AsyncClient, ask: Ask) -> None:
    """The withdrawal follows the referral in its own order; nobody is asked to decide any more."""
    made = (await post(gp, changed(GP_REFERRAL, eligibility_facts={"right_to_work": False}))).json()
    assert made["status"] == "eligibility_review"
    assert (await post(gp, {"reason": "changed_mind"}, made["links"]["withdrawal"])).status_code == 201
    told = (await gp.get(made["links"]["self"])).json()
    assert told["status"] == "withdrawn"
    assert [step["status"] for step in told["history"]][-1] == "withdrawn"
    rows = ask("SELECT sequence, headers ->> 'type' FROM outbox ORDER BY id").splitlines()
    assert rows == ["1|uk.workhealth.referral.created.v1", "2|uk.workhealth.referral.withdrawn.v1"]
    again = changed(GP_REFERRAL, lambda b: b["referrer"].update(reference="GP-2"))
    assert (await post(gp, again)).status_code == 201, "nothing is open any more"


async def test_a_consent_withdrawn_during_a_review_takes_the_referral_back(gp: httpx.AsyncClient, ask: Ask) -> None:
    made = (await post(gp, changed(GP_REFERRAL, eligibility_facts={"right_to_work": False}))).json()
    body = {"consents": {"take_part": {"given": False, "channel": "phone"}}}
    assert (await post(gp, body, made["links"]["consents"])).status_code == 201
    assert (await gp.get(made["links"]["self"])).json()["status"] == "withdrawn"
    kinds = [
        row.split("|")[1] for row in ask("SELECT sequence, headers ->> 'type' FROM outbox ORDER BY id").splitlines()
    ]
    assert kinds == [f"uk.workhealth.referral.{what}.v1" for what in ("created", "consent_changed", "withdrawn")]
