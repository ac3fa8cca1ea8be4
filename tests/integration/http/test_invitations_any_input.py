"""Whatever is sent about invitations and employers: no 500, no lost safety text; documents and tables agree."""

import copy
import itertools
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
from jsonschema import Draft202012Validator
from sqlmodel import SQLModel

from services.contracts.red_flags import EMERGENCY_ITEMS
from services.intake.domain.identifying import AcceptancePosted
from services.intake.domain.posted import ReferralPosted
from services.intake.employers.examples import ACTIVITY, COMMAND_EXAMPLES, REGISTER_EXAMPLES, REGISTERED
from services.intake.employers.store import ActivityRow, CommitmentRow, EmployerNameRow, EmployerRow, StruckRow
from services.intake.invitations.examples import (
    ACCEPTANCE_EXAMPLES,
    ACCEPTED,
    DECLINE_EXAMPLES,
    DECLINED,
    IDENTIFIED,
    IDENTIFY_EXAMPLES,
    INVITE_EXAMPLES,
    INVITED,
)
from services.intake.invitations.reading import OF_INVITATION
from services.intake.invitations.store import InvitationRow, InvitedPerson
from services.kernel.http.dev_issuer import DevIssuer
from tests.integration.http import test_intake_any_input
from tests.integration.http.conftest import Ask, calling
from tests.integration.http.test_employers import staff
from tests.integration.http.test_intake import ask, keys, post, settings, stored
from tests.integration.http.test_intake_any_input import places, values
from tests.integration.http.test_invitations import by, intake

__all__ = ["ask", "intake", "keys", "settings", "stored"]

_keys = itertools.count()
ANY = rules(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
FINE = {201, 403, 404, 409, 413, 422}
DAYS = st.dates().map(str) | st.sampled_from(["2024-11-18", "0001-01-01", "9999-12-31", "2024-12-16"])


@pytest.fixture
async def provider(intake: FastAPI, issuer: DevIssuer) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(intake, by(issuer)) as client:
        yield client


@pytest.fixture
async def coach(intake: FastAPI, issuer: DevIssuer) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(intake, staff(issuer)) as client:
        yield client


@pytest.fixture
async def here(provider: httpx.AsyncClient) -> str:
    made = await post(provider, IDENTIFIED, "/invitations")
    place = str(made.json()["links"]["self"])
    assert (await post(provider, INVITED, f"{place}/invite")).status_code == 201
    return place


@pytest.fixture
async def employer(coach: httpx.AsyncClient) -> str:
    return str((await post(coach, REGISTERED, "/employers")).json()["links"]["self"])


async def send(client: httpx.AsyncClient, place: str, content: bytes) -> httpx.Response:
    headers = {"Idempotency-Key": f"other-{next(_keys)}", "content-type": "application/json"}
    return await client.post(place, content=content, headers=headers)


def damaged(base: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """The body with some places changed or dropped."""
    spots = [p for p in places(base) if p[:1] != ("assessment",)]
    changes = st.lists(st.tuples(st.sampled_from(spots), st.none() | values | DAYS, st.booleans()), max_size=5)

    def change(found: list[tuple[tuple[Any, ...], Any, bool]]) -> dict[str, Any]:
        body = copy.deepcopy(base)
        for path, value, drop in found:
            parent: Any = body
            try:
                for name in path[:-1]:
                    parent = parent[name]
                if drop:
                    del parent[path[-1]]
                else:
                    parent[path[-1]] = value
            except (KeyError, IndexError, TypeError):
                continue  # an earlier change took the place away
        return body

    return changes.map(change)


@ANY
@given(damaged(IDENTIFIED), st.sampled_from(sorted(EMERGENCY_ITEMS)))
async def test_a_damaged_identification_is_no_500_and_keeps_its_safety_text(
    provider: httpx.AsyncClient, body: dict[str, Any], flag: str
) -> None:
    answer = await send(provider, "/invitations", json.dumps({**body, "red_flags": {flag: True}}).encode())
    assert answer.status_code in FINE, answer.text
    assert answer.json()["safety"]["level"] == "emergency"


@ANY
@given(damaged(IDENTIFIED))
async def test_what_is_nearly_right_is_no_500(provider: httpx.AsyncClient, body: dict[str, Any]) -> None:
    assert (await send(provider, "/invitations", json.dumps(body).encode())).status_code in FINE


@ANY
@given(damaged(ACCEPTED), st.sampled_from(sorted(EMERGENCY_ITEMS)))
async def test_a_damaged_acceptance_is_no_500_and_keeps_its_safety_text(
    provider: httpx.AsyncClient, here: str, body: dict[str, Any], flag: str
) -> None:
    body["assessment"] = {"red_flags": {flag: True}}
    answer = await send(provider, f"{here}/accept", json.dumps(body).encode())
    assert answer.status_code in FINE, answer.text
    assert answer.json()["safety"]["level"] == "emergency"


@ANY
@given(damaged(INVITED) | values, damaged(DECLINED) | values)
async def test_any_step_is_no_500(provider: httpx.AsyncClient, here: str, invite: Any, decline: Any) -> None:
    for place, body in (("invite", invite), ("decline", decline), ("accept", invite)):
        assert (await send(provider, f"{here}/{place}", json.dumps(body).encode())).status_code in FINE


@ANY
@given(damaged(REGISTERED) | values, damaged(ACTIVITY) | values)
async def test_anything_about_an_employer_is_no_500(
    coach: httpx.AsyncClient, employer: str, register: Any, command: Any
) -> None:
    assert (await send(coach, "/employers", json.dumps(register).encode())).status_code in FINE
    assert (await send(coach, f"{employer}/commands", json.dumps(command).encode())).status_code in FINE


@ANY
@given(
    st.sampled_from(["described", "named", "commitment_made", "commitment_ended", "activity_recorded", "left"])
    | st.sampled_from(["activity_struck", "returned"]),
    st.fixed_dictionaries(
        {},
        optional={
            "occurred_on": DAYS,
            "facts": st.just(REGISTERED["facts"]) | values,
            "name": values,
            "commitment": st.just("secure_work") | values,
            "activity": st.just("visit") | values,
            "employees_reached": st.integers() | values,
            "number": st.integers() | values,
            "reason": st.just("wrong_facts") | values,
        },
    ),
)
async def test_any_command_is_no_500(coach: httpx.AsyncClient, employer: str, kind: str, fields: Any) -> None:
    body = json.dumps({"kind": kind, **fields}).encode()
    assert (await send(coach, f"{employer}/commands", body)).status_code in FINE


@ANY
@given(st.binary(max_size=100), st.text(min_size=1, max_size=40))
async def test_any_bytes_and_any_address_are_no_500(
    provider: httpx.AsyncClient, coach: httpx.AsyncClient, content: bytes, text: str
) -> None:
    place = quote(text, safe="")
    for client, base, acts in (
        (provider, "/invitations", ("", "/x/invite", "/x/accept", "/x/decline", f"/{place}/accept")),
        (coach, "/employers", ("", "/x/commands", f"/{place}/commands")),
    ):
        for act in acts:
            assert (await send(client, f"{base}{act}", content)).status_code < 500
        for asked in (f"/{place}", f"?cursor={place}", f"?state={place}&as_of={place}", f"?size={place}&limit={place}"):
            assert (await client.get(f"{base}{asked}")).status_code < 500
    for first, last in ((place, "2024-11-30"), ("0001-01-01", "9999-12-31"), ("2024-11-01", place)):
        assert (await coach.get(f"/employers/report?from={first}&to={last}")).status_code < 500


async def test_an_unknown_day_of_the_calendar_s_end(provider: httpx.AsyncClient, here: str) -> None:
    for day in ("0001-01-01", "9999-12-31"):
        assert (await provider.get(here, params={"as_of": day})).status_code == 200
        assert (await post(provider, {"channel": "phone", "on": day}, f"{here}/invite")).status_code in {409, 422}


async def test_every_example_of_the_document_is_accepted(provider: httpx.AsyncClient, coach: httpx.AsyncClient) -> None:
    first = await post(provider, IDENTIFY_EXAMPLES["identified"]["value"], "/invitations")
    other = copy.deepcopy(IDENTIFIED) | {"person": {**IDENTIFIED["person"], "nhs_number": "9990000034"}}
    other["person"]["family_name"] = "Another"
    second = await post(provider, other, "/invitations")
    for made, answer, examples in ((first, "accept", ACCEPTANCE_EXAMPLES), (second, "decline", DECLINE_EXAMPLES)):
        links = made.json()["links"]
        assert (await post(provider, INVITE_EXAMPLES["invited"]["value"], links["invite"])).status_code == 201
        (example,) = examples.values()
        assert (await post(provider, example["value"], links[answer])).status_code == 201
    for example in REGISTER_EXAMPLES.values():
        made = await post(coach, example["value"], "/employers")
        assert made.status_code == 201
    for example in COMMAND_EXAMPLES.values():
        assert (await post(coach, example["value"], made.json()["links"]["commands"])).status_code == 201


def test_the_document_describes_what_is_read(intake: FastAPI) -> None:
    document = intake.openapi()
    described = 0
    for path, operations in document["paths"].items():
        if not path.startswith(("/invitations", "/employers")) or "post" not in operations:
            continue
        content = operations["post"]["requestBody"]["content"]["application/json"]
        schema = {**content["schema"], "components": document["components"]}
        Draft202012Validator.check_schema(schema)
        for example in content["examples"].values():
            Draft202012Validator(schema).validate(example["value"])
            assert not Draft202012Validator(schema).is_valid({**example["value"], "unknown": 1}), path
            described += 1
    assert described == 8


def test_an_acceptance_is_a_referral_but_for_what_the_invitation_says() -> None:
    rest = {name: field for name, field in ReferralPosted.model_fields.items() if name not in OF_INVITATION}
    mine = AcceptancePosted.model_fields
    assert mine.keys() == rest.keys()
    assert {name: mine[name].annotation for name in mine} == {name: rest[name].annotation for name in rest}
    assert {name: mine[name].default for name in mine} == {name: rest[name].default for name in rest}


@pytest.mark.parametrize(
    "model",
    [InvitationRow, InvitedPerson, EmployerRow, EmployerNameRow, CommitmentRow, ActivityRow, StruckRow],
    ids=lambda m: m.__name__,
)
def test_the_tables_are_what_the_models_say(ask: Ask, model: type[SQLModel]) -> None:
    test_intake_any_input.test_the_tables_are_what_the_models_say(ask, model)
