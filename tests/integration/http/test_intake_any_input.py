"""Whatever is sent: never a 500, never a lost safety text; and the OpenAPI document holds what it says."""

import copy
import itertools
import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given
from hypothesis import settings as rules
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from sqlalchemy.dialects import postgresql
from sqlmodel import SQLModel

from services.contracts.red_flags import EMERGENCY_ITEMS
from services.intake.referrals.examples import ASSESSMENT_EXAMPLES, GP_REFERRAL, REFERRAL_EXAMPLES
from services.intake.store import Person, ReferralPerson, ReferralRow, ReferralStatus
from tests.integration.http.conftest import Ask
from tests.integration.http.test_intake import ask, employer, gp, intake, keys, post, settings, stored

__all__ = ["ask", "employer", "gp", "intake", "keys", "settings", "stored"]

_keys = itertools.count()
CODES = st.sampled_from(["2024-11-18", "gp", "employed"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | CODES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here] * bool(here) + [place for name, item in inner for place in places(item, (*here, name))]


PLACES = [p for p in places(GP_REFERRAL) if p[:2] != ("assessment", "red_flags") and p != ("assessment",)]
mutations = st.lists(st.tuples(st.sampled_from(PLACES), st.just(None) | values, st.booleans()), max_size=6)


def mutated(changes: list[tuple[tuple[Any, ...], Any, bool]]) -> dict[str, Any]:
    body = copy.deepcopy(GP_REFERRAL)
    for path, value, drop in changes:
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


async def send(client: httpx.AsyncClient, place: str, content: bytes) -> httpx.Response:
    headers = {"Idempotency-Key": f"any-{next(_keys)}", "content-type": "application/json"}
    return await client.post(place, content=content, headers=headers)


ANY = rules(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@ANY
@given(mutations, st.sampled_from(sorted(EMERGENCY_ITEMS)))
async def test_a_damaged_referral_is_no_500_and_keeps_its_safety_text(
    gp: httpx.AsyncClient, changes: list[Any], flag: str
) -> None:
    body = mutated(changes)
    assessment = body.get("assessment")
    if isinstance(assessment, dict):
        assessment["red_flags"] = {flag: True}
    else:
        body["red_flags"] = {flag: True}
    answer = await send(gp, "/referrals", json.dumps(body).encode())
    assert answer.status_code in {201, 403, 409, 422}, answer.text
    assert answer.json()["safety"]["level"] == "emergency"


@ANY
@given(values | st.fixed_dictionaries({"assessment": values}) | st.fixed_dictionaries({"reason": values}))
async def test_any_json_on_any_route_is_no_500(gp: httpx.AsyncClient, body: Any) -> None:
    content = json.dumps(body).encode()
    for place in ("/referrals", "/referrals/x/assessments", "/referrals/x/withdrawal"):
        assert (await send(gp, place, content)).status_code in {201, 404, 409, 413, 422}


@ANY
@given(st.binary(max_size=200))
async def test_any_bytes_are_no_500(gp: httpx.AsyncClient, content: bytes) -> None:
    assert (await send(gp, "/referrals", content)).status_code == 422


@ANY
@given(st.text(min_size=1, max_size=80))
async def test_any_address_is_no_500(gp: httpx.AsyncClient, text: str) -> None:
    found = await gp.get("/referrals", params={"reference": text})
    assert found.status_code in {200, 400, 422}
    addressed = await gp.get("/referrals/" + quote(text, safe=""))
    assert addressed.status_code < 500


async def test_every_example_of_the_document_is_accepted(gp: httpx.AsyncClient, employer: httpx.AsyncClient) -> None:
    made = await post(gp, REFERRAL_EXAMPLES["gp"]["value"])
    assert made.status_code == 201
    assert (await post(employer, REFERRAL_EXAMPLES["employer"]["value"])).status_code == 201
    for example in ASSESSMENT_EXAMPLES.values():
        assert (await post(gp, example["value"], made.json()["links"]["assessments"])).status_code == 201


def test_the_document_describes_what_is_read(intake: FastAPI) -> None:
    document = intake.openapi()
    operation = document["paths"]["/referrals"]["post"]
    content = operation["requestBody"]["content"]["application/json"]
    assert content["schema"] == {"$ref": "#/components/schemas/ReferralPosted"}
    schema = {**content["schema"], "components": document["components"]}
    Draft202012Validator.check_schema(schema)
    for example in content["examples"].values():
        Draft202012Validator(schema).validate(example["value"])
    broken = {**GP_REFERRAL, "unknown": 1}
    assert not Draft202012Validator(schema).is_valid(broken)
    assert set(operation["responses"]) >= {"201", "400", "401", "403", "409", "413", "415", "422", "503"}


@pytest.mark.parametrize("model", [Person, ReferralRow, ReferralPerson, ReferralStatus], ids=lambda m: m.__name__)
def test_the_tables_are_what_the_models_say(ask: Ask, model: type[SQLModel]) -> None:
    table = SQLModel.metadata.tables[str(model.__tablename__)]
    rows = ask(
        "SELECT attname, format_type(atttypid, NULL), attnotnull FROM pg_attribute "
        f"WHERE attrelid = '{table.name}'::regclass AND attnum > 0 ORDER BY attnum"
    )
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    expected = [(c.name, c.type.compile(dialect).lower(), "f" if c.nullable else "t") for c in table.columns]
    assert [tuple(row.split("|")) for row in rows.splitlines()] == expected
    keys = ask(
        "SELECT attname FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY(indkey) "
        f"WHERE indrelid = '{table.name}'::regclass AND indisprimary"
    )
    assert set(keys.split()) == {column.name for column in table.primary_key}
