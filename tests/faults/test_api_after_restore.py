"""An API on a restored database: it answers no command before the restore, whether or not any worker runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated

import httpx
import pytest
from aiokafka.errors import KafkaConnectionError
from fastapi import APIRouter
from starlette.responses import JSONResponse

from services.kernel.decision import Command
from services.kernel.http import Answer, Once, Principal, create_api, lookout, require
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.operations.restore import restore
from services.kernel.runtime.commands import Transaction
from services.kernel.runtime.database import open_pool
from services.kernel.runtime.log_view import LogView, open_log
from services.kernel.settings import Settings
from tests.faults.stage import Stage, until
from tests.tally.domain import Added, tally_service

router = APIRouter()


@router.post("/tallies/{key}/numbers")
async def add(key: str, body: Added, once: Once, who: Annotated[Principal, require("coach")]) -> JSONResponse:
    async def handle(tx: Transaction) -> Answer:
        done = await tx.execute(Command(id=tx.command_id, type="number.add", key=key, data=body, actor=who.subject))
        return Answer(201, {"sequence": done.events[-1].sequence})

    return await once(handle)


@asynccontextmanager
async def serving(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    """An API of the tally in this process."""
    settings = stage.settings()
    issuer = DevIssuer(settings)
    app = create_api(tally_service(), settings, routers=[router], title="Tally", issuer_transport=issuer.transport())
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://api", headers=issuer.headers("coach")
        ) as client,
    ):
        yield client


async def post(client: httpx.AsyncClient, key: str) -> httpx.Response:
    return await client.post("/tallies/a/numbers", json={"number": 1}, headers={"Idempotency-Key": key})


async def ready(client: httpx.AsyncClient) -> bool:
    return (await client.get("/readyz")).status_code == 200


async def until_refused(client: httpx.AsyncClient) -> None:
    async def unready() -> bool:
        return not await ready(client)

    await until(unready)
    assert (await post(client, "k")).status_code == 503


class Backup:
    """What was published after it is in the log alone, once it is put back."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.database = stage.databases("tally")
        self.name = f"{self.database.name}_backup"

    async def take(self) -> None:
        await self._publish()
        await asyncio.to_thread(self.database.postgres.copy_database, self.database.name, self.name)
        await self.stage.reconnect()
        await self._publish()

    async def put_back(self) -> None:
        await asyncio.to_thread(self.database.postgres.copy_database, self.name, self.database.name)
        await asyncio.to_thread(self.database.postgres.drop_database, self.name)
        await self.stage.reconnect()

    async def _publish(self) -> None:
        async with self.stage.relaying():
            await self.stage.decide(["a"])
            await self.stage.until("SELECT count(*) = 0 FROM outbox_unsent")


async def fold_back(stage: Stage) -> None:
    pool = await open_pool(stage.databases("tally").dsn)
    try:
        async with open_log(stage.settings()) as log:
            await restore(pool, tally_service(), log, actor="ann", apply=True)
    finally:
        pool.terminate()


async def refuses_until_restored(stage: Stage, client: httpx.AsyncClient) -> None:
    """The API refuses, is not ready and lives; it serves by itself once the restore is through."""
    for key in ("k", "l"):
        answer = await post(client, key)
        assert (answer.status_code, answer.json()["code"]) == (503, "database_behind_log")
    assert not await ready(client)
    assert "pathway restore tally --apply" in (await client.get("/readyz")).text
    assert (await client.get("/livez")).status_code == 200
    await fold_back(stage)
    assert await ready(client)
    answer = await post(client, "k")
    assert (answer.status_code, answer.json()) == (201, {"sequence": 3})
    stage.expect("a", 1)
    async with stage.relaying(), stage.consuming():
        await stage.prove()


async def test_an_api_that_starts_on_a_restored_database_refuses_commands(stage: Stage) -> None:
    backup = Backup(stage)
    await backup.take()
    await backup.put_back()
    async with serving(stage) as client:
        await refuses_until_restored(stage, client)


async def test_a_database_that_is_put_back_under_a_running_api_is_noticed_by_its_first_command(stage: Stage) -> None:
    backup = Backup(stage)
    await backup.take()
    async with serving(stage) as client:
        assert await ready(client)
        await backup.put_back()
        await refuses_until_restored(stage, client)


async def test_a_broker_that_hangs_keeps_nobody_waiting_and_is_asked_until_it_answers(stage: Stage) -> None:
    """What is accepted does not depend on it; what it then shows of an old database counts all the same."""
    backup = Backup(stage)
    await backup.take()
    await backup.put_back()
    async with AsyncExitStack() as stack:
        with stage.frozen():
            async with asyncio.timeout(8):
                client = await stack.enter_async_context(serving(stage))
                assert await ready(client)
        await until_refused(client)


async def test_a_broker_that_cannot_be_reached_is_tried_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    backup = Backup(stage)
    await backup.take()
    await backup.put_back()
    tries = 0

    @asynccontextmanager
    async def away_at_first(settings: Settings) -> AsyncIterator[LogView]:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise KafkaConnectionError
        async with open_log(settings) as log:
            yield log

    monkeypatch.setattr(lookout, "open_log", away_at_first)
    async with serving(stage) as client:
        await until_refused(client)
