"""Whatever is sent as a decision, a contest or a correction, or asked of their lists: never a 500."""

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given
from hypothesis import settings as rules
from hypothesis import strategies as st

from services.contracts.referral_codes import ContestGround, EligibilityGround
from services.intake.eligibility.examples import CORRECTION_EXAMPLES, NOT_ELIGIBLE
from services.intake.referrals.examples import GP_REFERRAL
from services.kernel.http.dev_issuer import DevIssuer
from tests.integration.http.conftest import calling
from tests.integration.http.test_intake import PROGRAMME, ask, changed, gp, intake, keys, post, settings, stored, token
from tests.integration.http.test_intake_any_input import send, values
from tests.integration.http.test_intake_eligibility import NOT_ASKED, here, made

__all__ = ["ask", "gp", "intake", "keys", "settings", "stored"]

ANY = rules(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
EXPECTED = {201, 403, 404, 409, 413, 422}
days = st.sampled_from(["2024-11-18", "2024-11-19", "2094-01-01", "1894-01-01", None]) | values

OTHER = changed(GP_REFERRAL, lambda b: b["person"].update(nhs_number="9990000026", family_name="Other"))
OTHER["referrer"]["reference"] = None


def parts(known: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An object with some of the fields of one, each as it may be or as it cannot be."""
    return st.fixed_dictionaries(
        {}, optional={name: st.just(value) | st.none() | values for name, value in known.items()}
    )


person = parts({**GP_REFERRAL["person"], "postcode": "m11ae", "nhs_number": "9990000026", "accessible_needs": None})
work = parts({**GP_REFERRAL["work"], "status": "unemployed", "unemployed_since": "2024-11-01"})
answers = parts({**GP_REFERRAL["eligibility_facts"], "right_to_work": True, "jobcentre_office": "rusholme"})
corrections = st.fixed_dictionaries(
    {},
    optional={
        "person": person | values,
        "work": work | values,
        "eligibility_facts": answers | values,
        "asks": st.lists(st.sampled_from(["skills", "gp"]), max_size=3) | values,
        "occurred_on": days,
    },
)
decisions = st.fixed_dictionaries(
    {
        "outcome": st.sampled_from(["eligible", "not_eligible"]) | values,
        "reasons": st.lists(st.sampled_from(list(EligibilityGround)), max_size=3) | values,
    },
    optional={
        "alternatives": st.lists(st.sampled_from(["gp", "moon"]), max_size=3) | values,
        "area_code": st.sampled_from(["QOP", "S0E4D", None]) | values,
        "unmet": st.just(["no_right_to_work"]) | values,
        "occurred_on": days,
    },
)
contests = st.fixed_dictionaries(
    {},
    optional={
        "reasons": st.lists(st.sampled_from(list(ContestGround)), max_size=3) | values,
        "channel": st.sampled_from(["phone", "letter"]) | values,
        "occurred_on": days,
    },
)
ACTS = {"eligibility-decision": decisions, "contest": contests, "corrections": corrections}


@pytest.fixture
async def coach(intake: FastAPI, issuer: DevIssuer) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(intake, token(issuer, "provider", "big-life", "coach", sub="coach-2")) as client:
        yield client


def act(what: str) -> st.SearchStrategy[tuple[str, Any]]:
    return st.tuples(st.just(what), ACTS[what] | values)


async def standing(client: httpx.AsyncClient, body: dict[str, Any]) -> str:
    """The one referral that all examples are sent to."""
    known = (await client.get("/referrals", params={"reference": "GP-2024-001"})).json()
    return str(known[0]["referral_id"]) if known else await made(client, body)


@ANY
@given(st.sampled_from(sorted(ACTS)).flatmap(act), st.sampled_from(["", "decided", "contested"]))
async def test_any_act_at_any_stage_is_no_500(
    gp: httpx.AsyncClient, coach: httpx.AsyncClient, sent: tuple[str, Any], stage: str
) -> None:
    """Under review, decided, contested: whatever is sent then, again and again to one referral."""
    referral_id, (what, body) = await standing(gp, NOT_ASKED), sent
    if stage:
        await post(coach, NOT_ELIGIBLE, here(referral_id, "eligibility-decision"))
    if stage == "contested":
        await post(gp, {}, here(referral_id, "contest"))
    answer = await send(coach, here(referral_id, what), json.dumps(body).encode())
    assert answer.status_code in EXPECTED, answer.text


@ANY
@given(corrections)
async def test_any_correction_of_an_accepted_referral_is_no_500(gp: httpx.AsyncClient, body: Any) -> None:
    referral_id = await standing(gp, GP_REFERRAL)
    await post(gp, OTHER)  # the number that a correction may bring is somebody else's
    answer = await send(gp, here(referral_id, "corrections"), json.dumps(body).encode())
    assert answer.status_code in EXPECTED, answer.text
    again = await send(gp, here(referral_id, "corrections"), json.dumps(body).encode())
    assert again.status_code == (409 if answer.status_code == 201 else answer.status_code), "nothing is left to correct"


@ANY
@given(st.binary(max_size=200))
async def test_any_bytes_are_no_500(coach: httpx.AsyncClient, content: bytes) -> None:
    for what in ACTS:
        assert (await send(coach, here("x", what), content)).status_code in {404, 422}


@ANY
@given(st.text(min_size=1, max_size=60), st.text(min_size=1, max_size=60))
async def test_any_address_is_no_500(coach: httpx.AsyncClient, one: str, other: str) -> None:
    listed = await coach.get("/eligibility-reviews", params={"as_of": one, "cursor": other, "limit": other})
    assert listed.status_code in {200, 400, 422}
    for on in ("2024-11-18", other):
        found = await coach.get(f"/programmes/{quote(one, safe='')}/routes", params={"on": on})
        assert found.status_code in {200, 400, 404, 422}


async def test_every_example_of_the_document_is_accepted(gp: httpx.AsyncClient, coach: httpx.AsyncClient) -> None:
    for example in CORRECTION_EXAMPLES.values():
        referral_id = await made(gp, {**NOT_ASKED, "referrer": {**NOT_ASKED["referrer"], "reference": None}})
        assert (await post(gp, example["value"], here(referral_id, "corrections"))).status_code == 201
        await post(gp, {"reason": "made_in_error"}, here(referral_id, "withdrawal"))


async def test_a_referrer_is_told_what_each_route_needs_and_reads_out(
    gp: httpx.AsyncClient, intake: FastAPI, issuer: DevIssuer
) -> None:
    found = await gp.get(f"/programmes/{PROGRAMME}/routes", params={"on": "2024-11-18"})
    assert found.status_code == 200
    body = found.json()
    assert body["programme"] == {"id": PROGRAMME, "version": "2024.1"}
    told = {route["route"]: route for route in body["routes"]}
    assert told["gp"]["requires"] == ["referrer", "referrer.ods_code"]
    assert [(c["code"], c["required"]) for c in told["gp"]["consents"]] == [
        ("take_part", True),
        ("share_with_gp", False),
        ("share_with_employer", False),
    ]
    assert "voluntary" in told["gp"]["wording"]
    assert (told["gp"]["asks"], told["gp"]["health_detail"], told["gp"]["open_to_you"]) == (None, True, True)
    assert (told["employer"]["health_detail"], told["provider"]["open_to_you"]) == (False, False)
    assert "physiotherapy" not in told["employer"]["asks"]
    assert [c["code"] for c in told["employer"]["consents"]] == ["take_part", "share_with_employer"]
    for programme, on in (("nothing", "2024-11-18"), (PROGRAMME, "2019-01-01")):
        assert (await gp.get(f"/programmes/{programme}/routes", params={"on": on})).status_code == 404
    async with calling(intake, token(issuer, "employer", "works", "referrer")) as works:
        seen = (await works.get(f"/programmes/{PROGRAMME}/routes", params={"on": "2024-11-18"})).json()
    assert [route["route"] for route in seen["routes"] if route["open_to_you"]] == ["employer"]
