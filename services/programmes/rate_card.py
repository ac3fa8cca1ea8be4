"""Rate cards as a programme's file says them: what is paid for which fact, to whom, under which conditions.

Sources of the terms: Manchester's participant and engagement (docs/domain.md), the claim lines of PRaP, the Work and
Health Programme's delivery fee and outcome, and individual placement and support (IPS). Every price is the deployer's.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Final, Literal

from pydantic import Field

from services.kernel.decision import PolicyRef
from services.kernel.money import Pence
from services.programmes.conditions import Frozen
from services.programmes.tiers import Code, Days, Slug, VersionNumber, Weeks, Words

Fact = Literal[
    "participant",
    "engagement",
    "plan_agreed",
    "nth_session",
    "step_finished",
    "review_completed",
    "closed_by_agreement",
    "work_outcome",
    "health_outcome",
    "sustained_work",
    "earnings",
]
"""What of a plan a milestone is paid for."""

EvidenceCode = Literal[
    "attendance_record",
    "step_record",
    "review_record",
    "plan_record",
    "payslip",
    "employer_confirmation",
    "employment_contract",
    "tax_record",
    "self_declaration",
]

OWN_RECORD: Final[Mapping[Fact, EvidenceCode | None]] = {
    "participant": "attendance_record",
    "engagement": None,
    "plan_agreed": "plan_record",
    "nth_session": "attendance_record",
    "step_finished": "step_record",
    "review_completed": "review_record",
    "closed_by_agreement": "plan_record",
    "health_outcome": "review_record",
}
"""The plan's own record of a fact, which is all the evidence that it can have. None: one of several. The facts
that are not named are shown by what somebody else has written."""

Month = Annotated[str, Field(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$")]
"""A calendar month: ``2024-11``."""

Amount = Annotated[Pence, Field(ge=0)]


class Acceleration(Frozen):
    """Another price for what is reached within so many days of the participant's day."""

    within_days: Days
    amount_pence: Amount


class Price(Frozen):
    """What one milestone pays, how often for one person, and the least days between two payable ones.

    ``fact``: what it is paid for, where its name does not say so. ``claim_line``: what the commissioner calls it.
    ``gap_days`` 14 means: a second one is payable from the fourteenth day after the last payable one.
    ``evidence`` are the kinds of which one must be there; without it the milestone is only claimable.
    ``nth``: which attended session (``nth_session``). ``weeks``: how long work has lasted, breaks not counted,
    ``within_weeks``: within which time, breaks counted, ``least_hours``: hours a week (``sustained_work``).
    ``least_earnings_pence``, ``least_self_employed_days``: either suffices, both cumulative (``earnings``).
    ``within_days``: it is paid only when reached within so many days of the participant's day.
    """

    milestone: Code
    fact: Fact | None = None
    claim_line: Words | None = None
    amount_pence: Amount
    at_most: Annotated[int, Field(ge=1, le=1000)]
    gap_days: Days | None = None
    evidence: tuple[Code, ...] = ()
    nth: Annotated[int, Field(ge=1, le=1000)] | None = None
    weeks: Weeks | None = None
    within_weeks: Weeks | None = None
    least_hours: Annotated[int, Field(ge=1, le=60)] | None = None
    least_earnings_pence: Annotated[Pence, Field(ge=1)] | None = None
    least_self_employed_days: Days | None = None
    within_days: Days | None = None
    acceleration: Acceleration | None = None

    @property
    def paid_for(self) -> str:
        """The fact that it is paid for: as said, or the one whose name it bears."""
        return self.fact or self.milestone


class GroupUplift(Frozen):
    """So many basis points more for people of a priority group; no milestones: of all. The highest one counts."""

    group: Code
    basis_points: Annotated[int, Field(ge=1, le=100_000)]
    milestones: tuple[Code, ...] = ()


class DeliveryFee(Frozen):
    """What a contract is paid for being there, in equal monthly parts in arrears, both months included."""

    contract: Slug
    total_pence: Annotated[Pence, Field(ge=1)]
    first_month: Month
    last_month: Month


class RateCard(Frozen):
    """The dated prices of one or more contracts. ``illustrative``: its prices are published nowhere.

    ``acknowledge_within_working_days``: the provider must have taken the referral up by then, counted from the day
    after the referral, or nobody becomes a participant and nothing is paid. ``delivery_fee``: at most one a contract.
    """

    id: Slug
    version: VersionNumber
    illustrative: bool
    published_on: date
    effective_from: date
    effective_to: date | None = None
    contracts: tuple[Slug, ...] = Field(min_length=1)
    acknowledge_within_working_days: Annotated[int, Field(ge=1, le=30)] | None = None
    prices: tuple[Price, ...] = Field(min_length=1)
    uplifts: tuple[GroupUplift, ...] = ()
    delivery_fee: tuple[DeliveryFee, ...] = ()

    def price(self, milestone: str) -> Price | None:
        """Return the price of a milestone, or None when the card does not name it."""
        return next((price for price in self.prices if price.milestone == milestone), None)

    def fee(self, contract: str) -> DeliveryFee | None:
        """Return the delivery fee of a contract, or None when it has none."""
        return next((fee for fee in self.delivery_fee if fee.contract == contract), None)

    @property
    def sha256(self) -> str:
        """The hash of the card's content, whatever else stands in its file. A term that is not used changes nothing."""
        content = self.model_dump(mode="json", exclude_defaults=True)
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def ref(self) -> PolicyRef:
        """The card as an event names it."""
        return PolicyRef(self.id, self.version, self.sha256)

    def covers(self, contract: str, day: date) -> bool:
        """Tell whether this card prices ``contract`` on ``day``."""
        in_effect = self.effective_from <= day and (self.effective_to is None or day <= self.effective_to)
        return in_effect and contract in self.contracts


class Target(Frozen):
    """What the programme sets out to reach, as published."""

    code: Code
    value: Annotated[int, Field(ge=0)]
    text: Words


class Payment(Frozen):
    """What outcomes reads: rate cards and targets."""

    rate_cards: tuple[RateCard, ...] = Field(min_length=1)
    targets: tuple[Target, ...] = ()

    def card_for(self, contract: str, on: date) -> RateCard | None:
        """Return the card that prices ``contract`` on a day, or None."""
        return next((card for card in self.rate_cards if card.covers(contract, on)), None)
