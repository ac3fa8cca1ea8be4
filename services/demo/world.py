"""The demo's world: embedded database and broker, every role of every service as a process of its own."""

import asyncio
import shutil
import socket
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from pydantic import SecretStr

from services.demo.recorder import READY, ends
from services.demo.scene import RELAY_PACE_SECONDS, SERVICES, TOPICS, VAULT
from services.embedded.broker import MockBroker
from services.embedded.postgres import Postgres
from services.embedded.processes import Child, Supervisor
from services.kernel.runtime.database import open_pool
from services.kernel.sealing.root import root_key
from services.kernel.sealing.root_file import write_key_file
from services.kernel.settings import Environment, Settings
from services.vault.keys import init

START_SECONDS: Final = 60.0
ROOT_KEY: Final = "root.key"
CLI: Final = ("-m", "services.cli")


class World:
    """Everything that runs. Leaving the block stops all of it, whenever that happens."""

    def __init__(self, *, closes_months: bool = True) -> None:
        self.closes_months = closes_months
        self.folder = Path(tempfile.mkdtemp(prefix="pathway-demo-"))
        self.record = self.folder / "topics.jsonl"
        self._stack = ExitStack()
        self._stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        names = ("issuer", *(f"{service}-api" for service in SERVICES), *(f"{service}-worker" for service in SERVICES))
        self.ports = dict(zip((*names, "relay"), free_ports(len(names) + 1), strict=True))
        self.issuer = f"http://127.0.0.1:{self.ports['issuer']}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def start_parts(self) -> None:
        """Start database and broker, make the databases, roles and topics."""
        self.postgres = self._stack.enter_context(Postgres(durable=True))
        self.broker = MockBroker(self.folder / "logs")
        self._stack.callback(self.broker.stop)
        self.postgres.create_service_databases((*SERVICES, VAULT))
        write_key_file(self.folder / ROOT_KEY)
        self.broker.create_topics(TOPICS)
        self.processes = self._stack.enter_context(Supervisor(self.folder / "logs", self.environment()))

    def environment(self) -> dict[str, str]:
        """The settings of every process but its port."""
        return {
            "PATHWAY_ENVIRONMENT": "development",
            "PATHWAY_KAFKA_BOOTSTRAP": self.broker.bootstrap,
            "PATHWAY_DATABASE_URL": self.postgres.dsn("pathway_{service}", "{service}_run"),
            "PATHWAY_MIGRATE_URL": self.postgres.dsn("pathway_{service}", "{service}_owner"),
            "PATHWAY_VAULT_URL": self.postgres.dsn("pathway_vault", "vault_mint"),
            "PATHWAY_ROOT_KEY": f"file:{self.folder / ROOT_KEY}",
            "PATHWAY_ISSUER_URL": self.issuer,
            "PATHWAY_JWKS_URL": f"{self.issuer}/jwks",
            "PATHWAY_FETCH_MAX_WAIT_MS": "40",  # the in-memory broker holds an empty fetch to its end
            "PATHWAY_RELAY_PACE_SECONDS": str(RELAY_PACE_SECONDS),
            "PATHWAY_LOG_LEVEL": "WARNING",
        }

    def settings(self) -> Settings:
        """The settings of work that is done in this process."""
        said = self.environment()
        return Settings(
            environment=Environment.DEVELOPMENT,
            kafka_bootstrap=self.broker.bootstrap,
            database_url=SecretStr(said["PATHWAY_DATABASE_URL"]),
            vault_url=SecretStr(said["PATHWAY_VAULT_URL"]),
            root_key=said["PATHWAY_ROOT_KEY"],
        )

    def start_recorder(self) -> None:
        """Start listening to the topics, before anything is published."""
        words = ("-m", "services.demo.recorder", self.broker.bootstrap, str(self.record), *TOPICS)
        self.recorder = self.processes.python("recorder", *words)

    def migrate(self) -> None:
        """Migrate every database and make the first key-encryption key. Raises RuntimeError with what a job said."""
        job = self.processes.python("migrate", *CLI, "migrate", "all")
        status = job.wait(START_SECONDS)
        if status != 0:
            raise RuntimeError(f"migrate failed:\n{job.output()[-3000:]}")
        del self.processes.children["migrate"]
        asyncio.run(self._open_vault())

    async def _open_vault(self) -> None:
        """What ``pathway vault init --apply`` does, without the second that a process takes to start."""
        settings = self.settings()
        pool = await open_pool(settings.service_url(VAULT), size=1)
        try:
            await init(pool, root_key(settings), actor="demo", apply=True)
        finally:
            pool.terminate()

    def start_services(self) -> None:
        """Start the issuer, the APIs, the workers and the relay, all at once; they come up side by side."""
        self._role("issuer", "dev-issuer")
        for service in SERVICES:
            self._role(f"{service}-api", "api", service)
        for service in SERVICES:
            self._role(f"{service}-worker", "worker", service)
        self._role("relay", "relay", *SERVICES, VAULT)

    def waiting_for(self) -> list[Child]:
        """The roles in the order in which to wait for them."""
        return [child for name, child in self.processes.children.items() if name in self.ports]

    def wait_for(self, child: Child) -> None:
        """Wait until a role is ready, the relay until it has let the vault serve. Raises ChildFailedError."""
        path = "livez" if child.name == "issuer" else "readyz"
        child.wait_for_http(f"http://127.0.0.1:{self.ports[child.name]}/{path}", START_SECONDS)
        if child.name == "relay":
            child.wait_until(self._keys_served, START_SECONDS, "letting the vault serve")

    def _keys_served(self) -> bool:
        return self.postgres.execute("SELECT keys_served()", f"pathway_{VAULT}") == "t"

    def wait_for_recorder(self) -> None:
        """Wait until the recorder listens."""
        self.recorder.wait_for_line(f"^{READY}$", START_SECONDS)

    def url(self, service: str) -> str:
        """The address of a service's API."""
        return f"http://127.0.0.1:{self.ports[f'{service}-api']}"

    def dsn(self, service: str) -> str:
        """Where a service's database is."""
        return self.postgres.dsn(f"pathway_{service}")

    def ends(self) -> dict[tuple[str, int], int]:
        """The end of each partition; blocks."""
        return ends(self.broker.bootstrap, list(TOPICS))

    def check(self) -> None:
        """Raise ChildFailedError when a process has ended."""
        self.processes.check()

    def _role(self, name: str, *words: str) -> None:
        self.processes.python(name, *CLI, *words, env={"PATHWAY_HTTP_PORT": str(self.ports[name])})


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that are free now; all are held until all are known, so none comes twice."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
