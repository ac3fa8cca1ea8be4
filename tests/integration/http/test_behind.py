"""A database that is behind the service's own log answers no command; the API lives on, and serves after a restore."""

import asyncio
import socket
from collections.abc import Iterator

import httpx
import pytest

from services.kernel.http import create_api
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.settings import Settings
from tests.integration.http.conftest import Ask, Clock, build, calling, router

STOP = "INSERT INTO consumer_stop (reason, detail) VALUES ('{}', 'why it stopped')"
RESUME = "UPDATE consumer_stop SET resumed_at = now()"


async def post(client: httpx.AsyncClient, by: int = 1, key: str = "k") -> httpx.Response:
    return await client.post("/counters/a/counts", json={"by": by}, headers={"Idempotency-Key": key})


@pytest.mark.parametrize("reason", ["database_behind_log", "restoring"])
async def test_every_command_is_refused_and_nothing_is_done(client: httpx.AsyncClient, ask: Ask, reason: str) -> None:
    assert (await post(client)).status_code == 201
    ask(STOP.format(reason))
    for answer in (await post(client), await post(client, key="new"), await post(client, by=1000, key="too-much")):
        assert (answer.status_code, answer.json()["code"]) == (503, "database_behind_log")
        assert "same Idempotency-Key" in answer.json()["detail"]
        assert "pathway restore" in answer.json()["detail"]
        assert int(answer.headers["retry-after"]) > 0
    ready = await client.get("/readyz")
    assert ready.status_code == 503
    assert [(e["code"], e["message"]) for e in ready.json()["errors"]] == [("own_log_not_ready", "why it stopped")]
    assert (await client.get("/livez")).status_code == 200
    assert ask("SELECT count(*) FROM idempotency") == "1"

    ask(RESUME)
    assert (await client.get("/readyz")).status_code == 200
    assert (await post(client)).headers["idempotency-replayed"] == "true"
    assert (await post(client, key="new")).json()["total"] == 2


@pytest.mark.parametrize("reason", ["database_behind_log", "restoring"])
async def test_nothing_is_shown_either(client: httpx.AsyncClient, ask: Ask, reason: str) -> None:
    """It may hold what was scrubbed since the backup was made."""
    await post(client)
    assert (await client.get("/counters/a")).status_code == 200
    ask(STOP.format(reason))
    answer = await client.get("/counters/a")
    assert (answer.status_code, answer.json()["code"]) == (503, "database_behind_log")
    assert int(answer.headers["retry-after"]) > 0
    ask(RESUME)
    assert (await client.get("/counters/a")).status_code == 200


async def test_other_stops_are_the_consumers_alone(client: httpx.AsyncClient, ask: Ask) -> None:
    ask(STOP.format("too_many_bugs"))
    assert (await client.get("/readyz")).status_code == 200
    assert (await post(client)).status_code == 201
    assert (await client.get("/counters/a")).status_code == 200


async def test_another_stop_hides_none_of_it(client: httpx.AsyncClient, ask: Ask) -> None:
    ask(STOP.format("too_many_bugs"))
    ask(STOP.format("database_behind_log"))
    assert (await post(client)).status_code == 503


@pytest.fixture
def deaf() -> Iterator[str]:
    """The address of a broker that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


async def test_a_broker_that_never_answers_keeps_no_referral_waiting(
    settings: Settings, issuer: DevIssuer, clock: Clock, deaf: str
) -> None:
    asked = settings.model_copy(update={"kafka_bootstrap": deaf})
    app = create_api(build(), asked, routers=[router], title="x", issuer_transport=issuer.transport(), clock=clock)
    async with asyncio.timeout(8):
        async with app.router.lifespan_context(app), calling(app, issuer.headers("coach")) as client:
            assert {r.status_code for r in await asyncio.gather(*(post(client, key=f"k{n}") for n in range(10)))} == {
                201
            }
            assert (await client.get("/readyz")).status_code == 200
