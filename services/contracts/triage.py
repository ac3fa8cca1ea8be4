"""Topic ``triage.completed``: what triage recommends or holds, who acknowledged it, what it passes on."""

from typing import Annotated

from pydantic import Field

from services.contracts.assessment import SealedAnswers
from services.contracts.base import Actor, Code, Common, Moment, Ordinal, PolicyVersion, Record, Uuid
from services.contracts.codes import AccessibleFormat, HoldCause, Intensity, Support, TriageOutcome, Urgency
from services.contracts.referral import Consents, Eligibility, Facts, IntakeChange, Language
from services.contracts.safety_task import Actions, AwaitedResponses
from services.contracts.triage_codes import RunnerUpLoss
from services.kernel.sealing.content import Digest, Sealed, SealedAs

RuleId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$")]

MOST_SUPPORTS = len(Support)
"""No package names a kind of support twice, so none is longer."""


MOST_NEEDS = 12
"""A rule file names no more needs, so there are no more runners-up."""

MOST_STRONGER = 3
"""Of the rules that a runner-up lost to, so many are named."""


class PackageItem(Record):
    """One support of a package; ``after`` names the supports of the package that come first."""

    support: Support
    intensity: Intensity | None
    after: Annotated[tuple[Support, ...], Field(max_length=MOST_SUPPORTS)]


Package = Annotated[tuple[PackageItem, ...], Field(max_length=MOST_SUPPORTS)]
"""The ordered supports recommended or agreed, first things first; each kind at most once."""


class Reason(Record):
    """Why a rule fired: the rule of the rule file and a code that says it."""

    rule: RuleId
    code: Code


class RunnerUp(Record):
    """What came second for a need, and why it is not in the package.

    ``rule`` is null where the winner's own alternative has no rule for this need; ``by`` names rules it lost to.
    """

    need: Code
    support: Support
    rule: RuleId | None
    lost: RunnerUpLoss
    by: Annotated[tuple[RuleId, ...], Field(max_length=MOST_STRONGER)]


class Findings(Record):
    """What triage found: urgency, cause of a hold (null: none), clinical reasons, what came second for each need.

    ``intensity`` is how much support the whole package is expected to take: ``light_touch`` or ``key_worker`` (null
    while all matching is stopped). ``awaits`` names the red-flag rules that a person has yet to acknowledge,
    ``acknowledged`` those that one had acknowledged before.
    """

    urgency: Urgency
    cause: HoldCause | None
    intensity: Intensity | None
    reasons: tuple[Reason, ...]
    runners_up: Annotated[tuple[RunnerUp, ...], Field(max_length=MOST_NEEDS)]
    awaits: tuple[RuleId, ...]
    acknowledged: tuple[RuleId, ...]


class SealedFindings(Record):
    """The sealed part of a triage; ``assessment``: all answers known so far, later ones in place of those they repeat.

    The findings are one token, so that its presence and length say less than four would.
    """

    findings: Annotated[Sealed[Findings], SealedAs("findings")]
    assessment: SealedAnswers | None


class TriageCompleted(Common):
    """Triage has read all that is known and recommends, or holds; revision 1 is the first reading.

    ``input_digest`` is an HMAC of the input under the person's key, so that two decisions can be
    compared without opening either. ``consents`` are those known when this was decided; later changes
    of a consent come as ``triage.relayed``. Of a referral it carries what later decisions and coaching
    need: asks, facts, eligibility, priority groups, language, formats, ``referrer``, ``linked_referral`` and
    ``takes_over`` as they came (null: it stands by itself). ``awaiting_since``
    says that a person must look, and since when, not why (null: nobody need); ``awaiting`` says how soon, for each
    level that waits.
    """

    revision: Ordinal
    asks: tuple[Support, ...]
    facts: Facts
    consents: Consents
    eligibility: Eligibility
    priority_groups: tuple[Code, ...]
    language: Language | None
    formats: tuple[AccessibleFormat, ...]
    linked_referral: Uuid | None
    takes_over: bool
    referrer: Digest | None
    outcome: TriageOutcome
    package: Package
    alternatives: tuple[Support, ...]
    ruleset: PolicyVersion
    awaiting_since: Moment | None
    awaiting: AwaitedResponses
    input_digest: Digest
    sealed: SealedFindings


class TriageAcknowledged(Common):
    """A named person has taken up the hold of ``revision``, and what they did. It ends every task that waits."""

    revision: Ordinal
    by: Actor
    acknowledged_at: Moment
    actions: Actions


class TriageRelayed(Common):
    """A later fact from intake, passed on in order; ``origin`` is the id of intake's event."""

    origin: Uuid
    received_at: Moment
    change: IntakeChange
