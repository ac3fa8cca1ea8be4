"""Topic ``outcome.recorded``: money earned and corrected, and statements. Amounts are integer pence."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, RootModel

from services.contracts.base import (
    Actor,
    Code,
    Common,
    Count,
    EvidenceReference,
    Moment,
    Month,
    Ordinal,
    PolicyVersion,
    Record,
    SafeInt,
    Sha256,
    Slug,
    Uuid,
    Version,
    VersionRef,
)
from services.contracts.payment_codes import ClawbackReason, ReRatingReason
from services.contracts.plan_codes import EvidenceKind, OutcomeKind
from services.kernel.money import Pence


class Evidence(Record):
    """What shows a fact: its kind, the day it was obtained, by whom, where it is kept, and the hash of what is kept.

    ``obtained_by`` and ``sha256`` are null where nobody said.
    """

    kind: EvidenceKind
    obtained_on: date
    reference: EvidenceReference
    obtained_by: Actor | None = None
    sha256: Sha256 | None = None


class Milestone(Record):
    """A milestone of the rate card and which time it was reached, from 1."""

    code: Code
    occurrence: Ordinal


class ClawBack(Record):
    """Finance takes back what was paid for an entry, or a part of it; ``amount_pence`` null: all that is left."""

    kind: Literal["claw_back"] = "claw_back"
    by: Actor
    entry: Uuid
    amount_pence: Annotated[Pence, Field(ge=1)] | None
    effective_on: date
    reason: ClawbackReason


class ReRate(Record):
    """Finance prices all that stands anew, by a card that is named."""

    kind: Literal["re_rate"] = "re_rate"
    by: Actor
    card: Slug
    version: Version
    reason: ReRatingReason


LedgerCommand = Annotated[ClawBack | ReRate, Field(discriminator="kind")]
"""A command of finance, whole and in codes, so that a replay can issue it again."""


class ReferralOutcome(Common):
    """Money that follows from one referral; key = referral.

    ``refers_to`` is the event reversed, the claimable one now earned, or the reversal after which a
    milestone is earned anew. A claimable entry is 0 pence; reversals and clawbacks are negative.
    ``plan_version`` is the plan version whose fact led to the entry (null: ``command`` did). ``priority_groups`` are
    those of the person, by which an uplift was found and would be found again.
    """

    kind: Literal[
        OutcomeKind.EARNED,
        OutcomeKind.CLAIMABLE,
        OutcomeKind.REVERSAL,
        OutcomeKind.CLAWBACK,
        OutcomeKind.ADJUSTMENT,
    ]
    plan_version: Ordinal | None
    milestone: Milestone | None
    effective_on: date
    evidence: tuple[Evidence, ...]
    amount_pence: Pence
    rate_card: PolicyVersion | None
    reasons: tuple[Code, ...]
    refers_to: Uuid | None
    priority_groups: tuple[Code, ...]
    command: LedgerCommand | None


class ContractKeyed(Record):
    """What events about a whole contract carry; key = contract."""

    programme: VersionRef
    contract: Slug
    provider: Slug
    month: Month


class ContractOutcome(ContractKeyed):
    """A fee due to a contract or a remittance paid to it."""

    kind: Literal[OutcomeKind.FEE, OutcomeKind.PAID]
    effective_on: date
    evidence: tuple[Evidence, ...]
    amount_pence: Pence
    rate_card: PolicyVersion | None
    reasons: tuple[Code, ...]
    refers_to: Uuid | None


class OutcomeRecorded(RootModel[Annotated[ReferralOutcome | ContractOutcome, Field(discriminator="kind")]]):
    """One entry of money: of a referral or, for ``fee`` and ``paid``, of a contract. Read ``root``."""

    model_config = {"frozen": True, "strict": True}


class CutPosition(Record):
    """How far one input partition was read when a month closed: the next offset."""

    topic: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.-]{0,63}$")]
    partition: Annotated[int, Field(ge=0, le=9999)]
    position: Count


class StatementTotals(Record):
    """The totals of a statement, in pence; closing = opening + earned + fees - reversed - capped - paid."""

    opening_pence: Pence
    earned_pence: Pence
    fees_pence: Pence
    reversed_pence: Pence
    capped_pence: Pence
    paid_pence: Pence
    payable_pence: Pence
    closing_pence: Pence
    carried_forward_pence: Pence
    lines: Count


class ClosingCommand(Record):
    """The command that closed the month, in codes."""

    kind: Literal["close_month"] = "close_month"
    by: Actor
    closed_at: Moment
    known_at: Moment


class StatementSealed(ContractKeyed):
    """A month of a contract is closed; ``root`` is the root hash of its lines."""

    change: ClosingCommand
    cut: tuple[CutPosition, ...]
    totals: StatementTotals
    root: Sha256


class StatementSubmitted(ContractKeyed):
    """The provider has handed a sealed statement in."""

    root: Sha256
    by: Actor
    at: Moment
    file_sha256: Sha256 | None


class StatementApproved(ContractKeyed):
    """The commissioner has approved a statement; never the person who submitted it."""

    root: Sha256
    by: Actor
    at: Moment
    file_sha256: Sha256 | None


class StatementExported(ContractKeyed):
    """The payable lines of a statement left in a payment file."""

    root: Sha256
    by: Actor
    at: Moment
    file_sha256: Sha256
    payable_pence: SafeInt
