"""What triage shows: a decision with its reasons in plain English, and the list of those that await a person."""

from datetime import date

from pydantic import AwareDatetime, BaseModel

from services.contracts.codes import EligibilityDecision, HoldCause, Intensity, Support, TriageOutcome, Urgency
from services.contracts.triage import Findings, RunnerUp
from services.kernel.sealing.content import ContentErased
from services.triage.domain.policy import RuleBook
from services.triage.domain.state import TriageState, acknowledged, awaited
from services.triage.store import TriageCase


class ItemView(BaseModel):
    """One support of the package; ``after``: those that come first."""

    support: Support
    intensity: Intensity | None
    after: tuple[Support, ...]


class ReasonView(BaseModel):
    """A rule that fired and what it says; the text is null when its rule file is no longer here."""

    rule: str
    code: str
    title: str | None
    text: str | None


class RulesetView(BaseModel):
    """The rules that were followed."""

    id: str
    version: str
    sha256: str


class DecisionView(BaseModel):
    """A decision explained. It recommends; a coach confirms or overrides it.

    ``intensity``: how much support the whole package is expected to take (null while all matching is stopped).
    ``erased``: the person's data are erased; what was sealed (urgency, cause, reasons, red flags) is gone.
    """

    referral_id: str
    programme: str
    referred_on: date
    revision: int
    decided_on: date
    outcome: TriageOutcome
    urgency: Urgency | None
    cause: HoldCause | None
    intensity: Intensity | None
    package: list[ItemView]
    alternatives: list[Support]
    reasons: list[ReasonView]
    runners_up: list[RunnerUp]
    awaits: list[str]
    awaiting_since: AwareDatetime | None
    acknowledged: list[str]
    eligibility_decided: EligibilityDecision | None
    withdrawn: bool
    ruleset: RulesetView
    input_digest: str
    erased: bool


class CaseView(BaseModel):
    """A referral in the work list. It says that a person is needed, not why."""

    referral_id: str
    programme: str
    locality: str | None
    provider: str | None
    outcome: TriageOutcome
    revision: int
    awaiting: bool
    awaiting_since: AwareDatetime | None
    withdrawn: bool


class CaseList(BaseModel):
    """One page of the work list, those that wait longest first; ``next`` is the cursor of the next page."""

    items: list[CaseView]
    next: str | None


def decision_view(state: TriageState, rules: RuleBook) -> DecisionView:
    """Explain a decision with the texts of the rules that it followed."""
    decision = state.decision
    found: Findings | None
    try:
        found, awaits, seen = decision.sealed.findings.content, awaited(state), acknowledged(state)
    except ContentErased:
        found, awaits, seen = None, (), ()
    followed = rules.find(decision.ruleset.id, decision.ruleset.version)
    if followed is not None and followed.sha256 != decision.ruleset.sha256:
        followed = None
    reasons = []
    for reason in found.reasons if found is not None else ():
        rule = followed.rule(reason.rule) if followed is not None else None
        title, text = (rule.title, rule.text) if rule is not None else (None, None)
        reasons.append(ReasonView(rule=reason.rule, code=reason.code, title=title, text=text))
    return DecisionView(
        referral_id=decision.referral_id,
        programme=decision.programme.id,
        referred_on=decision.referred_on,
        revision=decision.revision,
        decided_on=decision.occurred_on,
        outcome=decision.outcome,
        urgency=None if found is None else found.urgency,
        cause=None if found is None else found.cause,
        intensity=None if found is None else found.intensity,
        package=[ItemView(support=i.support, intensity=i.intensity, after=i.after) for i in decision.package],
        alternatives=list(decision.alternatives),
        reasons=reasons,
        runners_up=[] if found is None else list(found.runners_up),
        awaits=list(awaits),
        awaiting_since=state.awaiting_since,
        acknowledged=list(seen),
        eligibility_decided=state.eligibility_decided,
        withdrawn=state.withdrawn,
        ruleset=RulesetView(**decision.ruleset.model_dump()),
        input_digest=decision.input_digest.value or "",
        erased=found is None,
    )


def case_view(case: TriageCase) -> CaseView:
    """Show a row of the work list."""
    return CaseView(**case.model_dump(), awaiting=case.awaiting_since is not None)
