"""One run of retention: what is due, by class and table, and, where it is meant, its removal.

Each person is one transaction and each batch of rows another, so a run can be broken off anywhere; the next one finds
what is left. Nothing is removed for whoever is under a legal hold, restricted or awaits a person's look, and nothing at
all while the vault's holds may be incomplete.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from services.contracts.person_codes import ErasureReason
from services.intake.export import keys_of
from services.intake.people.ending import count_people, day_in_london, endings, lock_people
from services.kernel.operations import aging
from services.kernel.operations.audit import OperationRefused, Pool, record_action, transaction
from services.kernel.retention import EndsBy, OwnerKind, Retention
from services.kernel.runtime.database import open_pool
from services.kernel.runtime.tables import Connection
from services.kernel.settings import Settings
from services.persons.waiting import waiting_still
from services.retention.due import DuePerson, Found, find_due, judge
from services.retention.periods import Period
from services.vault import backups
from services.vault.holds import UNCONFIRMED, are_confirmed
from services.vault.people import People
from services.vault.service import build as vault_service
from services.vault.standing import ONE_AT_A_TIME, kept_people, refuse_unchecked, standing

HEALTH_RECORD, ANSWERS, LETTERS, BACKUPS = "health_record", "request_answers", "dead_letters", "key_backups"
REFUSED_AFTER_ALL = frozenset({"legal_hold", "person_erased", "restricted", "merged_meanwhile"})
"""What may have happened to a person between the look and the act."""

Progress = Callable[[int, int], None]


@dataclass
class Outcome:
    """What a run found and did. ``tables``: rows that go, and rows kept for somebody, by (service, table).

    ``key_lost``: of those who are due, for whom the vault has no key.
    ``key_backups_that_stay``: what could not be read or deleted, and why.
    """

    applied: bool
    holds_confirmed: bool = True
    looked_at: int = 0
    due: int = 0
    key_lost: int = 0
    erased: int = 0
    kept: dict[str, int] = field(default_factory=dict)
    tables: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    key_backups: list[str] | None = None
    key_backups_that_stay: list[str] = field(default_factory=list)

    def add(self, service: str, table: str, goes: int, kept: int = 0) -> None:
        """Add to a table's counts."""
        before = self.tables.get((service, table), (0, 0))
        self.tables[service, table] = (before[0] + goes, before[1] + kept)

    @property
    def is_due(self) -> bool:
        """Whether anything was found that has to go."""
        return self.due > 0 or any(goes for goes, _ in self.tables.values()) or bool(self.key_backups)


@dataclass
class Run:
    """A run at one moment. ``pools`` are the services' databases as their run roles, by name."""

    settings: Settings
    retention: Retention
    periods: Mapping[str, Period]
    now: datetime
    actor: str
    pools: Mapping[str, Pool]

    async def run(self, *, apply: bool, key_backups: Path | None, progress: Progress) -> Outcome:
        """Find what is due; with ``apply`` remove it.

        Raises OperationRefused: ``vault_unchecked``, ``holds_unconfirmed``, ``database_behind_log``.
        """
        await refuse_unchecked(self.pools["vault"])
        outcome = Outcome(apply, await are_confirmed(self.pools["vault"]))
        if apply and not outcome.holds_confirmed:
            raise OperationRefused("holds_unconfirmed", UNCONFIRMED)
        await self._people(outcome, progress)
        for service in self.retention.services():
            await self._answers(service, outcome)
            await self._letters(service, outcome)
        if key_backups is not None:
            days = self.periods[BACKUPS].days or 0
            gone = backups.prune(key_backups, days, self.now, apply=apply)
            outcome.key_backups = [one["file"] for one in gone if one["stays"] is None]
            outcome.key_backups_that_stay = [one["stays"] for one in gone if one["stays"] is not None]
        if apply:
            await self._note(outcome)
        return outcome

    async def _people(self, outcome: Outcome, progress: Progress) -> None:
        vault, intake = self.pools["vault"], self.pools["intake"]
        total = await count_people(intake)
        today = day_in_london(self.now)
        async for found in find_due(vault, intake, self.pools["triage"], self.periods[HEALTH_RECORD], today):
            outcome.looked_at += found.looked_at
            for why, count in found.kept.items():
                outcome.kept[why.value] = outcome.kept.get(why.value, 0) + count
            await self._count_rows(found, outcome)
            for person in found.due:
                outcome.due += 1
                outcome.key_lost += person.key_lost
                if outcome.applied:
                    outcome.erased += await self._erase(person)
            progress(outcome.looked_at, total)

    async def _count_rows(self, found: Found, outcome: Outcome) -> None:
        """Count, in every table of a class that ends by erasing, the rows of those who are due."""
        people = [one for person in found.due for one in person.pseudonyms]
        if not people:
            return
        keys = await keys_of(self.pools["intake"], people)
        for service in self.retention.services():
            for table, entry in self.retention.tables_of(service).items():
                ends_by = self.retention.classes[entry.retention_class].ends_by
                if ends_by is not EndsBy.ERASING or entry.whose is None:
                    continue
                ids = people if entry.whose.kind is OwnerKind.SUBJECT else keys
                sql = f"SELECT count(*) FROM {table} WHERE {entry.whose.column} = ANY($1::text[])"  # noqa: S608  names of the catalogue
                outcome.add(service, table, await self.pools[service].fetchval(sql, ids))

    async def _erase(self, person: DuePerson) -> int:
        """Erase a person, unless something has happened since they were found; returns how many were.

        Whoever refers this person meanwhile waits, and then finds somebody who is erased, or is found by us.
        """
        period = self.periods[HEALTH_RECORD]
        async with (
            transaction(self.pools["intake"], apply=False) as connection,
            transaction(self.pools["triage"], apply=False) as triage,
        ):
            await lock_people(connection, person.pseudonyms)
            again = Found()
            stands = (await standing(self.pools["vault"], [person.pseudonyms[0]]))[person.pseudonyms[0]]
            known = (await endings(connection, stands.pseudonyms)).values()
            awaited = await waiting_still(connection, triage, stands.pseudonyms)
            judge(stands, list(known), period, day_in_london(self.now), again, [awaited])
            if not again.due:
                return 0
            note = f"retention: {period.words()} after {person.last_day.isoformat()}"
            people = People(self.pools["vault"], vault_service(), self.actor, knows=_of_intake)
            try:
                await people.erase(
                    person.pseudonyms[0],
                    ErasureReason.RETENTION_ENDED,
                    note=note,
                    apply=True,
                    unless_restricted=True,
                    looked_at=stands.pseudonyms,
                )
            except OperationRefused as refused:
                if refused.code in REFUSED_AFTER_ALL:
                    return 0
                raise
            return 1

    async def _answers(self, service: str, outcome: Outcome) -> None:
        before = self.periods[ANSWERS].before(self.now)
        outcome.add(service, "idempotency", await aging.count_answers(self.pools[service], before))
        reason = f"older than {self.periods[ANSWERS].words()}"
        while outcome.applied and await aging.delete_answers(
            self.pools[service], before, actor=self.actor, reason=reason
        ):
            pass

    async def _letters(self, service: str, outcome: Outcome) -> None:
        before = self.periods[LETTERS].before(self.now)
        async with self._kept() as kept:
            outcome.add(service, "dead_letter", *await aging.count_letters(self.pools[service], before, kept))
        reason = f"dealt with more than {self.periods[LETTERS].words()} ago"
        while outcome.applied:
            async with self._kept() as kept:
                if not await aging.empty_letters(self.pools[service], before, kept, actor=self.actor, reason=reason):
                    return

    @asynccontextmanager
    async def _kept(self) -> AsyncIterator[set[str]]:
        """Give the ids of whoever is held or restricted; nobody is added before the block ends."""
        async with transaction(self.pools["vault"], apply=False) as connection:
            await connection.execute(ONE_AT_A_TIME)
            people = await kept_people(connection)
            yield {*people, *(await keys_of(self.pools["intake"], people) if people else ())}

    async def _note(self, outcome: Outcome) -> None:
        async with transaction(self.pools["vault"], apply=True) as connection:
            await self._write_note(connection, outcome)

    async def _write_note(self, connection: Connection, outcome: Outcome) -> None:
        rows = {f"{service}.{table}": goes for (service, table), (goes, _) in outcome.tables.items() if goes}
        detail: dict[str, Any] = {"erased": outcome.erased, "kept": outcome.kept, "rows": rows}
        detail["periods"] = {name: period.words() for name, period in self.periods.items()}
        await record_action(connection, self.actor, "retention.run", "all", "", detail)


async def _of_intake(person: str) -> bool:
    """Be what is asked about whose key was lost: everybody here was found among intake's people."""
    return True


@asynccontextmanager
async def open_pools(settings: Settings, services: tuple[str, ...]) -> AsyncIterator[dict[str, Pool]]:
    """Open a pool for each service; the planner chooses as it likes, for tables are looked through."""
    async with AsyncExitStack() as stack:
        pools = {}
        for name in services:
            pools[name] = await open_pool(settings.service_url(name), size=3, point_lookups=False)
            stack.callback(pools[name].terminate)
        yield pools
