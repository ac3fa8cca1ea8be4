"""Random things that may happen to a plan: mostly sensible, often not.

Everything is drawn from one ``Random``, so that a step of a history is one number: Hypothesis can drop steps
of a failing history without changing the others.
"""

from collections.abc import Callable
from datetime import date, timedelta
from random import Random
from typing import Any

from tests.property.coaching_model import PlanModel
from tests.unit.coaching.desk import REFERRED_ON, TODAY, step

STEPS = tuple(f"step-{number}" for number in range(1, 9))
BARRIERS = (None, None, "barrier-1", "barrier-2", "barrier-99")
GOALS = ("goal-1", "goal-2", "goal-3")
COACHES = ("coach-1", "coach-2")
ODD_DAYS = (REFERRED_ON - timedelta(days=1), TODAY, TODAY + timedelta(days=1), REFERRED_ON + timedelta(days=200))

Fields = dict[str, Any]
Draw = Callable[[Random], Fields]

START: dict[str, list[tuple[str, Fields]]] = {"proposed": []}
START["confirmed"] = [("recommendation_confirmed", {"revision": 1})]
START["agreed"] = [
    *START["confirmed"],
    (
        "plan_agreed",
        {"goals": ({"goal_id": "goal-1", "theme": "health"},), "steps": (step("step-1"), step("step-2", "step-1"))},
    ),
]
START["active"] = [*START["agreed"], ("step_started", {"step_id": "step-1"})]
START["paused"] = [*START["active"], ("paused", {"reason": "away"})]
START["in_review"] = [
    *START["active"],
    ("step_finished", {"step_id": "step-1"}),
    ("step_cancelled", {"step_id": "step-2", "reason": "replaced"}),
]
START["closed"] = [*START["active"], ("closed", {"closure": "46"})]
"""The commands that bring a proposed plan to each state."""


def day(rnd: Random) -> date:
    return rnd.choice(ODD_DAYS) if rnd.random() < 0.12 else REFERRED_ON + timedelta(days=rnd.randrange(60))


def _step(rnd: Random) -> Fields:
    return step(rnd.choice(STEPS), *rnd.sample(STEPS, rnd.choice((0, 0, 1, 2))), support="skills")


def _steps(rnd: Random) -> tuple[Fields, ...]:
    """Draw steps that can finish, or, one time in three, any steps."""
    if rnd.random() < 0.34:
        return tuple(_step(rnd) for _ in range(rnd.randint(1, 4)))
    names = rnd.sample(STEPS, rnd.randint(1, 4))
    return tuple(step(name, *rnd.sample(names[:place], min(place, 1))) for place, name in enumerate(names))


def _work(rnd: Random) -> Fields:
    return {
        "status": rnd.choice(("employed", "employed", "unemployed")),
        "attendance": rnd.choice((None, None, "working")),
    }


def _evidence(rnd: Random) -> Fields:
    kind = rnd.choice(("payslip", "tax_record", "self_declaration"))
    return {"kind": kind, "obtained_on": day(rnd), "reference": "doc-1"}


FIELDS: dict[str, Draw] = {
    "recommendation_confirmed": lambda rnd: {},
    "recommendation_overridden": lambda rnd: {
        "reason": "needs_changed",
        "package": ({"support": "skills"},),
        **rnd.choice(({}, {"note": "because"})),
    },
    "coach_assigned": lambda rnd: {"coach": rnd.choice(COACHES)},
    "acknowledged": lambda rnd: {},
    "contacted": lambda rnd: {"channel": "phone", "reached": rnd.random() < 0.5},
    "assessed": lambda rnd: {"channel": "phone"},
    "plan_agreed": lambda rnd: {"goals": ({"goal_id": "goal-1", "theme": "health"},), "steps": _steps(rnd)},
    "goal_set": lambda rnd: {"goal": {"goal_id": rnd.choice(GOALS), "theme": "health"}},
    "goal_progressed": lambda rnd: {
        "goal_id": rnd.choice(GOALS),
        "progress": rnd.choice(("open", "partly_met", "met", "dropped")),
    },
    "step_added": lambda rnd: {"step": _step(rnd)},
    "step_started": lambda rnd: {"step_id": rnd.choice(STEPS)},
    "step_finished": lambda rnd: {"step_id": rnd.choice(STEPS)},
    "step_cancelled": lambda rnd: {"step_id": rnd.choice(STEPS), "reason": "replaced"},
    "session_recorded": lambda rnd: {
        "attendance": rnd.choice(("attended", "attended", "missed", "cancelled")),
        "minutes": rnd.choice((0, 0, 30)),
        "channel": "phone",
        "step_id": rnd.choice((None, None, *STEPS)),
    },
    "review_completed": lambda rnd: rnd.choice(
        (
            {"reliable_improvement": rnd.choice((None, True, False))},
            {"scores": ({"tool": "phq9", "earlier": rnd.randrange(28), "later": rnd.randrange(28)},)},
        )
    ),
    "barrier_changed": lambda rnd: {
        "barrier_id": rnd.choice(BARRIERS),
        "state": rnd.choice(("open", "open", "eased", "resolved")),
        **rnd.choice(({}, {"barrier": "debt"}, {"workplace": "hours"}, {"health": "ptsd"})),
    },
    "booking_changed": lambda rnd: {
        "step_id": rnd.choice(STEPS),
        "booking": rnd.choice(("offered", "booked", "booked", "attended", "missed", "cancelled")),
        "booked_for": rnd.choice((None, day(rnd))),
        "cancelled_by": rnd.choice((None, None, "person", "service")),
    },
    "adjustment_changed": lambda rnd: {
        "adjustment": rnd.choice(("phased_return", "equipment")),
        "state": rnd.choice(("proposed", "agreed", "in_place", "refused", "ended")),
        "review_on": rnd.choice((None, day(rnd))),
    },
    "employer_contacted": lambda rnd: {
        "channel": "phone",
        "employer": "employer-1",
        "role": "owner",
        "size": rnd.choice((None, "micro")),
        "next_on": rnd.choice((None, day(rnd))),
        **rnd.choice(({}, {"note": "they said yes"})),
    },
    "fit_note_recorded": lambda rnd: {
        "fit_note": {
            "fitness": rnd.choice(("not_fit", "may_be_fit")),
            "adjustments": rnd.choice(((), ("phased_return",))),
            "from_on": day(rnd),
            "to_on": day(rnd),
            "issuer": "doctor",
        }
    },
    "handed_over": lambda rnd: {
        "programme": rnd.choice(("working-well-early-help", "workwell-greater-manchester", "nowhere")),
        "channel": "phone",
    },
    "work_status_changed": lambda rnd: {"work": _work(rnd)},
    "work_status_confirmed": lambda rnd: {
        "work": _work(rnd),
        "since": rnd.choice((None, day(rnd))),
        "evidence": rnd.choice(((), (_evidence(rnd),))),
    },
    "evidence_recorded": lambda rnd: {"evidence": _evidence(rnd)},
    "consent_changed": lambda rnd: {
        "consent": rnd.choice(("take_part", "share_with_gp", "share_with_employer")),
        "given": rnd.random() < 0.8,
    },
    "note_recorded": lambda rnd: {"note": f"note {rnd.randrange(1000)} £"},
    "paused": lambda rnd: {"reason": "away"},
    "resumed": lambda rnd: {},
    "closed": lambda rnd: {"closure": rnd.choice(("46", "14"))},
    "withdrawn": lambda rnd: {"reason": "changed_mind"},
    "reopened": lambda rnd: {"reason": "person_returned"},
    "corrected": lambda rnd: {"refers_to": rnd.randint(1, 30), "reason": "entered_twice"},
}
_RARE = {"closed": 0.3, "handed_over": 0.2, "withdrawn": 0.05, "paused": 0.5, "consent_changed": 0.5}
KINDS = tuple(FIELDS)
WEIGHTS = tuple(_RARE.get(kind, 1.0) for kind in KINDS)


def command(rnd: Random, model: PlanModel) -> tuple[str, Fields]:
    """Draw a command. One time in two it is about a step or a state that is really there."""
    if model.facts and rnd.random() < 0.1:
        return "corrected", {"refers_to": rnd.choice(sorted(model.facts)), "reason": "wrong_value"}
    if rnd.random() < 0.5:
        likely = _likely(rnd, model)
        if likely is not None:
            return likely
    kind = rnd.choices(KINDS, WEIGHTS)[0]
    fields = FIELDS[kind](rnd)
    if kind.startswith("recommendation"):
        fields["revision"] = max(1, model.revision - rnd.choice((0, 0, 0, 1)))
    return kind, fields


def _likely(rnd: Random, model: PlanModel) -> tuple[str, Fields] | None:  # noqa: PLR0911  one answer a state
    if model.state == "proposed":
        return "recommendation_confirmed", {"revision": model.revision}
    if model.state == "paused":
        return "resumed", {}
    if model.state == "closed":
        return "reopened", {"reason": "person_returned"}
    if model.state == "confirmed":
        return "plan_agreed", FIELDS["plan_agreed"](rnd)
    if model.state in {"agreed", "active"} and rnd.random() < 0.3:
        return _at_work(rnd, model)
    if model.state in {"agreed", "active"} and model.steps:
        name = rnd.choice(sorted(model.steps))
        return ("step_finished" if model.steps[name]["started"] else "step_started"), {"step_id": name}
    return None


def _at_work(rnd: Random, model: PlanModel) -> tuple[str, Fields]:
    """Draw something that may well be allowed: about a step, a barrier, an employer who may be spoken to."""
    if model.steps and rnd.random() < 0.5:
        fields = FIELDS["booking_changed"](rnd)
        return "booking_changed", {**fields, "step_id": rnd.choice(sorted(model.steps))}
    if model.employer is None:
        return "consent_changed", {"consent": "share_with_employer", "given": True}
    kind = rnd.choice(("employer_contacted", "barrier_changed", "adjustment_changed", "fit_note_recorded"))
    return kind, FIELDS[kind](rnd)
