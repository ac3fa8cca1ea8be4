"""What follows from an event of intake, or from a person's acknowledgement.

Red flags come first. A hold is latched: an answer can raise one, and only a person can release it.
Triage decides again when answers or facts arrive, and never after a withdrawal.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from services.contracts import types
from services.contracts.assessment import Assessment
from services.contracts.base import Common, carry
from services.contracts.codes import EligibilityDecision, SafetyLevel, TriageOutcome
from services.contracts.referral import (
    ReferralAssessed,
    ReferralConsentChanged,
    ReferralCorrected,
    ReferralCreated,
    ReferralEligibilityContested,
    ReferralEligibilityDecided,
    ReferralWithdrawn,
)
from services.contracts.safety_codes import SafetyAction
from services.contracts.safety_task import Actions, responses_to
from services.contracts.triage import (
    Findings,
    RuleId,
    SealedFindings,
    TriageAcknowledged,
    TriageCompleted,
    TriageRelayed,
)
from services.kernel.decision import Command, Draft, PolicyRef, Reason, Received, Refused
from services.kernel.sealing.content import ContentErased, Digest, Sealed
from services.triage.domain.answers import Answers, positive_levels, raised_by
from services.triage.domain.facts import facts_of
from services.triage.domain.matching import Engine
from services.triage.domain.policy import TriagePolicy
from services.triage.domain.state import TriageState, acknowledged, acknowledged_in, awaited, relayed_into

LONDON: Final = ZoneInfo("Europe/London")
ACKNOWLEDGE: Final = "triage.acknowledge"

_NOT_ELIGIBLE: Final = EligibilityDecision.NOT_ELIGIBLE
_REFUSED_BY_A_PERSON: Final = TriageOutcome.NOT_ELIGIBLE
_HELD: Final = TriageOutcome.HELD

Later = (
    ReferralConsentChanged
    | ReferralEligibilityDecided
    | ReferralEligibilityContested
    | ReferralCorrected
    | ReferralWithdrawn
)


class Acknowledge(BaseModel):
    """A person takes up what a referral's triage holds, and says what they did.

    ``revision``: the one that they saw (None: any). Without ``actions`` nothing is released. ``data_erased`` among them
    ends what nobody can look at any more: it needs no key, and nothing is decided after it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    revision: int | None = None
    actions: Actions


def decide(state: TriageState | None, cause: Received | Command, *, policy: TriagePolicy, now: datetime) -> list[Draft]:
    """Return what follows from ``cause``. Raises Refused for an acknowledgement that cannot be.

    An event about a referral that triage has not seen, or has seen already, gives nothing.
    """
    if isinstance(cause, Command):
        return _acknowledge(state, cause, policy, now)
    if cause.type == types.REFERRAL_CREATED:
        return [] if state is not None else _created(cause.data, policy, now)
    if state is None:
        return []
    later = _LATER.get(cause.type)
    return [] if later is None else later(state, cause, policy, now)


class Pending(NamedTuple):
    """Red-flag rules that await a person, those that one has acknowledged, and since when somebody must look."""

    awaits: tuple[RuleId, ...]
    acknowledged: tuple[RuleId, ...]
    since: datetime | None


def _created(referral: ReferralCreated, policy: TriagePolicy, now: datetime) -> list[Draft]:
    engine = policy.engine(referral.programme.id, referral.referred_on, referral.locality)
    answers = Answers.of(referral.sealed.assessment, referral.referred_on)
    awaits = tuple(engine.rule_of_level[level] for level in raised_by(answers.given, answers.given))
    pending = Pending(tuple(sorted(awaits)), (), now if awaits else None)
    return [_draft(_completed(referral, referral, 1, answers, pending, None, engine))]


def _assessed(state: TriageState, cause: Received, policy: TriagePolicy, now: datetime) -> list[Draft]:
    event: ReferralAssessed = cause.data
    if state.withdrawn:
        return []
    part = Answers.of(event.sealed.assessment, event.occurred_on)
    answers = _known(state).joined_by(part)
    return [_draft(_again(state, event, answers, raised_by(part.given, answers.given), policy, now))]


def _known(state: TriageState) -> Answers:
    return Answers.of(state.decision.sealed.assessment, state.decision.referred_on)


def _relay(cause: Received) -> TriageRelayed:
    event: Later = cause.data
    return TriageRelayed(**carry(event), origin=cause.id, received_at=event.received_at, change=event.change)


def _passed_on(_: TriageState, cause: Received, __: TriagePolicy, ___: datetime) -> list[Draft]:
    return [Draft(types.TRIAGE_RELAYED, _relay(cause), cause.occurred_at)]


def _decided_or_corrected(state: TriageState, cause: Received, policy: TriagePolicy, now: datetime) -> list[Draft]:
    """Pass the change on; decide again when the facts changed, or when the outcome does."""
    relayed = _relay(cause)
    drafts = [Draft(types.TRIAGE_RELAYED, relayed, cause.occurred_at)]
    if state.withdrawn:
        return drafts
    after = relayed_into(state, relayed)
    again = _again(after, relayed, _known(after), (), policy, now)
    if cause.type == types.REFERRAL_CORRECTED or _differs(again, state.decision):
        drafts.append(_draft(again))
    return drafts


def _differs(one: TriageCompleted, other: TriageCompleted) -> bool:
    """Tell whether two decisions come to something else: a person may have named the area that a rule asks for.

    Other reasons for the same package count too: what is explained must be what was decided.
    """
    came = [(d.outcome, d.package, d.alternatives, d.sealed.findings.content) for d in (one, other)]
    return came[0] != came[1]


_LATER: Final[dict[str, Callable[[TriageState, Received, TriagePolicy, datetime], list[Draft]]]] = {
    types.REFERRAL_ASSESSED: _assessed,
    types.REFERRAL_CONSENT_CHANGED: _passed_on,
    types.REFERRAL_WITHDRAWN: _passed_on,
    types.REFERRAL_ELIGIBILITY_DECIDED: _decided_or_corrected,
    types.REFERRAL_ELIGIBILITY_CONTESTED: _decided_or_corrected,
    types.REFERRAL_CORRECTED: _decided_or_corrected,
}


def _acknowledge(state: TriageState | None, command: Command, policy: TriagePolicy, now: datetime) -> list[Draft]:
    wanted: Acknowledge = command.data
    if state is None:
        message = "Triage knows no such referral; check the id, or wait until it has arrived."
        raise Refused(Reason("referral_not_found", message), status=404)
    seen = state.decision.revision
    if wanted.revision is not None and wanted.revision != seen:
        message = f"Revision {seen} is current, not {wanted.revision}; read it, then acknowledge that one."
        raise Refused(Reason("revision_changed", message, "/revision"))
    if state.awaiting_since is None:
        raise Refused(Reason("nothing_to_acknowledge", "Nothing is held and nothing awaits an acknowledgement."))
    erased = SafetyAction.DATA_ERASED in wanted.actions
    if erased and not _is_erased(state):
        message = "The person's data are not erased; look at what was found, then say what was done."
        raise Refused(Reason("not_erased", message, "/actions"), status=422)
    on = now.astimezone(LONDON).date()
    done = TriageAcknowledged(
        **carry(state.decision, occurred_on=on),
        revision=seen,
        by=command.actor,
        acknowledged_at=now,
        actions=wanted.actions,
    )
    drafts = [Draft(types.TRIAGE_ACKNOWLEDGED, done)]
    if not state.withdrawn and not erased:
        after = acknowledged_in(state, done)
        again = _again(after, done, _known(after), (), policy, now)
        drafts.append(_draft(again))
    return drafts


def _is_erased(state: TriageState) -> bool:
    try:
        awaited(state)
    except ContentErased:
        return True
    return False


def _again(
    state: TriageState,
    common: Common,
    answers: Answers,
    raised: tuple[SafetyLevel, ...],
    policy: TriagePolicy,
    now: datetime,
) -> TriageCompleted:
    """Return the next revision. ``raised``: the levels for which new answers hold a positive one."""
    engine = policy.engine(common.programme.id, common.referred_on, common.locality)
    awaits, seen = set(awaited(state)), acknowledged(state)
    awaits.update(engine.rule_of_level[level] for level in raised)
    for level in positive_levels(answers.given):
        rule = engine.rule_of_level[level]
        if rule not in seen:
            awaits.add(rule)
    since = (state.awaiting_since or now) if awaits else None
    pending = Pending(tuple(sorted(awaits)), tuple(rule for rule in seen if rule not in awaits), since)
    revision = state.decision.revision + 1
    return _completed(common, state.decision, revision, answers, pending, state.eligibility_decided, engine)


def _completed(
    common: Common,
    known: ReferralCreated | TriageCompleted,
    revision: int,
    answers: Answers,
    pending: Pending,
    decided: EligibilityDecision | None,
    engine: Engine,
) -> TriageCompleted:
    facts = facts_of(common, known.facts, known.asks, answers.given, common.occurred_on)
    found = engine.match(facts, pending.awaits)
    outcome = found.outcome
    if decided is _NOT_ELIGIBLE and outcome is not _HELD:
        outcome = _REFUSED_BY_A_PERSON
    return TriageCompleted(
        **carry(common),
        revision=revision,
        asks=known.asks,
        facts=known.facts,
        consents=known.consents,
        eligibility=known.eligibility,
        priority_groups=known.priority_groups,
        language=known.language,
        formats=known.formats,
        linked_referral=known.linked_referral,
        takes_over=known.takes_over,
        referrer=known.referrer,
        outcome=outcome,
        package=found.package,
        alternatives=found.alternatives,
        ruleset=engine.ruleset,
        awaiting_since=pending.since,
        awaiting=responses_to(rule.level for rule in engine.waiting(pending.awaits)) if pending.awaits else (),
        input_digest=_digest(common, known, answers.given, pending.awaits, decided),
        sealed=SealedFindings(
            findings=Sealed.of(
                Findings(
                    urgency=found.urgency,
                    cause=found.cause,
                    intensity=found.intensity,
                    reasons=found.reasons,
                    runners_up=found.runners_up,
                    awaits=pending.awaits,
                    acknowledged=pending.acknowledged,
                )
            ),
            assessment=answers.sealed,
        ),
    )


def _draft(data: TriageCompleted) -> Draft:
    rules = data.ruleset
    return Draft(types.TRIAGE_COMPLETED, data, policy=PolicyRef(rules.id, rules.version, rules.sha256))


def _digest(
    common: Common,
    known: ReferralCreated | TriageCompleted,
    answers: Assessment | None,
    awaits: tuple[str, ...],
    decided: EligibilityDecision | None,
) -> Digest:
    """Return the digest of all that a decision reads: two of one person with equal digests read the same."""
    read = (
        common.person_id,
        common.occurred_on.isoformat(),
        common.age_band or "",
        common.route,
        common.work.status,
        common.work.attendance or "",
        " ".join(known.asks),
        " ".join(awaits),
        decided or "",
    )
    return Digest.of(
        "\0".join(read).encode(),
        known.facts.__pydantic_serializer__.to_json(known.facts),
        b"" if answers is None else answers.__pydantic_serializer__.to_json(answers),
    )
