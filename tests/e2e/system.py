"""The whole system on Apache Kafka: every role a process that may be killed at any moment and is back at once."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import asyncpg
from pydantic import SecretStr

from services.composition import service_named
from services.demo.scene import SERVICES, TOPICS, VAULT
from services.demo.settle import READS
from services.demo.world import CLI, free_ports
from services.embedded.processes import Child, Supervisor
from services.kernel.service import Service
from services.kernel.settings import Environment, Settings
from tests.parts.databases import Databases
from tests.parts.kafka import Broker

START_SECONDS: Final = 90.0
ROLES: Final = {
    **{f"{name}-worker": ("worker", name) for name in SERVICES},
    "relay-1": ("relay", "intake", "triage"),
    "relay-2": ("relay", "coaching", "outcomes", "vault"),
    "intake-api": ("api", "intake"),
    "coaching-api": ("api", "coaching"),
}
"""What a test may kill."""
FURTHER: Final = {"triage-api": ("api", "triage"), "outcomes-api": ("api", "outcomes")}
"""What the stories here do without, unless they say so."""

STANDING: Final = {
    "unsent": "SELECT count(*) FROM outbox_unsent",
    "dead": "SELECT count(*) FROM dead_letter",
    "waiting": "SELECT count(*) FROM waiting_event",
    "keys_behind": "SELECT count(*) FROM key_position WHERE waiting > 0 OR stopped",
    "stops": "SELECT count(*) FROM consumer_stop",
}
"""Each number is 0 when all is well."""


@dataclass(frozen=True)
class Said:
    """How an operator's command ended, and what it wrote."""

    status: int
    out: str
    err: str


@dataclass
class System:
    """Use :func:`open_system`. ``connections`` are a superuser's, one a service and the vault's, for looking."""

    kafka: Broker
    databases: Databases
    processes: Supervisor
    prefix: str
    connections: dict[str, asyncpg.Connection] = field(default_factory=dict)
    changes: dict[str, dict[str, str]] = field(default_factory=dict)
    programs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """What runs a role in place of the command, until it is started again without."""

    def __post_init__(self) -> None:
        names = ("issuer", *ROLES, *FURTHER)
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.issuer = f"http://127.0.0.1:{self.ports['issuer']}"
        self.environment = {
            **self.databases.environment(*SERVICES),
            "PATHWAY_ENVIRONMENT": "development",
            "PATHWAY_KAFKA_BOOTSTRAP": self.kafka.bootstrap,
            "PATHWAY_TOPIC_PREFIX": self.prefix,
            "PATHWAY_ISSUER_URL": self.issuer,
            "PATHWAY_JWKS_URL": f"{self.issuer}/jwks",
            "PATHWAY_SESSION_TIMEOUT_SECONDS": "6",
            "PATHWAY_RELAY_PACE_SECONDS": "0.1",  # two cores carry all of it
            "PATHWAY_LOG_LEVEL": "WARNING",
        }

    @property
    def topics(self) -> list[str]:
        """The topics on the broker."""
        return [f"{self.prefix}{topic}" for topic in TOPICS]

    @property
    def urls(self) -> dict[str, str]:
        """The addresses of the APIs."""
        return {name: f"http://127.0.0.1:{self.ports[f'{name}-api']}" for name in SERVICES}

    @property
    def settings(self) -> Settings:
        """Settings of work that is done in this process."""
        return Settings(
            environment=Environment.DEVELOPMENT,
            kafka_bootstrap=self.kafka.bootstrap,
            topic_prefix=self.prefix,
            database_url=SecretStr(self.environment["PATHWAY_DATABASE_URL"]),
            vault_url=SecretStr(self.environment["PATHWAY_VAULT_URL"]),
            root_key=self.environment["PATHWAY_ROOT_KEY"],
        )

    @property
    def services(self) -> list[Service]:
        """The services, put together in this process."""
        return [service_named(name, self.settings) for name in SERVICES]

    async def start(self, *roles: str) -> None:
        """Start the issuer and these roles, and wait until all are ready."""
        self.processes.python("issuer", *CLI, "dev-issuer", env={"PATHWAY_HTTP_PORT": str(self.ports["issuer"])})
        for name in roles:
            self.role(name)
        await self.ready("issuer", *roles)

    def role(self, name: str) -> Child:
        """Start a role and return at once."""
        more: Mapping[str, str] = self.changes.get(name, {})
        words = (*self.programs.get(name, CLI), *{**ROLES, **FURTHER}[name])
        return self.processes.python(name, *words, env={"PATHWAY_HTTP_PORT": str(self.ports[name]), **more})

    async def ready(self, *names: str) -> None:
        """Wait until processes are ready; the loop goes on, since some may wait for what runs in it."""
        for name in names:
            url = f"http://127.0.0.1:{self.ports[name]}/{'livez' if name == 'issuer' else 'readyz'}"
            await asyncio.to_thread(self.processes.children[name].wait_for_http, url, START_SECONDS)

    def kill(self, name: str) -> None:
        """``kill -9`` in the middle of whatever it does; it is started again at once."""
        self.processes.children[name].kill9()
        self.role(name)

    async def pathway(self, *words: str, given: str = "", **environment: str) -> Said:
        """Run the ``pathway`` command; ``given`` is what is typed when it asks."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *CLI, *words),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **self.environment, "COLUMNS": "300", **environment},
        )
        out, err = await process.communicate(given.encode())
        assert process.returncode is not None
        return Said(process.returncode, out.decode(), err.decode())

    async def connect(self, name: str) -> asyncpg.Connection:
        """Connect to a database anew, as after it was put back."""
        if name in self.connections:
            self.connections[name].terminate()
        self.connections[name] = await asyncpg.connect(self.databases(name).admin_dsn)
        return self.connections[name]

    def disconnect(self) -> None:
        """End the connections for looking."""
        for connection in self.connections.values():
            connection.terminate()

    async def settled(self, seconds: float) -> dict[str, int]:
        """Wait until nothing is on its way; returns every number of :data:`STANDING` that is not 0.

        Raises TimeoutError with what is left.
        """
        left: dict[str, dict[str, int]] = {}
        try:
            async with asyncio.timeout(seconds):
                while True:
                    ends = await asyncio.to_thread(self._ends)
                    left = {name: await self._left(name, ends) for name in (*SERVICES, VAULT)}
                    quiet = not any(any(one.values()) for one in left.values())
                    if quiet and ends == await asyncio.to_thread(self._ends):
                        return await self._standing()
                    self.processes.check()
                    await asyncio.sleep(0.05)
        except TimeoutError as error:
            raise TimeoutError(f"after {seconds:.0f} s there is left: {left}") from error

    async def _standing(self) -> dict[str, int]:
        found = {
            f"{service} {name}": await self.connections[service].fetchval(query)
            for service in SERVICES
            for name, query in STANDING.items()
        }
        return {name: count for name, count in found.items() if count}

    def _ends(self) -> dict[tuple[str, int], int]:
        return {
            (topic, number): end
            for topic in TOPICS
            for number, (_, end) in self.kafka.ends(f"{self.prefix}{topic}").items()
        }

    async def _left(self, name: str, ends: dict[tuple[str, int], int]) -> dict[str, int]:
        connection = self.connections[name]
        rows = await connection.fetch("SELECT topic, partition, next_offset FROM stream_position")
        done = {(row["topic"], row["partition"]): row["next_offset"] for row in rows}
        behind = sum(end - done.get(place, 0) for place, end in ends.items() if place[0] in READS.get(name, ()))
        return {"unsent": await connection.fetchval(STANDING["unsent"]), "behind": behind}


@asynccontextmanager
async def open_system(kafka: Broker, databases: Databases, processes: Supervisor, prefix: str) -> AsyncIterator[System]:
    """Make topics and databases; nothing runs yet."""
    system = System(kafka, databases, processes, prefix)
    processes.env = system.environment
    kafka.create_topics(system.topics)
    async with AsyncExitStack() as stack:
        stack.callback(system.disconnect)
        for name in (*SERVICES, VAULT):
            await system.connect(name)
        yield system
