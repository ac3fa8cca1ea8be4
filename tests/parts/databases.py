"""A fresh, migrated database for each test: a copy of a template that is migrated once a session."""

import asyncio
import itertools
import os
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from services.embedded.postgres import Postgres, owner_of, runner_of
from services.kernel.migrations.runner import migrate
from services.kernel.runtime.database import open_pool
from services.kernel.sealing.root_file import FileRootKey, write_key_file
from services.kernel.sealing.serving import note_checked
from services.vault.keys import init

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Database:
    """One test's database of one service, by three roles: ``dsn`` runs, ``owner_dsn`` migrates."""

    name: str
    service: str
    postgres: Postgres

    @property
    def dsn(self) -> str:
        """As the run role, which is what a service gets."""
        return self.postgres.dsn(self.name, runner_of(self.service))

    @property
    def owner_dsn(self) -> str:
        """As the owner: migrations."""
        return self.postgres.dsn(self.name, owner_of(self.service))

    @property
    def admin_dsn(self) -> str:
        """As the superuser: what a test does behind the service's back."""
        return self.postgres.dsn(self.name)


class Databases:
    """The databases of one test, named ``<set>_<service>``; dropped with :meth:`close`."""

    def __init__(self, postgres: Postgres, templates: dict[str, str]) -> None:
        self._postgres = postgres
        self._templates = templates
        self.name = f"t{os.getpid()}_{next(_numbers)}"
        self._made: dict[str, Database] = {}

    def __call__(self, service: str) -> Database:
        """The test's database of ``service``: the kernel's tables, and its own where it has a package."""
        if service not in self._made:
            database = Database(f"{self.name}_{service}", service, self._postgres)
            template = self._template(service)
            self._postgres.create_database(database.name, owner=owner_of(service), template=template)
            self._made[service] = database
        return self._made[service]

    def environment(self, *services: str) -> dict[str, str]:
        """Variables for a process that runs these services on this test's databases."""
        for service in services:
            self(service)
        folder = quote(str(self._postgres.folder))
        name = f"{self.name}_{{service}}"
        self.open_vault()
        return {
            "PATHWAY_VAULT_URL": self.vault_dsn(),
            "PATHWAY_ROOT_KEY": f"file:{self.root_key}",
            "PATHWAY_DATABASE_URL": f"postgresql://{{service}}_run@/{name}?host={folder}",
            "PATHWAY_MIGRATE_URL": f"postgresql://{{service}}_owner@/{name}?host={folder}",
        }

    @property
    def root_key(self) -> Path:
        """The file of this test's root key; it lies where the databases lie and goes with them."""
        return self._postgres.folder / f"{self.name}.root-key"

    def vault_dsn(self, role: str = "vault_mint") -> str:
        """The vault as a role that reads keys, or makes them too."""
        return self("vault").postgres.dsn(self("vault").name, role)

    def open_vault(self) -> None:
        """Give the test's vault a root key and its first key-encryption key; it serves until the server restarts."""
        if self.root_key.exists():
            return
        write_key_file(self.root_key)
        _in_a_thread(_open_vault(self("vault"), FileRootKey(self.root_key)))

    def close(self) -> None:
        """Drop them, whoever is connected."""
        self.root_key.unlink(missing_ok=True)
        for database in self._made.values():
            self._postgres.drop_database(database.name)

    def _template(self, service: str) -> str:
        if service not in self._templates:
            name = f"template_{service}"
            self._postgres.create_roles(service)
            self._postgres.create_database(name, owner=owner_of(service))
            _in_a_thread(migrate(self._postgres.dsn(name, owner_of(service)), service))
            self._templates[service] = name
        return self._templates[service]


async def _open_vault(vault: Database, root: FileRootKey) -> None:
    pool = await open_pool(vault.dsn)
    try:
        await init(pool, root, actor="test", apply=True)
        async with pool.acquire() as connection:
            await note_checked(connection)
    finally:
        pool.terminate()


def _in_a_thread(work: Coroutine[Any, Any, Any]) -> None:
    """The test that asks first may be running a loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(work)).result()
