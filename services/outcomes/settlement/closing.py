"""Closing a month: one transaction, one cut, one sealed statement for each contract of a programme.

The contracts' aggregates are locked, then the ledger is: whoever writes an entry waits, what is committed is in, what
is not is in the next month. Everything is written in that one transaction, so a crash leaves all of it or nothing.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from services.contracts.statement import MOST_LINES, ClosingCommand, CutPosition, SettledLine
from services.contracts.types import OUTCOME_RECORDED
from services.kernel.decision import Command, Refused
from services.kernel.ids import event_id, uuid7
from services.kernel.operations.audit import OperationRefused
from services.kernel.runtime.commands import Commands, Transaction
from services.outcomes.domain import settlement_asked as asked
from services.outcomes.domain.months import london_day, month_after, month_of
from services.outcomes.domain.settlement import Candidate, Rooms, Settled, Settlement, Tier
from services.outcomes.domain.settlement_totals import Running
from services.outcomes.settlement.candidates import candidates
from services.outcomes.settlement.doubles import take_back_doubles
from services.outcomes.settlement.sealed import SealedStatement, sealed_statements
from services.outcomes.settlement.terms import Terms, terms_of, tiers_above
from services.programmes.book import ProgrammeBook

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
        self.running: dict[str, Running] = {}
        self.parts: dict[str, list[SettledLine]] = {}
        self.ids = (self._command_id(number) for number in count(1))

    async def run(self, *, despite_waiting: bool) -> Closed:
        """Settle, and seal if that is wanted."""
        connection, month = self.tx.conn, self.terms.month
        programme = self.terms.ref.id
        if self.writing:
            await self.tx.lock(self.terms.contracts)
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
        found = [await self._seal(contract, waiting) for contract in sorted(self.running)]
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
        async for entry in self._fees():
            await self._take(entry, None, None, settlement.settle(entry))
        async for row, entry in candidates(connection, self.terms, self.last):
            settled = settlement.settle(entry, taken_back_here=row["taken_back_here"])
            await self._take(entry, row["referral_id"], row["occurrence"], settled)
        for contract in sorted(self.parts):
            await self._flush(contract)

    async def _used(self) -> Rooms:
        rooms = Rooms()
        for row in await self.tx.conn.fetch(USED):
            above: tuple[Tier, ...] = self.tiers.get(row["contract"], ())
            for year in json.loads(row["years"]):
                rooms.use(above, year["year"], year["payable_pence"])
            rooms.use(above, 0, 0, row["places"])
        return rooms

    async def _fees(self) -> AsyncIterator[Candidate]:
        for contract, fee in self.terms.fees.items():
            command = asked.PostFee(
                **self._named(contract), effective_on=self.last, amount_pence=fee.amount_pence, card=fee.card
            )
            identity = next(self.ids)
            if self.writing:
                await self._execute(identity, contract, "fee", command)
            posted = event_id(identity, OUTCOME_RECORDED, 0)
            yield Candidate(posted, contract, "fee", None, self.last, fee.amount_pence)

    async def _take(self, entry: Candidate, referral: str | None, occurrence: int | None, settled: Settled) -> None:
        running = self.running[entry.contract]
        running.add(
            entry.entry_id, referral, entry.milestone, occurrence, entry.effective_on, entry.kind, entry.amount_pence,
            settled,
        )  # fmt: skip
        part = self.parts[entry.contract]
        part.append(
            SettledLine.model_construct(
                entry_id=entry.entry_id,
                payable_pence=settled.payable_pence,
                withheld_pence=settled.withheld_pence,
                treatment=settled.treatment,
            )
        )
        if len(part) == MOST_LINES:
            await self._flush(entry.contract)

    async def _flush(self, contract: str) -> None:
        part, self.parts[contract] = self.parts[contract], []
        if part and self.writing:
            first = self.running[contract].lines - len(part) + 1
            lines = asked.Settle.model_construct(**self._named(contract), first=first, lines=tuple(part))
            await self._execute(next(self.ids), contract, "settle", lines)

    async def _seal(self, contract: str, waiting: int) -> SealedStatement:
        running, now = self.running[contract], self.tx.now
        if self.writing:
            cut = [CutPosition(**row) for row in await self.tx.conn.fetch(CUT)]
            command = asked.Seal(
                **self._named(contract),
                change=ClosingCommand(by=self.by, closed_at=now, known_at=now, waiting=waiting),
                cut=tuple(cut),
                totals=running.totals(),
                years=running.by_year(),
                places=running.places,
                root=running.root(),
            )
            await self._execute(next(self.ids), contract, "seal", command)
        return SealedStatement(contract, running.provider, running.month, running.root(), now, running.totals())

    def _named(self, contract: str) -> dict[str, Any]:
        provider = self.running[contract].provider
        return {"programme": self.terms.ref, "contract": contract, "provider": provider, "month": self.terms.month}

    def _command_id(self, number: int) -> str:
        """Each command of a closing has an id of its own, minted at the closing's moment."""
        return uuid7(self.tx.now, bytes.fromhex(self.tx.command_id.replace("-", ""))[9:] + number.to_bytes(3, "big"))

    async def _execute(self, identity: str, contract: str, act: str, data: Any) -> None:
        await self.tx.execute(Command(identity, f"settlement.{act}", contract, data, actor=self.by))
        del self.tx.output.outbox[1:]  # they are written; all that is asked of them later is whether there are any
