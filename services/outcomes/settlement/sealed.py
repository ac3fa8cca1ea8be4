"""Sealed statements as they were written."""

from dataclasses import dataclass
from datetime import datetime

from services.contracts.statement import StatementTotals
from services.kernel.runtime.tables import Connection

SEALED = """
SELECT contract, provider, month, root, closed_at, totals FROM statement
WHERE programme = $1 AND month = $2 ORDER BY contract
"""


@dataclass(frozen=True, slots=True)
class SealedStatement:
    """One contract's sealed month: its totals and root hash."""

    contract: str
    provider: str
    month: str
    root: str
    closed_at: datetime
    totals: StatementTotals

    def as_dict(self) -> dict[str, object]:
        """Return it for scripts, flat."""
        named = {"contract": self.contract, "provider": self.provider, "month": self.month}
        return {**named, **self.totals.model_dump(), "root": self.root, "closed_at": self.closed_at.isoformat()}


async def sealed_statements(connection: Connection, programme: str, month: str) -> list[SealedStatement]:
    """Return a programme's sealed statements of a month, by contract."""
    rows = await connection.fetch(SEALED, programme, month)
    return [
        SealedStatement(
            row["contract"],
            row["provider"],
            row["month"],
            row["root"],
            row["closed_at"],
            StatementTotals.model_validate_json(row["totals"]),
        )
        for row in rows
    ]
