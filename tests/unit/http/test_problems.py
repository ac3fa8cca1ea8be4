"""Every refusal and failure is a problem document with a stable code, and says nothing it should not."""

import typing
from typing import Annotated, Any, Literal

import httpx
import pytest
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from pydantic_core import core_schema
from structlog.testing import capture_logs

from services.kernel.http.codes import CODE_OF, json_pointer, reasons_of
from tests.unit.http.conftest import THING, Make, connect

KEY = {"Idempotency-Key": "k"}


def test_every_error_type_of_pydantic_has_a_stable_code() -> None:
    assert set(typing.get_args(core_schema.ErrorType)) - set(CODE_OF) == set()
    assert len(set(CODE_OF.values())) == 11


def assert_problem(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json().get("code")) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == status
    assert document["type"] == f"urn:pathway:problem:{code}"
    assert document["errors"]
    assert all(set(e) == {"code", "pointer", "message"} for e in document["errors"])
    assert document["request_id"] == answer.headers["x-request-id"]


async def test_an_unknown_address_is_404(client: httpx.AsyncClient) -> None:
    assert_problem(await client.get("/nothing"), 404, "not_found")


async def test_another_method_is_405_and_says_which_is_allowed(client: httpx.AsyncClient) -> None:
    answer = await client.delete("/things")
    assert_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"


async def test_all_errors_at_once_with_codes_and_pointers(client: httpx.AsyncClient) -> None:
    body = {"inner": {"size": 10, "a/b~c": 1}, "many": [{"size": 1}, {"size": "x"}, {}]}
    answer = await client.post("/things", json=body, headers=KEY)
    assert_problem(answer, 422, "invalid_request")
    assert {(e["code"], e["pointer"]) for e in answer.json()["errors"]} == {
        ("required", "/name"),
        ("out_of_range", "/inner/size"),
        ("unknown_field", "/inner/a~1b~0c"),
        ("wrong_type", "/many/1/size"),
        ("required", "/many/2/size"),
    }


async def test_a_missing_body_is_required(client: httpx.AsyncClient) -> None:
    answer = await client.post("/things", headers=KEY)
    assert answer.json()["errors"] == [{"code": "required", "pointer": "", "message": "Field required"}]


async def test_parameters_are_named(client: httpx.AsyncClient) -> None:
    answer = await client.get("/things/x?limit=y")
    assert_problem(answer, 422, "invalid_request")
    assert [e["code"] for e in answer.json()["errors"]] == ["wrong_type", "wrong_type"]
    assert answer.json()["errors"][0]["message"].startswith("path.number: ")


async def test_a_domain_refusal_gives_all_its_reasons(client: httpx.AsyncClient) -> None:
    answer = await client.get("/things/409")
    assert_problem(answer, 409, "first")
    assert [e["pointer"] for e in answer.json()["errors"]] == ["/a", "/b"]


@pytest.mark.parametrize("place", ["/things/500", "/broken-reply"])
async def test_a_bug_is_500_and_neither_answer_nor_log_holds_its_text(client: httpx.AsyncClient, place: str) -> None:
    with capture_logs() as logs:
        answer = await client.get(place)
    assert_problem(answer, 500, "internal_error")
    assert "Ada" not in answer.text
    assert "Ada" not in str(logs)
    bug = next(entry for entry in logs if entry["event"] == "http_bug")
    assert bug["request_id"] == answer.headers["x-request-id"]
    assert ".py:" in bug["detail"]


async def test_a_lost_connection_is_503(client: httpx.AsyncClient) -> None:
    answer = await client.get("/things/503")
    assert_problem(answer, 503, "unavailable")
    assert "secret" not in answer.text


@pytest.mark.parametrize("place", ["/things/%00", "/things/1?limit=%00"])
async def test_nul_in_an_address_is_400(client: httpx.AsyncClient, place: str) -> None:
    assert_problem(await client.get(place), 400, "malformed_address")


async def test_a_service_adds_members_to_every_problem_of_a_body(make_app: Make, issuer: typing.Any) -> None:
    def annotate(method: str, path: str, body: bytes) -> dict[str, typing.Any]:
        return {"heard": f"{method} {path} {len(body)}"}

    async with connect(make_app(annotate=annotate), issuer.headers("other")) as client:
        refused = await client.post("/things", json=THING, headers=KEY)
        broken = await client.post("/things", content=b"{", headers={"content-type": "application/json"})
        unknown = await client.get("/nothing")
    assert_problem(refused, 403, "role_not_allowed")
    assert refused.json()["heard"].startswith("POST /things ")
    assert broken.json()["heard"] == "POST /things 1"
    assert "heard" not in unknown.json()


async def test_a_fault_in_what_is_added_does_not_hide_the_answer(make_app: Make, issuer: typing.Any) -> None:
    def annotate(method: str, path: str, body: bytes) -> dict[str, typing.Any]:
        raise KeyError(path)

    async with connect(make_app(annotate=annotate), issuer.headers("other")) as client:
        assert_problem(await client.post("/things", json=THING, headers=KEY), 403, "role_not_allowed")


@pytest.mark.parametrize(
    ("location", "value", "pointer"),
    [
        (("a", "tag", "b"), {"a": {"b": 1}}, "/a/b"),
        (("a", 1), {"a": [1, 2]}, "/a/1"),
        (("a", 5), {"a": [1, 2]}, "/a"),
        (("a", "function-after[f()]"), {"a": 1}, "/a"),
        ((), {}, ""),
    ],
)
def test_pointers_name_only_places_in_the_document(
    location: tuple[str | int, ...], value: object, pointer: str
) -> None:
    assert json_pointer(location, value) == pointer


class Walk(BaseModel):
    kind: Literal["walk"]


class Run(BaseModel):
    kind: Literal["run"]


def test_a_kind_that_is_none_is_not_repeated() -> None:
    """Of all messages of pydantic's only this one quotes what was sent."""
    adapter: TypeAdapter[Any] = TypeAdapter(Annotated[Walk | Run, Field(discriminator="kind")])
    with pytest.raises(ValidationError) as refused:
        adapter.validate_python({"kind": "Ada Example"})
    assert "Ada Example" in refused.value.errors()[0]["msg"]
    [reason] = reasons_of(refused.value.errors(), {"kind": "Ada Example"})
    assert (reason.code, reason.message) == ("unknown_code", "expected one of 'walk', 'run'")
