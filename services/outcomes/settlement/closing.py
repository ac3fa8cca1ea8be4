"""Closing a month: one transaction, one cut, one sealed statement for each contract of a programme.

The contracts' aggregates are locked, then the ledger is: whoever writes an entry waits, what is committed is in, what
is not is in the next month. Everything is written in that one transaction, so a crash leaves all of it or nothing.
"""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Any, Final

from services.contracts.statement import MOST_LINES, ClosingCommand, CutPosition
from services.contracts.types import OUTCOME_RECORDED
from services.kernel.decision import Command, Refused
from services.kernel.ids import event_id, uuid7
from services.kernel.operations.audit import OperationRefused
from services.kernel.runtime.commands import Commands, Locked, Transaction
from services.kernel.runtime.tables import Cursor
from services.outcomes.domain import settlement_asked as asked
from services.outcomes.domain.months import london_day, month_after, month_of
from services.outcomes.domain.settlement import Candidate, Rooms, Settled, Settlement, Tier, rooms_of
from services.outcomes.domain.settlement_totals import Running
from services.outcomes.settlement.candidates import FETCH, candidates, read
from services.outcomes.settlement.doubles import take_back_doubles
from services.outcomes.settlement.sealed import SealedStatement, sealed_statements
from services.outcomes.settlement.terms import Terms, terms_of, tiers_above
from services.programmes.book import ProgrammeBook

SETTLED_AT_ONCE: Final = 100
"""After so many lines the database is looked at: it reads and writes while the next ones are settled."""
LOCK_LEDGER = "SELECT settlement_locks_ledger()"
LAST = "SELECT max(month) FROM statement WHERE programme = $1"
USED = "SELECT contract, years, places FROM statement"
OPENINGS = """
SELECT DISTINCT ON (contract) contract, (totals ->> 'closing_pence')::bigint AS closing FROM statement
WHERE programme = $1 ORDER BY contract, month DESC
"""
CUT = 'SELECT topic, partition, next_offset AS position FROM stream_position ORDER BY topic COLLATE "C", partition'
WAITING = """
SELECT (SELECT count(*) FROM key_position WHERE waiting > 0 OR stopped)
     + (SELECT count(DISTINCT key) FROM dead_letter d
        WHERE resolution IS NULL AND NOT EXISTS (
            SELECT FROM key_position k WHERE k.topic = d.topic AND k.key = d.key AND (k.waiting > 0 OR k.stopped)))
"""


@dataclass
class Closed:
    """What a closing did, or would do. ``again``: the month was closed before, and this is what was sealed then."""

    programme: str
    month: str
    sealed: bool
    again: bool
    waiting: int
    statements: list[SealedStatement] = field(default_factory=list)


async def close(
    commands: Commands,
    book: ProgrammeBook,
    programme: str,
    month: str,
    *,
    by: str,
    confirm: bool,
    despite_waiting: bool = False,
) -> Closed:
    """Close a month of a programme; without ``confirm`` only say what would be sealed.

    Raises OperationRefused: programme_unknown, no_month, before_programme, month_not_over, earlier_month_open,
    later_month_closed, events_waiting, database_behind_log. Closing again gives what was sealed the first time.
    """
    terms = terms_of(book, programme, month)
    now = commands.clock()
    if london_day(now) <= month_of(month)[1]:
        raise OperationRefused("month_not_over", f"{month} is not over: it can be closed from the first day after it")
    if confirm:
        await take_back_doubles(commands, programme, month, terms.once_columns())
    try:
        async with commands.begin(rehearsal=not confirm) as tx:
            closing = _Closing(tx, book, terms, by, writing=confirm)
            return await closing.run(despite_waiting=despite_waiting)
    except Refused as refused:
        reason = refused.reasons[0]
        raise OperationRefused(reason.code, reason.message) from refused


class _Closing:
    """One closing under way."""

    def __init__(self, tx: Transaction, book: ProgrammeBook, terms: Terms, by: str, *, writing: bool) -> None:
        self.tx = tx
        self.terms = terms
        self.by = by
        self.writing = writing
        self.last = month_of(terms.month)[1]
        self.tiers = tiers_above(book, self.last)
        self.locked: Locked | None = None
        self.running: dict[str, Running] = {}
        self.parts: dict[str, list[dict[str, Any]]] = {}
        self.ids = (self._command_id(number) for number in count(1))

    async def run(self, *, despite_waiting: bool) -> Closed:
        """Settle, and seal if that is wanted."""
        connection, month = self.tx.conn, self.terms.month
        programme = self.terms.ref.id
        if self.writing:
            self.locked = await self.tx.lock(self.terms.contracts)
            await connection.execute(LOCK_LEDGER)
        last = await connection.fetchval(LAST, programme)
        waiting = await connection.fetchval(WAITING)
        if last == month:
            found = await sealed_statements(connection, programme, month)
            return Closed(programme, month, True, True, waiting, found)
        self._in_turn(last)
        if waiting and not despite_waiting:
            message = f"{waiting} keys have events that wait or are set aside: pathway dlq list outcomes"
            raise OperationRefused("events_waiting", message)
        await self._settle()
        cut = tuple(CutPosition(**row) for row in await connection.fetch(CUT))
        found = [self._seal(contract, waiting, cut) for contract in sorted(self.running)]
        await self._save()
        return Closed(programme, month, self.writing, False, waiting, found)

    def _in_turn(self, last: str | None) -> None:
        following = month_after(last) if last else self.terms.first_month
        if self.terms.month > following:
            raise OperationRefused("earlier_month_open", f"close {following} first")
        if self.terms.month < following:
            raise OperationRefused("later_month_closed", f"{last} is closed; the next is {following}")

    async def _settle(self) -> None:
        connection, programme, month = self.tx.conn, self.terms.ref.id, self.terms.month
        openings = {row["contract"]: row["closing"] for row in await connection.fetch(OPENINGS, programme)}
        providers = {contract: found.provider for contract, found in self.terms.contracts.items()}
        for contract, provider in providers.items():
            self.running[contract] = Running(programme, contract, provider, month, openings.get(contract, 0))
            self.parts[contract] = []
        settlement = Settlement(self.tiers, await self._used())
        for fee in self._fees():
            self._take(fee, None, None, settlement.settle(fee))
        await self._save()
        entries = await candidates(connection, self.terms, self.last)
        page = await entries.fetch(FETCH)
        while page:
            page = await self._settle_page(settlement, page, entries)
        for contract in sorted(self.parts):
            self._hand_over(contract)

    async def _settle_page(self, settlement: Settlement, page: list[Any], entries: Cursor) -> list[Any]:
        """Settle a page of entries while the one before it is written and the next one is read; return that."""
        coming = asyncio.create_task(self._save_and_read(entries))
        try:
            rows = iter(page)
            while some := list(islice(rows, SETTLED_AT_ONCE)):
                for row in some:
                    entry, referral, occurrence, taken_back_here = read(row)
                    settled = settlement.settle(entry, taken_back_here=taken_back_here)
                    self._take(entry, referral, occurrence, settled)
                await asyncio.sleep(0)
        finally:
            following = await coming
        return following

    async def _save_and_read(self, entries: Cursor) -> list[Any]:
        await self._save()
        return await entries.fetch(FETCH)

    async def _save(self) -> None:
        if self.locked is not None:
            await self.locked.save()
            del self.tx.output.outbox[1:]  # they are written; all that is asked of them later is whether there are any

    async def _used(self) -> Rooms:
        rooms = Rooms()
        for row in await self.tx.conn.fetch(USED):
            above: tuple[Tier, ...] = self.tiers.get(row["contract"], ())
            for year in json.loads(row["years"]):
                rooms.use(rooms_of(above, year["year"]), year["payable_pence"])
            rooms.use(rooms_of(above, 0), 0, row["places"])
        return rooms

    def _fees(self) -> Iterator[Candidate]:
        for contract, fee in self.terms.fees.items():
            command = asked.PostFee(
                **self._named(contract), effective_on=self.last, amount_pence=fee.amount_pence, card=fee.card
            )
            identity = next(self.ids)
            self._execute(identity, contract, "fee", command)
            posted = event_id(identity, OUTCOME_RECORDED, 0)
            yield Candidate(posted, contract, "fee", None, self.last, fee.amount_pence)

    def _take(self, entry: Candidate, referral: str | None, occurrence: int | None, settled: Settled) -> None:
        contract = entry.contract
        self.running[contract].add(entry, referral, occurrence, settled)
        part = self.parts[contract]
        part.append(
            {
                "entry_id": entry.entry_id,
                "payable_pence": settled.payable_pence,
                "withheld_pence": settled.withheld_pence,
                "treatment": settled.treatment,
            }
        )
        if len(part) == MOST_LINES:
            self._hand_over(contract)

    def _hand_over(self, contract: str) -> None:
        part, self.parts[contract] = self.parts[contract], []
        if part and self.writing:
            first = self.running[contract].lines - len(part) + 1
            lines = asked.Settle(**self._named(contract), first=first, lines=part)  # type: ignore[arg-type]
            self._execute(next(self.ids), contract, "settle", lines)

    def _seal(self, contract: str, waiting: int, cut: tuple[CutPosition, ...]) -> SealedStatement:
        running, now = self.running[contract], self.tx.now
        if self.writing:
            command = asked.Seal(
                **self._named(contract),
                change=ClosingCommand(by=self.by, closed_at=now, known_at=now, waiting=waiting),
                cut=cut,
                totals=running.totals(),
                years=running.by_year(),
                places=running.places,
                root=running.root(),
            )
            self._execute(next(self.ids), contract, "seal", command)
        return SealedStatement(contract, running.provider, running.month, running.root(), now, running.totals())

    def _named(self, contract: str) -> dict[str, Any]:
        provider = self.running[contract].provider
        return {"programme": self.terms.ref, "contract": contract, "provider": provider, "month": self.terms.month}

    def _command_id(self, number: int) -> str:
        """Each command of a closing has an id of its own, minted at the closing's moment."""
        return uuid7(self.tx.now, bytes.fromhex(self.tx.command_id.replace("-", ""))[9:] + number.to_bytes(3, "big"))

    def _execute(self, identity: str, contract: str, act: str, data: Any) -> None:
        if self.locked is not None:
            self.locked.execute(Command(identity, f"settlement.{act}", contract, data, actor=self.by))
