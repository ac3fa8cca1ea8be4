"""Making, serving, rotating and re-wrapping keys; who may do what."""

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from services.kernel.operations.audit import OperationRefused, Pool, transaction
from services.kernel.sealing.errors import VaultUnavailable, WrappingKeyWrong
from services.kernel.sealing.keys import KeyRing, KeyRow, SubjectKey
from services.kernel.sealing.root_file import FileRootKey, write_key_file
from services.kernel.sealing.serving import note_checked
from services.kernel.sealing.source import CREATE, VaultSource
from services.kernel.sealing.wrapping import KeyEncryptionKeys
from services.vault import keys
from tests.integration.vault.conftest import Vault
from tests.integration.vault.people import ADA, BOB, EVE, NOBODY

LIVE = "SELECT count(*) FROM key_encryption_key WHERE retired_at IS NULL"
OPEN = "SELECT query FROM pg_stat_activity WHERE datname = $1 AND state LIKE 'idle in transaction%'"


def other_root(vault: Vault) -> FileRootKey:
    write_key_file(vault.folder / "other.key")
    return FileRootKey(vault.folder / "other.key")


async def test_the_first_key_is_made_once(empty_vault: Vault) -> None:
    vault = empty_vault
    dry = await keys.init(vault.pool, vault.root, actor="ann", apply=False)
    assert dry["made"] is True
    assert await vault.ask(LIVE) == [(0,)]
    found = [await keys.init(vault.pool, vault.root, actor="ann", apply=True) for _ in range(2)]
    assert [one["made"] for one in found] == [True, False]
    assert found[0]["id"] == found[1]["id"]
    with pytest.raises(WrappingKeyWrong):
        await keys.init(vault.pool, other_root(vault), actor="ann", apply=True)


async def test_two_who_make_the_first_key_at_once_make_one(empty_vault: Vault) -> None:
    vault = empty_vault
    await asyncio.gather(*(keys.init(vault.pool, vault.root, actor="ann", apply=True) for _ in range(2)))
    assert await vault.ask(LIVE) == [(1,)]


async def test_without_a_key_encryption_key_no_key_can_be_made_yet(empty_vault: Vault) -> None:
    with pytest.raises(VaultUnavailable, match="vault init"):
        await empty_vault.create(ADA)


async def test_a_key_is_made_once_whoever_asks(vault: Vault) -> None:
    before = await vault.get(ADA)
    await asyncio.gather(*(vault.create(ADA, NOBODY, NOBODY) for _ in range(4)))
    assert await vault.get(ADA) == before
    assert await vault.ask("SELECT count(*) FROM subject_key") == [(4,)]
    assert await vault.ask("SELECT count(DISTINCT kid) FROM subject_key") == [(4,)]


async def test_no_key_lies_in_the_database_in_clear(vault: Vault) -> None:
    key = (await vault.get(ADA))[ADA]
    rows = await vault.ask("SELECT wrapped FROM subject_key UNION ALL SELECT wrapped FROM key_encryption_key")
    assert len(rows) == 4
    assert isinstance(key, SubjectKey)
    assert not any(isinstance(row[0], bytes) and key.secret in row[0] for row in rows)


async def test_the_wrong_root_key_is_said_and_is_not_a_missing_key(vault: Vault) -> None:
    ring = KeyRing(await vault.source("vault_read"), KeyEncryptionKeys(other_root(vault)))
    with pytest.raises(WrappingKeyWrong):
        await ring.get([ADA])


async def test_keys_are_fetched_in_one_query(vault: Vault) -> None:
    source = await vault.source("vault_read")
    asked: list[Sequence[str]] = []

    class Counting:
        async def fetch(self, subjects: Sequence[str]) -> Sequence[KeyRow]:
            asked.append(subjects)
            return await source.fetch(subjects)

    assert len(await KeyRing(Counting(), KeyEncryptionKeys(vault.root)).get([ADA, BOB, EVE, NOBODY])) == 4
    assert len(asked) == 1


async def test_rotating_keeps_every_key_and_destroys_what_wrapped_it(vault: Vault) -> None:
    before = await vault.get(ADA, BOB, EVE)
    dry = await keys.rotate(vault.pool, vault.root, actor="ann", apply=False)
    assert (dry["keys"], await vault.ask(LIVE)) == (3, [(1,)])
    done = await keys.rotate(vault.pool, vault.root, actor="ann", apply=True)
    assert (done["keys"], len(done["retired"])) == (3, 1)
    assert await vault.get(ADA, BOB, EVE) == before
    assert await vault.ask("SELECT DISTINCT kek_id FROM subject_key") == [(done["id"],)]
    assert await vault.ask("SELECT wrapped FROM key_encryption_key WHERE retired_at IS NOT NULL") == [(None,)]


@pytest.mark.parametrize("limits", [(2,), (3,), (4,), (5,), (6,), (2, 3, 4, 3, 2, 5)])
async def test_a_rotation_goes_on_wherever_it_was_broken_off(
    vault: Vault, monkeypatch: pytest.MonkeyPatch, limits: tuple[int, ...]
) -> None:
    monkeypatch.setattr(keys, "BATCH", 1)
    before = await vault.get(ADA, BOB, EVE)

    class Broken(Exception):
        pass

    for limit in limits:
        steps = itertools.count(1)

        def breaking(pool: Pool, *, apply: bool, limit: int = limit, steps: Any = steps) -> Any:
            if next(steps) == limit:
                raise Broken
            return transaction(pool, apply=apply)

        monkeypatch.setattr(keys, "transaction", breaking)
        with contextlib.suppress(Broken):
            await keys.rotate(vault.pool, vault.root, actor="ann", apply=True)
        assert await vault.get(ADA, BOB, EVE) == before
    monkeypatch.setattr(keys, "transaction", transaction)
    await keys.rotate(vault.pool, vault.root, actor="ann", apply=True)
    assert await vault.get(ADA, BOB, EVE) == before
    assert await vault.ask(LIVE) == [(1,)]


async def test_a_key_cannot_be_made_under_what_was_retired(vault: Vault) -> None:
    old = (await vault.ask("SELECT id FROM key_encryption_key"))[0][0]
    await keys.rotate(vault.pool, vault.root, actor="ann", apply=True)
    source = await vault.source()
    with pytest.raises(asyncpg.PostgresError) as refused:
        await source._pool.execute(CREATE, [NOBODY], ["k"], [b"x" * 60], old)
    assert refused.value.sqlstate == "PWK01"
    await vault.create(NOBODY)


async def test_retiring_waits_for_who_is_about_to_use_a_key_encryption_key(vault: Vault) -> None:
    old, wrapped = (await vault.ask("SELECT id, wrapped FROM key_encryption_key"))[0]
    assert isinstance(old, str)
    assert isinstance(wrapped, bytes)
    opened = await KeyEncryptionKeys(vault.root).open(old, wrapped)
    mint = await asyncpg.connect(vault.database.postgres.dsn(vault.database.name, "vault_mint"))
    making = mint.transaction()
    await making.start()
    await mint.execute(CREATE, [NOBODY], ["k"], [opened.wrap(NOBODY, "k", b"n" * 32)], old)
    rotating = asyncio.ensure_future(keys.rotate(vault.pool, vault.root, actor="ann", apply=True))
    waits = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = $1)"
    async with asyncio.timeout(20):
        while not rotating.done() and not await vault.admin.fetchval(waits, vault.database.name):
            await vault.admin.execute("SELECT pg_sleep(0.01)")
    await making.commit()
    await mint.close()
    assert (await rotating)["retired"] == []
    assert isinstance((await vault.get(NOBODY))[NOBODY], SubjectKey)
    assert (await keys.rotate(vault.pool, vault.root, actor="ann", apply=True))["retired"] == [old]
    assert isinstance((await vault.get(NOBODY))[NOBODY], SubjectKey)


class Elsewhere(FileRootKey):
    """A root key in another house: it does something else of ours whenever it is asked, which may take a while."""

    def __init__(self, path: Path, meanwhile: Callable[[], Awaitable[object]]) -> None:
        super().__init__(path)
        self.meanwhile = meanwhile

    async def wrap(self, plain: bytes, context: str) -> bytes:
        await self.meanwhile()
        return await super().wrap(plain, context)

    async def unwrap(self, wrapped: bytes, context: str) -> bytes:
        await self.meanwhile()
        return await super().unwrap(wrapped, context)


async def test_no_transaction_is_open_while_the_root_key_is_asked(empty_vault: Vault) -> None:
    """PostgreSQL ends those that are idle for ten seconds, and a key service may take longer."""
    vault, seen = empty_vault, []

    async def look() -> None:
        seen.append(await vault.ask(OPEN, vault.database.name))

    write_key_file(vault.folder / "new.key")
    root, new = (Elsewhere(vault.folder / name, look) for name in ("root.key", "new.key"))
    await keys.init(vault.pool, root, actor="ann", apply=True)
    await vault.create(ADA)
    await keys.rotate(vault.pool, root, actor="ann", apply=True)
    await keys.rewrap(vault.pool, root, new, actor="ann", apply=True)
    await keys.rotate(vault.pool, new, actor="ann", apply=True)
    vault.root = new
    assert isinstance((await vault.get(ADA))[ADA], SubjectKey)
    assert len(seen) > 10
    assert [one for one in seen if one] == []


@pytest.mark.parametrize("act", ["rotate", "rewrap"])
async def test_keys_that_somebody_else_changed_meanwhile_stay_as_he_left_them(vault: Vault, act: str) -> None:
    await vault.create(ADA)
    write_key_file(vault.folder / "new.key")
    once = iter([keys.rotate(vault.pool, vault.root, actor="bob", apply=True)])

    async def meanwhile() -> None:
        for rotating in once:
            await rotating

    new = Elsewhere(vault.folder / "new.key", meanwhile)
    acts = {
        "rotate": lambda: keys.rotate(
            vault.pool, Elsewhere(vault.folder / "root.key", meanwhile), actor="ann", apply=True
        ),
        "rewrap": lambda: keys.rewrap(vault.pool, vault.root, new, actor="ann", apply=True),
    }
    with pytest.raises(OperationRefused) as refused:
        await acts[act]()
    assert refused.value.code == "vault_changed"
    assert await vault.ask("SELECT actor FROM operator_action WHERE action IN ('vault.rotate', 'vault.rewrap')") == [
        ("bob",)
    ]
    assert isinstance((await vault.get(ADA))[ADA], SubjectKey)


async def test_keys_are_made_while_a_rotation_runs(vault: Vault) -> None:
    people = [f"p{n}" for n in range(40)]

    async def make() -> None:
        for person in people:
            await vault.create(person)

    async def rotate() -> None:
        for _ in range(6):
            await keys.rotate(vault.pool, vault.root, actor="ann", apply=True)

    await asyncio.gather(make(), rotate())
    found = await vault.get(*people, ADA)
    assert {type(key).__name__ for key in found.values()} == {"SubjectKey"}


async def test_key_encryption_keys_move_to_another_root_key(vault: Vault) -> None:
    before = await vault.get(ADA)
    new = other_root(vault)
    dry = await keys.rewrap(vault.pool, vault.root, new, actor="ann", apply=False)
    assert vault.root.name in dry["older_backups"]
    assert await vault.get(ADA) == before
    await keys.rewrap(vault.pool, vault.root, new, actor="ann", apply=True)
    assert (await keys.rewrap(vault.pool, vault.root, new, actor="ann", apply=True))["key_encryption_keys"] == []
    with pytest.raises(WrappingKeyWrong):
        await vault.get(ADA)
    vault.root = new
    assert await vault.get(ADA) == before


async def test_nothing_is_served_before_the_database_was_checked(vault: Vault) -> None:
    await vault.admin.execute("DELETE FROM key_serving")
    with pytest.raises(VaultUnavailable):
        await vault.get(ADA)
    await note_checked(vault.admin)
    await vault.get(ADA)
    await vault.admin.execute("INSERT INTO consumer_stop (reason, detail) VALUES ('restoring', 'x')")
    with pytest.raises(VaultUnavailable):
        await vault.get(ADA)


async def test_a_copy_of_the_database_is_not_served(vault: Vault) -> None:
    copy = f"{vault.database.name}_copy"
    vault.pool.terminate()
    await vault.admin.close()
    vault.database.postgres.copy_database(vault.database.name, copy)
    source = await VaultSource.open(vault.database.postgres.dsn(copy, "vault_read"))
    try:
        with pytest.raises(VaultUnavailable):
            await source.fetch([ADA])
    finally:
        source.close()
        vault.database.postgres.drop_database(copy)


READER = [
    "SELECT * FROM outbox",
    "SELECT * FROM aggregate",
    "SELECT * FROM operator_action",
    "SELECT * FROM legal_hold",
    "INSERT INTO subject_key (subject, kid, wrapped, kek_id) VALUES ('x', 'x', 'x', 'x')",
    "UPDATE subject_key SET kid = 'x'",
    "DELETE FROM subject_key",
    "INSERT INTO key_serving (incarnation) VALUES (key_incarnation())",
    "UPDATE consumer_stop SET resumed_at = now()",
]
GREEDY = """
INSERT INTO subject_key (subject, kid, wrapped, kek_id) SELECT subject, 'k', 'w', kek_id FROM subject_key
ON CONFLICT (subject) DO UPDATE SET wrapped = excluded.wrapped
"""
MINT = [
    *(sql for sql in READER if not sql.startswith("INSERT INTO subject_key")),
    "INSERT INTO subject_key (subject, destroyed_at) VALUES ('x', now())",
    "INSERT INTO key_encryption_key (id, wrapped, root) VALUES ('x', 'x', 'x')",
    GREEDY,
]


@pytest.mark.parametrize(
    ("role", "statement"), [*(("vault_read", sql) for sql in READER), *(("vault_mint", sql) for sql in MINT)]
)
async def test_roles_may_do_what_they_need_and_nothing_else(vault: Vault, role: str, statement: str) -> None:
    connection = await asyncpg.connect(vault.database.postgres.dsn(vault.database.name, role))
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_an_empty_vault_is_not_rotated(empty_vault: Vault, tmp_path: Path) -> None:
    with pytest.raises(OperationRefused) as refused:
        await keys.rotate(empty_vault.pool, empty_vault.root, actor="ann", apply=True)
    assert refused.value.code == "vault_empty"
