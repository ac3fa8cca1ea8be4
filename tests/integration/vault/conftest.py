"""A vault with a root key in a file and its first key-encryption key."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from services.kernel.operations.audit import Pool
from services.kernel.runtime.database import open_pool
from services.kernel.sealing.keys import KeyRing
from services.kernel.sealing.root_file import FileRootKey, write_key_file
from services.kernel.sealing.serving import note_checked
from services.kernel.sealing.source import VaultSource
from services.kernel.sealing.subject_key import KeyFound
from services.kernel.sealing.wrapping import KeyEncryptionKeys, RootKey
from services.vault import keys
from services.vault.people import People
from services.vault.service import build
from tests.integration.vault.people import ADA, BOB, EVE
from tests.parts.databases import Database, Databases


@dataclass
class Vault:
    """One vault: its database, a pool as the run role, a superuser's connection, its root key."""

    database: Database
    pool: Pool
    admin: asyncpg.Connection
    root: RootKey
    folder: Path
    stack: AsyncExitStack

    @property
    def people(self) -> People:
        return People(self.pool, build(), "ann")

    async def source(self, role: str = "vault_mint") -> VaultSource:
        """Read keys, or make them, as another service does."""
        source = await VaultSource.open(self.database.postgres.dsn(self.database.name, role))
        self.stack.callback(source.close)
        return source

    async def create(self, *subjects: str) -> None:
        """Make keys as intake does."""
        await (await self.source()).create_keys(KeyEncryptionKeys(self.root), subjects)

    async def get(self, *subjects: str) -> dict[str, KeyFound]:
        """Read keys as a process that starts now."""
        return await KeyRing(await self.source("vault_read"), KeyEncryptionKeys(self.root)).get(subjects)

    async def ask(self, sql: str, *values: object) -> Sequence[tuple[object, ...]]:
        return [tuple(row) for row in await self.admin.fetch(sql, *values)]


@pytest.fixture
async def empty_vault(database: Databases, tmp_path: Path) -> AsyncIterator[Vault]:
    """Migrated, and held against its log; no key-encryption key yet."""
    write_key_file(tmp_path / "root.key")
    made = database("vault")
    async with AsyncExitStack() as stack:
        pool = await open_pool(made.dsn)
        stack.callback(pool.terminate)
        admin = await asyncpg.connect(made.admin_dsn)
        stack.push_async_callback(admin.close)
        await note_checked(admin)
        yield Vault(made, pool, admin, FileRootKey(tmp_path / "root.key"), tmp_path, stack)


@pytest.fixture
async def vault(empty_vault: Vault) -> Vault:
    """With a key-encryption key and three people."""
    await keys.init(empty_vault.pool, empty_vault.root, actor="ann", apply=True)
    await empty_vault.create(ADA, BOB, EVE)
    return empty_vault
