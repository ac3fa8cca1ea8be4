"""What reconciliations found, kept: while the last one differs nothing is exported."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from services.kernel.decision import Reason, Refused
from services.kernel.reconciling.accounts import Account
from services.kernel.runtime.tables import Connection
from services.outcomes.settlement.proving import Proof

KEEP: Final = """
INSERT INTO reconciliation (made_by, differences, first_difference, accounts) VALUES ($1, $2, $3, $4)
"""
LAST: Final = "SELECT first_difference FROM reconciliation ORDER BY id DESC LIMIT 1"


@dataclass
class Reconciled:
    """A reconciliation: the ledger's proof, an account for each topic and reader, and what differs, first things first.

    First what the log itself shows, in the order in which a referral passes the services; then the ledger.
    """

    proof: Proof
    accounts: list[Account] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether everything is as it must be."""
        return not self.differences

    @property
    def first(self) -> str | None:
        """The first thing that differs."""
        return self.differences[0] if self.differences else None

    def as_dict(self) -> dict[str, Any]:
        """Return it for people and scripts."""
        return {
            "transactions": self.proof.transactions,
            "lines": self.proof.lines,
            "trial_balance_pence": self.proof.trial_balance_pence,
            "statements": self.proof.statements,
            "equal": self.equal,
            "first_difference": self.first,
            "differences": len(self.differences),
        }


async def keep(connection: Connection, found: Reconciled, by: str) -> None:
    """Keep what a reconciliation found; a later one that finds nothing lets exports go on."""
    accounts = json.dumps([asdict(account) for account in found.accounts])
    await connection.execute(KEEP, by, len(found.differences), found.first, accounts)


async def refuse_differences(connection: Connection) -> None:
    """Refuse with ``books_differ`` while the last reconciliation differs."""
    first = await connection.fetchval(LAST)
    if first is not None:
        message = f"nothing is paid before a reconciliation finds no difference; the last one found: {first}"
        raise Refused(Reason("books_differ", message))
