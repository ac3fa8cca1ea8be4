"""Ids, logs and the OpenAPI document."""

import re

import httpx
import pytest
from structlog.testing import capture_logs

from services.kernel.logs import ALLOWED
from tests.unit.http.conftest import THING, Make
from tests.unit.http.test_problems import KEY

ASKED, BOUND = "3F0C8A52-1d7e-4b6a-9c55-0a1b2c3d4e5f", "0123456789abcdef0123456789abcdef"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def test_ids_are_mirrored_and_reach_the_command(client: httpx.AsyncClient) -> None:
    headers = {**KEY, "X-Request-Id": ASKED, "X-Correlation-Id": BOUND, "traceparent": TRACE}
    answer = await client.post("/things", json=THING, headers=headers)
    assert (answer.headers["x-request-id"], answer.headers["x-correlation-id"]) == (ASKED, BOUND)
    assert (answer.json()["correlation"], answer.json()["trace"]) == (BOUND, TRACE)


@pytest.mark.parametrize("sent", ["", "a b", "x" * 65, "é", "a\\nb", '"', "<script>", "r-1", "9990000018", f"{ASKED}x"])
async def test_an_id_that_is_no_uuid_may_name_somebody_and_is_replaced(client: httpx.AsyncClient, sent: str) -> None:
    headers = [(b"x-request-id", sent.encode()), (b"x-correlation-id", sent.encode())]
    answer = await client.get("/things/1", headers=headers)
    for name in ("x-request-id", "x-correlation-id"):
        assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers[name])


@pytest.mark.parametrize("trace", ["00-0-0-01", f"00-{'0' * 32}-00f067aa0ba902b7-01", TRACE.upper(), "x"])
async def test_a_malformed_trace_is_left_out(client: httpx.AsyncClient, trace: str) -> None:
    answer = await client.post("/things", json=THING, headers={**KEY, "traceparent": trace})
    assert answer.json()["trace"] is None


async def test_a_request_is_logged_by_its_template_with_allowed_keys(client: httpx.AsyncClient) -> None:
    with capture_logs() as logs:
        answer = await client.get("/things/98765432101234?limit=56789012345678", headers={"X-Request-Id": ASKED})
        await client.get("/nothing/98765432101234")
    assert "56789012345678" not in str(logs)
    assert "98765432101234" not in str(logs)
    first, second = (entry for entry in logs if entry["event"] == "http_request")
    assert (first["route"], first["status"], first["request_id"]) == ("/things/{number}", 200, ASKED)
    assert second["route"] == "unmatched"
    assert {key for entry in logs for key in entry} - {"log_level"} <= ALLOWED
    assert answer.headers["cache-control"] == "no-store"


async def test_a_key_is_scoped_to_client_and_route_template(client: httpx.AsyncClient) -> None:
    answer = (await client.post("/things", json=THING, headers=KEY)).json()
    assert (answer["client"], answer["route"]) == ("P84001|someone", "POST /things")
    assert re.fullmatch("[0-9a-f]{64}", answer["key"]), "k is no UUID"
    uuid = (await client.post("/things", json=THING, headers={"Idempotency-Key": ASKED})).json()
    assert uuid["key"] == ASKED


def test_the_document_tells_how_each_route_answers(make_app: Make) -> None:
    app = make_app()
    document = app.openapi()
    assert app.openapi() == document
    post = document["paths"]["/things"]["post"]
    names = [p["name"] for p in post["parameters"]]
    assert names.count("Idempotency-Key") == 1
    assert {"400", "401", "403", "413", "415", "422", "503"} <= set(post["responses"])
    assert list(post["responses"]["422"]["content"]) == ["application/problem+json"]
    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert "401" not in document["paths"]["/livez"]["get"]["responses"]
