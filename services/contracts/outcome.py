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
    PolicyVersion,
    Record,
    Slug,
    Uuid,
    VersionRef,
)
from services.contracts.plan_codes import EvidenceKind, OutcomeKind
from services.kernel.money import Pence


class Evidence(Record):
    """What shows a fact: its kind, the day it was obtained and where it is kept."""

    kind: EvidenceKind
    obtained_on: date
    reference: EvidenceReference


class Milestone(Record):
    """A milestone of the rate card and which time it was reached, from 1."""

    code: Code
    occurrence: Ordinal


class ReferralOutcome(Common):
    """Money that follows from one referral; key = referral.

    ``refers_to`` is the event reversed, the claimable one now earned, or the reversal after which a
    milestone is earned anew. A claimable entry is 0 pence; reversals and clawbacks are negative.
    ``plan_version`` is the plan version whose fact led to the entry (null: a command did).
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


class ContractKeyed(Record):
    """What events about a whole contract carry; key = contract."""

    programme: VersionRef
    contract: Slug
    provider: Slug
    month: Month


class Remittance(Record):
    """What a bank says was paid: its reference, who brought it in and when."""

    reference: EvidenceReference
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
