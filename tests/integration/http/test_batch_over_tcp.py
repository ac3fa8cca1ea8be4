"""Lines over a real connection: answered while others still come, whoever leaves or does not read."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import uvicorn
from fastapi import FastAPI

from services.kernel.http import lines as reading
from services.kernel.http.dev_issuer import DevIssuer
from tests.integration.http.conftest import Ask
from tests.integration.http.test_batch import PLACE, lines, person
from tests.integration.http.test_intake import ask, intake, keys, settings, stored, token

__all__ = ["ask", "intake", "keys", "settings", "stored"]


@pytest.fixture
async def port(intake: FastAPI) -> AsyncIterator[int]:
    server = uvicorn.Server(uvicorn.Config(intake, port=0, lifespan="off", log_level="critical"))
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  uvicorn has no event to wait for
        await asyncio.sleep(0)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await running


@dataclass
class Talk:
    """One request in chunks, and its answer as it comes."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, data: bytes) -> None:
        self.writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        await self.writer.drain()

    async def end(self) -> None:
        self.writer.write(b"0\r\n\r\n")
        await self.writer.drain()

    async def status(self) -> int:
        head = await self.reader.readuntil(b"\r\n\r\n")
        return int(head.split()[1])

    async def hear(self) -> bytes:
        """The next piece of the answer; empty at its end."""
        size = int(await self.reader.readline(), 16)
        data = await self.reader.readexactly(size)
        await self.reader.readexactly(2)
        return data

    async def hear_all(self) -> list[dict[str, object]]:
        heard = b""
        while piece := await self.hear():
            heard += piece
        return [json.loads(line) for line in heard.splitlines()]


@asynccontextmanager
async def talking(port: int, issuer: DevIssuer, key: str = "k") -> AsyncIterator[Talk]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    writer.write(
        f"POST {PLACE} HTTP/1.1\r\nHost: api\r\nContent-Type: application/x-ndjson\r\nIdempotency-Key: {key}\r\n"
        f"Transfer-Encoding: chunked\r\nAuthorization: {token(issuer)['Authorization']}\r\n\r\n".encode()
    )
    try:
        yield Talk(reader, writer)
    finally:
        writer.transport.abort()


async def test_lines_are_answered_while_others_still_come(port: int, issuer: DevIssuer) -> None:
    async with asyncio.timeout(20), talking(port, issuer) as talk:
        await talk.say(lines(person(1)) + lines(person(2))[:10])
        assert await talk.status() == 200
        assert json.loads(await talk.hear())["line"] == 1
        await talk.say(lines(person(2))[10:])
        assert json.loads(await talk.hear())["line"] == 2
        await talk.end()
        assert await talk.hear() == b""


async def test_who_leaves_stops_the_rest_and_loses_nothing(port: int, issuer: DevIssuer, ask: Ask) -> None:
    content = lines(*(person(number) for number in range(10)))
    async with asyncio.timeout(20), talking(port, issuer) as talk:
        await talk.say(lines(*(person(number) for number in range(4))))
        assert await talk.status() == 200
        done = len((await talk.hear()).splitlines())
        await talk.say(lines(person(4))[:20])
    assert done >= 1
    async with asyncio.timeout(20), talking(port, issuer) as talk:
        await talk.say(content)
        await talk.end()
        assert await talk.status() == 200
        told = await talk.hear_all()
    assert [one["status"] for one in told] == [201] * 10
    assert all(one["replayed"] for one in told[:done])
    assert not any(one["replayed"] for one in told[4:])
    assert ask("SELECT count(*), count(DISTINCT key) FROM outbox") == "10|10"


async def test_who_sends_everything_before_reading_anything_is_answered(port: int, issuer: DevIssuer) -> None:
    async with asyncio.timeout(120), talking(port, issuer) as talk:
        for _ in range(100):
            await talk.say(b'{"route": "gp", "person": 7, "work": []}\n' * 100)
        await talk.end()
        assert await talk.status() == 200
        told = await talk.hear_all()
    assert [one["line"] for one in told] == list(range(1, 10_001))


async def test_who_stops_in_the_middle_is_told_after_a_while(
    port: int, issuer: DevIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "IDLE_SECONDS", 0.3)
    async with asyncio.timeout(20), talking(port, issuer) as talk:
        await talk.say(lines(person(1)) + b'{"half')
        assert await talk.status() == 200
        told = await talk.hear_all()
    assert [(one["line"], one["status"]) for one in told] == [(1, 201), (None, 408)]
    async with asyncio.timeout(20), talking(port, issuer, "other") as talk:
        await talk.say(b'{"half')
        assert await talk.status() == 408
