"""Legal holds: while one is open for a person, none of their keys is destroyed and nothing of theirs is removed.

A hold is placed on a person, for a case where there is one: the same person can be held for several, and each ends by
itself. Holds are no events and so in no topic: where a backup took the database's place some may be missing, also when
its log is not ahead of it. So who confirms that they are all there confirms it of one database, by what
``database_incarnation`` says of it; without that no key is destroyed, by age or by hand.
"""

from typing import Any

from services.kernel.clock import Clock, system_clock
from services.kernel.ids import uuid7
from services.kernel.operations.audit import OperationRefused, Pool, record_action, transaction
from services.kernel.runtime.tables import Connection
from services.vault.standing import ONE_AT_A_TIME, Knows, nobody_knows, pseudonyms, refuse_unchecked

ADD = """
INSERT INTO legal_hold (id, subject, case_name, reason, placed_by, placed_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING RETURNING id
"""
RELEASE = """
UPDATE legal_hold SET released_by = $3, released_at = $4
WHERE released_at IS NULL AND ($1::text[] IS NULL OR subject = ANY($1::text[]))
  AND ($2::text IS NULL OR case_name = $2::text)
RETURNING id, subject AS person_id, case_name
"""
LIST = """
SELECT id, subject AS person_id, case_name, reason, placed_by, placed_at, released_by, released_at FROM legal_hold
WHERE ($1 OR released_at IS NULL) AND ($2::text IS NULL OR case_name = $2::text)
  AND ($3::text[] IS NULL OR subject = ANY($3::text[]))
ORDER BY placed_at, id
"""
OPEN = "SELECT count(DISTINCT subject) FROM legal_hold WHERE released_at IS NULL"
ERASED = "SELECT EXISTS (SELECT FROM erasure WHERE subject = ANY($1::text[]))"
CONFIRMED = """
SELECT EXISTS (
    SELECT FROM operator_action c
    WHERE c.action = 'hold.confirm' AND c.detail->>'database' = database_incarnation('public.legal_hold')
      AND NOT EXISTS (SELECT FROM operator_action r WHERE r.action IN ('restore', 'vault.restore') AND r.id > c.id))
"""
THIS_DATABASE = "SELECT database_incarnation('public.legal_hold')"
NEW = """
SELECT NOT EXISTS (SELECT FROM subject_key) AND NOT EXISTS (SELECT FROM legal_hold)
   AND NOT EXISTS (SELECT FROM operator_action)
"""


class Holds:
    """What is done about holds, on behalf of ``actor``. Dry runs without ``apply``; each act is an audit row.

    ``knows`` is asked about whose key the vault does not have, as in :class:`services.vault.people.People`.
    """

    def __init__(self, pool: Pool, actor: str, clock: Clock = system_clock, *, knows: Knows = nobody_knows) -> None:
        self.pool = pool
        self.actor = actor
        self.clock = clock
        self.knows = knows

    async def add(self, person: str, *, case: str, reason: str, apply: bool) -> dict[str, Any]:
        """Place a hold; one that is there already stays as it is.

        Raises OperationRefused: ``reason_required``, ``unknown_person``, ``person_erased``, ``vault_unchecked``.
        """
        _need_reason(reason)
        async with transaction(self.pool, apply=apply) as connection:
            await connection.execute(ONE_AT_A_TIME)
            await refuse_unchecked(connection)
            people = await pseudonyms(connection, person, self.knows)
            if await connection.fetchval(ERASED, people):
                raise OperationRefused("person_erased", f"{person} was erased; there is nothing left to hold")
            now = self.clock()
            added = await connection.fetchval(ADD, uuid7(now), people[0], case, reason, self.actor, now)
            if added:
                detail = {"people": people, "case": case}
                await record_action(connection, self.actor, "hold.add", people[0], reason, detail)
        return {"person_id": people[0], "case": case, "added": added is not None}

    async def release(self, person: str | None, *, case: str | None, reason: str, apply: bool) -> list[dict[str, Any]]:
        """End the open holds of a person, of a case, or of a person for a case; returns those that ended.

        Raises OperationRefused: ``reason_required``, ``nothing_named``, ``unknown_person``, ``no_hold``.
        """
        _need_reason(reason)
        if person is None and case is None:
            raise OperationRefused("nothing_named", "name a person, a case, or both")
        async with transaction(self.pool, apply=apply) as connection:
            await connection.execute(ONE_AT_A_TIME)
            people = None if person is None else await pseudonyms(connection, person, self.knows)
            ended = [dict(row) for row in await connection.fetch(RELEASE, people, case, self.actor, self.clock())]
            if not ended:
                raise OperationRefused("no_hold", "there is no such hold; see: pathway retention hold list")
            for one in ended:
                await record_action(
                    connection, self.actor, "hold.release", one["person_id"], reason, {"case": one["case_name"]}
                )
        return ended

    async def confirm(self, *, reason: str, apply: bool) -> int:
        """Say that the holds are all there after the vault was put back; returns how many people are held."""
        _need_reason(reason)
        async with transaction(self.pool, apply=apply) as connection:
            return await _confirm(connection, self.actor, reason)


async def list_holds(
    pool: Pool | Connection, *, everything: bool = False, case: str | None = None, people: list[str] | None = None
) -> list[dict[str, Any]]:
    """Return open holds, or with ``everything`` also those that ended, the first first."""
    return [dict(row) for row in await pool.fetch(LIST, everything, case, people)]


UNCONFIRMED = (
    "the vault was put back from a backup, or moved: see that all holds are there, then: "
    "pathway retention hold confirm --apply"
)


async def are_confirmed(pool: Pool | Connection) -> bool:
    """Tell whether somebody has said of this very database that no hold is missing."""
    found: bool = await pool.fetchval(CONFIRMED)
    return found


async def refuse_unconfirmed(pool: Pool | Connection) -> None:
    """Raise OperationRefused, ``holds_unconfirmed``, while holds may be missing: a destroyed key does not come back."""
    if not await are_confirmed(pool):
        raise OperationRefused("holds_unconfirmed", UNCONFIRMED)


async def confirm_if_new(connection: Connection, actor: str) -> None:
    """Confirm for a vault in which nothing has happened yet: there is no hold that could be missing.

    Where it takes the place of one that was lost, keys or events are put back next, and that unsays it.
    """
    if await connection.fetchval(NEW):
        await _confirm(connection, actor, "a new vault")


async def _confirm(connection: Connection, actor: str, reason: str) -> int:
    held: int = await connection.fetchval(OPEN)
    detail = {"held": held, "database": await connection.fetchval(THIS_DATABASE)}
    await record_action(connection, actor, "hold.confirm", "vault", reason, detail)
    return held


def _need_reason(reason: str) -> None:
    if not reason.strip():
        raise OperationRefused("reason_required", "say why: --reason 'who asked for it, and the case'")
