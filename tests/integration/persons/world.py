"""All services on databases of their own, with a vault, and what the relays and workers would do, by hand."""

import copy
import itertools
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
from pydantic import SecretStr

from services.coaching.api import create_app as create_coaching
from services.composition import service_named
from services.intake.api import create_app
from services.intake.referrals.examples import GP_REFERRAL
from services.kernel.envelope import to_headers
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.runtime.database import open_pool
from services.kernel.runtime.inbox import Inbox
from services.kernel.runtime.records import Record
from services.kernel.sealing.keyring import VaultKeys
from services.kernel.service import Service
from services.kernel.settings import Environment, Settings
from services.vault.people import People
from tests.parts.databases import Databases

PROGRAMME = "workwell-greater-manchester"
REFERRED = datetime(2024, 11, 18, 9, 30, tzinfo=UTC)
ORDER = ("intake", "triage", "coaching", "outcomes")
EVENTS = "SELECT key, headers, value FROM outbox WHERE topic = $1 ORDER BY id"
LEDGER = """
SELECT to_jsonb(t)::text, (SELECT jsonb_agg(to_jsonb(l) ORDER BY l.line)::text FROM ledger_line l
                           WHERE l.transaction_id = t.id)
FROM ledger_transaction t ORDER BY t.id
"""
TOTALS = "SELECT contract, account, sum(amount_pence)::bigint FROM ledger_line GROUP BY 1, 2 ORDER BY 1, 2"
_keys = itertools.count()


@dataclass
class World:
    """The databases, and how far each service has read each topic."""

    databases: Databases
    settings: Settings
    read: dict[tuple[str, str], int] = field(default_factory=dict)
    now: datetime = REFERRED

    def dsn(self, service: str) -> str:
        return self.databases(service).dsn

    async def ask(self, service: str, sql: str, *values: object) -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(self.databases(service).admin_dsn)
        try:
            return [tuple(row) for row in await connection.fetch(sql, *values)]
        finally:
            await connection.close()

    async def count(self, service: str, table: str, where: str = "true") -> int:
        ((found,),) = await self.ask(service, f"SELECT count(*) FROM {table} WHERE {where}")
        return int(found)

    @asynccontextmanager
    async def people(self, actor: str = "ann") -> AsyncIterator[People]:
        pool = await open_pool(self.dsn("vault"))
        try:
            yield People(pool, service_named("vault", self.settings), actor)
        finally:
            pool.terminate()

    @asynccontextmanager
    async def gp(self) -> AsyncIterator[httpx.AsyncClient]:
        """Intake for a practice, at the world's time."""
        issuer = DevIssuer(self.settings)
        app = create_app(self.settings, issuer_transport=issuer.transport(), clock=lambda: self.now)
        headers = issuer.headers("referrer", org="P84001", organisation_kind="nhs", programme=PROGRAMME)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api", headers=headers) as client,
        ):
            yield client

    async def refer(self, **person: Any) -> str:
        """Refer the person of the example, changed as said; returns the referral's id."""
        body = copy.deepcopy(GP_REFERRAL)
        body["person"].update(person)
        body["referrer"]["reference"] = f"GP-{next(_keys)}"
        body["additional_information"] = "Works nights at the bakery."
        async with self.gp() as client:
            answer = await client.post("/referrals", json=body, headers={"Idempotency-Key": f"k{next(_keys)}"})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["referral_id"])

    async def withdraw(self, referral: str) -> None:
        async with self.gp() as client:
            answer = await client.post(
                f"/referrals/{referral}/withdrawal",
                json={"reason": "changed_mind"},
                headers={"Idempotency-Key": f"k{next(_keys)}"},
            )
        assert answer.status_code == 201, answer.text

    async def coach(self, referral: str) -> None:
        """Have a coach confirm what was recommended and meet the person once: that earns an engagement."""
        ((provider,),) = await self.ask("coaching", "SELECT provider FROM plan WHERE referral_id = $1", referral)
        issuer = DevIssuer(self.settings)
        app = create_coaching(self.settings, issuer_transport=issuer.transport(), clock=lambda: self.now)
        headers = issuer.headers("coach", org=provider, organisation_kind="provider", programme=PROGRAMME)
        on = {"occurred_on": self.now.date().isoformat()}
        attended = {"attendance": "attended", "minutes": 45, "channel": "phone", "step_id": None}
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api", headers=headers) as client,
        ):
            for body in (
                {"kind": "recommendation_confirmed", "revision": 1, **on},
                {"kind": "session_recorded", **attended, **on},
            ):
                answer = await client.post(
                    f"/plans/{referral}/commands", json=body, headers={"Idempotency-Key": f"k{next(_keys)}"}
                )
                assert answer.status_code == 200, answer.text

    async def ledger(self) -> list[tuple[Any, ...]]:
        """Every entry with what it posted, and the totals of each account."""
        return await self.ask("outcomes", LEDGER) + await self.ask("outcomes", TOTALS)

    async def person_of(self, referral: str) -> str:
        ((person,),) = await self.ask("intake", "SELECT person_id FROM referral WHERE referral_id = $1", referral)
        return str(person)

    async def flow(self) -> None:
        """Have every event read by everybody, until nothing new is said."""
        while [name for name in ORDER if await self._consume(service_named(name, self.settings))]:
            pass

    async def _consume(self, service: Service) -> int:
        pool = await open_pool(self.dsn(service.name))
        keys = await VaultKeys.open(self.settings)
        done = 0
        try:
            inbox = Inbox(service, service.policy(), pool, keys=keys)
            for topic in service.inputs:
                records = await self._records(topic, self.read.get((service.name, topic), 0))
                if records:
                    await inbox.process(records)
                    self.read[service.name, topic] = records[-1].offset + 1
                    done += len(records)
        finally:
            keys.close()
            pool.terminate()
        return done

    async def _records(self, topic: str, start: int) -> Sequence[Record]:
        producer = OF_TOPIC[topic]
        rows = await self.ask(producer, EVENTS, topic)
        return [
            Record(topic, 0, offset, key.encode(), value, to_headers(json.loads(headers)))
            for offset, (key, headers, value) in enumerate(rows)
            if offset >= start
        ]


OF_TOPIC = {
    "referral.created": "intake",
    "triage.completed": "triage",
    "plan.updated": "coaching",
    "outcome.recorded": "outcomes",
    "person.changed": "vault",
}


def world_of(databases: Databases) -> World:
    """Make it: five migrated databases, a vault that serves."""
    environment = databases.environment(*ORDER, "vault")
    settings = Settings(
        environment=Environment.DEVELOPMENT,
        database_url=SecretStr(environment["PATHWAY_DATABASE_URL"]),
        vault_url=SecretStr(environment["PATHWAY_VAULT_URL"]),
        root_key=environment["PATHWAY_ROOT_KEY"],
    )
    return World(databases, settings)


def years_after(moment: datetime, years: int, days: int = 0) -> datetime:
    return moment.replace(year=moment.year + years) + timedelta(days=days)
