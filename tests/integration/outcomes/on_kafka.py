"""Coaching and outcomes on Apache Kafka: what coaching says is relayed, and outcomes' worker and relay do the rest."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import asyncpg
from pydantic import SecretStr

from services.composition import NAMES, service_named
from services.contracts.types import TOPIC_PLAN
from services.demo.scene import TOPICS
from services.kernel.clock import unix_ms
from services.kernel.decision import Received
from services.kernel.envelope import from_headers
from services.kernel.runtime.consumption import Consumption
from services.kernel.runtime.relay import Relay
from services.kernel.runtime.roles import new_runner
from services.kernel.service import Service
from services.kernel.settings import Environment, RunnerKind, Settings
from services.outcomes.settlement.reconciled import Reconciled
from services.outcomes.settlement.reconciling import reconcile
from tests.faults.stage import running, until
from tests.integration.outcomes.conftest import record_of
from tests.parts.databases import Database, Databases
from tests.parts.kafka import Broker

SAY: Final = """
INSERT INTO outbox (topic, key, sequence, event_id, recorded_ms, headers, value) VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
COUNT: Final = """
INSERT INTO aggregate (key, sequence) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET sequence = excluded.sequence
"""
SENT: Final = "SELECT NOT EXISTS (SELECT FROM outbox_unsent)"


@dataclass
class Books:
    """Use :func:`open_books`. ``connections`` are a superuser's, by service: what is done behind a service's back."""

    kafka: Broker
    databases: Databases
    prefix: str
    settings: Settings
    connections: dict[str, asyncpg.Connection] = field(default_factory=dict)

    def topic(self, name: str) -> str:
        """The topic's name on the broker."""
        return f"{self.prefix}{name}"

    def service(self, name: str) -> Service:
        """One service, put together."""
        return service_named(name, self.settings)

    @property
    def outcomes(self) -> Database:
        """The ledger's database."""
        return self.databases("outcomes")

    async def say(self, causes: Sequence[Received]) -> None:
        """Put plan changes into coaching's outbox, as its decisions do."""
        rows = []
        for record in map(record_of, causes, range(len(causes))):
            said = from_headers(record.headers, record.key)
            head = (TOPIC_PLAN, said.subject, said.sequence, said.id, unix_ms(said.recordedtime))
            rows.append((*head, json.dumps(said.attributes()), record.value))
        await self.connections["coaching"].executemany(SAY, rows)
        await self.connections["coaching"].executemany(COUNT, [(key, sequence) for _, key, sequence, *_ in rows])

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Run coaching's relay, outcomes' worker and its relay while the block runs."""
        relays = [Relay(self.service(name), self.settings) for name in ("coaching", "outcomes")]
        runner = new_runner(Consumption(self.service("outcomes"), self.settings))
        async with running(relays[0]), running(relays[1]), running(runner):
            yield

    async def settled(self) -> None:
        """Wait until all that was said is relayed, read and published."""

        async def quiet() -> bool:
            if not await self.connections["coaching"].fetchval(SENT):
                return False
            ends = await asyncio.to_thread(self.kafka.ends, self.topic(TOPIC_PLAN))
            wanted = {number: end for number, (_, end) in ends.items() if end}
            query = "SELECT partition, next_offset FROM stream_position WHERE topic = $1 AND next_offset > 0"
            read = dict(map(tuple, await self.connections["outcomes"].fetch(query, TOPIC_PLAN)))
            return read == wanted and bool(await self.connections["outcomes"].fetchval(SENT))

        await until(quiet, what="coaching and outcomes are quiet")

    async def carry(self, causes: Sequence[Received]) -> None:
        """Say it, and let it be read and published."""
        await self.say(causes)
        async with self.at_work():
            await self.settled()

    async def reconcile(self) -> Reconciled:
        """Reconcile as ``pathway reconcile`` does."""
        services = [self.service(name) for name in NAMES]
        return await reconcile(services, self.settings, by="ann", advance=lambda *_: None)

    async def behind(self, service: str, *statements: str) -> None:
        """Do something to a database that no role of ours may: say which of its guards are off."""
        async with self.connections[service].transaction():
            for statement in statements:
                await self.connections[service].execute(statement)

    async def connect(self, name: str) -> asyncpg.Connection:
        """Connect anew, as after a database was put back."""
        if name in self.connections:
            self.connections[name].terminate()
        self.connections[name] = await asyncpg.connect(self.databases(name).admin_dsn)
        return self.connections[name]


@asynccontextmanager
async def open_books(kafka: Broker, databases: Databases, prefix: str) -> AsyncIterator[Books]:
    """Make topics and databases."""
    environment = databases.environment(*NAMES)
    kafka.create_topics([f"{prefix}{topic}" for topic in TOPICS], partitions=3)
    fields: dict[str, Any] = {
        "environment": Environment.DEVELOPMENT,
        "kafka_bootstrap": kafka.bootstrap,
        "topic_prefix": prefix,
        "database_url": SecretStr(environment["PATHWAY_DATABASE_URL"]),
        "session_timeout_seconds": 6.0,
        "runner": RunnerKind.AIOKAFKA,
    }
    books = Books(kafka, databases, prefix, Settings(**fields))
    try:
        for name in NAMES:
            await books.connect(name)
        yield books
    finally:
        for connection in books.connections.values():
            connection.terminate()
