"""A database that is down or not migrated: 503 with a code, alive but not ready, and back by itself."""

from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from services.embedded.postgres import Postgres
from services.kernel.http import create_api
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.settings import Environment, Settings
from tests.integration.http.conftest import Clock, build, calling, router
from tests.parts.databases import Database


@pytest.fixture
def stopped(postgres: Postgres, app: FastAPI) -> Iterator[Postgres]:
    postgres.stop("immediate")
    try:
        yield postgres
    finally:
        postgres.start()


async def test_commands_and_reads_answer_503_while_the_database_is_down_and_work_after(
    client: httpx.AsyncClient, stopped: Postgres
) -> None:
    for _ in range(2):
        posted = await client.post("/counters/a/counts", json={"by": 1}, headers={"Idempotency-Key": "k"})
        read = await client.get("/counters/a")
        for answer in (posted, read):
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
            assert int(answer.headers["retry-after"]) > 0
            assert str(stopped.folder) not in answer.text
    stopped.start()
    posted = await client.post("/counters/a/counts", json={"by": 1}, headers={"Idempotency-Key": "k"})
    assert posted.status_code == 201
    assert (await client.get("/counters/a")).json()["state"] == {"total": 1}


async def test_a_connection_that_died_in_the_pool_is_503_and_not_500(
    client: httpx.AsyncClient, counter: Database
) -> None:
    assert (await client.get("/counters/a")).status_code == 200
    posted = await client.post("/counters/a/counts", json={"by": 1}, headers={"Idempotency-Key": "k"})
    assert posted.status_code == 201
    counter.postgres.disconnect(counter.name)
    answers = [await client.get("/counters/a") for _ in range(3)]
    assert {a.status_code for a in answers} <= {200, 503}
    assert answers[-1].status_code == 200
    again = [
        await client.post("/counters/a/counts", json={"by": 1}, headers={"Idempotency-Key": "k"}) for _ in range(3)
    ]
    assert {a.status_code for a in again} <= {201, 503}
    assert again[-1].headers["idempotency-replayed"] == "true"


async def test_alive_but_not_ready_and_says_what_is_missing(client: httpx.AsyncClient, stopped: Postgres) -> None:
    assert (await client.get("/livez")).status_code == 200
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
    assert [e["code"] for e in answer.json()["errors"]] == ["database_not_ready"]
    stopped.start()
    assert (await client.get("/readyz")).json() == {"status": "ready"}


async def test_a_database_without_tables_is_not_ready(postgres: Postgres, issuer: DevIssuer) -> None:
    settings = Settings(environment=Environment.DEVELOPMENT, database_url=SecretStr(postgres.dsn("postgres")))
    app = create_api(build(), settings, routers=[router], title="x", issuer_transport=issuer.transport())
    async with app.router.lifespan_context(app), calling(app, {}) as client:
        assert (await client.get("/readyz")).json()["errors"][0]["message"] == "the database is not migrated"


async def test_other_parts_are_asked_too(settings: Settings, issuer: DevIssuer, clock: Clock) -> None:
    async def broken() -> str | None:
        return "no leader"

    async def fine() -> str | None:
        return None

    app = create_api(
        build(),
        settings,
        routers=[router],
        title="x",
        issuer_transport=issuer.transport(),
        ready_checks={"relay": broken, "broker": fine},
    )
    async with app.router.lifespan_context(app), calling(app, {}) as client:
        errors = (await client.get("/readyz")).json()["errors"]
    assert errors == [{"code": "relay_not_ready", "pointer": "", "message": "no leader"}]


async def test_a_read_cannot_write(app: FastAPI) -> None:
    from sqlalchemy import text  # noqa: PLC0415
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415
    from sqlmodel.ext.asyncio.session import AsyncSession  # noqa: PLC0415

    async with AsyncSession(app.state.parts.engine) as session:
        with pytest.raises(DBAPIError, match="read-only"):
            await (await session.connection()).execute(text("DELETE FROM idempotency"))


async def test_metrics_name_routes_not_people(client: httpx.AsyncClient) -> None:
    await client.get("/counters/9990000018")
    await client.get("/nothing/9990000018")
    text = (await client.get("/metrics")).text
    assert 'route="/counters/{key}"' in text
    assert 'route="unmatched",service="counter",status="404"' in text
    assert "9990000018" not in text
