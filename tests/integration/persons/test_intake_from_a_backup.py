"""The drill of a service: its database comes from a backup that was made before somebody was erased.

The backup names the person and knows of no erasure; only the vault's topic does. Whatever the service serves after that
is nothing of theirs: it refuses, or has applied the topic's list again. The service's own roles, on Apache Kafka.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from services.composition import service_named
from services.contracts import types
from services.contracts.person_codes import ErasureReason
from services.intake.service import build
from services.kernel.operations.restore import restore
from services.kernel.runtime.consumption import Consumption
from services.kernel.runtime.database import open_pool
from services.kernel.runtime.log_view import open_log
from services.kernel.runtime.relay import Relay
from services.kernel.runtime.roles import Running, new_runner
from services.kernel.sealing.serving import ServingGuard
from services.kernel.settings import RunnerKind
from tests.integration.persons.world import World, world_of
from tests.parts.contents import contents
from tests.parts.databases import Databases
from tests.parts.kafka import Broker

BOB = {"nhs_number": "9990000026", "family_name": "Sample", "given_name": "Bob", "postcode": "M14 5AA"}
EVE = {"nhs_number": "9990000034", "family_name": "Third", "given_name": "Eve", "postcode": "M15 5AA"}
OF_ADA = ("9990000018", "M1 1AE", "example|ada|")
TOPICS = (types.TOPIC_REFERRAL, types.TOPIC_TRIAGE, types.TOPIC_PLAN, types.TOPIC_OUTCOME, types.TOPIC_PERSON)
SCRUBBED = "SELECT count(*) FROM person WHERE person_id = $1 AND nhs_number IS NULL"
PUBLISHED = "SELECT count(*) = 0 FROM outbox_unsent"
STOPPED = "SELECT count(*) FROM consumer_stop WHERE resumed_at IS NULL AND reason = 'database_behind_log'"
UNREAD = "SELECT count(*) = 0 FROM stream_position WHERE topic = 'person.changed' AND next_offset > 0"


@pytest.fixture
def world(database: Databases, kafka: Broker, topic_prefix: str) -> World:
    kafka.create_topics([f"{topic_prefix}{topic}" for topic in TOPICS])
    made = world_of(database)
    more = {"kafka_bootstrap": kafka.bootstrap, "topic_prefix": topic_prefix, "fetch_max_wait_ms": 20}
    made.settings = made.settings.model_copy(update={**more, "runner": RunnerKind.AIOKAFKA})
    return made


@asynccontextmanager
async def running(*roles: Running) -> AsyncIterator[None]:
    """Run roles in this process while the block runs."""
    tasks = [asyncio.ensure_future(one.run()) for one in roles]
    try:
        yield
    finally:
        for one in roles:
            one.stop()
        await asyncio.gather(*tasks)


def publishing(world: World) -> list[Running]:
    vault = service_named("vault", world.settings)
    return [Relay(build(), world.settings), Relay(vault, world.settings), ServingGuard(vault, world.settings)]


def consuming(world: World) -> Running:
    return new_runner(Consumption(build(), world.settings))


async def until(world: World, service: str, sql: str, *values: object) -> None:
    """Wait until a query's only value is true."""
    async with asyncio.timeout(30):
        while not (await world.ask(service, sql, *values))[0][0]:
            await world.ask(service, "SELECT pg_sleep(0.02)")


def named(world: World) -> list[str]:
    """What intake's database holds of Ada."""
    rows = "".join(contents(world.databases("intake")).values())
    return [word for word in OF_ADA if word in rows]


class Backup:
    """Intake's database as it was before the erasure."""

    def __init__(self, world: World) -> None:
        self.database = world.databases("intake")
        self.name = f"{self.database.name}_backup"

    async def take(self) -> None:
        await asyncio.to_thread(self.database.postgres.copy_database, self.database.name, self.name)

    async def put_back(self) -> None:
        await asyncio.to_thread(self.database.postgres.copy_database, self.name, self.database.name)
        await asyncio.to_thread(self.database.postgres.drop_database, self.name)


async def lived(world: World, backup: Backup, *, further: bool) -> tuple[str, str]:
    """Ada and Bob come; a backup; Ada is erased and scrubbed; the backup is put back. Returns Ada's ids.

    ``further``: somebody came after the backup, so the service's own log is ahead of it too.
    """
    referral = await world.refer()
    ada = await world.person_of(referral)
    await world.refer(**BOB)
    async with running(*publishing(world)):
        await until(world, "intake", PUBLISHED)
    await backup.take()
    if further:
        await world.refer(**EVE)
    async with running(*publishing(world), consuming(world)), world.people() as people:
        await until(world, "vault", "SELECT keys_served()")
        await people.erase(ada, ErasureReason.PERSON_ASKED, note="", apply=True)
        await until(world, "intake", SCRUBBED, ada)
        await until(world, "intake", PUBLISHED)
    assert named(world) == []
    await backup.put_back()
    assert named(world) == list(OF_ADA), "the backup brought all of it back"
    return referral, ada


async def restored(world: World) -> None:
    pool = await open_pool(world.dsn("intake"))
    try:
        async with open_log(world.settings) as log:
            await restore(pool, build(), log, actor="ann", apply=True)
    finally:
        pool.terminate()


async def nothing_of_hers(client: httpx.AsyncClient, referral: str, reference: str) -> list[int]:
    """Ask for her by all that the practice knows; returns the answers' status codes."""
    found = await client.get("/referrals", params={"reference": reference})
    one = await client.get(f"/referrals/{referral}")
    if found.status_code == 200:
        assert found.json() == []
    if one.status_code == 200:
        assert one.json()["reference"] is None
    return [found.status_code, one.status_code]


@pytest.mark.parametrize("further", [False, True], ids=["nothing-since", "more-since"])
async def test_an_api_on_a_backup_serves_nothing_of_whoever_was_erased_since(world: World, further: bool) -> None:
    backup = Backup(world)
    referral, ada = await lived(world, backup, further=further)
    ((reference,),) = await world.ask("intake", "SELECT reference FROM referral WHERE referral_id = $1", referral)
    async with world.gp() as client:
        assert set(await nothing_of_hers(client, referral, reference)) <= {200, 503}
        if named(world):
            answer = await client.post(f"/referrals/{referral}/withdrawal", json={"reason": "changed_mind"},
                                       headers={"Idempotency-Key": "early"})  # fmt: skip
            assert (answer.status_code, answer.json()["code"]) == (503, "database_behind_log")
            assert (await client.get("/readyz")).status_code == 503
            await restored(world)
        assert named(world) == []
        assert await nothing_of_hers(client, referral, reference) == [200, 200]
    again = await world.person_of(await world.refer())
    assert again != ada
    ((value,),) = await world.ask("intake", "SELECT value FROM outbox ORDER BY id DESC LIMIT 1")
    assert json.loads(value)["linked_referral"] is None
    async with running(*publishing(world), consuming(world)):
        await until(world, "intake", PUBLISHED)
    assert await world.count("intake", "person", "nhs_number = '9990000018'") == 1


async def test_a_worker_on_a_backup_applies_the_topics_list_before_it_goes_on(world: World) -> None:
    backup = Backup(world)
    _, ada = await lived(world, backup, further=False)
    async with running(*publishing(world), consuming(world)):
        await until(world, "intake", f"SELECT EXISTS ({SCRUBBED} HAVING count(*) > 0) OR ({STOPPED}) > 0", ada)
    if named(world):
        await restored(world)
    assert named(world) == []


async def test_the_list_comes_from_the_topic_and_not_from_the_backup(world: World) -> None:
    """Neither the backup nor the vault's tables are asked: a restore finds who is erased while the vault is away."""
    backup = Backup(world)
    await lived(world, backup, further=True)
    assert (await world.ask("intake", UNREAD))[0][0], "the backup has read of no erasure"
    vault = world.databases("vault")
    vault.postgres.execute(f'ALTER DATABASE "{vault.name}" ALLOW_CONNECTIONS false')
    vault.postgres.disconnect(vault.name)
    try:
        await restored(world)
    finally:
        vault.postgres.execute(f'ALTER DATABASE "{vault.name}" ALLOW_CONNECTIONS true')
    assert named(world) == []
