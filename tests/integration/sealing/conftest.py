"""A service that seals, on PostgreSQL, with the keys of a vault of its own; and what can happen to that vault."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from services.embedded.postgres import Postgres
from services.kernel.decision import Command
from services.kernel.operations.dead_letters import DeadLetters
from services.kernel.runtime import backoff
from services.kernel.runtime.commands import Commands, Executed
from services.kernel.runtime.database import open_pool
from services.kernel.runtime.inbox import Inbox
from services.kernel.sealing.keyring import VaultKeys
from services.kernel.sealing.keys import KeyRow
from services.kernel.sealing.root_file import write_key_file
from services.kernel.sealing.serving import note_checked
from services.kernel.sealing.source import VaultSource
from services.kernel.sealing.subject_key import SubjectKey
from services.kernel.settings import Environment, Settings
from tests.parts.databases import Databases
from tests.tally.wishes import CREATE_WORDS, TELL, Box, Kept, Told, wish_service

ADA, BOB = "ada", "bob"
SERVED = "SELECT keys_served()"
BUSY = """
SELECT count(*) FROM pg_stat_activity
WHERE usename = 'wishes_run' AND datname = $1 AND (xact_start IS NOT NULL OR state <> 'idle')
"""
WAITS_FOR_A_LOCK = """
SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')
"""


@dataclass
class House:
    """One test's databases: of wishes and of keys. ``admin`` and ``safe`` are superuser's connections to the two."""

    databases: Databases
    stack: AsyncExitStack
    pool: asyncpg.Pool
    admin: asyncpg.Connection
    safe: asyncpg.Connection
    keys: VaultKeys = field(init=False)

    def settings(self, **changes: Any) -> Settings:
        """What a process of this test is given."""
        given = {
            "environment": Environment.DEVELOPMENT,
            "database_url": self.databases("wishes").dsn,
            "vault_url": self.databases.vault_dsn(),
            "root_key": f"file:{self.databases.root_key}",
        }
        return Settings(**{**given, **changes})

    async def open_keys(self, **changes: Any) -> VaultKeys:
        """Keys as a process has them that starts now: it holds none yet."""
        opened = await VaultKeys.open(self.settings(**changes))
        self.stack.callback(opened.close)
        return opened

    async def key(self, subject: str) -> SubjectKey:
        """Return a subject's key, made if there is none."""
        await self.keys.create([subject])
        found = (await (await self.open_keys()).get([subject]))[subject]
        assert isinstance(found, SubjectKey)
        return found

    async def inbox(self, keys: VaultKeys | None = None) -> Inbox:
        """A worker that starts now."""
        return Inbox(wish_service(), None, self.pool, keys=keys or await self.open_keys())

    async def letters(self) -> DeadLetters:
        """The operator's hand on dead letters."""
        return DeadLetters(wish_service(), None, self.pool, "ann", keys=await self.open_keys())

    async def tell(self, key: str, told: Told, keys: VaultKeys | None = None) -> Executed:
        """Tell a wish by a command."""
        commands = Commands(self.pool, wish_service(), None, keys=keys or await self.open_keys())
        async with commands.begin() as transaction:
            return await transaction.execute(Command(transaction.command_id, TELL, key, told))

    # what happens to the vault

    async def lose(self, subject: str) -> tuple[Any, ...]:
        """Take a key out of the vault, as no role can; returns it for :meth:`put_back`."""
        await self.safe.execute("ALTER TABLE subject_key DISABLE TRIGGER subject_key_guard")
        row = await self.safe.fetchrow(
            "DELETE FROM subject_key WHERE subject = $1 RETURNING subject, kid, wrapped, kek_id", subject
        )
        await self.safe.execute("ALTER TABLE subject_key ENABLE ALWAYS TRIGGER subject_key_guard")
        assert row is not None
        return tuple(row)

    async def put_back(self, row: tuple[Any, ...]) -> None:
        """Put a lost key back, as from a backup."""
        await self.safe.execute("INSERT INTO subject_key (subject, kid, wrapped, kek_id) VALUES ($1, $2, $3, $4)", *row)

    async def erase(self, subject: str) -> None:
        """Destroy a key as the vault does."""
        await self.safe.execute(
            "UPDATE subject_key SET wrapped = NULL, kek_id = NULL, destroyed_at = clock_timestamp() WHERE subject = $1",
            subject,
        )
        await self.safe.execute(
            "INSERT INTO erasure (subject, event_id, erased_at, reason) VALUES ($1, 'e', clock_timestamp(), 'asked')",
            subject,
        )

    async def restrict(self, subject: str) -> None:
        """Say that what is held of a subject may not be used, as the vault does."""
        await self.safe.execute(
            "INSERT INTO restriction (subject, reason, restricted_at) VALUES ($1, 'asked', clock_timestamp())", subject
        )

    async def shut_vault(self) -> None:
        """End all connections to the vault and let nobody in but the superuser."""
        name = self.databases("vault").name
        await self.admin.execute(f'ALTER DATABASE "{name}" CONNECTION LIMIT 0')
        await self.admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND usename LIKE 'vault%'", name
        )

    async def open_vault(self) -> None:
        """Let everybody in again."""
        await self.admin.execute(f'ALTER DATABASE "{self.databases("vault").name}" CONNECTION LIMIT -1')

    async def stop_serving(self) -> None:
        """Forget that the vault was held against its log, as a start of the server does."""
        await self.safe.execute("DELETE FROM key_serving")
        assert not await self.safe.fetchval(SERVED)

    async def serve(self) -> None:
        """Note that it was held against its log."""
        await note_checked(self.safe)

    async def transactions(self) -> int:
        """How many connections of the service are in a transaction or a statement."""
        found: int = await self.admin.fetchval(BUSY, self.databases("wishes").name)
        return found

    # what came of it

    async def ask(self, sql: str, *values: object) -> Sequence[tuple[Any, ...]]:
        """Return the rows of a query on the service's database."""
        return [tuple(row) for row in await self.admin.fetch(sql, *values)]

    async def position(self) -> int:
        """Return where the consumer stands."""
        found: int | None = await self.admin.fetchval("SELECT next_offset FROM stream_position WHERE topic = 'told'")
        return found or 0

    async def dead(self) -> Sequence[tuple[Any, ...]]:
        """Return key, kind and code of every dead letter."""
        return await self.ask("SELECT key, kind, code FROM dead_letter ORDER BY id")

    async def stops(self) -> list[str]:
        """Return the reasons of latched stops."""
        return [reason for (reason,) in await self.ask("SELECT reason FROM consumer_stop WHERE resumed_at IS NULL")]

    async def resume(self) -> None:
        """Take the stops back."""
        await self.admin.execute("UPDATE consumer_stop SET resumed_at = clock_timestamp() WHERE resumed_at IS NULL")

    async def box(self, key: str) -> Box | None:
        """Return the state under a key."""
        state = await self.admin.fetchval("SELECT state FROM aggregate WHERE key = $1", key)
        return None if state is None else Box.model_validate_json(state)

    async def kept(self, key: str) -> list[Kept]:
        """Return the events under a key, as the outbox holds them."""
        return [
            Kept.model_validate_json(value)
            for (value,) in await self.ask("SELECT value FROM outbox WHERE key = $1 ORDER BY sequence", key)
        ]


@contextmanager
def watched(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[list[str], int]]]:
    """Note for each query to the vault whom it was about, and how many of our transactions were open meanwhile."""
    asked: list[tuple[list[str], int]] = []
    real = VaultSource.fetch

    async def fetch(self: VaultSource, subjects: Sequence[str]) -> Sequence[KeyRow]:
        asked.append((sorted(subjects), await house.transactions()))
        return await real(self, subjects)

    with monkeypatch.context() as patch:
        patch.setattr(VaultSource, "fetch", fetch)
        yield asked


@pytest.fixture
async def house(database: Databases, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """Two databases, and a vault that serves; who tries again does so at once."""
    monkeypatch.setattr(backoff, "LONGEST_SECONDS", 0.05)
    database.open_vault()
    async with AsyncExitStack() as stack:
        pool = await open_pool(database("wishes").dsn, size=4)
        stack.callback(pool.terminate)
        connections = []
        for name in ("wishes", "vault"):
            connections.append(await asyncpg.connect(database(name).admin_dsn))
            stack.callback(connections[-1].terminate)
        admin, safe = connections
        await admin.execute(CREATE_WORDS)
        made = House(database, stack, pool, admin, safe)
        made.keys = await made.open_keys()
        await made.keys.create([ADA, BOB])
        yield made


@pytest.fixture
def other_root_key(tmp_path: Path) -> str:
    """A root key that wrapped nothing here."""
    write_key_file(tmp_path / "other.key")
    return f"file:{tmp_path / 'other.key'}"


@pytest.fixture
def other_databases(postgres: Postgres, _templates: dict[str, str]) -> Iterator[Databases]:
    """Empty ones, beside those of the test."""
    made = Databases(postgres, _templates)
    yield made
    made.close()
