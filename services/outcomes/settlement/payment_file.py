"""The payment file of a statement: made once, each ledger line in at most one, the same bytes again on request.

A file takes the lines of its month and what earlier approved statements of the contract have left over: lines that
were held and are released, and what the provider owed. A line that takes back of a held line is held with it.
"""

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.kernel.decision import Command, Reason, Refused
from services.kernel.operations.audit import OperationRefused
from services.kernel.runtime.commands import Transaction
from services.kernel.runtime.tables import Connection
from services.outcomes.domain import settlement_asked as asked
from services.outcomes.domain.settlement_state import ContractAccount, Stage
from services.outcomes.settlement.acts import account_of, named
from services.outcomes.settlement.reconciled import refuse_differences
from services.outcomes.settlement.terms import Terms, terms_of
from services.programmes.book import ProgrammeBook
from services.programmes.tiers import Billing

COLUMNS: Final = (
    *("programme", "contract", "provider", "supplier", "purchase_order", "vat", "file_month", "statement_month"),
    *("entry_id", "referral_id", "milestone", "occurrence", "effective_on", "kind", "amount_pence", "payable_pence"),
)
_LINE: Final = """
SELECT s.entry_id, s.month, t.referral_id, t.milestone, t.occurrence, t.effective_on, t.kind, t.amount_pence,
       s.payable_pence
FROM settlement_line s JOIN ledger_transaction t ON t.id = s.entry_id
"""
OPEN_LINES: Final = f"""{_LINE}
WHERE s.contract = $1 AND s.month = ANY($2::text[]) AND s.payable_pence <> 0
  AND NOT EXISTS (SELECT FROM payment_line p WHERE p.entry_id = s.entry_id)
  AND s.entry_id <> ALL($3::uuid[]) AND (t.amount_pence >= 0 OR t.refers_to IS NULL OR t.refers_to <> ALL($3::uuid[]))
ORDER BY s.month, s.number
"""
FILE_LINES: Final = f"""{_LINE}
JOIN payment_line p ON p.entry_id = s.entry_id
WHERE p.contract = $1 AND p.month = $2 ORDER BY p.number
"""
PASSED: Final = frozenset({Stage.APPROVED, Stage.EXPORTED, Stage.PAID})


@dataclass(frozen=True, slots=True)
class PaymentFile:
    """A file's bytes, their hash and what it pays."""

    content: bytes
    sha256: str
    payable_pence: int
    lines: int


def written(lines: Sequence[Any], terms: Terms, contract: str) -> PaymentFile:
    """Return the file of these lines: CSV, UTF-8, a heading, lines ended by a newline."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    found = terms.contracts[contract]
    billing: Billing = found.billing
    head = (terms.ref.id, contract, found.provider, billing.supplier, billing.purchase_order, billing.vat, terms.month)
    for row in lines:
        writer.writerow([
            *head, row["month"], row["entry_id"], row["referral_id"], row["milestone"], row["occurrence"],
            row["effective_on"], row["kind"], row["amount_pence"], row["payable_pence"],
        ])  # fmt: skip
    content = text.getvalue().encode()
    pence = sum(row["payable_pence"] for row in lines)
    return PaymentFile(content, hashlib.sha256(content).hexdigest(), pence, len(lines))


async def export(tx: Transaction, book: ProgrammeBook, contract: str, month: str, by: str) -> PaymentFile:
    """Make the file of an approved statement.

    Raises Refused: books_differ, not_closed, not_approved, nothing_payable and others.
    """
    await refuse_differences(tx.conn)
    await tx.lock([contract])
    state, found = await account_of(tx, contract, month)
    months = [name for name, one in state.months.items() if one.stage in PASSED and name <= month]
    rows = await tx.conn.fetch(OPEN_LINES, contract, months, held_in(state))
    made = written(rows, terms_of(book, state.programme, month), contract)
    if found.stage is Stage.APPROVED and made.payable_pence <= 0:
        message = f"the lines come to {made.payable_pence} pence: they are carried forward to the next file"
        raise Refused(Reason("nothing_payable", message))
    data = asked.Export(
        **named(state, found, contract, month),
        file_sha256=made.sha256,
        payable_pence=made.payable_pence,
        entries=tuple(str(row["entry_id"]) for row in rows),
    )
    await tx.execute(Command(tx.command_id, "settlement.export", contract, data, actor=by))
    return made


def held_in(state: ContractAccount) -> list[str]:
    """Return every line of a contract that is held."""
    return [entry for month in state.months.values() for entry in month.held]


async def again(connection: Connection, book: ProgrammeBook, contract: str, month: str) -> PaymentFile:
    """Return a file that was made before, byte for byte.

    Raises OperationRefused: ``not_exported``; ``file_differs`` where it can no longer be made as it was.
    """
    act = await connection.fetchrow(
        "SELECT a.file_sha256, s.programme FROM statement_act a JOIN statement s USING (contract, month)"
        " WHERE contract = $1 AND month = $2 AND act = 'exported'",
        contract,
        month,
    )
    if act is None:
        raise OperationRefused("not_exported", f"the statement of {contract} for {month} is in no payment file")
    rows = await connection.fetch(FILE_LINES, contract, month)
    made = written(rows, terms_of(book, act["programme"], month), contract)
    if made.sha256 != act["file_sha256"]:
        raise OperationRefused("file_differs", f"the file had the hash {act['file_sha256']}, this one {made.sha256}")
    return made
