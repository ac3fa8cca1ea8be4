"""Erase, restrict, unrestrict and merge people: who belongs together, one command for each, one transaction.

Everybody who is one person is treated as one: whoever erases a pseudonym erases all that were merged with it. Such
acts are rare and done by hand, so they take one lock and go one after another.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from services.contracts.person import MOST_MERGED
from services.contracts.person_codes import ErasureReason, RestrictionReason
from services.kernel.clock import system_clock
from services.kernel.decision import Command, Refused
from services.kernel.ids import uuid7
from services.kernel.operations.audit import OperationRefused, Pool, record_action, transaction
from services.kernel.runtime.commands import Transaction
from services.kernel.runtime.tables import Connection, finish
from services.kernel.service import Service
from services.vault.domain.decide import Erase, Merge, Restrict, Unrestrict, command_type
from services.vault.domain.person import NOBODY, Person
from services.vault.holds import refuse_unconfirmed
from services.vault.standing import (
    HELD,
    ONE_AT_A_TIME,
    RESTRICTED,
    Knows,
    nobody_knows,
    pseudonyms,
    refuse_unchecked,
)

Check = Callable[[Connection, Sequence[str]], Awaitable[None]]
"""Raises OperationRefused where something must not be done to these pseudonyms of one person; that stays true."""
LIST = """
SELECT subject AS person_id, erased_at, reason, event_id FROM erasure
WHERE erased_at >= coalesce($1::timestamptz, '-infinity') ORDER BY erased_at, subject LIMIT $2
"""


@dataclass(slots=True)
class Done:
    """What an act did: who is this one person, and the events that followed (none: there was nothing left to do)."""

    act: str
    people: list[str]
    events: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return it for scripts."""
        return {"act": self.act, "people": self.people, "changed": bool(self.events), "events": self.events}


class People:
    """Acts on people, on behalf of ``actor``. ``clock`` gives a command's time.

    ``knows`` is asked about whose key the vault does not have: whoever has anything of theirs makes them somebody.
    """

    def __init__(
        self,
        pool: Pool,
        service: Service,
        actor: str,
        clock: Callable[..., Any] = system_clock,
        *,
        knows: Knows = nobody_knows,
    ) -> None:
        self.pool = pool
        self.service = service
        self.actor = actor
        self.clock = clock
        self.knows = knows

    async def erase(
        self,
        person: str,
        reason: ErasureReason,
        *,
        note: str,
        apply: bool,
        unless_restricted: bool = False,
        looked_at: Collection[str] | None = None,
        noted: Mapping[str, Any] | None = None,
    ) -> Done:
        """Destroy the keys of a person, under all their pseudonyms; one that was lost cannot come back after it.

        There is no way back.

        Like all of these: a dry run without ``apply``; OperationRefused with ``unknown_person``, ``person_erased``,
        ``vault_unchecked`` and, behind the log, ``database_behind_log``. Erasing again changes nothing. Whoever is
        under a legal hold is not erased, for any reason: ``legal_hold``; nor anybody while holds may be missing:
        ``holds_unconfirmed``. With ``unless_restricted`` whoever's use is restricted is refused too: ``restricted``;
        with ``looked_at`` whoever has come to have another pseudonym: ``merged_meanwhile``. ``noted`` is what else the
        audit row says.
        """

        async def check(connection: Connection, people: Sequence[str]) -> None:
            if unless_restricted and await connection.fetchval(RESTRICTED, people):
                raise OperationRefused("restricted", f"the use of what is held of {people[0]} is restricted")
            if looked_at is not None and not set(people) <= set(looked_at):
                message = f"{people[0]} was merged with somebody just now; look again"
                raise OperationRefused("merged_meanwhile", message)
            await _refuse_held(connection, people)

        return await self._for_all("erase", person, Erase(reason=reason), note, apply=apply, check=check, noted=noted)

    async def restrict(self, person: str, reason: RestrictionReason, *, note: str, apply: bool) -> Done:
        """Stop the use of what is held of a person."""
        return await self._for_all("restrict", person, Restrict(reason=reason), note, apply=apply)

    async def unrestrict(self, person: str, *, note: str, apply: bool) -> Done:
        """Allow the use again."""
        return await self._for_all("unrestrict", person, Unrestrict(), note, apply=apply)

    async def merge(self, survivor: str, merged: str, *, note: str, apply: bool) -> Done:
        """Say that two pseudonyms are one person. Of people merged before, all come along.

        A restriction of either holds for all of them.
        """
        async with transaction(self.pool, apply=apply) as connection:
            doing = await self._begin(connection)
            into, from_ = await doing.group(survivor), await doing.group(merged)
            people = sorted({*into, *from_})
            done = Done("merge", people)
            if into[0] == from_[0]:
                return done
            if len(people) > MOST_MERGED:
                raise OperationRefused("too_many_pseudonyms", f"a person has at most {MOST_MERGED} pseudonyms")
            command = Merge(survivor=into[0], merged=tuple(sorted(from_)))
            for key in (into[0], *command.merged):
                done.events += await doing.execute(key, command)
            await _restrict_alike(doing, people, done)
            await doing.end(done, self.actor, f"{merged} into {into[0]}", note)
            return done

    async def _for_all(
        self,
        act: str,
        person: str,
        data: BaseModel,
        note: str,
        *,
        apply: bool,
        check: Check | None = None,
        noted: Mapping[str, Any] | None = None,
    ) -> Done:
        async with transaction(self.pool, apply=apply) as connection:
            doing = await self._begin(connection)
            done = Done(act, await doing.group(person))
            if check is not None:
                await check(connection, done.people)
            for key in done.people:
                done.events += await doing.execute(key, data)
            if done.events:
                await doing.end(done, self.actor, person, note, noted)
            return done

    async def _begin(self, connection: Connection) -> "_Doing":
        await connection.execute(ONE_AT_A_TIME)
        await refuse_unchecked(connection)
        now = self.clock()
        return _Doing(Transaction(connection, self.service, None, now, uuid7(now)), self.knows)


async def _refuse_held(connection: Connection, people: Sequence[str]) -> None:
    if await connection.fetchval(HELD, people):
        raise OperationRefused("legal_hold", f"{people[0]} is under a legal hold: pathway retention hold list")
    await refuse_unconfirmed(connection)


@dataclass(slots=True)
class _Doing:
    """One act under way."""

    work: Transaction
    knows: Knows

    async def group(self, person: str) -> list[str]:
        """Return all pseudonyms of a person, the one that stands for them first."""
        return await pseudonyms(self.work.conn, person, self.knows)

    async def execute(self, key: str, data: BaseModel) -> list[dict[str, Any]]:
        """Execute a command of its own: one id would give two people's events one id."""
        command = Command(id=uuid7(self.work.now), type=command_type(data), key=key, data=data)
        try:
            executed = await self.work.execute(command)
        except Refused as refused:
            raise OperationRefused(refused.reasons[0].code, refused.reasons[0].message) from refused
        return [{"id": e.id, "type": e.type, "person_id": e.key, "sequence": e.sequence} for e in executed.events]

    async def end(self, done: Done, actor: str, target: str, note: str, noted: Mapping[str, Any] | None = None) -> None:
        """Write the audit row; check the transaction's age and wake the relay."""
        detail = {"people": done.people, "events": [event["id"] for event in done.events], **(noted or {})}
        await record_action(self.work.conn, actor, f"person.{done.act}", target, note, detail)
        await finish(self.work.conn, self.work.output)


async def _restrict_alike(doing: _Doing, people: Sequence[str], done: Done) -> None:
    states: list[Person] = [await doing.work.load(key) or NOBODY for key in people]
    reason = next((state.restricted for state in states if state.restricted is not None), None)
    if reason is not None:
        for key, state in zip(people, states, strict=True):
            if state.restricted is None:
                done.events += await doing.execute(key, Restrict(reason=reason))


async def list_erasures(pool: Pool, *, since: Any = None, limit: int = 1000) -> list[dict[str, Any]]:
    """Return who was erased, the first first."""
    return [dict(row) for row in await pool.fetch(LIST, since, limit)]
