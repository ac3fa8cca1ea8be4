"""An API that is asked to end: not ready first, everybody answered who came in time, ended within ten seconds."""

import asyncio
import signal

import asyncpg
import httpx
import pytest

from services.demo.people import people
from services.demo.world import CLI, free_ports
from services.embedded.broker import MockBroker
from services.embedded.processes import Child, Supervisor
from tests.faults.stage import until
from tests.parts.databases import Databases

pytestmark = [pytest.mark.slow, pytest.mark.faults, pytest.mark.timeout(120)]

START_SECONDS = 60.0
MOST_SECONDS = 10.0
DRAIN_SECONDS, NEWCOMERS_SECONDS = 4, 1.0
ENDED = {0, -signal.SIGTERM}
"""The server gives the signal to itself again, once all is answered."""
BLOCKED = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'outbox'::regclass)"


class Api:
    """Intake's API as a process, and an issuer beside it."""

    def __init__(self, processes: Supervisor, database: Databases, broker: MockBroker) -> None:
        port, issuer_port = free_ports(2)
        self.url, self.issuer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{issuer_port}"
        processes.env = {
            **database.environment("intake"),
            "PATHWAY_ENVIRONMENT": "development",
            "PATHWAY_KAFKA_BOOTSTRAP": broker.bootstrap,
            "PATHWAY_ISSUER_URL": self.issuer,
            "PATHWAY_JWKS_URL": f"{self.issuer}/jwks",
            "PATHWAY_DRAIN_SECONDS": str(DRAIN_SECONDS),
        }
        issuer = processes.python("issuer", *CLI, "dev-issuer", env={"PATHWAY_HTTP_PORT": str(issuer_port)})
        self.process: Child = processes.python("api", *CLI, "api", "intake", env={"PATHWAY_HTTP_PORT": str(port)})
        issuer.wait_for_http(f"{self.issuer}/livez", START_SECONDS)
        self.process.wait_for_http(f"{self.url}/readyz", START_SECONDS)

    async def refer(self, client: httpx.AsyncClient, number: int) -> httpx.Response:
        """Refer the demo's person of this number."""
        wanted = [one for one in people(60, 5) if one.expected_status == 201 and one.route != "provider"][number]
        token = (await client.post(f"{self.issuer}/token", json=wanted.sender.claims)).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"drain-{number}"}
        return await client.post(f"{self.url}/referrals", json=wanted.body, headers=headers)

    async def until_not_ready(self, client: httpx.AsyncClient) -> None:
        """Ask until it says that nobody should be sent to it any more; each time it must answer."""

        async def fallen() -> bool:
            return (await client.get(f"{self.url}/readyz")).status_code == 503

        await until(fallen, what="readiness falls")

    async def serves_newcomers(self, seconds: float) -> None:
        """See that whoever comes anew is answered, for a while."""
        loop = asyncio.get_running_loop()
        until_then = loop.time() + seconds
        while loop.time() < until_then:
            async with httpx.AsyncClient(trust_env=False) as newcomer:
                assert (await newcomer.get(f"{self.url}/livez")).status_code == 200


async def until_blocked(connection: asyncpg.Connection) -> None:
    async def blocked() -> bool:
        return bool(await connection.fetchval(BLOCKED))

    await until(blocked, what="a request waits for the database")


@pytest.fixture
def api(processes: Supervisor, database: Databases, mock_broker: MockBroker) -> Api:
    return Api(processes, database, mock_broker)


async def test_who_is_in_hand_and_who_still_comes_is_answered(api: Api, database: Databases) -> None:
    connection = await asyncpg.connect(database("intake").admin_dsn)
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        assert (await api.refer(client, 0)).status_code == 201
        async with connection.transaction():
            await connection.execute("LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE")
            in_hand = asyncio.create_task(api.refer(client, 1))
            await until_blocked(connection)
            api.process.send(signal.SIGTERM)
            await api.until_not_ready(client)
            await api.serves_newcomers(NEWCOMERS_SECONDS)
        assert (await in_hand).status_code == 201
        assert (await api.refer(client, 2)).status_code == 201
    await connection.close()
    assert await asyncio.to_thread(api.process.wait, MOST_SECONDS) in ENDED


async def test_who_is_not_answered_in_time_has_no_effect(api: Api, database: Databases) -> None:
    connection = await asyncpg.connect(database("intake").admin_dsn)
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        async with connection.transaction():
            await connection.execute("LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE")
            in_hand = asyncio.create_task(api.refer(client, 1))
            await until_blocked(connection)
            api.process.send(signal.SIGTERM)
            assert await asyncio.to_thread(api.process.wait, MOST_SECONDS) is not None
            with pytest.raises(httpx.HTTPError):
                (await in_hand).raise_for_status()
        assert await connection.fetchval("SELECT count(*) FROM outbox") == 0
    await connection.close()
