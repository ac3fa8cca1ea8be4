"""Brings a service's database to its newest revision: the kernel's tables, then the service's own."""

import importlib.util
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from services.kernel.migrations.roles import CREATE_ROLE

READERS = {"vault": "vault_audit"}
"""Who reads all of a database and changes nothing, where ``<service>_read`` is another: of keys alone."""
HERE = Path(__file__).parent

# Two Jobs that migrate one database wait for each other on this key.
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('pathway-migrate'))"


async def migrate(owner_dsn: str, service: str) -> None:
    """Migrate ``service``'s database, creating its roles and granting them what they need.

    Runs in one transaction: a crash leaves the database as it was. Waits for another migration of the
    same database. The run role's time-outs bound how old a transaction can grow, which is what lets
    the relay move its floor (see the runtime's ``relay``).
    """
    engine = create_async_engine("postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(owner_dsn))
    try:
        async with engine.begin() as connection:
            await connection.exec_driver_sql(_LOCK)
            await connection.run_sync(_upgrade, service)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, service: str) -> None:
    role = f"{service}_run"
    for statement in (
        CREATE_ROLE.format(role=role),
        f"SET pathway.run_role = '{role}'",
        f'GRANT USAGE ON SCHEMA public TO "{role}"',
        f'ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "{role}"',
        f'ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO "{role}"',
        f"ALTER ROLE \"{role}\" SET statement_timeout = '10s'",
        f"ALTER ROLE \"{role}\" SET idle_in_transaction_session_timeout = '10s'",
        f"ALTER ROLE \"{role}\" SET timezone = 'UTC'",
    ):
        connection.exec_driver_sql(statement)
    reader = READERS.get(service, f"{service}_read")
    for statement in (
        CREATE_ROLE.format(role=reader),
        f'GRANT USAGE ON SCHEMA public TO "{reader}"',
        f"ALTER ROLE \"{reader}\" SET statement_timeout = '10s'",
        f"ALTER ROLE \"{reader}\" SET idle_in_transaction_session_timeout = '10s'",
        f'ALTER ROLE "{reader}" SET default_transaction_read_only = on',
        f"ALTER ROLE \"{reader}\" SET timezone = 'UTC'",
    ):
        connection.exec_driver_sql(statement)
    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(_version_folders(service)))
    config.attributes["connection"] = connection
    command.upgrade(config, "heads")
    connection.exec_driver_sql(f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{reader}"')


def _version_folders(service: str) -> list[str]:
    folders = [str(HERE / "versions")]
    spec = importlib.util.find_spec(f"services.{service}")
    for place in (spec.submodule_search_locations or []) if spec else []:
        own = Path(place) / "migrations" / "versions"
        if own.is_dir():
            folders.append(str(own))
    return folders
