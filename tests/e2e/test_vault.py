"""After PostgreSQL was started again no key is served, and nothing accepted, before the vault's relay has looked.

The vault may have been put back from a backup while it was down, with keys in it that were destroyed since; only its
log tells. So the services wait, or answer 503, and go on by themselves.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import asyncpg
import pytest

from services.contracts import types
from services.demo.client import Client, Reply
from services.demo.people import people
from services.embedded.postgres import Postgres
from services.embedded.processes import Supervisor
from tests.e2e import subscriber
from tests.e2e.senders import PatientClient
from tests.e2e.system import System, open_system
from tests.parts.databases import Databases
from tests.parts.kafka import Broker

pytestmark = [pytest.mark.slow, pytest.mark.faults, pytest.mark.timeout(240)]

RUNNING: Final = ("intake-api", "triage-worker", "relay-1")
KEEPER: Final = "relay-2"
SECONDS: Final = 60.0
CROWD: Final = [person for person in people(20, seed=11) if person.expected_status == 201][:3]


@pytest.fixture
async def system(kafka: Broker, database: Databases, processes: Supervisor, topic_prefix: str) -> AsyncIterator[System]:
    async with open_system(kafka, database, processes, topic_prefix) as opened:
        await opened.start(*RUNNING, KEEPER)
        yield opened


async def refer(client: Client, number: int) -> Reply:
    person = CROWD[number]
    return await client.post("intake", "/referrals", person.body, person.sender, f"referral-{number}")


async def triaged(system: System, referrals: list[str]) -> None:
    """Wait until triage has decided all of these."""
    connection = await asyncpg.connect(system.databases("triage").admin_dsn)
    query = "SELECT count(*) FROM triage_case WHERE referral_id = ANY($1::text[])"
    try:
        async with asyncio.timeout(SECONDS):
            while await connection.fetchval(query, referrals) < len(referrals):
                system.processes.check()
                await asyncio.sleep(0.05)
    finally:
        connection.terminate()


async def test_no_key_is_served_before_the_vaults_relay_has_looked(system: System, postgres: Postgres) -> None:
    async with Client(system.issuer, system.urls, 2) as client, PatientClient(system.issuer, system.urls, 2) as patient:
        first = await refer(client, 0)
        assert first.status == 201, first.body
        await triaged(system, [first.body["referral_id"]])

        system.processes.children[KEEPER].kill9()
        postgres.restart("immediate")
        await refused_for_want_of_a_key(client, postgres)

        waiting = asyncio.create_task(refer(patient, 2))
        system.role(KEEPER)
        second, third = await refer(patient, 1), await waiting
    assert (second.status, third.status) == (201, 201)
    referrals = [reply.body["referral_id"] for reply in (first, second, third)]
    await triaged(system, referrals)
    records = subscriber.subscribe(system.kafka.bootstrap, system.topics, f"{system.prefix}audit")
    assert sorted(r.attributes["subject"] for r in records if r.attributes["type"] == types.REFERRAL_CREATED) == sorted(
        referrals
    )


async def refused_for_want_of_a_key(client: Client, postgres: Postgres) -> None:
    """The databases are back, and the API with them; only keys are not."""
    async with asyncio.timeout(SECONDS):
        while (reply := await refer(client, 1)).codes == ["unavailable"]:  # noqa: ASYNC110  as a sender would
            await asyncio.sleep(0.05)  # its connections have died with the server
    assert (reply.status, reply.codes) == (503, ["vault_unavailable"])
