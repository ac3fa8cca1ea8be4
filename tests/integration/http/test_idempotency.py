"""One key, one effect, one answer: on real PostgreSQL."""

import asyncio
import hashlib
import json
import re
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI

from services.kernel.field_classes import MustNotLeave
from services.kernel.http import create_api
from services.kernel.http.claims import sweep
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.registry import Registry
from services.kernel.settings import Settings
from tests.integration.http.conftest import Ask, Clock, build, calling

PLACE = "/counters/a/counts"
OLD, NEW = "0192f3a1-5c77-4b0e-9d43-6a1f0c2e7b11", "0192f3a1-5c77-4b0e-9d43-6a1f0c2e7b12"


def total(ask: Ask, key: str = "a") -> int:
    found = ask(f"SELECT state ->> 'total' FROM aggregate WHERE key = '{key}'")
    return int(found or 0)


async def post(client: httpx.AsyncClient, key: str, body: object, place: str = PLACE) -> httpx.Response:
    return await client.post(place, json=body, headers={"Idempotency-Key": key})


async def test_a_repeated_request_gets_the_first_answer_and_changes_nothing(
    client: httpx.AsyncClient, ask: Ask
) -> None:
    first = await post(client, "k1", {"by": 5, "note": "x"})
    again = await post(client, "k1", {"note": "x", "by": 5})
    assert (first.status_code, first.json()) == (201, {"key": "a", "total": 5, "note": "x"})
    assert (again.status_code, again.json()) == (201, first.json())
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"] == "/counters/a"
    assert total(ask) == 5


async def test_the_stored_answer_holds_codes_and_ids_only(client: httpx.AsyncClient, ask: Ask) -> None:
    await post(client, "k1", {"by": 5, "note": "what a person said"})
    row = ask("SELECT row_to_json(i) FROM idempotency i")
    assert "what a person said" not in row
    assert json.loads(row)["answer"]["body"] == {"key": "a", "total": 5}


@pytest.mark.parametrize(
    ("place", "body"),
    [(PLACE, {"by": 6}), ("/counters/b/counts", {"by": 5}), (PLACE + "?x=1", {"by": 5})],
    ids=["another body", "another address", "another query"],
)
async def test_the_same_key_for_another_request_is_refused(
    client: httpx.AsyncClient, ask: Ask, place: str, body: object
) -> None:
    await post(client, "k1", {"by": 5})
    other = await post(client, "k1", body, place)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert total(ask) == 5
    assert total(ask, "b") == 0


async def test_two_at_once_with_one_key_have_one_effect(client: httpx.AsyncClient, ask: Ask) -> None:
    answers = await asyncio.gather(*(post(client, "k1", {"by": 5}) for _ in range(8)))
    assert {a.status_code for a in answers} == {201}
    assert [a.json()["total"] for a in answers] == [5] * 8
    assert sum("idempotency-replayed" in a.headers for a in answers) == 7
    assert total(ask) == 5


async def test_a_key_belongs_to_one_client(app: FastAPI, issuer: DevIssuer, ask: Ask) -> None:
    for org, sub in (("one", "x"), ("one", "y"), ("two", "x")):
        async with calling(app, issuer.headers("coach", org=org, sub=sub)) as client:
            answer = await post(client, "k1", {"by": 5})
            assert "idempotency-replayed" not in answer.headers
    assert total(ask) == 15


async def test_a_refused_request_stores_nothing(client: httpx.AsyncClient, ask: Ask) -> None:
    await post(client, "k1", {"by": 999})
    refused = await post(client, "k2", {"by": 2})
    assert (refused.status_code, refused.json()["code"]) == (409, "limit_reached")
    assert refused.json()["errors"] == [{"code": "limit_reached", "pointer": "/by", "message": "the counter is full"}]
    assert (await post(client, "k2", {"by": 1})).status_code == 201
    assert ask("SELECT count(*) FROM idempotency") == "2"


@pytest.mark.parametrize("by", [666, 667], ids=["raised", "an event that must not leave"])
async def test_a_bug_answers_500_without_internals_and_stores_nothing(
    client: httpx.AsyncClient, ask: Ask, by: int, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = await post(client, "k1", {"by": by})
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "secret" not in answer.text + "".join(capfd.readouterr())
    assert "Traceback" not in answer.text
    assert ask("SELECT (SELECT count(*) FROM idempotency) + (SELECT count(*) FROM outbox)") == "0"


async def test_an_api_whose_events_may_not_leave_does_not_start(settings: Settings) -> None:
    counter = build()
    made = create_api(replace(counter, registry=Registry(counter.registry)), settings, routers=[], title="Counter")
    with pytest.raises(MustNotLeave, match="by has no class"):
        async with made.router.lifespan_context(made):
            pass


async def test_a_key_is_kept_for_seven_days(client: httpx.AsyncClient, clock: Clock, ask: Ask) -> None:
    await post(client, "k1", {"by": 5})
    clock.now += timedelta(days=7)
    assert "idempotency-replayed" in (await post(client, "k1", {"by": 5})).headers
    clock.now += timedelta(seconds=1)
    assert (await post(client, "k1", {"by": 6})).status_code == 201
    assert total(ask) == 11


async def test_the_sweep_deletes_only_what_is_old(client: httpx.AsyncClient, app: FastAPI, clock: Clock) -> None:
    await post(client, OLD, {"by": 5})
    clock.now += timedelta(days=7, seconds=1)
    await post(client, NEW, {"by": 5})
    await sweep(app.state.parts.pool, clock.now)
    assert await app.state.parts.pool.fetchval("SELECT string_agg(key, ',') FROM idempotency") == NEW


async def test_a_key_that_may_name_somebody_is_not_kept_in_clear(client: httpx.AsyncClient, ask: Ask) -> None:
    for key in ("nhs-9990000018", NEW):
        await post(client, key, {"by": 5})
        assert "idempotency-replayed" in (await post(client, key, {"by": 5})).headers
    kept = set(ask("SELECT key FROM idempotency").splitlines())
    assert NEW in kept
    assert all(re.fullmatch("[0-9a-f]{64}", key) for key in kept - {NEW})
    digests = {hashlib.new(name, b"nhs-9990000018").hexdigest() for name in ("md5", "sha1", "sha256")}
    assert kept.isdisjoint(digests), "it can be guessed from a plain digest"


@pytest.mark.parametrize("key", ["", " ", "a b", "ü", "a" * 256, "a\tb"])
async def test_a_malformed_key_is_refused(client: httpx.AsyncClient, key: str) -> None:
    headers = [(b"idempotency-key", key.encode()), (b"content-type", b"application/json")]
    answer = await client.post(PLACE, content=b'{"by": 1}', headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_malformed")


async def test_a_post_needs_a_key(client: httpx.AsyncClient) -> None:
    answer = await client.post(PLACE, json={"by": 1})
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_required")
