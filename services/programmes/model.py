"""One version of a programme, as its file says it. Each service reads its own section and the tiers.

``joining`` is read by intake, ``matching`` by triage, ``support`` by coaching, ``payment`` by outcomes.
"""

import hashlib
import json
from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from services.kernel.decision import PolicyRef
from services.kernel.money import Pence
from services.programmes.conditions import Condition, Frozen
from services.programmes.tiers import Code, Days, Requirement, Slug, Tiers, Words

VersionNumber = Annotated[str, Field(pattern=r"^20[0-9]{2}\.[1-9][0-9]{0,2}$")]
"""``2024.1``: the year in which the version takes effect and its number in that year."""

Weeks = Annotated[int, Field(ge=1, le=520)]


class Provider(Frozen):
    """An organisation, or two together, that supports people.

    ``specialist``: offered to everyone who may want it, never assigned by a list or by a person's ethnicity.
    """

    id: Slug
    name: Words
    specialist: bool
    serves: Words | None = None


RequiredFact = Literal[
    "provider.named",
    "referrer.ods_code",
    "referrer.name",
    "referrer.reference",
    "person.postcode",
    "person.registered_gp_ods",
    "person.contact",
    "work.attendance",
    "eligibility_facts.jobcentre_office",
]
"""What a route may require beyond what every referral has, by its place in the posted referral."""


class Route(Frozen):
    """A way in. ``health_detail`` False: the referrer may send nothing about health (an employer).

    ``consents``: those that the referrer asks the person for, besides those that every referral needs; none: all of the
    programme. ``wording``: what the referrer reads out, or gives to read, before asking.
    """

    code: Literal["self", "gp", "pharmacist", "employer", "jobcentre_plus", "community", "hospital", "provider"]
    health_detail: bool
    requires: tuple[RequiredFact, ...] = ()
    consents: tuple[Code, ...] = ()
    wording: Words | None = None


class Consent(Frozen):
    """A separate, withdrawable permission. ``required`` ones must be given before a referral is taken."""

    code: Code
    required: bool
    text: Words


class PriorityGroup(Frozen):
    """People who are contacted first; it changes nothing else."""

    code: Code
    text: Words
    when: Condition


class Alternative(Frozen):
    """Where a person may turn whom this programme may not be able to help."""

    code: Code
    text: Words


Overlap = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*(-\*)?$", max_length=80)]
"""A programme's id, or the beginning of several and a star: ``workwell-*``."""


class Joining(Frozen):
    """What intake reads: routes, consents, eligibility, priority groups, alternatives.

    ``rule``: whose eligibility rule the file holds; files that say *national* hold the same one.
    ``overlaps``: programmes beside which nobody is funded for the same days; it holds in both directions.
    """

    routes: tuple[Route, ...] = Field(min_length=1)
    consents: tuple[Consent, ...] = Field(min_length=1)
    definitions: dict[str, Condition] = Field(default_factory=dict)
    rule: Literal["national", "local"]
    eligibility: tuple[Requirement, ...] = Field(min_length=1)
    priority_groups: tuple[PriorityGroup, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    acknowledge_within_working_days: Annotated[int, Field(ge=1, le=30)]
    overlaps: tuple[Overlap, ...] = ()

    def overlaps_with(self, programme_id: str) -> bool:
        """Tell whether ``overlaps`` names a programme."""
        return any(
            programme_id.startswith(name[:-1]) if name.endswith("*") else programme_id == name for name in self.overlaps
        )


class RulesetRef(Frozen):
    """Which triage rule file applies."""

    id: Slug
    version: VersionNumber


class Matching(Frozen):
    """What triage reads: its rule set and the values that this area gives the rules' parameters."""

    ruleset: RulesetRef
    out_of_work_limit_days: Days
    skills_earnings_limit: bool

    def parameters(self, out_of_work_limit_days: int | None = None) -> dict[str, int | bool]:
        """Return the parameters that rules may name; a locality may have a lower limit of its own."""
        return {
            "out_of_work_limit_days": out_of_work_limit_days or self.out_of_work_limit_days,
            "skills_earnings_limit": self.skills_earnings_limit,
        }


WorkStatus = Literal["employed", "self_employed", "unemployed", "inactive"]


class LengthForWork(Frozen):
    """How long people of these work statuses are supported, where that differs."""

    work: tuple[WorkStatus, ...] = Field(min_length=1)
    weeks: Weeks


class Support(Frozen):
    """What coaching reads. The outcome window is counted from the day on which a plan closes.

    ``length_weeks`` is the most for anybody; ``length_by_work`` says where it is less. ``offers``: the kinds
    of support that this programme is there for, where its source names them (codes of the support list).
    ``caseload_ceiling``: the most open plans for one coach; null: the programme names none, each coach's own counts.
    """

    length_weeks: Weeks
    length_by_work: tuple[LengthForWork, ...] = ()
    offers: tuple[Code, ...] = ()
    review_every_weeks: Weeks
    outcome_window_days: Days
    caseload_ceiling: Annotated[int, Field(ge=1, le=500)] | None = None

    def weeks_for(self, work_status: str) -> int:
        """Return for how many weeks somebody of a work status is supported."""
        weeks = (part.weeks for part in self.length_by_work if work_status in part.work)
        return next(weeks, self.length_weeks)


class Price(Frozen):
    """What one milestone pays, how often for one person, and the least days between two payable ones.

    ``gap_days`` 14 means: a second one is payable from the fourteenth day after the last payable one.
    ``evidence`` are the kinds of which one must be there; without it the milestone is only claimable.
    """

    milestone: Literal["participant", "engagement", "work_outcome", "health_outcome"]
    amount_pence: Annotated[Pence, Field(ge=0)]
    at_most: Annotated[int, Field(ge=1, le=1000)]
    gap_days: Days | None = None
    evidence: tuple[Code, ...] = ()


class RateCard(Frozen):
    """The dated prices of one or more contracts. ``illustrative``: its prices are published nowhere."""

    id: Slug
    version: VersionNumber
    illustrative: bool
    published_on: date
    effective_from: date
    effective_to: date | None = None
    contracts: tuple[Slug, ...] = Field(min_length=1)
    prices: tuple[Price, ...] = Field(min_length=1)

    def price(self, milestone: str) -> Price | None:
        """Return the price of a milestone, or None when the card does not name it."""
        return next((price for price in self.prices if price.milestone == milestone), None)

    @property
    def sha256(self) -> str:
        """The hash of the card's content, whatever else stands in its file."""
        return hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()

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


class Named(Frozen):
    """A code with the words that a person reads."""

    code: Code
    text: Words


class Promotion(Frozen):
    """What a programme does with employers: what they may commit to, and what is done with them."""

    charter_commitments: tuple[Named, ...] = Field(min_length=1)
    activities: tuple[Named, ...] = Field(min_length=1)


class Edition(Frozen):
    """What every file says of itself: which version of what, when it was published and when it is in effect.

    It is in effect from ``effective_from`` until ``effective_to`` or, when that is None, until the day
    before the next version. ``sha256`` is the hash of the file's bytes.
    """

    programme: Slug
    version: VersionNumber
    title: Words
    published_on: date
    effective_from: date
    effective_to: date | None = None
    sources: tuple[Words, ...] = ()
    tiers: Tiers
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

    @property
    def ref(self) -> PolicyRef:
        """The version as an event's ``policy`` attribute names it."""
        return PolicyRef(self.programme, self.version, self.sha256)


class EmployerProgramme(Edition):
    """One version of a programme that is about employers: nobody is referred to it, nobody is paid for people."""

    serves: Literal["employers"]
    promotion: Promotion


class Programme(Edition):
    """One immutable version of a programme for people."""

    serves: Literal["people"]
    providers: tuple[Provider, ...] = Field(min_length=1)
    joining: Joining
    matching: Matching
    support: Support
    payment: Payment

    def provider(self, provider_id: str) -> Provider | None:
        """Return a provider by its id, or None."""
        return next((p for p in self.providers if p.id == provider_id), None)


AnyProgramme = Programme | EmployerProgramme
