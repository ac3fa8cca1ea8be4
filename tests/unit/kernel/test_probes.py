"""The probes of a worker or relay, over HTTP: alive is not ready, and metrics can be read."""

import asyncio
import socket

import httpx
import pytest
from prometheus_client import Counter

from services.kernel.runtime.probes import serve_probes

HEARD = Counter("probe_test_heard", "Counts nothing but this test.")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def answer(port: int, path: str) -> httpx.Response:
    """Ask until the server is up."""
    async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(10):
        while True:
            try:
                return await client.get(f"http://127.0.0.1:{port}/{path}")
            except httpx.ConnectError:
                await asyncio.sleep(0.01)


async def test_alive_and_not_ready_until_nothing_is_missing() -> None:
    reasons = ["the consumer does not read"]
    port = free_port()
    async with serve_probes("127.0.0.1", port, lambda: reasons):
        assert (await answer(port, "livez")).status_code == 200
        refused = await answer(port, "readyz")
        assert (refused.status_code, refused.json()) == (503, {"status": "not_ready", "missing": reasons})
        reasons = []
        ready = await answer(port, "readyz")
        assert (ready.status_code, ready.json()) == (200, {"status": "ready", "missing": []})
        assert (await answer(port, "other")).status_code == 404


async def test_metrics_are_as_prometheus_reads_them() -> None:
    HEARD.inc(3)
    port = free_port()
    async with serve_probes("127.0.0.1", port, list):
        found = await answer(port, "metrics")
    assert found.headers["content-type"].startswith("text/plain")
    assert "probe_test_heard_total 3.0" in found.text


async def test_nothing_is_served_after_the_block_nor_on_port_0() -> None:
    port = free_port()
    async with serve_probes("127.0.0.1", port, list):
        await answer(port, "livez")
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    async with serve_probes("127.0.0.1", 0, list):
        pass


async def test_what_the_block_raises_comes_through_and_the_server_ends() -> None:
    port = free_port()

    async def fails() -> None:
        async with serve_probes("127.0.0.1", port, list):
            await answer(port, "livez")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
