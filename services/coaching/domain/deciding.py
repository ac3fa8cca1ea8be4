"""``decide`` of coaching: what a coach asks for and what triage says, each one change of one plan."""

from datetime import datetime
from typing import Any

from services.coaching.domain import correcting, dates, guards, handover, snapshot
from services.coaching.domain.commands import Asked, CorrectFact
from services.coaching.domain.in_codes import in_codes
from services.coaching.domain.lifecycle import CODES, LIFECYCLE, Move
from services.coaching.domain.plan import Plan
from services.coaching.domain.policy import CoachingPolicy, Terms
from services.coaching.domain.refusing import refuse
from services.coaching.domain.support_commands import HandOver
from services.contracts import types
from services.contracts.base import Common, Work, carry
from services.contracts.codes import TriageOutcome
from services.contracts.plan import PlanSnapshot, PlanUpdated
from services.contracts.plan_change import (
    ConsentChanged,
    Corrected,
    HoldReleased,
    PlanChange,
    Proposed,
    Withdrawn,
)
from services.contracts.plan_codes import PlanState
from services.contracts.referral import (
    ConsentChange,
    Correction,
    EligibilityContested,
    EligibilityDecided,
    Withdrawal,
)
from services.contracts.triage import TriageAcknowledged, TriageCompleted, TriageRelayed
from services.kernel.decision import Cause, Command, Draft, Reason, Refused


def decide(state: Plan | None, cause: Cause, *, policy: CoachingPolicy, now: datetime) -> list[Draft]:
    """Return the one event that follows from ``cause``, or none. Raises Refused for a command only."""
    if isinstance(cause, Command):
        return [_commanded(state, cause, policy, now)]
    return _received(state, cause.data, policy)


def _commanded(state: Plan | None, command: Command, policy: CoachingPolicy, now: datetime) -> Draft:
    asked: Asked = command.data
    body = asked.command
    if state is None:
        refuse("plan_not_found", "there is no plan of this referral", status=404)
    if asked.expected_version not in {None, state.plan_version}:
        refuse("stale_version", f"the plan has changed: it is at version {state.plan_version}")
    today = dates.london_day(now)
    wrong = dates.faults(body, state.referred_on, today)
    if wrong:
        raise Refused(*wrong, status=422)
    cell = LIFECYCLE[body.kind][state.state]
    if not isinstance(cell, Move):
        raise Refused(Reason(cell.code, CODES[cell.code]))
    guards.check(state, body, today)
    if isinstance(body, HandOver):
        handover.check(state, body, policy.book)
    before: PlanSnapshot = state.plan
    added: dict[str, Any] = {}
    if isinstance(body, CorrectFact):
        taken = correcting.wrong_fact(state, body)
        before, added = correcting.without(state, taken), correcting.said_of(taken)
    change = in_codes(state, asked, command.actor, now, added)
    return _draft(state.plan_version + 1, before, state, change, cell, policy.terms(state.programme))


def _received(state: Plan | None, data: Any, policy: CoachingPolicy) -> list[Draft]:
    match data:
        case TriageCompleted():
            return _triaged(state, data, policy)
        case TriageAcknowledged():
            held = state.plan.held_revision if state is not None else None
            if held is None or data.revision < held:
                return []
            return _follow(state, data, HoldReleased(by=data.by, occurred_on=data.occurred_on, revision=held), policy)
        case TriageRelayed():
            change = _relayed(data)
            return [] if change is None else _follow(state, data, change, policy)
    raise TypeError(f"coaching does not handle {type(data).__name__}")


def _triaged(state: Plan | None, data: TriageCompleted, policy: CoachingPolicy) -> list[Draft]:
    change = Proposed(
        by=None,
        occurred_on=data.occurred_on,
        revision=data.revision,
        outcome=data.outcome,
        package=data.package,
        alternatives=data.alternatives,
        ruleset=data.ruleset,
        sealed=data.sealed,
    )
    if state is not None:
        return _follow(state, data, change, policy) if data.revision > state.plan.revision else []
    if data.outcome is not TriageOutcome.RECOMMENDED:
        return []
    first = PlanSnapshot(
        revision=data.revision,
        consents=data.consents,
        work_at_referral=data.work,
        linked_referral=data.linked_referral,
        takes_over=data.takes_over,
        language=data.language,
        formats=data.formats,
        priority_groups=data.priority_groups,
    )
    return [_draft(1, first, data, change, Move(PlanState.PROPOSED), policy.terms(data.programme))]


def _relayed(data: TriageRelayed) -> PlanChange | None:
    """Return what intake's later fact changes about a plan.

    What a decision on eligibility means for the recommendation comes as a revision; the area that one establishes, and
    the referral that this one is additional to since it was opened again, are a correction, so that the plan's later
    events carry them.
    """
    day = data.occurred_on
    match data.change:
        case ConsentChange(by=by, consent=consent, given=given, channel=channel):
            return ConsentChanged(
                by=by, occurred_on=day, consent=consent, given=given, channel=channel, event_id=data.origin
            )
        case Correction(by=by, fields=fields):
            return Corrected(
                by=by,
                occurred_on=day,
                refers_to=None,
                took_back=None,
                evidence=(),
                fields=fields,
                reason=None,
                event_id=data.origin,
            )
        case Withdrawal(by=by, reason=reason):
            return Withdrawn(by=by, occurred_on=day, reason=reason)
        case EligibilityDecided(by=by) | EligibilityContested(by=by) as said:
            fields = tuple(name for name in ("area_code", "linked_referral") if getattr(said, name, None) is not None)
            if not fields:
                return None
            return Corrected(
                by=by,
                occurred_on=day,
                refers_to=None,
                took_back=None,
                evidence=(),
                fields=fields,
                reason=None,
                event_id=data.origin,
            )


def linked_referral(data: object) -> str | None:
    """Return the referral of the same person that triage says this one is additional to."""
    match data:
        case TriageCompleted(linked_referral=linked):
            return linked
        case TriageRelayed(change=change):
            return getattr(change, "linked_referral", None)
    return None


def _follow(state: Plan | None, data: Common, change: PlanChange, policy: CoachingPolicy) -> list[Draft]:
    """Apply what triage passes on. Where the table refuses it, or no plan is there, nothing changes."""
    if state is None:
        return []
    cell = LIFECYCLE[change.kind][state.state]
    if not isinstance(cell, Move):
        return []
    known: dict[str, Any] = {"work_at_referral": data.work}
    linked = linked_referral(data)
    if linked is not None:
        known |= {"linked_referral": linked, "takes_over": getattr(data, "takes_over", False)}
    before = state.plan.model_copy(update=known)
    return [_draft(state.plan_version + 1, before, data, change, cell, policy.terms(data.programme))]


def _draft(version: int, before: PlanSnapshot, source: Common, change: PlanChange, cell: Move, terms: Terms) -> Draft:
    """Return the event. ``source`` has the newest common fields: triage's event or the plan itself."""
    plan = snapshot.after(before, change, terms)
    data = PlanUpdated.model_construct(
        **carry(source, occurred_on=change.occurred_on, work=_work(plan, source)),
        plan_version=version,
        state=cell.target(change, plan),
        change=change,
        plan=plan,
    )
    return Draft(types.PLAN_UPDATED, data, policy=terms.ref)


def _work(plan: PlanSnapshot, source: Common) -> Work:
    """Return the newest work: what the coach recorded last, else what the referral says."""
    if plan.latest.work is not None:
        return plan.latest.work.work
    return plan.work_at_referral or source.work
