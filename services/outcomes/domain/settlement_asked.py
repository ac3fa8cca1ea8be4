"""The commands about a contract: their fields."""

from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict

from services.contracts.base import PolicyVersion, VersionRef
from services.contracts.outcome import ReferralOutcome
from services.contracts.statement import ClosingCommand, CutPosition, SettledLine, StatementTotals, YearTotal


class OfContract(BaseModel):
    """What every command about a month of a contract names."""

    model_config = ConfigDict(frozen=True)

    programme: VersionRef
    contract: str
    provider: str
    month: str

    def named(self) -> dict[str, Any]:
        """Return what every event of a contract carries."""
        return {
            "programme": self.programme, "contract": self.contract, "provider": self.provider, "month": self.month
        }  # fmt: skip


class PostFee(OfContract):
    """The delivery fee of a month."""

    effective_on: date
    amount_pence: int
    card: PolicyVersion


class Settle(OfContract):
    """The next lines of a month that is being closed."""

    first: int
    lines: tuple[SettledLine, ...]


class Seal(OfContract):
    """The end of a closing. ``by`` and the moment stand in ``change``."""

    change: ClosingCommand
    cut: tuple[CutPosition, ...]
    totals: StatementTotals
    years: tuple[YearTotal, ...]
    places: int
    root: str


class Submit(OfContract):
    """The provider hands a statement in."""


class Approve(OfContract):
    """The commissioner approves it."""


class Query(OfContract):
    """The commissioner holds one line."""

    entry_id: str
    reason: str


class Release(OfContract):
    """The commissioner lets a held line go."""

    entry_id: str
    reason: str


class Export(OfContract):
    """The lines of ``entries`` leave in a payment file."""

    file_sha256: str
    payable_pence: int
    entries: tuple[str, ...]


class Remit(OfContract):
    """A bank says that a file was paid, in whole or in part."""

    paid_on: date
    amount_pence: int
    reference: str


class TakeBack(BaseModel):
    """Take back what a person was paid for twice; ``outcome`` is the entry that does so, about a referral."""

    model_config = ConfigDict(frozen=True)

    outcome: ReferralOutcome
