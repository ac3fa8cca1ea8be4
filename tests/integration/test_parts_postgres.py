"""The embedded PostgreSQL: crashes, restarts, copies, backups; and a fresh database for each test."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from services.embedded.postgres import Postgres, PostgresError
from tests.parts.databases import Databases


async def test_two_tests_see_their_own_database(database: Databases) -> None:
    run = await asyncpg.connect(database("toy").dsn)
    try:
        assert await run.fetchval("SELECT current_user") == "toy_run"
        assert await run.fetchval("SELECT count(*) FROM outbox") == 0
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await run.execute("CREATE TABLE mine (n int)")
    finally:
        await run.close()


def test_no_port_is_open(postgres: Postgres) -> None:
    assert not postgres.execute("SHOW listen_addresses")


def test_the_folder_is_closed_to_others(postgres: Postgres) -> None:
    assert postgres.folder.stat().st_mode & 0o077 == 0


def test_committed_rows_survive_a_kill_and_both_restarts() -> None:
    with Postgres(durable=False) as server:
        server.create_database("shop")
        server.execute("CREATE TABLE sale (n int)", "shop")
        crashes: list[Callable[[], None]] = [
            server.kill9,
            lambda: server.stop("immediate"),
            lambda: server.stop("fast"),
        ]
        for number, crash in enumerate(crashes, start=1):
            server.execute(f"INSERT INTO sale VALUES ({number})", "shop")
            crash()
            with pytest.raises(PostgresError):
                server.execute("SELECT 1")
            server.start()
            assert server.execute("SELECT count(*) FROM sale", "shop") == str(number)
    assert not server.folder.exists()


def test_data_in_a_given_folder_is_kept() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)  # the server may run as another user than root
        with Postgres(Path(folder) / "pg") as server:
            server.create_database("kept")
            assert server.execute("SHOW fsync") == "on"
        with Postgres(Path(folder) / "pg") as server:
            assert server.execute("SELECT current_database()", "kept") == "kept"


def test_a_paused_server_does_not_answer_until_it_is_resumed() -> None:
    with Postgres(durable=False) as server:
        server.pause()
        with pytest.raises(PostgresError):
            server.execute("SELECT 1", timeout_seconds=0.5)
        server.resume()
        assert server.execute("SELECT 1") == "1"


async def test_a_snapshot_brings_back_what_was(postgres: Postgres, database: Databases) -> None:
    live = database("toy")
    postgres.execute("CREATE TABLE note (n int); INSERT INTO note VALUES (1)", live.name)
    postgres.copy_database(live.name, f"{live.name}_snapshot")
    postgres.execute("INSERT INTO note VALUES (2)", live.name)
    connected = await asyncpg.connect(live.admin_dsn)
    postgres.copy_database(f"{live.name}_snapshot", live.name)
    assert connected.is_closed() or await _is_gone(connected)
    assert postgres.execute("SELECT n FROM note", live.name) == "1"
    postgres.drop_database(f"{live.name}_snapshot")


def test_a_dump_is_restored_with_its_owner(postgres: Postgres, database: Databases, tmp_path: Path) -> None:
    live = database("toy")
    postgres.execute("CREATE TABLE note (n int); INSERT INTO note VALUES (1)", live.name)
    postgres.dump(live.name, tmp_path / "backup")
    postgres.execute("DROP TABLE note", live.name)
    postgres.restore(tmp_path / "backup", live.name)
    assert postgres.execute("SELECT n FROM note", live.name) == "1"
    owner = postgres.execute(f"SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = '{live.name}'")
    assert owner == "toy_owner"


async def _is_gone(connection: asyncpg.Connection) -> bool:
    try:
        await connection.fetchval("SELECT 1")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        return True
    return False
