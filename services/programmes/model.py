"""One version of a programme, as its file says it. Each service reads its own section and the tiers.

``joining`` is read by intake, ``matching`` by triage, ``support`` by coaching, ``payment`` by outcomes.
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from services.kernel.decision import PolicyRef
from services.programmes.conditions import Condition, Frozen
from services.programmes.rate_card import Payment
from services.programmes.tiers import Code, Days, Requirement, Slug, Tiers, VersionNumber, Weeks, Words


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
    """One immutable version of a programme for people.

    ``synthetic``: nobody in it is real. It is worth nothing, is never settled and counts in no report.
    """

    serves: Literal["people"]
    synthetic: bool = False
    providers: tuple[Provider, ...] = Field(min_length=1)
    joining: Joining
    matching: Matching
    support: Support
    payment: Payment

    def provider(self, provider_id: str) -> Provider | None:
        """Return a provider by its id, or None."""
        return next((p for p in self.providers if p.id == provider_id), None)


AnyProgramme = Programme | EmployerProgramme
