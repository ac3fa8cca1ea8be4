"""Who is one person, and how they stand: known, erased, restricted, held."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.kernel.operations.audit import OperationRefused, Pool
from services.kernel.runtime.tables import Connection

Knows = Callable[[str], Awaitable[bool]]
"""Tells whether anybody but the vault holds something about a pseudonym whose key the vault does not have."""
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('vault-person'))"
"""What changes people, or what may be done with them, takes this lock and goes one after another."""
SERVED = "SELECT keys_served()"
ROOT = "SELECT coalesce((SELECT survivor FROM subject_alias WHERE subject = $1), $1)"
KNOWN = "SELECT EXISTS (SELECT FROM subject_key WHERE subject = $1)"
GROUP = 'SELECT subject FROM subject_alias WHERE survivor = $1 ORDER BY subject COLLATE "C"'
HELD = "SELECT EXISTS (SELECT FROM legal_hold WHERE released_at IS NULL AND subject = ANY($1::text[]))"
RESTRICTED = "SELECT EXISTS (SELECT FROM restriction WHERE restricted_at IS NOT NULL AND subject = ANY($1::text[]))"
STANDING = """
WITH asked AS (
    SELECT n.subject, coalesce(a.survivor, n.subject) AS root
    FROM unnest($1::text[]) AS n(subject) LEFT JOIN subject_alias a ON a.subject = n.subject)
SELECT asked.subject, asked.root,
       ARRAY(SELECT a.subject FROM subject_alias a WHERE a.survivor = asked.root ORDER BY a.subject) AS merged,
       EXISTS (SELECT FROM subject_key k WHERE k.subject = asked.subject) AS known,
       (SELECT e.erased_at FROM erasure e WHERE e.subject = asked.subject) AS erased_at,
       (SELECT r.reason FROM restriction r
        WHERE r.subject = asked.root AND r.restricted_at IS NOT NULL) AS restricted,
       EXISTS (SELECT FROM legal_hold h LEFT JOIN subject_alias ha ON ha.subject = h.subject
               WHERE h.released_at IS NULL AND coalesce(ha.survivor, h.subject) = asked.root) AS held
FROM asked
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """How one pseudonym stands. ``pseudonyms`` are all of the person, the one that stands for them first.

    ``known``: there is a key, or was one; without it the pseudonym is nobody's, or its key was lost. ``restricted`` is
    the reason why what is held may not be used, None where it may be.
    """

    pseudonyms: tuple[str, ...]
    known: bool
    erased_at: datetime | None
    restricted: str | None
    held: bool

    @property
    def survivor(self) -> str:
        """The pseudonym that stands for all."""
        return self.pseudonyms[0]


async def nobody_knows(person: str) -> bool:
    """Be :data:`Knows` where there is only the vault."""
    return False


async def pseudonyms(connection: Connection, person: str, knows: Knows = nobody_knows) -> list[str]:
    """Return all pseudonyms of a person, the one that stands for them first.

    Raises OperationRefused, ``unknown_person``, for whom neither the vault nor anybody else knows.
    """
    root: str = await connection.fetchval(ROOT, person)
    await _refuse_unknown(person, await connection.fetchval(KNOWN, person), knows)
    return [root, *(row["subject"] for row in await connection.fetch(GROUP, root))]


async def refuse_unchecked(connection: Connection | Pool) -> None:
    """Raise OperationRefused while the vault was not held against its log: erasures may be missing from it."""
    if not await connection.fetchval(SERVED):
        message = "the vault was not held against its log since it was started; run its relay, or restore it first"
        raise OperationRefused("vault_unchecked", message)


async def standing(pool: Pool | Connection, people: Iterable[str]) -> dict[str, Standing]:
    """Return how each of ``people`` stands, in one query; whom the vault does not know stands alone and unknown."""
    found = await pool.fetch(STANDING, sorted(set(people)))
    return {row["subject"]: _standing(row) for row in found}


def _standing(row: Any) -> Standing:
    together = (row["root"], *row["merged"])
    return Standing(together, row["known"], row["erased_at"], row["restricted"], row["held"])


async def _refuse_unknown(person: str, known: bool, knows: Knows) -> None:
    if not known and not await knows(person):
        raise OperationRefused("unknown_person", f"neither the vault nor any service knows {person}")


async def whole(pool: Pool, person: str, knows: Knows = nobody_knows) -> Standing:
    """Return how a person stands of whom something must be held.

    Raises OperationRefused: ``unknown_person``, ``person_erased``, ``vault_unchecked``.
    """
    await refuse_unchecked(pool)
    found = (await standing(pool, [person]))[person]
    if found.erased_at is not None:
        day = found.erased_at.date().isoformat()
        raise OperationRefused("person_erased", f"{person} was erased on {day}; nothing more can be done with them")
    await _refuse_unknown(person, found.known, knows)
    return found


KEPT = """
WITH roots AS (
    SELECT coalesce(a.survivor, n.subject) AS root
    FROM (SELECT subject FROM legal_hold WHERE released_at IS NULL
          UNION SELECT subject FROM restriction WHERE restricted_at IS NOT NULL) AS n
    LEFT JOIN subject_alias a ON a.subject = n.subject
    WHERE NOT EXISTS (SELECT FROM erasure e WHERE e.subject = n.subject))
SELECT root AS subject FROM roots UNION SELECT a.subject FROM subject_alias a JOIN roots ON a.survivor = roots.root
"""


async def kept_people(connection: Connection) -> list[str]:
    """Return every pseudonym of whom nothing may be removed now: who is held, and whose data are restricted.

    Whoever is erased is neither, even where a backup brought a hold of theirs back.
    With :data:`ONE_AT_A_TIME` held it stays true until the transaction ends.
    """
    return sorted(row["subject"] for row in await connection.fetch(KEPT))
