"""Coaching's API on a database, triage's events as they come, two coaches at their desks."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import asyncpg
import httpx
import pytest
from pydantic import SecretStr

from services.coaching.api import create_app
from services.contracts import types
from services.kernel.decision import Received
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.ids import event_id, uuid7
from services.kernel.runtime.fold import Lineage, Output, Sealing, apply
from services.kernel.runtime.tables import finish, lock_aggregates, save
from services.kernel.settings import Environment, Settings
from tests.integration.coaching.world import Desk, Triage, numbers, person_of
from tests.parts.databases import Database, Databases
from tests.parts.keys import MadeKeys, key_of
from tests.unit.coaching.desk import NOW, SERVICE, as_it_comes, policy, triage_event


@pytest.fixture
def coaching(database: Databases) -> Database:
    return database("coaching")


@pytest.fixture
async def triage(coaching: Database) -> AsyncIterator[Triage]:
    """Let ``triage.completed`` arrive for referrals, through the kernel's own fold and writes."""
    connection = await asyncpg.connect(coaching.dsn)

    async def arrive(*referrals: str, **fields: Any) -> None:
        async with connection.transaction():
            output = Output()
            locked = await lock_aggregates(connection, SERVICE, referrals)
            for key in referrals:
                number = next(numbers)
                cause = event_id(uuid7(NOW, number.to_bytes(10, "big")), types.TRIAGE_COMPLETED, 0)
                person = fields.get("person_id", person_of(key))
                plain = triage_event(types.TRIAGE_COMPLETED, **{"referral_id": key, "person_id": person, **fields})
                data, came = as_it_comes(cause, types.TRIAGE_COMPLETED, plain)
                received = Received(cause, types.TRIAGE_COMPLETED, key, data, NOW, number)
                sealing = Sealing({person: key_of(person)}, came)
                apply(SERVICE, policy(), locked[key], received, NOW, Lineage(NOW, cause), output, sealing)
            await save(connection, list(locked.values()), output)
            await finish(connection, output)

    yield arrive
    await connection.close()


@pytest.fixture
def settings(coaching: Database) -> Settings:
    return Settings(environment=Environment.DEVELOPMENT, database_url=SecretStr(coaching.dsn))


@pytest.fixture
def issuer(settings: Settings) -> DevIssuer:
    return DevIssuer(settings)


@pytest.fixture
def keys() -> MadeKeys:
    return MadeKeys()


@pytest.fixture
def now() -> datetime:
    """When everything is recorded."""
    return NOW


@pytest.fixture
async def client(
    settings: Settings, issuer: DevIssuer, keys: MadeKeys, now: datetime
) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings, issuer_transport=issuer.transport(), clock=lambda: now, keys=keys)
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://api") as made:
        yield made


@pytest.fixture
def ada(client: httpx.AsyncClient, issuer: DevIssuer) -> Desk:
    return Desk(client, issuer, "coach-ada")


@pytest.fixture
def ben(client: httpx.AsyncClient, issuer: DevIssuer) -> Desk:
    return Desk(client, issuer, "coach-ben")
