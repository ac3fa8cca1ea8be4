"""Taking back what was recorded wrongly: the plan as it would stand had it not been recorded.

The right fact is recorded as one of its own, as with money: a reversal and a new entry.
"""

from typing import Any, assert_never

from services.coaching.domain import facts
from services.coaching.domain.commands import CorrectFact
from services.coaching.domain.facts import (
    AgreementFact,
    EmployerFact,
    EvidenceFact,
    Fact,
    MomentFact,
    ReviewFact,
    SessionFact,
    StepFact,
    WorkFact,
)
from services.coaching.domain.plan import Plan
from services.coaching.domain.refusing import IMPOSSIBLE, refuse
from services.coaching.domain.snapshot import COUNTER_OF
from services.contracts.outcome import Evidence
from services.contracts.plan import MAX_OPEN_STEPS, PlanCounters, PlanSnapshot
from services.contracts.plan_codes import ChangeKind


def wrong_fact(state: Plan, command: CorrectFact) -> Fact:
    """Return what a command takes back.

    Raises Refused 422 ``version_unknown`` and ``corrected_before_fact``; 409 ``nothing_to_take_back`` where that
    version recorded nothing of the kind or it was taken back already, ``step_needed`` where a step that began after a
    finished one would lose its predecessor, ``too_many_steps``.
    """
    version = command.refers_to
    if version > state.plan_version:
        refuse("version_unknown", f"the plan is at version {state.plan_version}", "/refers_to", IMPOSSIBLE)
    found = facts.of_version(state.facts, version)
    if found is None:
        message = (
            f"version {version} recorded nothing that can be taken back, or it was taken back already; "
            "`facts` of the plan lists what can"
        )
        refuse("nothing_to_take_back", message, "/refers_to")
    if command.occurred_on < found.on:
        message = f"it was recorded of {found.on}, after this day"
        refuse("corrected_before_fact", message, "/occurred_on", IMPOSSIBLE)
    if isinstance(found, StepFact):
        _can_open_again(state, found)
    return found


def _can_open_again(state: Plan, fact: StepFact) -> None:
    name, plan = fact.step.step_id, state.plan
    begun = [step.step_id for step in plan.steps if name in step.after and step.started_on is not None]
    done = [one.step.step_id for one in state.facts if isinstance(one, StepFact) and name in one.step.after]
    if begun or done:
        message = f"steps that waited for it have begun: {', '.join([*done, *begun])}"
        refuse("step_needed", message, "/refers_to")
    if len(plan.steps) >= MAX_OPEN_STEPS:
        refuse("too_many_steps", f"a plan holds at most {MAX_OPEN_STEPS} open steps")


def said_of(wrong: Fact) -> dict[str, Any]:
    """Return what the event says of what was taken back, so that who earned by it can tell."""
    shown = wrong.evidence if isinstance(wrong, WorkFact | EvidenceFact) else ()
    return {"took_back": wrong.kind, "evidence": shown}


def without(state: Plan, wrong: Fact) -> PlanSnapshot:  # noqa: PLR0911  one answer a kind
    """Return the snapshot as it would stand without ``wrong``, one of the plan's facts. Pure."""
    plan = state.plan
    left = facts.without(state.facts, wrong.plan_version)
    match wrong:
        case SessionFact(session=session, minutes=minutes):
            sessions = [one for one in left if isinstance(one, SessionFact)]
            began = next((one.on for one in sessions if one.began), plan.started_on if not wrong.began else None)
            return _changed(
                plan,
                {"started_on": began},
                {"session": sessions[-1].session if sessions else None},
                **{COUNTER_OF[session.attendance]: -1, "minutes": -minutes},
            )
        case StepFact(step=step):
            finished = [one.on for one in left if isinstance(one, StepFact)]
            opened = {
                "steps": (*plan.steps, step),
                "finished_steps": tuple(name for name in plan.finished_steps if name != step.step_id),
            }
            return _changed(plan, opened, {"step_finished_on": finished[-1] if finished else None}, steps_finished=-1)
        case ReviewFact():
            reviews = [one.review for one in left if isinstance(one, ReviewFact)]
            planned = [one.review_on for one in left if isinstance(one, ReviewFact | AgreementFact) and one.review_on]
            due = {"review_on": planned[-1]} if planned and wrong.review_on is not None else {}
            return _changed(plan, due, {"review": reviews[-1] if reviews else None}, reviews=-1)
        case WorkFact(evidence=evidence):
            works = [one.work for one in left if isinstance(one, WorkFact)]
            latest = {"work": works[-1] if works else None, "evidence": _evidence(left)}
            return _changed(plan, {}, latest, evidence=-len(evidence))
        case EvidenceFact(evidence=evidence):
            return _changed(plan, {}, {"evidence": _evidence(left)}, evidence=-len(evidence))
        case EmployerFact():
            talks = [one.employer for one in left if isinstance(one, EmployerFact)]
            return _changed(plan, {}, {"employer": talks[-1] if talks else None}, employer_contacts=-1)
        case MomentFact(kind=ChangeKind.FIT_NOTE_RECORDED):
            notes = [one.on for one in left if one.kind is ChangeKind.FIT_NOTE_RECORDED]
            return _changed(plan, {}, {"fit_note_on": notes[-1] if notes else None}, fit_notes=-1)
        case MomentFact(kind=ChangeKind.ACKNOWLEDGED):
            taken_up = next((one.on for one in left if one.kind is ChangeKind.ACKNOWLEDGED), None)
            return _changed(plan, {"acknowledged_on": taken_up}, {})
        case MomentFact() | AgreementFact():
            return plan
        case _:
            assert_never(wrong)


def _evidence(left: facts.Facts) -> tuple[Evidence, ...]:
    """Return the newest evidence of each kind that still stands."""
    by_kind = {item.kind: item for one in left if isinstance(one, WorkFact | EvidenceFact) for item in one.evidence}
    return tuple(by_kind[kind] for kind in sorted(by_kind))


def _changed(plan: PlanSnapshot, fields: dict[str, Any], latest: dict[str, Any], **counted: int) -> PlanSnapshot:
    counters: PlanCounters = plan.counters.model_copy(
        update={name: getattr(plan.counters, name) + by for name, by in counted.items()}
    )
    return plan.model_copy(update={**fields, "counters": counters, "latest": plan.latest.model_copy(update=latest)})
