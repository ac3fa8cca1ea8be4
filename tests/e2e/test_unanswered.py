"""An API that is killed while it answers: the sender cannot know what happened, and need not.

The moment is not left to chance. *Before the commit*: a lock that the test holds stops the transaction at its
last write. *After the commit*: a gate between the API and PostgreSQL keeps the server's word that it has
committed. Either way the process is killed there, and the same request is sent again with the same key.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
import pytest

from services.demo.client import Client
from services.demo.people import people
from services.demo.person import Person
from services.embedded.postgres import Postgres
from services.embedded.processes import Supervisor
from tests.e2e.gate import Gate, open_gate
from tests.e2e.system import System, open_system
from tests.parts.databases import Databases
from tests.parts.kafka import Broker

pytestmark = [pytest.mark.slow, pytest.mark.faults]

API = "intake-api"
SECONDS = 20.0
PERSON = next(person for person in people(20, seed=5) if person.route != "provider")
BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


@dataclass
class Desk:
    """One sender at one API, which has the gate before its database."""

    system: System
    gate: Gate
    client: Client

    async def post(self, person: Person = PERSON, key: str = "one-act") -> Any:
        return await self.client.post("intake", "/referrals", person.body, person.sender, key)

    async def kept(self) -> list[str]:
        rows = await self.system.connections["intake"].fetch("SELECT referral_id FROM referral")
        return [row[0] for row in rows]

    async def events(self) -> int:
        found: int = await self.system.connections["intake"].fetchval("SELECT count(*) FROM outbox")
        return found

    @asynccontextmanager
    async def outbox_locked(self) -> AsyncIterator[None]:
        """Keep every transaction from writing its last row while the block runs."""
        connection = await asyncpg.connect(self.system.databases("intake").admin_dsn)
        try:
            async with connection.transaction():
                await connection.execute("LOCK TABLE outbox IN SHARE MODE")
                yield
        finally:
            connection.terminate()

    async def blocked(self, count: int) -> None:
        """Wait until so many transactions wait for a lock."""
        async with asyncio.timeout(SECONDS):
            while await self.system.connections["intake"].fetchval(BLOCKED) < count:  # noqa: ASYNC110  the server says
                await asyncio.sleep(0.01)

    def kill(self) -> None:
        self.gate.shut = False
        self.system.kill(API)

    async def lost(self, sending: "asyncio.Task[Any]") -> None:
        """The sender gets no answer."""
        with pytest.raises(httpx.TransportError):
            await sending
        await self.system.ready(API)


@pytest.fixture
async def desk(
    kafka: Broker, postgres: Postgres, database: Databases, processes: Supervisor, topic_prefix: str
) -> AsyncIterator[Desk]:
    async with open_system(kafka, database, processes, topic_prefix) as system, open_gate(postgres.folder) as gate:
        system.changes[API] = {"PATHWAY_DATABASE_URL": gate.dsn("{service}_run", f"{database.name}_{{service}}")}
        await system.start(API)
        async with Client(system.issuer, system.urls, 2) as client:
            yield Desk(system, gate, client)


async def test_killed_after_the_commit_and_before_the_answer(desk: Desk) -> None:
    desk.gate.shut = True
    sending = asyncio.create_task(desk.post())
    await asyncio.wait_for(desk.gate.held.wait(), SECONDS)
    [referral_id] = await desk.kept()
    assert not sending.done()
    desk.kill()
    await desk.lost(sending)
    reply = await desk.post()
    assert (reply.status, reply.body["referral_id"]) == (201, referral_id)
    assert await desk.kept() == [referral_id]
    assert await desk.events() == 1


async def test_killed_before_the_commit(desk: Desk) -> None:
    async with desk.outbox_locked():
        sending = asyncio.create_task(desk.post())
        await desk.blocked(1)
        desk.kill()
    await desk.lost(sending)
    assert await desk.kept() == []
    reply = await desk.post()
    assert reply.status == 201
    assert await desk.kept() == [reply.body["referral_id"]]
    assert await desk.events() == 1


async def test_the_same_request_again_while_the_first_is_still_at_work(desk: Desk) -> None:
    """A sender that is too impatient gets the first one's answer, not a second referral."""
    async with desk.outbox_locked():
        both = [asyncio.create_task(desk.post()) for _ in range(2)]
        await desk.blocked(2)
    one, two = await asyncio.gather(*both)
    assert (one.status, one.body) == (two.status, two.body)
    assert await desk.kept() == [one.body["referral_id"]]
    assert await desk.events() == 1
