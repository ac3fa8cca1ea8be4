"""The drill: a vault put back from an old backup serves nothing until its log was folded, and then no erased key.

On the in-memory broker, with the vault's own relay and guard.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from services.contracts.person_codes import ErasureReason, RestrictionReason
from services.embedded.broker import MockBroker
from services.kernel.operations.audit import OperationRefused
from services.kernel.operations.restore import restore
from services.kernel.replay.command import replay_from_kafka
from services.kernel.runtime.database import open_pool
from services.kernel.runtime.log_view import open_log
from services.kernel.runtime.relay import Relay
from services.kernel.runtime.roles import Running
from services.kernel.sealing.errors import VaultUnavailable
from services.kernel.sealing.keys import ERASED, KeyRing
from services.kernel.sealing.root_file import FileRootKey, write_key_file
from services.kernel.sealing.serving import ServingGuard
from services.kernel.sealing.source import VaultSource
from services.kernel.sealing.subject_key import KeyFound, SubjectKey
from services.kernel.sealing.wrapping import KeyEncryptionKeys
from services.kernel.settings import Environment, Settings
from services.vault import keys
from services.vault.people import People
from services.vault.service import build
from tests.integration.vault.people import ADA, BOB, EVE
from tests.parts.databases import Database, Databases
from tests.tally.source import consume

ASKED = ErasureReason.PERSON_ASKED


@contextlib.asynccontextmanager
async def relaying(settings: Settings) -> AsyncIterator[None]:
    """Run relay and guard, as 'pathway relay vault' does."""
    running: list[Running] = [Relay(build(), settings), ServingGuard(build(), settings)]
    tasks = [asyncio.ensure_future(one.run()) for one in running]
    try:
        yield
    finally:
        for one in running:
            one.stop()
        await asyncio.gather(*tasks)


@contextlib.asynccontextmanager
async def people(database: Database) -> AsyncIterator[People]:
    pool = await open_pool(database.dsn)
    try:
        yield People(pool, build(), "ann")
    finally:
        pool.terminate()


async def get(database: Database, root: Path, *subjects: str) -> dict[str, KeyFound]:
    source = await VaultSource.open(database.postgres.dsn(database.name, "vault_read"))
    try:
        return await KeyRing(source, KeyEncryptionKeys(FileRootKey(root))).get(subjects)
    finally:
        source.close()


async def until_served(database: Database) -> None:
    connection = await asyncpg.connect(database.dsn)
    try:
        async with asyncio.timeout(30):
            while not await connection.fetchval("SELECT keys_served()"):
                await connection.execute("SELECT pg_sleep(0.05)")
    finally:
        await connection.close()


async def test_the_drill(mock_broker: MockBroker, database: Databases, topic_prefix: str, tmp_path: Path) -> None:
    vault = database("vault")
    backup = f"{vault.name}_backup"
    root = tmp_path / "root.key"
    write_key_file(root)
    settings = Settings(
        environment=Environment.DEVELOPMENT,
        kafka_bootstrap=mock_broker.bootstrap,
        topic_prefix=topic_prefix,
        database_url=SecretStr(vault.dsn),
        fetch_max_wait_ms=20,
    )
    topic = f"{topic_prefix}person.changed"
    mock_broker.create_topics([topic])

    pool = await open_pool(vault.dsn)
    await keys.init(pool, FileRootKey(root), actor="ann", apply=True)
    pool.terminate()
    mint = await VaultSource.open(vault.postgres.dsn(vault.name, "vault_mint"))
    await mint.create_keys(KeyEncryptionKeys(FileRootKey(root)), [ADA, BOB, EVE])
    with pytest.raises(VaultUnavailable):
        await mint.fetch([ADA])
    mint.close()

    async with relaying(settings), people(vault) as doing:
        await until_served(vault)
        await doing.restrict(EVE, RestrictionReason.OBJECTION_PENDING, note="", apply=True)
        await consume(mock_broker.bootstrap, topic, 1)
    vault.postgres.copy_database(vault.name, backup)

    async with relaying(settings), people(vault) as doing:
        await until_served(vault)
        await doing.erase(ADA, ASKED, note="", apply=True)
        await doing.merge(BOB, EVE, note="", apply=True)
        await consume(mock_broker.bootstrap, topic, 5)  # one erased, two merged, one restricted more

    vault.postgres.copy_database(backup, vault.name)
    vault.postgres.drop_database(backup)
    with pytest.raises(VaultUnavailable):
        await get(vault, root, ADA)

    pool = await open_pool(vault.dsn)
    guard = ServingGuard(build(), settings)
    assert await guard.look(pool) is False, "the log holds events that this database does not"
    assert await pool.fetchval("SELECT reason FROM consumer_stop WHERE resumed_at IS NULL") == "database_behind_log"
    with pytest.raises(VaultUnavailable):
        await get(vault, root, ADA)
    with pytest.raises(OperationRefused):
        await People(pool, build(), "ann").erase(BOB, ASKED, note="", apply=True)

    async with open_log(settings) as log:
        found = await restore(pool, build(), log, actor="ann", apply=True)
    assert found.events == 4
    with pytest.raises(VaultUnavailable):
        await get(vault, root, ADA)
    assert await guard.look(pool) is True
    keys_now = await get(vault, root, ADA, BOB, EVE)
    assert keys_now[ADA] is ERASED
    assert {k.survivor for k in keys_now.values() if isinstance(k, SubjectKey)} == {BOB}
    assert await pool.fetchval("SELECT wrapped FROM subject_key WHERE subject = $1", ADA) is None
    pool.terminate()

    verdict = await replay_from_kafka([build()], settings)
    assert verdict.differences == []
    assert verdict.services["vault"]["decided_again"] == 5
