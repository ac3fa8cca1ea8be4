"""A fresh, migrated database for each test: a copy of a template that is migrated once a session."""

import asyncio
import itertools
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import quote

from services.embedded.postgres import Postgres, owner_of, runner_of
from services.kernel.migrations.runner import migrate

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
        return {
            "PATHWAY_DATABASE_URL": f"postgresql://{{service}}_run@/{name}?host={folder}",
            "PATHWAY_MIGRATE_URL": f"postgresql://{{service}}_owner@/{name}?host={folder}",
        }

    def close(self) -> None:
        """Drop them, whoever is connected."""
        for database in self._made.values():
            self._postgres.drop_database(database.name)

    def _template(self, service: str) -> str:
        if service not in self._templates:
            name = f"template_{service}"
            self._postgres.create_roles(service)
            self._postgres.create_database(name, owner=owner_of(service))
            _migrate(self._postgres.dsn(name, owner_of(service)), service)
            self._templates[service] = name
        return self._templates[service]


def _migrate(dsn: str, service: str) -> None:
    """Migrate from a thread: the test that asks first may be running a loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(migrate(dsn, service))).result()
