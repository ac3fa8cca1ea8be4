"""Over a real connection: a chunked upload is counted while it arrives, and keep-alive goes on after it."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import uvicorn
from fastapi import FastAPI

from services.kernel.http.dev_issuer import DevIssuer


@pytest.fixture
async def port(app: FastAPI) -> AsyncIterator[int]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", log_level="critical"))
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  uvicorn has no event to wait for
        await asyncio.sleep(0)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await running


async def exchange(port: int, issuer: DevIssuer, chunks: list[bytes]) -> tuple[int, dict[str, object], int]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    token = issuer.headers("coach")["Authorization"]
    writer.write(
        b"POST /counters/a/counts HTTP/1.1\r\nHost: api\r\nContent-Type: application/json\r\n"
        b"Idempotency-Key: k\r\nTransfer-Encoding: chunked\r\nAuthorization: " + token.encode() + b"\r\n\r\n"
    )
    sent = 0
    try:
        for chunk in chunks:
            writer.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
            await writer.drain()
            sent += len(chunk)
            if reader.at_eof() or writer.is_closing():
                break
        else:
            writer.write(b"0\r\n\r\n")
            await writer.drain()
    except ConnectionError:
        pass  # it has answered and closed
    head = await reader.readuntil(b"\r\n\r\n")
    headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
    length = int(headers[b"content-length"])
    body = json.loads(await reader.readexactly(length))
    writer.close()
    return int(head.split()[1]), body, sent


async def test_a_chunked_body_within_the_limit(port: int, issuer: DevIssuer) -> None:
    status, body, _ = await exchange(port, issuer, [b'{"by"', b": ", b"5}" + b" " * 60_000])
    assert (status, body["total"]) == (201, 5)


async def test_a_chunked_body_beyond_it_hears_413(port: int, issuer: DevIssuer) -> None:
    status, body, _ = await exchange(port, issuer, [b" " * 16_384] * 30)
    assert (status, body["code"]) == (413, "body_too_large")


async def test_a_body_without_an_end_is_cut_off_and_the_next_request_is_served(port: int, issuer: DevIssuer) -> None:
    try:
        status, _, sent = await exchange(port, issuer, [b" " * 16_384] * 20_000)
    except ConnectionError:
        status, sent = 413, 0
    assert status == 413
    assert sent < 20_000 * 16_384
    assert (await exchange(port, issuer, [b'{"by": 5}']))[0] == 201
