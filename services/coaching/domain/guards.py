"""What a move needs besides the right state: the right revision, free steps, open windows.

Each guard raises Refused and looks only at the plan and the command.
"""

from datetime import date

from services.coaching.domain import moving, sequencing
from services.coaching.domain.commands import (
    AddStep,
    AgreePlan,
    AssignCoach,
    CancelStep,
    ConfirmRecommendation,
    FinishStep,
    OverrideRecommendation,
    PlanCommand,
    ProgressGoal,
    RecordSession,
    ReopenPlan,
    SetGoal,
    StartStep,
)
from services.coaching.domain.dates import REOPEN_WITHIN
from services.coaching.domain.plan import Plan
from services.coaching.domain.refusing import IMPOSSIBLE, not_held, open_step, refuse
from services.coaching.domain.work_commands import (
    ChangeWorkStatus,
    CompleteReview,
    ConfirmWorkStatus,
    RecordEvidence,
)
from services.contracts.codes import TriageOutcome, WorkStatus
from services.contracts.plan import MAX_FINISHED_STEPS, MAX_OPEN_GOALS, MAX_OPEN_STEPS, OpenStep, PlanSnapshot
from services.contracts.plan_codes import ChangeKind, PlanState, SessionAttendance, StepState
from services.kernel.decision import Reason, Refused

_HAS_WORK = frozenset({WorkStatus.EMPLOYED, WorkStatus.SELF_EMPLOYED})


def check(state: Plan, command: PlanCommand, today: date) -> None:  # noqa: C901, PLR0912  one case a kind
    """Raise Refused when ``command``, which the table allows, is not possible on this plan, ``today`` in London."""
    plan = state.plan
    match command:
        case ConfirmRecommendation() | OverrideRecommendation():
            _recommendation(plan, command)
        case AssignCoach(coach=coach):
            if coach == plan.coach:
                refuse("already_assigned", "this coach holds the plan already", "/coach")
        case AgreePlan():
            not_held(plan)
            _agreement(command)
        case AddStep():
            not_held(plan)
            _new_step(plan, command)
        case StartStep(step_id=name):
            not_held(plan)
            _start(plan, name)
        case FinishStep(step_id=name):
            _finish(plan, command, name)
        case CancelStep(step_id=name):
            _cancel(plan, name)
        case SetGoal(goal=goal):
            if any(known.goal_id == goal.goal_id for known in plan.goals):
                refuse("goal_id_taken", "there is an open goal of this id", "/goal/goal_id")
            if len(plan.goals) >= MAX_OPEN_GOALS:
                refuse("too_many_goals", f"a plan holds at most {MAX_OPEN_GOALS} open goals")
        case ProgressGoal(goal_id=name):
            if all(known.goal_id != name for known in plan.goals):
                refuse("goal_unknown", "there is no such open goal", "/goal_id")
        case RecordSession():
            _session(plan, command)
        case ChangeWorkStatus() | ConfirmWorkStatus():
            if command.work.attendance is not None and command.work.status not in _HAS_WORK:
                refuse("attendance_without_work", "only a person in work attends it", "/work/attendance", IMPOSSIBLE)
            _window(state, command)
        case RecordEvidence():
            _window(state, command)
        case CompleteReview():
            _window(state, command)
            moving.check(plan, command)
        case ReopenPlan():
            _reopening(plan, command, today)
        case _:
            moving.check(plan, command)


def _recommendation(plan: PlanSnapshot, command: ConfirmRecommendation | OverrideRecommendation) -> None:
    if command.revision != plan.revision:
        refuse("stale_revision", f"triage has decided again: the current revision is {plan.revision}", "/revision")
    not_held(plan)
    if plan.proposal is not None and plan.proposal.outcome is TriageOutcome.NOT_ELIGIBLE:
        refuse("not_eligible", "a person decided that the programme does not fit; close the plan")
    if plan.proposal is None and isinstance(command, ConfirmRecommendation):
        refuse("nothing_proposed", f"no recommendation of revision {plan.revision} waits for a coach")
    if isinstance(command, OverrideRecommendation):
        found = sequencing.faults(
            [(item.support, item.after) for item in command.package], (), "/package", noun="support"
        )
        if found:
            raise Refused(*found, status=IMPOSSIBLE)


def _agreement(command: AgreePlan) -> None:
    found = sequencing.faults([(step.step_id, step.after) for step in command.steps], (), "/steps", noun="step")
    goals = [goal.goal_id for goal in command.goals]
    found += [
        Reason("duplicate_goal", "this goal stands there twice", f"/goals/{index}")
        for index, name in enumerate(goals)
        if name in goals[:index]
    ]
    if found:
        raise Refused(*found, status=IMPOSSIBLE)


def _new_step(plan: PlanSnapshot, command: AddStep) -> None:
    step = command.step
    opened = {known.step_id for known in plan.steps}
    if step.step_id in opened or step.step_id in plan.finished_steps:
        refuse("step_id_taken", "there is a step of this id", "/step/step_id")
    known = {*opened, *plan.finished_steps}
    unknown = [
        Reason("unknown_predecessor", "there is no such step", f"/step/after/{place}")
        for place, wanted in enumerate(step.after)
        if wanted not in known
    ]
    if unknown:
        raise Refused(*unknown, status=IMPOSSIBLE)
    if len(plan.steps) >= MAX_OPEN_STEPS or len(known) >= MAX_FINISHED_STEPS:
        refuse(
            "too_many_steps", f"a plan holds at most {MAX_OPEN_STEPS} open steps and {MAX_FINISHED_STEPS} in its life"
        )


def blocked_by(plan: PlanSnapshot, step: OpenStep) -> list[str]:
    """Return the predecessors of a step that are not finished."""
    return [wanted for wanted in step.after if wanted not in plan.finished_steps]


def _start(plan: PlanSnapshot, name: str) -> None:
    step = open_step(plan, name)
    if step.state is not StepState.PLANNED:
        refuse("step_already_started", "this step has started already", "/step_id")
    waiting = blocked_by(plan, step)
    if waiting:
        refuse("step_blocked", f"finish first: {', '.join(waiting)}", "/step_id")


def _finish(plan: PlanSnapshot, command: FinishStep, name: str) -> None:
    step = open_step(plan, name)
    if step.started_on is None:
        refuse("step_not_started", "this step has not started", "/step_id")
    if command.occurred_on < step.started_on:
        message = "this day is before the step started"
        refuse("finished_before_started", message, "/occurred_on", IMPOSSIBLE)


def _cancel(plan: PlanSnapshot, name: str) -> None:
    open_step(plan, name)
    waiting = [step.step_id for step in plan.steps if name in step.after]
    if waiting:
        refuse("step_awaited", f"other steps wait for it; cancel first: {', '.join(waiting)}", "/step_id")


def _session(plan: PlanSnapshot, command: RecordSession) -> None:
    if command.minutes and command.attendance is not SessionAttendance.ATTENDED:
        refuse("minutes_without_attendance", "only an attended session has minutes", "/minutes", IMPOSSIBLE)
    if command.step_id is not None and command.step_id not in plan.finished_steps:
        open_step(plan, command.step_id)


def _window(state: Plan, command: PlanCommand) -> None:
    until = state.plan.outcomes_until
    if state.state is PlanState.CLOSED and until is not None and command.occurred_on > until:
        refuse("outcome_window_over", f"outcomes of this plan count until {until}", "/occurred_on")


def _reopening(plan: PlanSnapshot, command: ReopenPlan, today: date) -> None:
    """Both the day that is told and the day on which it is told lie within the 28 days.

    Else a plan could be opened again years later, as of a day long past, while intake held the person to be free.
    """
    closed_on = plan.closed_on
    if plan.handed_over_to is not None:
        message = f"{plan.handed_over_to} has taken the person over; a coach there can hand them back"
        refuse("plan_handed_over", message)
    if closed_on is None:  # the table lets only a closed plan through, and closing sets the day
        refuse("not_closed", f"{ChangeKind.REOPENED.value} needs a closed plan")
    if command.occurred_on < closed_on:
        refuse("reopened_before_closed", f"the plan was closed on {closed_on}", "/occurred_on", IMPOSSIBLE)
    if max(command.occurred_on, today) > closed_on + REOPEN_WITHIN:
        refuse("reopen_window_over", f"a plan can be reopened until {closed_on + REOPEN_WITHIN}", "/occurred_on")
