"""What follows from an event of intake, or from a person's acknowledgement.

Red flags come first. A hold is latched: an answer can raise one, and only a person can release it.
Triage decides again when answers or facts arrive, and never after a withdrawal.
"""

import hmac
from collections.abc import Callable
from datetime import datetime
from typing import Final
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
    ReferralEligibilityDecided,
    ReferralWithdrawn,
)
from services.contracts.triage import Findings, TriageAcknowledged, TriageCompleted, TriageRelayed
from services.kernel.decision import Command, Draft, Event, PolicyRef, Reason, Received, Refused
from services.triage.domain.answers import merged, positive_levels, raised_by
from services.triage.domain.facts import facts_of
from services.triage.domain.matching import Engine
from services.triage.domain.policy import TriagePolicy
from services.triage.domain.state import TriageState, acknowledged_in, relayed_into

LONDON: Final = ZoneInfo("Europe/London")
ACKNOWLEDGE: Final = "triage.acknowledge"

_NOT_ELIGIBLE: Final = EligibilityDecision.NOT_ELIGIBLE
_REFUSED_BY_A_PERSON: Final = TriageOutcome.NOT_ELIGIBLE
_HELD: Final = TriageOutcome.HELD

Later = ReferralConsentChanged | ReferralEligibilityDecided | ReferralCorrected | ReferralWithdrawn


class Acknowledge(BaseModel):
    """A person takes up what a referral's triage holds. ``revision``: the one that they saw (None: any)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    revision: int | None = None


def decide(state: TriageState | None, cause: Received | Command, *, policy: TriagePolicy, now: datetime) -> list[Draft]:
    """Return what follows from ``cause``. Raises Refused for an acknowledgement that cannot be.

    An event about a referral that triage has not seen, or has seen already, gives nothing.
    """
    if isinstance(cause, Command):
        return _acknowledge(state, cause, policy, now)
    if cause.type == types.REFERRAL_CREATED:
        return [] if state is not None else _created(cause.data, policy)
    if state is None:
        return []
    later = _LATER.get(cause.type)
    return [] if later is None else later(state, cause, policy)


def _created(referral: ReferralCreated, policy: TriagePolicy) -> list[Draft]:
    engine = policy.engine(referral.programme.id, referral.referred_on)
    answers = referral.sealed.assessment
    awaits = tuple(engine.rule_of_level[level] for level in raised_by(answers, answers))
    return [_draft(_completed(referral, referral, 1, answers, tuple(sorted(awaits)), None, engine, policy))]


def _assessed(state: TriageState, cause: Received, policy: TriagePolicy) -> list[Draft]:
    event: ReferralAssessed = cause.data
    if state.withdrawn:
        return []
    part = event.sealed.assessment
    answers = merged(state.decision.sealed.assessment, part)
    return [_draft(_again(state, event, answers, raised_by(part, answers), policy))]


def _relay(cause: Received) -> TriageRelayed:
    event: Later = cause.data
    return TriageRelayed(**carry(event), origin=cause.id, received_at=event.received_at, change=event.change)


def _passed_on(_: TriageState, cause: Received, __: TriagePolicy) -> list[Draft]:
    return [Draft(types.TRIAGE_RELAYED, _relay(cause), cause.occurred_at)]


def _decided_or_corrected(state: TriageState, cause: Received, policy: TriagePolicy) -> list[Draft]:
    """Pass the change on; decide again when the facts changed, or when the outcome does."""
    relayed = _relay(cause)
    drafts = [Draft(types.TRIAGE_RELAYED, relayed, cause.occurred_at)]
    if state.withdrawn:
        return drafts
    after = relayed_into(state, relayed)
    again = _again(after, relayed, after.decision.sealed.assessment, (), policy)
    if cause.type == types.REFERRAL_CORRECTED or again.outcome != state.decision.outcome:
        drafts.append(_draft(again))
    return drafts


_LATER: Final[dict[str, Callable[[TriageState, Received, TriagePolicy], list[Draft]]]] = {
    types.REFERRAL_ASSESSED: _assessed,
    types.REFERRAL_CONSENT_CHANGED: _passed_on,
    types.REFERRAL_WITHDRAWN: _passed_on,
    types.REFERRAL_ELIGIBILITY_DECIDED: _decided_or_corrected,
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
    if not state.awaits:
        raise Refused(Reason("nothing_to_acknowledge", "Nothing is held and nothing awaits an acknowledgement."))
    on = now.astimezone(LONDON).date()
    acknowledged = TriageAcknowledged(
        **carry(state.decision, occurred_on=on), revision=seen, by=command.actor, acknowledged_at=now
    )
    drafts = [Draft(types.TRIAGE_ACKNOWLEDGED, acknowledged)]
    if not state.withdrawn:
        after = acknowledged_in(state)
        again = _again(after, acknowledged, after.decision.sealed.assessment, (), policy)
        drafts.append(_draft(again))
    return drafts


def _again(
    state: TriageState,
    common: Common,
    answers: Assessment | None,
    raised: tuple[SafetyLevel, ...],
    policy: TriagePolicy,
) -> TriageCompleted:
    """Return the next revision. ``raised``: the levels for which new answers hold a positive one."""
    engine = policy.engine(common.programme.id, common.referred_on)
    awaits = set(state.awaits)
    for level in positive_levels(answers):
        rule = engine.rule_of_level[level]
        if rule not in state.acknowledged or level in raised:
            awaits.add(rule)
    revision = state.decision.revision + 1
    decided = state.eligibility_decided
    return _completed(common, state.decision, revision, answers, tuple(sorted(awaits)), decided, engine, policy)


def _completed(
    common: Common,
    known: ReferralCreated | TriageCompleted,
    revision: int,
    answers: Assessment | None,
    awaits: tuple[str, ...],
    decided: EligibilityDecision | None,
    engine: Engine,
    policy: TriagePolicy,
) -> TriageCompleted:
    facts = facts_of(common, known.facts, known.asks, answers, common.occurred_on)
    found = engine.match(facts, awaits)
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
        outcome=outcome,
        package=found.package,
        alternatives=found.alternatives,
        ruleset=engine.ruleset,
        input_digest=_digest(common, known, answers, awaits, decided, policy.digest_key),
        sealed=Findings(
            urgency=found.urgency, cause=found.cause, reasons=found.reasons, awaits=awaits, assessment=answers
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
    key: bytes,
) -> str:
    """Return the HMAC-SHA-256 of all that a decision reads: two decisions with equal digests read the same."""
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
    text = b"\0".join(
        (
            "\0".join(read).encode(),
            known.facts.__pydantic_serializer__.to_json(known.facts),
            b"" if answers is None else answers.__pydantic_serializer__.to_json(answers),
        )
    )
    return hmac.digest(key, text, "sha256").hex()


def reissue(event: Event, cause_id: str) -> Command:
    """Return the acknowledgement that led to ``event``, for a replay to issue it again."""
    acknowledged: TriageAcknowledged = event.data
    return Command(cause_id, ACKNOWLEDGE, event.key, Acknowledge(revision=acknowledged.revision), acknowledged.by)
