"""A worker's probes while its database, its broker or its release is in trouble."""

import asyncio
from typing import Any

import httpx
import pytest

from services.embedded.postgres import Postgres
from services.embedded.processes import Child
from tests.faults.stage import Stage, until
from tests.parts.kafka import free_ports

RUNNERS = pytest.mark.parametrize("runner", ["faust", "aiokafka"])


async def ask(port: int, path: str) -> int:
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
        try:
            return (await client.get(f"http://127.0.0.1:{port}/{path}")).status_code
        except httpx.TransportError:
            return 0


async def becomes(port: int, path: str, status: int) -> None:
    async def so() -> bool:
        return await ask(port, path) == status

    await until(so, what=f"{path} is {status}")


def started(stage: Stage, runner: str) -> tuple[Child, int]:
    stage.runner = runner
    port = free_ports(1)
    return stage.worker(PATHWAY_HTTP_PORT=str(port)), port


@RUNNERS
async def test_a_worker_whose_database_is_down_is_alive_and_not_ready(
    stage: Stage, postgres: Postgres, runner: str
) -> None:
    _, port = started(stage, runner)
    await becomes(port, "readyz", 200)
    postgres.stop("immediate")
    try:
        await becomes(port, "readyz", 503)
        assert await ask(port, "livez") == 200
    finally:
        postgres.start()
    await stage.reconnect()
    await becomes(port, "readyz", 200)


@RUNNERS
async def test_a_latched_stop_is_alive_and_not_ready(stage: Stage, runner: str) -> None:
    await stage.admin.execute("INSERT INTO consumer_stop (reason, detail) VALUES ('test', 'of the probes')")
    _, port = started(stage, runner)
    await becomes(port, "livez", 200)
    await becomes(port, "readyz", 503)
    await stage.resume()
    await becomes(port, "readyz", 200)


@RUNNERS
async def test_a_worker_that_does_not_get_on_is_not_alive_until_it_does(stage: Stage, runner: str) -> None:
    stage.runner = runner
    port = free_ports(1)
    stage.worker(PATHWAY_HTTP_PORT=str(port), PATHWAY_STUCK_SECONDS="1")
    await becomes(port, "readyz", 200)
    await stage.send(["a", "b", "c"])
    async with stage.relaying():
        await stage.until_counted()
        async with stage.holding("SELECT FROM stream_position FOR UPDATE"):
            assert await ask(port, "livez") == 200
            await stage.send(["a", "b", "c"])
            await becomes(port, "livez", 503)
        await becomes(port, "livez", 200)
        await stage.prove()


@RUNNERS
async def test_stopping_takes_less_than_ten_seconds(stage: Stage, runner: str) -> None:
    worker, port = started(stage, runner)
    await becomes(port, "readyz", 200)
    await stage.send(["a", "b", "c"], 50)
    began = asyncio.get_running_loop().time()
    await asyncio.to_thread(worker.stop, 10.0)
    took: Any = asyncio.get_running_loop().time() - began
    assert took < 10
    assert worker.returncode == 0
    async with stage.relaying(), stage.consuming():
        await stage.prove()
