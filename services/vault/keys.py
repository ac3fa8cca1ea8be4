"""Key-encryption keys: the first one, a new one, the same under another root key.

Each step is a transaction of its own and finds out by itself what is left to do, so a rotation that was broken off at
any point goes on when it is started again.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from services.kernel.clock import system_clock
from services.kernel.ids import uuid7
from services.kernel.operations.audit import OperationRefused, Pool, record_action, transaction
from services.kernel.runtime.tables import Connection
from services.kernel.sealing.wrapping import KeyEncryptionKeys, RootKey, new_kek, rewrap_kek
from services.vault.holds import confirm_if_new

BATCH = 500
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('vault-keks'))"
LIVE = """
SELECT id, wrapped, root, created_at FROM key_encryption_key WHERE retired_at IS NULL ORDER BY created_at DESC, id DESC
"""
ADD = "INSERT INTO key_encryption_key (id, wrapped, root) VALUES ($1, $2, $3)"
TAKE = """
SELECT s.subject, s.kid, s.wrapped, s.kek_id, k.wrapped AS kek_wrapped
FROM subject_key s JOIN key_encryption_key k ON k.id = s.kek_id
WHERE s.wrapped IS NOT NULL AND s.kek_id = ANY($1::text[]) ORDER BY s.kek_id, s.subject LIMIT $2 FOR UPDATE OF s
"""
PUT = """
UPDATE subject_key s SET wrapped = n.wrapped, kek_id = $3
FROM unnest($1::text[], $2::bytea[]) AS n(subject, wrapped) WHERE s.subject = n.subject AND s.wrapped IS NOT NULL
"""
LEFT = "SELECT count(*) FROM subject_key WHERE wrapped IS NOT NULL AND kek_id = ANY($1::text[])"
USED = "SELECT EXISTS (SELECT FROM subject_key WHERE kek_id = $1)"
LOCK = "SELECT FROM key_encryption_key WHERE id = $1 FOR UPDATE"
RETIRE = "UPDATE key_encryption_key SET wrapped = NULL, retired_at = clock_timestamp() WHERE id = $1"
REWRAP = "UPDATE key_encryption_key SET wrapped = $2, root = $3 WHERE id = $1 AND wrapped = $4"
COUNTS = """
SELECT (SELECT count(*) FROM subject_key WHERE wrapped IS NOT NULL) AS keys,
       (SELECT count(*) FROM erasure) AS erased,
       (SELECT count(*) FROM subject_alias) AS merged,
       (SELECT count(*) FROM restriction WHERE restricted_at IS NOT NULL) AS restricted,
       keys_served() AS served
"""

OLDER_BACKUPS = "still need {old}: keep it until they are gone, and back up now (pathway vault backup)"
"""What has to be known after another root key took over: a backup of keys is wrapped as the vault was."""

Progress = Callable[[int, int], None]


def no_progress(done: int, total: int) -> None:
    """Say nothing."""


async def status(pool: Pool) -> dict[str, Any]:
    """Return what the vault holds, without any secret."""
    counts = await pool.fetchrow(COUNTS)
    live = [{name: row[name] for name in ("id", "root", "created_at")} for row in await pool.fetch(LIVE)]
    return {**dict(counts or {}), "key_encryption_keys": live}


async def init(pool: Pool, root: RootKey, *, actor: str, apply: bool) -> dict[str, Any]:
    """Make the first key-encryption key; where there is one, see that the root key opens it."""
    live = await pool.fetch(LIVE)
    if not live:
        made, wrapped = await _make(root)
        async with transaction(pool, apply=apply) as connection:
            await connection.execute(ONE_AT_A_TIME)
            live = await connection.fetch(LIVE)
            if not live:
                await confirm_if_new(connection, actor)
                await connection.execute(ADD, made, wrapped, root.name)
                await record_action(connection, actor, "vault.init", made, "", {"root": root.name})
                return {"made": True, "id": made, "root": root.name}
    await KeyEncryptionKeys(root).open(live[0]["id"], live[0]["wrapped"])
    return {"made": False, "id": live[0]["id"], "root": live[0]["root"]}


async def rotate(
    pool: Pool, root: RootKey, *, actor: str, apply: bool, progress: Progress = no_progress
) -> dict[str, Any]:
    """Wrap every key under a new key-encryption key, and destroy the old ones. Goes on where it was broken off.

    Keys stay readable all the time: each row names what wraps it. A dry run makes a key and undoes it. Raises
    OperationRefused, with nothing changed, where there is none yet or where somebody else changes them just now.
    """
    live = await pool.fetch(LIVE)
    if not live:
        raise OperationRefused("vault_empty", "there is no key-encryption key yet: pathway vault init")
    keks = KeyEncryptionKeys(root)
    for row in live:
        if row is live[0] or await pool.fetchval(USED, row["id"]):
            await keks.open(row["id"], row["wrapped"])
    if len(live) == 1:
        made, wrapped = await _make(root)
        async with _unchanged(pool, live, apply=apply) as connection:
            await connection.execute(ADD, made, wrapped, root.name)
            await record_action(connection, actor, "vault.rotate", made, "", {"root": root.name})
            live = await connection.fetch(LIVE)
    new, old = live[0], [row["id"] for row in live[1:]]
    total: int = await pool.fetchval(LEFT, old)
    if not apply:
        return {"id": new["id"], "keys": total, "retired": old}
    await keks.open(new["id"], new["wrapped"])
    done = 0
    while count := await _rewrap_batch(pool, keks, old, new):
        done += count
        progress(done, max(total, done))
    retired = [kek for kek in old if await _retire(pool, kek, actor)]
    return {"id": new["id"], "keys": done, "retired": retired}


async def rewrap(pool: Pool, old: RootKey, new: RootKey, *, actor: str, apply: bool) -> dict[str, Any]:
    """Wrap the key-encryption keys under another root key. Those that it opens already stay.

    Every process must be able to unwrap by the new root key before (``PATHWAY_ROOT_KEY`` may name both). Raises, with
    nothing changed, WrappingKeyWrong where the new one does not open what it wrapped, and OperationRefused where
    somebody else changes the keys just now.
    """
    live = await pool.fetch(LIVE)
    moving = [(row, await rewrap_kek(old, new, row["id"], row["wrapped"])) for row in live if row["root"] != new.name]
    moved = [row["id"] for row, _ in moving]
    async with _unchanged(pool, live, apply=apply) as connection:
        for row, wrapped in moving:
            await connection.execute(REWRAP, row["id"], wrapped, new.name, row["wrapped"])
        await record_action(connection, actor, "vault.rewrap", new.name, "", {"key_encryption_keys": moved})
    return {"root": new.name, "key_encryption_keys": moved, "older_backups": OLDER_BACKUPS.format(old=old.name)}


@asynccontextmanager
async def _unchanged(pool: Pool, live: list[Any], *, apply: bool) -> AsyncIterator[Connection]:
    """Open a transaction over the key-encryption keys that were read before; raises OperationRefused for others.

    A root key in another house may take longer to answer than PostgreSQL lets a transaction be idle, so it is asked
    before.
    """
    async with transaction(pool, apply=apply) as connection:
        await connection.execute(ONE_AT_A_TIME)
        if await connection.fetch(LIVE) != live:
            raise OperationRefused("vault_changed", "somebody else changed the key-encryption keys just now: try again")
        yield connection


async def _make(root: RootKey) -> tuple[str, bytes]:
    """Return the id of a new key-encryption key, and the key wrapped."""
    kek_id = uuid7(system_clock())
    _, wrapped = await new_kek(root, kek_id)
    return kek_id, wrapped


async def _rewrap_batch(pool: Pool, keks: KeyEncryptionKeys, old: list[str], new: Any) -> int:
    async with transaction(pool, apply=True) as connection:
        rows = await connection.fetch(TAKE, old, BATCH)
        if not rows:
            return 0
        under = await keks.open(new["id"], new["wrapped"])
        wrapped = []
        for row in rows:
            before = await keks.open(row["kek_id"], row["kek_wrapped"])
            secret = before.unwrap(row["subject"], row["kid"], row["wrapped"])
            wrapped.append(under.wrap(row["subject"], row["kid"], secret))
        await connection.execute(PUT, [row["subject"] for row in rows], wrapped, new["id"])
    return len(rows)


async def _retire(pool: Pool, kek: str, actor: str) -> bool:
    """Destroy a key-encryption key that wraps nothing any more; waits for who is about to use it."""
    async with transaction(pool, apply=True) as connection:
        await connection.execute(LOCK, kek)
        if await connection.fetchval(USED, kek):
            return False
        await connection.execute(RETIRE, kek)
        await record_action(connection, actor, "vault.retire", kek, "", {})
    return True
