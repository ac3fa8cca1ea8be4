"""A statement as it is sealed: running totals, and the root hash over its canonical text.

The canonical text is UTF-8, each line ended by a newline, fields joined by ``|``, an absent field empty::

    pathway-statement-1|programme|contract|provider|month
    number|entry_id|referral_id|milestone|occurrence|effective_on|kind|amount_pence|payable_pence|treatment
    ...
    totals|opening|earned|fees|reversed|clawed_back|capped|paid|payable|closing|carried_forward|lines

The root is the SHA-256 of that text: whoever has the statement can compute it with ``sha256sum``.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import date

from services.contracts.plan_codes import OutcomeKind
from services.contracts.statement import StatementTotals, YearTotal
from services.outcomes.domain.months import financial_year
from services.outcomes.domain.settlement import Candidate, Settled

FORM = "pathway-statement-1"


def head(programme: str, contract: str, provider: str, month: str) -> str:
    """Return the first line of the canonical text."""
    return f"{FORM}|{programme}|{contract}|{provider}|{month}\n"


def line(
    number: int,
    entry_id: str,
    referral_id: str | None,
    milestone: str | None,
    occurrence: int | None,
    effective_on: date,
    kind: str,
    amount_pence: int,
    payable_pence: int,
    treatment: str,
) -> str:
    """Return one line of the canonical text."""
    return (
        f"{number}|{entry_id}|{referral_id or ''}|{milestone or ''}|{occurrence or ''}|{effective_on}|{kind}"
        f"|{amount_pence}|{payable_pence}|{treatment}\n"
    )


def foot(totals: StatementTotals) -> str:
    """Return the last line of the canonical text."""
    return "|".join(["totals", *(str(value) for value in totals.__dict__.values())]) + "\n"


@dataclass
class Running:
    """The totals of one contract's statement while its lines are settled, and the hash of what was settled so far."""

    programme: str
    contract: str
    provider: str
    month: str
    opening_pence: int = 0
    earned: int = 0
    fees: int = 0
    reversed: int = 0
    clawed_back: int = 0
    capped: int = 0
    paid: int = 0
    lines: int = 0
    places: int = 0
    years: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._hash = hashlib.sha256(head(self.programme, self.contract, self.provider, self.month).encode())

    def add(self, entry: Candidate, referral_id: str | None, occurrence: int | None, settled: Settled) -> None:
        """Count a line."""
        self.lines += 1
        kind, amount, payable = entry.kind, entry.amount_pence, settled.payable_pence
        text = line(
            self.lines, entry.entry_id, referral_id, entry.milestone, occurrence, entry.effective_on, kind, amount,
            payable, settled.treatment,
        )  # fmt: skip
        self._hash.update(text.encode())
        if kind == OutcomeKind.PAID:
            self.paid += amount
            return
        self._count(kind, amount)
        self.capped += settled.withheld_pence
        self.places += settled.place
        year = financial_year(entry.effective_on)
        self.years[year] = self.years.get(year, 0) + payable

    def _count(self, kind: str, amount_pence: int) -> None:
        if kind == OutcomeKind.FEE:
            self.fees += amount_pence
        elif amount_pence >= 0:
            self.earned += amount_pence
        else:
            self.reversed -= amount_pence
            if kind == OutcomeKind.CLAWBACK:
                self.clawed_back -= amount_pence

    def totals(self) -> StatementTotals:
        """Return the totals."""
        closing = self.opening_pence + self.earned + self.fees - self.reversed - self.capped - self.paid
        return StatementTotals(
            opening_pence=self.opening_pence,
            earned_pence=self.earned,
            fees_pence=self.fees,
            reversed_pence=self.reversed,
            clawed_back_pence=self.clawed_back,
            capped_pence=self.capped,
            paid_pence=self.paid,
            payable_pence=max(0, closing),
            closing_pence=closing,
            carried_forward_pence=min(0, closing),
            lines=self.lines,
        )

    def by_year(self) -> tuple[YearTotal, ...]:
        """Return what was made payable of each financial year, the earliest first."""
        return tuple(YearTotal(year=year, payable_pence=pence) for year, pence in sorted(self.years.items()))

    def root(self) -> str:
        """Return the root hash, in lower-case hexadecimal."""
        whole = self._hash.copy()
        whole.update(foot(self.totals()).encode())
        return whole.hexdigest()
