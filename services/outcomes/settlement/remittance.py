"""Remittances: what a bank says was paid, read from a file, held against the payment files, posted as ``paid``.

A remittance file is CSV with the columns of :data:`COLUMNS`. It is taken whole or not at all; everything that is wrong
with it is said at once, with line numbers. The same file brought in again changes nothing.
"""

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from services.kernel.decision import Command, Refused
from services.kernel.ids import uuid7
from services.kernel.operations.audit import OperationRefused
from services.kernel.runtime.commands import Commands, Transaction
from services.outcomes.domain import settlement_asked as asked
from services.outcomes.domain.months import MONTH_PATTERN, london_day
from services.outcomes.settlement.acts import account_of, named

COLUMNS: Final = ("contract", "month", "file_sha256", "reference", "paid_on", "amount_pence")
_REFERENCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}")
_CONTRACT: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_PENCE: Final = re.compile(r"[1-9][0-9]{0,14}")


@dataclass(frozen=True, slots=True)
class Payment:
    """One line of a remittance file."""

    line: int
    contract: str
    month: str
    file_sha256: str
    reference: str
    paid_on: date
    amount_pence: int


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a line."""

    line: int
    code: str
    message: str


@dataclass
class Imported:
    """What an import did: lines posted, lines known before, pence posted."""

    posted: int = 0
    known: int = 0
    amount_pence: int = 0
    faults: list[Fault] = field(default_factory=list)


def read(lines: Iterable[str], today: date) -> tuple[list[Payment], list[Fault]]:
    """Read a file; return its payments and everything that is wrong with it."""
    reader = csv.reader(lines)
    heading = tuple(next(reader, ()))
    if heading != COLUMNS:
        return [], [Fault(1, "wrong_heading", f"the first line must be {','.join(COLUMNS)}")]
    payments: list[Payment] = []
    faults: list[Fault] = []
    seen: dict[tuple[str, str, str], int] = {}
    for row in reader:
        number = reader.line_num
        if not row:
            continue
        found, wrong = _line(number, row, today)
        faults += wrong
        if found is None:
            continue
        first = seen.setdefault((found.contract, found.month, found.reference), number)
        if first != number:
            faults.append(Fault(number, "line_repeated", f"line {first} has the same contract, month and reference"))
        payments.append(found)
    return payments, faults


def _line(number: int, row: Sequence[str], today: date) -> tuple[Payment | None, list[Fault]]:
    if len(row) != len(COLUMNS):
        return None, [Fault(number, "wrong_columns", f"{len(row)} columns, not {len(COLUMNS)}")]
    contract, month, digest, reference, paid_on, amount = (cell.strip() for cell in row)
    checks = (
        (bool(_CONTRACT.fullmatch(contract)), "no_contract", "contract is no contract's id"),
        (bool(re.fullmatch(MONTH_PATTERN, month)), "no_month", "month is written as 2024-11"),
        (bool(re.fullmatch(r"[0-9a-f]{64}", digest)), "no_hash", "file_sha256 is 64 hexadecimal digits"),
        (bool(_REFERENCE.fullmatch(reference)), "no_reference", "reference is 1 to 64 letters, digits, . _ : / -"),
        (_past(paid_on, today), "no_day", "paid_on is a day as 2025-01-31, not in the future"),
        (bool(_PENCE.fullmatch(amount)), "no_amount", "amount_pence is a whole number of pence above 0"),
    )
    faults = [Fault(number, code, message) for fine, code, message in checks if not fine]
    if faults:
        return None, faults
    return Payment(number, contract, month, digest, reference, date.fromisoformat(paid_on), int(amount)), []


def _past(text: str, today: date) -> bool:
    try:
        return len(text) == len("2025-01-31") and date.fromisoformat(text) <= today
    except ValueError:
        return False


class _Undo(Exception):
    """Something is wrong with the file: nothing of it is posted."""


async def bring_in(commands: Commands, lines: Iterable[str], *, by: str, confirm: bool) -> Imported:
    """Post a remittance file, in one transaction; without ``confirm``, or where anything is wrong, nothing."""
    payments, faults = read(lines, london_day(commands.clock()))
    done = Imported(faults=faults)
    try:
        async with commands.begin() as tx:
            await tx.lock({payment.contract for payment in payments})
            for payment in payments:
                await _post(tx, payment, by, done)
            if done.faults or not confirm:
                raise _Undo
    except _Undo:
        pass
    except Refused as refused:
        raise OperationRefused(refused.reasons[0].code, refused.reasons[0].message) from refused
    return done


async def _post(tx: Transaction, payment: Payment, by: str, done: Imported) -> None:
    try:
        state, month = await account_of(tx, payment.contract, payment.month)
        if payment.reference in month.remittances:
            done.known += 1
            return
        if month.file_sha256 not in {None, payment.file_sha256}:
            done.faults.append(Fault(payment.line, "other_file", "file_sha256 is not the hash of this month's file"))
            return
        data = asked.Remit(
            **named(state, month, payment.contract, payment.month),
            paid_on=payment.paid_on,
            amount_pence=payment.amount_pence,
            reference=payment.reference,
        )
        await tx.execute(Command(uuid7(tx.now), "settlement.remit", payment.contract, data, actor=by))
    except Refused as refused:
        done.faults += [Fault(payment.line, reason.code, reason.message) for reason in refused.reasons]
        return
    done.posted += 1
    done.amount_pence += payment.amount_pence
