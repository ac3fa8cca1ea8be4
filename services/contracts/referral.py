"""Topic ``referral.created``: a person has been referred, and what intake learned of it later.

Later facts hold their content in ``change``, the same object that triage passes on in
``triage.relayed``.
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from services.contracts.assessment import SealedAnswers
from services.contracts.base import Actor, AreaCode, Code, Common, Moment, Record, Uuid
from services.contracts.codes import (
    AccessibleFormat,
    Channel,
    ConsentKind,
    EarningsBand,
    EligibilityDecision,
    EligibilityOutcome,
    EthnicGroup,
    Sex,
    Support,
    WithdrawalReason,
)
from services.contracts.referral_codes import ContestGround, EligibilityGround
from services.kernel.sealing.content import Digest

Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}$")]
"""A language tag (BCP 47)."""

Quintile = Annotated[int, Field(ge=1, le=5)]
"""A fifth of the Index of Multiple Deprivation; 1 holds the most deprived places."""


class Facts(Record):
    """What matching needs besides health, null where not asked; hours are a week's."""

    job_at_risk: bool | None
    off_sick_since: date | None
    unemployed_since: date | None
    weekly_hours: Annotated[int, Field(ge=0, le=168)] | None
    highest_qualification_level: Annotated[int, Field(ge=0, le=8)] | None
    earnings_band: EarningsBand | None
    local_gp: bool | None
    complex_needs: bool | None


class Consent(Record):
    """A consent given or refused, the day and the way it was last said.

    ``since``: the first day of that word, where it was said on several and nothing else between; null: ``on``.
    ``other_on``: the last day before, on which the other word was said; null: none is known.
    """

    given: bool
    on: date | None
    channel: Channel | None
    since: date | None = None
    other_on: date | None = None

    @property
    def stood_from(self) -> date | None:
        """The first day on which the word is known to have stood; null: from the referral on."""
        return self.since or self.on


class Consents(Record):
    """The three consents; null where the question was not put."""

    take_part: Consent | None
    share_with_gp: Consent | None
    share_with_employer: Consent | None


class UnmetRequirement(Record):
    """A requirement of the programme's file that is not met; ``known`` False: it cannot be told, nobody was asked."""

    code: Code
    known: bool


class Eligibility(Record):
    """What the programme's rules say, with the requirements that are not met or not known."""

    outcome: EligibilityOutcome
    reasons: tuple[UnmetRequirement, ...]


class Equality(Record):
    """For reports on fairness only; no decision reads it."""

    sex: Sex | None
    ethnic_group: EthnicGroup | None
    imd_quintile: Quintile | None


class SealedAssessment(Record):
    """The sealed part of a referral."""

    assessment: SealedAnswers | None


def referrer_of(organisation_id: str) -> tuple[bytes, ...]:
    """Return the parts of the digest by which a referral's own referrer is known again."""
    return b"referrer", organisation_id.encode()


class ReferralCreated(Common):
    """A person has been referred and the referral accepted.

    ``referrer`` is an HMAC of the referring organisation's id under the person's key: it tells nobody who referred, and
    lets whoever did be known again. Null where it is neither of the NHS nor a provider: others are told nothing more.
    ``linked_referral``: the person's other referral to which this one is additional, or that was handed over to here.
    ``takes_over``: nothing was earned under that one and nothing will be, so this one is paid for in its place.
    """

    received_at: Moment
    asks: tuple[Support, ...]
    facts: Facts
    consents: Consents
    eligibility: Eligibility
    equality: Equality
    language: Language | None
    formats: tuple[AccessibleFormat, ...]
    priority_groups: tuple[Code, ...]
    linked_referral: Uuid | None
    takes_over: bool
    referrer: Digest | None
    sealed: SealedAssessment


class ConsentChange(Record):
    """A consent was given or withdrawn."""

    kind: Literal["consent_changed"] = "consent_changed"
    by: Actor | None
    consent: ConsentKind
    given: bool
    channel: Channel | None


class EligibilityDecided(Record):
    """A named person confirmed or overrode what the rules proposed.

    ``unmet``: the requirements that it is about; ``alternatives``: where the person was told they may turn, codes of
    the programme's file; ``area_code``: the area that the decider found out, null where none was undecided;
    ``contested``: it answers a contest of an earlier decision; ``linked_referral``: the person's other referral that is
    open by now, to which this one is additional from here on (null: as before).
    """

    kind: Literal["eligibility_decided"] = "eligibility_decided"
    by: Actor
    outcome: EligibilityDecision
    reasons: tuple[EligibilityGround, ...]
    unmet: tuple[UnmetRequirement, ...]
    alternatives: tuple[Code, ...]
    area_code: AreaCode | None
    contested: bool
    linked_referral: Uuid | None = None


class EligibilityContested(Record):
    """The person does not accept the decision; another named person than its decider must look again.

    ``linked_referral``: as in ``eligibility_decided``; a contest opens the referral again.
    """

    kind: Literal["eligibility_contested"] = "eligibility_contested"
    by: Actor | None
    reasons: tuple[ContestGround, ...]
    unmet: tuple[UnmetRequirement, ...]
    channel: Channel | None
    linked_referral: Uuid | None = None


class Correction(Record):
    """Facts were wrong. ``fields`` names those that changed; the rest is as it stands afterwards.

    ``eligibility_decided``: the person's decision that still stands (null: none, or the facts it rested on changed).
    ``linked_referral``: as in ``eligibility_decided``; where a decision against the person falls, the referral is open
    again.
    """

    kind: Literal["corrected"] = "corrected"
    by: Actor | None
    fields: tuple[Annotated[str, Field(pattern=r"^[a-z0-9_.]{1,64}$")], ...]
    asks: tuple[Support, ...]
    facts: Facts
    equality: Equality
    eligibility: Eligibility
    eligibility_decided: EligibilityDecision | None
    language: Language | None
    formats: tuple[AccessibleFormat, ...]
    priority_groups: tuple[Code, ...]
    linked_referral: Uuid | None = None


class Withdrawal(Record):
    """The person or the referrer takes the referral back; ``channel`` null: it was not said how."""

    kind: Literal["withdrawn"] = "withdrawn"
    by: Actor | None
    reason: WithdrawalReason
    channel: Channel | None


IntakeChange = Annotated[
    ConsentChange | EligibilityDecided | EligibilityContested | Correction | Withdrawal, Field(discriminator="kind")
]
"""A later fact about a referral, as triage passes it on."""


class ReferralAssessed(Common):
    """New answers, whole or partial: they add to the earlier ones and replace those they repeat."""

    received_at: Moment
    by: Actor | None
    sealed: SealedAssessment


class ReferralConsentChanged(Common):
    """A consent changed after the referral."""

    received_at: Moment
    change: ConsentChange


class ReferralEligibilityDecided(Common):
    """A person has decided on eligibility."""

    received_at: Moment
    change: EligibilityDecided


class ReferralEligibilityContested(Common):
    """The person contests a decision on eligibility."""

    received_at: Moment
    change: EligibilityContested


class ReferralCorrected(Common):
    """A referral's facts were corrected; the common fields are the corrected ones too."""

    received_at: Moment
    change: Correction


class ReferralWithdrawn(Common):
    """A referral was withdrawn."""

    received_at: Moment
    change: Withdrawal
