"""Behind a database that hangs, requests are told so; they do not queue for ever longer."""

import asyncio

import asyncpg
import httpx
import pytest

from services.kernel.http.parts import POOL_SIZE
from services.kernel.runtime import commands
from tests.parts.databases import Database


async def post(client: httpx.AsyncClient, key: str) -> int:
    answer = await client.post(f"/counters/{key}/counts", json={"by": 1}, headers={"Idempotency-Key": key})
    return answer.status_code


async def test_who_finds_no_free_connection_hears_so_soon(
    client: httpx.AsyncClient, counter: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "ACQUIRE_SECONDS", 0.5)
    admin = await asyncpg.connect(counter.admin_dsn)
    await admin.execute("BEGIN; LOCK TABLE idempotency IN ACCESS EXCLUSIVE MODE")
    waiting = {asyncio.create_task(post(client, f"k{n}")) for n in range(POOL_SIZE + 5)}
    async with asyncio.timeout(8):
        while len(waiting) > POOL_SIZE:
            told, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            assert {request.result() for request in told} == {503}
    await admin.execute("ROLLBACK")
    assert await asyncio.gather(*waiting) == [201] * POOL_SIZE
    await admin.close()
