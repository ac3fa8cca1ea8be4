"""A backup takes the vault's place and its log is not ahead: a hold is lost, nothing latches, and no key may go."""

import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from services.contracts.person_codes import ErasureReason
from services.embedded.broker import MockBroker
from services.embedded.postgres import Postgres
from services.kernel.operations.audit import OperationRefused, Pool
from services.kernel.runtime.database import open_pool
from services.kernel.sealing.root_file import FileRootKey, write_key_file
from services.kernel.sealing.serving import ServingGuard
from services.kernel.sealing.source import VaultSource
from services.kernel.sealing.wrapping import KeyEncryptionKeys
from services.kernel.settings import Environment, Settings
from services.vault import keys
from services.vault.backups import backup, restore_keys
from services.vault.holds import Holds, are_confirmed, list_holds
from services.vault.people import People
from services.vault.service import build
from tests.integration.vault.people import ADA
from tests.parts.databases import Database, Databases

ASKED = ErasureReason.PERSON_ASKED


@asynccontextmanager
async def opened(vault: Database) -> AsyncIterator[Pool]:
    pool = await open_pool(vault.dsn)
    try:
        yield pool
    finally:
        pool.terminate()


async def prepare(vault: Database, root: Path) -> None:
    """A new vault with Ada's key."""
    write_key_file(root)
    async with opened(vault) as pool:
        await keys.init(pool, FileRootKey(root), actor="ann", apply=True)
    source = await VaultSource.open(vault.postgres.dsn(vault.name, "vault_mint"))
    await source.create_keys(KeyEncryptionKeys(FileRootKey(root)), [ADA])
    source.close()


async def hold_ada(pool: Pool) -> None:
    await Holds(pool, "ann").add(ADA, case="claim", reason="solicitor's letter", apply=True)


async def erase_ada(pool: Pool) -> str:
    """Returns the code of the refusal."""
    with pytest.raises(OperationRefused) as refused:
        await People(pool, build(), "ann").erase(ADA, ASKED, note="", apply=True)
    assert await pool.fetchval("SELECT count(*) FROM subject_key WHERE wrapped IS NOT NULL") == 1
    return refused.value.code


def copied(vault: Database, _: Path) -> Callable[[], None]:
    name = f"{vault.name}_backup"
    vault.postgres.copy_database(vault.name, name)

    def put_back() -> None:
        vault.postgres.copy_database(name, vault.name)
        vault.postgres.drop_database(name)

    return put_back


def dumped(vault: Database, folder: Path) -> Callable[[], None]:
    vault.postgres.dump(vault.name, folder / "dump")
    return lambda: vault.postgres.restore(folder / "dump", vault.name)


@pytest.mark.parametrize("backed_up", [copied, dumped])
async def test_a_hold_that_a_backup_lacks_is_missed_before_a_key_is_destroyed(
    mock_broker: MockBroker,
    database: Databases,
    topic_prefix: str,
    tmp_path: Path,
    backed_up: Callable[[Database, Path], Callable[[], None]],
) -> None:
    vault = database("vault")
    await prepare(vault, tmp_path / "root.key")
    settings = Settings(
        environment=Environment.DEVELOPMENT,
        kafka_bootstrap=mock_broker.bootstrap,
        topic_prefix=topic_prefix,
        database_url=SecretStr(vault.dsn),
    )
    mock_broker.create_topics([f"{topic_prefix}person.changed"])
    guard = ServingGuard(build(), settings)
    put_back = backed_up(vault, tmp_path)
    async with opened(vault) as pool:
        assert await guard.look(pool)
        await hold_ada(pool)
        assert await erase_ada(pool) == "legal_hold"
    put_back()
    async with opened(vault) as pool:
        assert await guard.look(pool), "the log is not ahead: nothing latches"
        assert await list_holds(pool) == []
        assert await erase_ada(pool) == "holds_unconfirmed"
        await hold_ada(pool)
        await Holds(pool, "ann").confirm(reason="compared with the list", apply=False)
        assert not await are_confirmed(pool), "a dry run"
        await Holds(pool, "ann").confirm(reason="compared with the list", apply=True)
        assert await erase_ada(pool) == "legal_hold"
        await Holds(pool, "ann").release(ADA, case=None, reason="settled", apply=True)
        assert (await People(pool, build(), "ann").erase(ADA, ASKED, note="", apply=True)).events


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    with Postgres(durable=False, settings={"restore_command": "false"}) as server:
        yield server


async def test_a_start_of_the_server_unsays_nothing_and_a_recovery_does(own_postgres: Postgres, tmp_path: Path) -> None:
    made = Databases(own_postgres, {})
    vault = made("vault")
    await prepare(vault, tmp_path / "root.key")
    for end in (own_postgres.stop, own_postgres.kill9):
        end()
        own_postgres.start()
        async with opened(vault) as pool:
            assert await are_confirmed(pool)
    own_postgres.stop()
    subprocess.run(["cp", "-a", own_postgres.data, own_postgres.folder / "backup"], check=True)  # noqa: ASYNC221
    own_postgres.start()
    async with opened(vault) as pool:
        await pool.execute("INSERT INTO key_serving (incarnation) VALUES (key_incarnation())")
        await hold_ada(pool)
    own_postgres.stop()
    own_postgres.data.rename(own_postgres.folder / "lost")
    (own_postgres.folder / "backup").rename(own_postgres.data)
    (own_postgres.data / "recovery.signal").touch()
    own_postgres.start()
    async with opened(vault) as pool:
        assert await list_holds(pool) == []
        assert not await are_confirmed(pool)


async def test_keys_that_come_from_a_file_unsay_what_was_said_of_an_empty_vault(
    database: Databases, tmp_path: Path
) -> None:
    """Where there is no backup of the database, an empty one is migrated and given its keys: holds are lost."""
    vault, root = database("vault"), tmp_path / "root.key"
    await prepare(vault, root)
    async with opened(vault) as pool:
        file = (await backup(pool, tmp_path, (await pool.fetchval("SELECT now()"))))["file"]
        assert await are_confirmed(pool)
        await restore_keys(pool, FileRootKey(root), Path(file), actor="ann", apply=True)
        assert not await are_confirmed(pool)


async def test_only_a_vault_in_which_nothing_has_happened_confirms_itself(database: Databases, tmp_path: Path) -> None:
    write_key_file(tmp_path / "root.key")
    vault = database("vault")
    vault.postgres.execute(
        "INSERT INTO legal_hold (id, subject, reason, placed_by, placed_at) VALUES ('h', 'x', 'r', 'ann', now())",
        vault.name,
    )
    async with opened(vault) as pool:
        await keys.init(pool, FileRootKey(tmp_path / "root.key"), actor="ann", apply=True)
        assert not await are_confirmed(pool)
