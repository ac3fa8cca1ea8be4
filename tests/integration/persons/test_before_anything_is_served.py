"""A backup of intake names somebody who was erased since; its own log is not ahead. It is scrubbed before it serves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from services.composition import service_named
from services.contracts import types
from services.contracts.person_codes import ErasureReason
from services.embedded.broker import MockBroker
from services.intake.service import build
from services.kernel.http import lookout
from services.kernel.operations.restore import restore
from services.kernel.runtime.consumption import Consumption
from services.kernel.runtime.database import open_pool
from services.kernel.runtime.log_view import open_log
from services.kernel.runtime.reapplied import apply_unread, unread
from services.kernel.runtime.relay import Relay
from services.kernel.service import Service
from services.kernel.settings import RunnerKind
from tests.integration.persons.world import World, world_of
from tests.parts.contents import contents
from tests.parts.databases import Databases

OF_ADA = ("9990000018", "ada@example.org", "1986-04-12")
TOPICS = (types.TOPIC_REFERRAL, types.TOPIC_TRIAGE, types.TOPIC_PLAN, types.TOPIC_OUTCOME, types.TOPIC_PERSON)


@pytest.fixture
def world(database: Databases, mock_broker: MockBroker, topic_prefix: str) -> World:
    mock_broker.create_topics([f"{topic_prefix}{topic}" for topic in TOPICS])
    made = world_of(database)
    more = {"kafka_bootstrap": mock_broker.bootstrap, "topic_prefix": topic_prefix, "fetch_max_wait_ms": 20}
    made.settings = made.settings.model_copy(update={**more, "runner": RunnerKind.AIOKAFKA})
    return made


def named(world: World) -> list[str]:
    """What intake's database holds of Ada."""
    rows = "".join(contents(world.databases("intake")).values())
    return [word for word in OF_ADA if word in rows]


async def publish(world: World, service: Service) -> None:
    relay = Relay(service, world.settings)
    task = asyncio.ensure_future(relay.run())
    async with asyncio.timeout(30):
        while (await world.ask(service.name, "SELECT count(*) FROM outbox_unsent"))[0][0]:
            await world.ask(service.name, "SELECT pg_sleep(0.02)")
    relay.stop()
    await task


async def erase_ada(world: World) -> str:
    """Ada is referred and erased; intake has not read of it, and its own events are all in its log, as in a backup.

    Returns the referral's id.
    """
    referral = await world.refer()
    await publish(world, build())
    async with world.people() as people:
        await people.erase(await world.person_of(referral), ErasureReason.PERSON_ASKED, note="", apply=True)
    await publish(world, service_named("vault", world.settings))
    assert named(world) == list(OF_ADA)
    return referral


@asynccontextmanager
async def opened(world: World) -> AsyncIterator[Any]:
    pool = await open_pool(world.dsn("intake"))
    try:
        async with open_log(world.settings) as log:
            yield pool, log
    finally:
        pool.terminate()


async def test_a_worker_scrubs_before_it_takes_anything_in(world: World) -> None:
    await erase_ada(world)
    worker = Consumption(build(), world.settings)
    try:
        await worker.begin([(types.TOPIC_TRIAGE, 0)])
    finally:
        await worker.close()
    assert named(world) == [], "another process may read the topic of people, and has not begun"


async def test_what_the_consumer_has_read_meanwhile_is_left_to_it(world: World) -> None:
    """A merge that is applied again behind a later one would name the wrong survivor."""
    await erase_ada(world)
    async with opened(world) as (pool, log):
        spans = await unread(pool, build(), log)
        ((place, span),) = spans.items()
        assert (place[0], span) == (types.TOPIC_PERSON, (0, 1))
        await pool.execute("INSERT INTO stream_position (topic, partition, next_offset) VALUES ($1, $2, 1)", *place)
        assert await apply_unread(pool, build(), log, spans) == 0
        assert await unread(pool, build(), log) == {}
    assert named(world) == list(OF_ADA)


async def test_a_backup_under_a_running_api_is_scrubbed_before_its_first_read(world: World) -> None:
    intake = world.databases("intake")
    backup = f"{intake.name}_backup"
    referral = await erase_ada(world)
    await asyncio.to_thread(intake.postgres.copy_database, intake.name, backup)
    async with world.gp() as client:
        assert named(world) == []
        await asyncio.to_thread(intake.postgres.copy_database, backup, intake.name)
        await asyncio.to_thread(intake.postgres.drop_database, backup)
        assert named(world) == list(OF_ADA)
        for _ in range(2):  # a connection from before was cut: that is the first answer at most
            answer = await client.get(f"/referrals/{referral}")
            if answer.status_code != 503:
                break
        assert (answer.status_code, answer.json()["reference"]) == (200, None)
        assert named(world) == []


async def test_nobody_loses_patience_once_it_is_known_that_something_must_go(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await erase_ada(world)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(*given: Any) -> int:
        begun.set()
        await go_on.wait()
        return await apply_unread(*given)

    monkeypatch.setattr(lookout, "apply_unread", slow)
    looking = lookout.Lookout(build(), world.settings)
    async with opened(world) as (pool, _):
        meeting = asyncio.ensure_future(looking.meet(pool))
        await begun.wait()
        looking._wait_no_longer(looking._go_on)
        assert not looking._go_on.is_set()
        go_on.set()
        await meeting
    assert named(world) == []
    await looking.close()


async def test_a_restore_scrubs_whatever_the_database_says_that_it_has_read(world: World) -> None:
    """Tables that were loaded from an older backup beside positions that are newer."""
    await erase_ada(world)
    async with opened(world) as (pool, log):
        ((place, (_, end)),) = (await unread(pool, build(), log)).items()
        await pool.execute(
            "INSERT INTO stream_position (topic, partition, next_offset) VALUES ($1, $2, $3)", *place, end
        )
        await restore(pool, build(), log, actor="ann", apply=True)
    assert named(world) == []
