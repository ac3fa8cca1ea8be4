"""What a plan looks like after a change: the snapshot that travels in the event."""

from datetime import timedelta
from typing import Any, Final

from services.coaching.domain import movements
from services.coaching.domain.policy import Terms
from services.contracts.codes import TriageOutcome
from services.contracts.consent import with_word
from services.contracts.outcome import Evidence
from services.contracts.plan import (
    LatestReview,
    LatestSession,
    LatestWork,
    OpenGoal,
    OpenStep,
    PlanCounters,
    PlanSnapshot,
    Proposal,
)
from services.contracts.plan_change import (
    Acknowledged,
    AdjustmentChanged,
    BarrierChanged,
    BookingChanged,
    Closed,
    CoachAssigned,
    ConsentChanged,
    EmployerContacted,
    EvidenceRecorded,
    FitNoteRecorded,
    Goal,
    GoalProgressed,
    GoalSet,
    HandedOver,
    HoldReleased,
    PlanAgreed,
    PlanChange,
    Proposed,
    RecommendationConfirmed,
    RecommendationOverridden,
    Reopened,
    ReviewCompleted,
    SessionRecorded,
    StepAdded,
    StepCancelled,
    StepFinished,
    StepSpec,
    StepStarted,
    WorkStatusChanged,
    WorkStatusConfirmed,
)
from services.contracts.plan_codes import ClosureCode, GoalProgress, SessionAttendance, StepState
from services.contracts.referral import Consent, Consents

_GOAL_ENDS = frozenset({GoalProgress.MET, GoalProgress.DROPPED})
COUNTER_OF: Final = {
    SessionAttendance.ATTENDED: "sessions_attended",
    SessionAttendance.MISSED: "sessions_missed",
    SessionAttendance.CANCELLED: "sessions_cancelled",
}
"""Which counter of the plan a session raises."""

_NO_CONSENTS = Consents(take_part=None, share_with_gp=None, share_with_employer=None)


def after(plan: PlanSnapshot, change: PlanChange, terms: Terms) -> PlanSnapshot:
    """Return the snapshot after ``change``, which the lifecycle and the guards allow."""
    updates = _updates(plan, change, terms)
    return plan.model_copy(update=updates) if updates else plan


def _updates(plan: PlanSnapshot, change: PlanChange, terms: Terms) -> dict[str, Any]:  # noqa: C901, PLR0911, PLR0912
    """Return the fields that a change sets. One case a kind; kinds without one leave no trace in the snapshot."""
    match change:
        case Proposed():
            return _proposed(change)
        case HoldReleased():
            return {"held": False, "held_revision": None}
        case RecommendationConfirmed():
            package = plan.proposal.package if plan.proposal is not None else plan.package
            return {"package": package, **_confirmed(plan, change, change.revision)}
        case RecommendationOverridden():
            return {"package": change.package, **_confirmed(plan, change, change.revision)}
        case CoachAssigned():
            return {"coach": change.coach}
        case Acknowledged():
            return {"acknowledged_on": plan.acknowledged_on or change.occurred_on}
        case PlanAgreed():
            return {
                "goals": tuple(_opened_goal(goal) for goal in change.goals),
                "steps": tuple(_opened_step(step) for step in change.steps),
                "agreed_on": change.occurred_on,
                "review_on": change.review_on or change.occurred_on + timedelta(weeks=terms.review_every_weeks),
            }
        case GoalSet():
            return {"goals": (*plan.goals, _opened_goal(change.goal))}
        case GoalProgressed():
            return _goal_progressed(plan, change)
        case StepAdded():
            return {"steps": (*plan.steps, _opened_step(change.step))}
        case StepStarted():
            started = {"state": StepState.STARTED, "started_on": change.occurred_on}
            return {
                "steps": tuple(
                    step.model_copy(update=started) if step.step_id == change.step_id else step for step in plan.steps
                )
            }
        case StepFinished():
            return {
                "steps": _without(plan, change.step_id),
                "finished_steps": (*plan.finished_steps, change.step_id),
                "counters": _count(plan, "steps_finished"),
                "latest": plan.latest.model_copy(update={"step_finished_on": change.occurred_on}),
            }
        case StepCancelled():
            return {"steps": _without(plan, change.step_id), "counters": _count(plan, "steps_cancelled")}
        case SessionRecorded():
            return _session(plan, change)
        case BarrierChanged() | BookingChanged() | AdjustmentChanged() | EmployerContacted() | FitNoteRecorded():
            return movements.updates(plan, change)
        case ReviewCompleted():
            review = LatestReview(on=change.occurred_on, reliable_improvement=change.reliable_improvement)
            following = change.next_review_on or change.occurred_on + timedelta(weeks=terms.review_every_weeks)
            return {
                "counters": _count(plan, "reviews"),
                "latest": plan.latest.model_copy(update={"review": review}),
                "review_on": following if plan.closed_on is None else plan.review_on,
            }
        case WorkStatusChanged():
            return {"latest": plan.latest.model_copy(update={"work": _work(change, confirmed=False)})}
        case WorkStatusConfirmed():
            return _with_evidence(plan, change.evidence, {"work": _work(change, confirmed=True)})
        case EvidenceRecorded():
            return _with_evidence(plan, (change.evidence,), {})
        case ConsentChanged():
            return {"consents": _consented(plan.consents or _NO_CONSENTS, change)}
        case Closed():
            return _closed(change, change.closure, terms)
        case HandedOver():
            closed = _closed(change, ClosureCode.REFERRED_ELSEWHERE, terms)
            return {**closed, "handed_over_to": change.programme}
        case Reopened():
            return {"closed_on": None, "closure": None, "outcomes_until": None}
    return {}


def _closed(change: PlanChange, closure: ClosureCode, terms: Terms) -> dict[str, Any]:
    on = change.occurred_on
    return {"closed_on": on, "closure": closure, "outcomes_until": on + timedelta(days=terms.outcome_window_days)}


def _proposed(change: Proposed) -> dict[str, Any]:
    """A newer revision takes the place of a proposal that waits; a hold is none, and ends none that holds."""
    if change.outcome is TriageOutcome.HELD:
        return {"revision": change.revision, "proposal": None, "held": True, "held_revision": change.revision}
    proposal = Proposal(revision=change.revision, outcome=change.outcome, package=change.package)
    return {"revision": change.revision, "proposal": proposal}


def _confirmed(plan: PlanSnapshot, change: PlanChange, revision: int) -> dict[str, Any]:
    return {
        "confirmed_revision": revision,
        "proposal": None,
        "coach": plan.coach or change.by,
        "confirmed_on": plan.confirmed_on or change.occurred_on,
    }


def _opened_goal(goal: Goal) -> OpenGoal:
    return OpenGoal(**goal.__dict__, progress=GoalProgress.OPEN)


def _opened_step(step: StepSpec) -> OpenStep:
    return OpenStep(**step.__dict__, state=StepState.PLANNED, started_on=None)


def _goal_progressed(plan: PlanSnapshot, change: GoalProgressed) -> dict[str, Any]:
    if change.progress in _GOAL_ENDS:
        left = tuple(goal for goal in plan.goals if goal.goal_id != change.goal_id)
        met = change.progress is GoalProgress.MET
        return {"goals": left, "counters": _count(plan, "goals_met") if met else plan.counters}
    moved = {"progress": change.progress}
    return {
        "goals": tuple(goal.model_copy(update=moved) if goal.goal_id == change.goal_id else goal for goal in plan.goals)
    }


def _session(plan: PlanSnapshot, change: SessionRecorded) -> dict[str, Any]:
    session = LatestSession(
        session_id=change.session_id, on=change.occurred_on, attendance=change.attendance, channel=change.channel
    )
    updates: dict[str, Any] = {
        "counters": _count(plan, COUNTER_OF[change.attendance], minutes=change.minutes),
        "latest": plan.latest.model_copy(update={"session": session}),
    }
    if plan.started_on is None and can_begin(plan, change):
        updates["started_on"] = change.occurred_on
    return updates


def can_begin(plan: PlanSnapshot, change: SessionRecorded) -> bool:
    """Tell whether a session can make the person a participant: attended, after consent to take part."""
    return change.attendance is SessionAttendance.ATTENDED and takes_part(plan, change)


def takes_part(plan: PlanSnapshot, change: PlanChange) -> bool:
    """Tell whether the person had consented to take part by the day of ``change``.

    A consent, or its day, that is not known stood from the referral on: intake takes no referral without it.
    """
    consent = plan.consents.take_part if plan.consents is not None else None
    if consent is None:
        return True
    since = consent.stood_from
    return consent.given and (since is None or since <= change.occurred_on)


def _work(change: WorkStatusChanged | WorkStatusConfirmed, *, confirmed: bool) -> LatestWork:
    return LatestWork(
        on=change.occurred_on,
        work=change.work,
        confirmed=confirmed,
        weekly_hours=change.weekly_hours,
        pay_band=change.pay_band,
    )


def _with_evidence(plan: PlanSnapshot, found: tuple[Evidence, ...], latest: dict[str, Any]) -> dict[str, Any]:
    """Keep the newest evidence of each kind; the log keeps the rest."""
    by_kind = {item.kind: item for item in (*plan.latest.evidence, *found)}
    ordered = tuple(by_kind[kind] for kind in sorted(by_kind))
    return {
        "counters": _count(plan, "evidence", by=len(found)),
        "latest": plan.latest.model_copy(update={**latest, "evidence": ordered}),
    }


def _consented(consents: Consents, change: ConsentChanged) -> Consents:
    return with_word(
        consents, change.consent, Consent(given=change.given, on=change.occurred_on, channel=change.channel)
    )


def _without(plan: PlanSnapshot, step_id: str) -> tuple[OpenStep, ...]:
    return tuple(step for step in plan.steps if step.step_id != step_id)


def _count(plan: PlanSnapshot, name: str, *, by: int = 1, minutes: int = 0) -> PlanCounters:
    counters = plan.counters
    return counters.model_copy(update={name: getattr(counters, name) + by, "minutes": counters.minutes + minutes})
