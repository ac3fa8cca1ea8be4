"""A sealed statement as the text whose SHA-256 is its root: for whoever wants to compute it again."""

import hashlib
from collections.abc import AsyncIterator
from typing import Final

from services.contracts.statement import StatementTotals
from services.kernel.operations.audit import OperationRefused
from services.kernel.runtime.tables import Connection
from services.outcomes.domain.settlement_totals import foot, head, line

STATEMENT: Final = "SELECT programme, provider, root, totals FROM statement WHERE contract = $1 AND month = $2"
LINES: Final = """
SELECT s.number, s.entry_id, t.referral_id, t.milestone, t.occurrence, t.effective_on, t.kind, t.amount_pence,
       s.payable_pence, s.treatment
FROM settlement_line s JOIN ledger_transaction t ON t.id = s.entry_id
WHERE s.contract = $1 AND s.month = $2 ORDER BY s.number
"""


async def canonical(connection: Connection, contract: str, month: str) -> AsyncIterator[str]:
    """Yield the canonical text, line by line. Raises OperationRefused ``not_closed``."""
    found = await connection.fetchrow(STATEMENT, contract, month)
    if found is None:
        raise OperationRefused("not_closed", f"{contract} has no closed statement of {month}")
    yield head(found["programme"], contract, found["provider"], month)
    async with connection.transaction():
        async for row in connection.cursor(LINES, contract, month, prefetch=1000):
            number, entry, *rest = row
            yield line(number, str(entry), *rest)
    yield foot(StatementTotals.model_validate_json(found["totals"]))


async def root_of(connection: Connection, contract: str, month: str) -> tuple[str, str]:
    """Return the root of a statement's lines as they are now, and the one under which it was sealed."""
    digest = hashlib.sha256()
    async for text in canonical(connection, contract, month):
        digest.update(text.encode())
    sealed = await connection.fetchval("SELECT root FROM statement WHERE contract = $1 AND month = $2", contract, month)
    return digest.hexdigest(), sealed
