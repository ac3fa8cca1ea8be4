"""Where wrapped keys lie: the vault's tables, read by a role that may read nothing else.

``subject_key``: a key a subject, none once it is destroyed. ``erasure``: whose key was destroyed. ``subject_alias``:
which subject is another one. ``restriction``: whose data may not be used. ``key_encryption_key``: what wraps the
keys. The function ``keys_served()`` says whether this database was held against its own log since it was started or
put back: one from an old backup still holds keys that were destroyed after it was made.
"""

from collections.abc import Sequence

import asyncpg

from services.kernel.clock import Clock, system_clock
from services.kernel.ids import uuid7
from services.kernel.runtime.database import open_pool
from services.kernel.sealing.errors import VaultUnavailable
from services.kernel.sealing.keys import KeyRow
from services.kernel.sealing.wrapping import KeyEncryptionKeys, new_secret

FETCH = """
SELECT n.subject, s.kid, CASE WHEN e.subject IS NULL THEN s.wrapped END AS wrapped, s.kek_id, k.wrapped AS kek_wrapped,
       coalesce(a.survivor, n.subject) AS survivor, s.subject IS NOT NULL OR e.subject IS NOT NULL AS known,
       r.restricted_at IS NOT NULL AS restricted, (SELECT keys_served()) AS served
FROM unnest($1::text[]) AS n(subject)
LEFT JOIN subject_key s ON s.subject = n.subject
LEFT JOIN key_encryption_key k ON k.id = s.kek_id
LEFT JOIN subject_alias a ON a.subject = n.subject
LEFT JOIN erasure e ON e.subject = n.subject
LEFT JOIN restriction r ON r.subject = n.subject
"""
ACTIVE = "SELECT id, wrapped FROM key_encryption_key WHERE retired_at IS NULL ORDER BY created_at DESC, id DESC LIMIT 1"
CREATE = """
INSERT INTO subject_key (subject, kid, wrapped, kek_id)
SELECT n.subject, n.kid, n.wrapped, $4 FROM unnest($1::text[], $2::text[], $3::bytea[]) AS n(subject, kid, wrapped)
ORDER BY n.subject ON CONFLICT DO NOTHING
"""
RETIRED = "PWK01"
"""The SQLSTATE of a key-encryption key that was retired between reading and writing."""
TRIES = 3
NOT_SERVED = "the vault has not been held against its log since it was started; its relay does that"


class VaultSource:
    """Reads keys through a pool of the vault's database."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    @classmethod
    async def open(cls, dsn: str, *, size: int = 2) -> "VaultSource":
        """Open a pool; it connects when first needed."""
        return cls(await open_pool(dsn, size=size))

    async def fetch(self, subjects: Sequence[str]) -> Sequence[KeyRow]:
        """Return rows, in one query. Raises VaultUnavailable before the vault may serve."""
        rows = await self._pool.fetch(FETCH, sorted(set(subjects)))
        if rows and not rows[0]["served"]:
            raise VaultUnavailable(NOT_SERVED)
        # by position: by name a batch of keys costs a third more
        return [
            KeyRow(subject, kid or "", wrapped, kek_id or "", kek_wrapped or b"", survivor, restricted)
            for subject, kid, wrapped, kek_id, kek_wrapped, survivor, known, restricted, _ in rows
            if known
        ]

    async def create_keys(
        self, keks: KeyEncryptionKeys, subjects: Sequence[str], *, clock: Clock = system_clock
    ) -> None:
        """Make a key for each subject that has none, in one statement; the role must be allowed to insert.

        Never replaces a key, nor gives one back to an erased subject. Raises WrappingKeyWrong, VaultUnavailable (no
        key-encryption key yet), or what database and root key raise out of reach.
        """
        if not subjects:
            return
        for _ in range(TRIES):
            kek = await self._pool.fetchrow(ACTIVE)
            if kek is None:
                raise VaultUnavailable("the vault has no key-encryption key: pathway vault init")
            opened = await keks.open(kek["id"], kek["wrapped"])
            now = clock()
            made = [(subject, uuid7(now)) for subject in sorted(set(subjects))]
            wrapped = [opened.wrap(subject, kid, new_secret()) for subject, kid in made]
            try:
                await self._pool.execute(CREATE, [s for s, _ in made], [k for _, k in made], wrapped, kek["id"])
            except asyncpg.PostgresError as error:
                if error.sqlstate != RETIRED:
                    raise
            else:
                return
        raise VaultUnavailable("key-encryption keys are retired faster than keys can be made")

    def close(self) -> None:
        """Close the pool."""
        self._pool.terminate()
