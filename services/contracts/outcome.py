"""Topic ``outcome.recorded``: money earned, corrected, due and paid. Amounts are integer pence."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, RootModel

from services.contracts.base import (
    Actor,
    Code,
    Common,
    EvidenceReference,
    Moment,
    Month,
    Ordinal,
    PaymentReference,
    PolicyVersion,
    Record,
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


class Remittance(Record):
    """What a bank says was paid: its reference, who brought it in and when."""

    reference: PaymentReference
    by: Actor
    at: Moment


class ContractOutcome(ContractKeyed):
    """A fee due to a contract or a remittance paid to it. ``refers_to`` of a remittance: the export that it pays."""

    kind: Literal[OutcomeKind.FEE, OutcomeKind.PAID]
    effective_on: date
    evidence: tuple[Evidence, ...]
    amount_pence: Pence
    rate_card: PolicyVersion | None
    reasons: tuple[Code, ...]
    refers_to: Uuid | None
    remittance: Remittance | None


class OutcomeRecorded(RootModel[Annotated[ReferralOutcome | ContractOutcome, Field(discriminator="kind")]]):
    """One entry of money: of a referral or, for ``fee`` and ``paid``, of a contract. Read ``root``."""

    model_config = {"frozen": True, "strict": True}
