"""What is refused besides what the lifecycle refuses: each guard once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.coaching.desk import (
    FIRST_STEPS,
    GOAL,
    PAYSLIP,
    REFERRED_ON,
    TODAY,
    WORKING,
    Desk,
    agreed,
    day,
    desk,
    override,
    refusal,
    step,
)


def held(state: str) -> Desk:
    made = desk(state)
    made.triage("held", 2)
    return made


def proposed_again(state: str = "active") -> Desk:
    made = desk(state)
    made.triage(revision=2)
    return made


def not_eligible() -> Desk:
    made = desk("proposed")
    made.triage("not_eligible", 2)
    return made


ILLEGAL: list[tuple[str, Callable[[], Desk], str, dict[str, Any], str]] = [
    ("confirm an older revision", proposed_again, "recommendation_confirmed", {"revision": 1}, "stale_revision"),
    ("confirm a later revision", desk, "recommendation_confirmed", {"revision": 2}, "stale_revision"),
    (
        "override an older revision",
        proposed_again,
        "recommendation_overridden",
        override({"support": "skills"}),
        "stale_revision",
    ),
    ("confirm twice", lambda: desk("active"), "recommendation_confirmed", {"revision": 1}, "nothing_proposed"),
    ("confirm a hold", lambda: held("proposed"), "recommendation_confirmed", {"revision": 2}, "on_hold"),
    (
        "override a hold",
        lambda: held("active"),
        "recommendation_overridden",
        {**override({"support": "skills"}), "revision": 2},
        "on_hold",
    ),
    ("confirm not eligible", not_eligible, "recommendation_confirmed", {"revision": 2}, "not_eligible"),
    ("agree on a hold", lambda: held("confirmed"), "plan_agreed", agreed(FIRST_STEPS), "on_hold"),
    ("add a step on a hold", lambda: held("active"), "step_added", {"step": step("step-7")}, "on_hold"),
    ("start a step on a hold", lambda: held("agreed"), "step_started", {"step_id": "step-1"}, "on_hold"),
    ("assign the same coach", lambda: desk("active"), "coach_assigned", {"coach": "coach-1"}, "already_assigned"),
    ("start a blocked step", lambda: desk("active"), "step_started", {"step_id": "step-2"}, "step_blocked"),
    ("start twice", lambda: desk("active"), "step_started", {"step_id": "step-1"}, "step_already_started"),
    ("start an unknown step", lambda: desk("active"), "step_started", {"step_id": "step-99"}, "step_unknown"),
    ("finish before starting", lambda: desk("active"), "step_finished", {"step_id": "step-2"}, "step_not_started"),
    (
        "cancel what others wait for",
        lambda: desk("active"),
        "step_cancelled",
        {"step_id": "step-1", "reason": "replaced"},
        "step_awaited",
    ),
    ("add a step twice", lambda: desk("active"), "step_added", {"step": step("step-2")}, "step_id_taken"),
    ("set a goal twice", lambda: desk("active"), "goal_set", {"goal": GOAL}, "goal_id_taken"),
    (
        "move an unknown goal",
        lambda: desk("active"),
        "goal_progressed",
        {"goal_id": "goal-99", "progress": "met"},
        "goal_unknown",
    ),
    (
        "a session of an unknown step",
        lambda: desk("active"),
        "session_recorded",
        {"attendance": "attended", "channel": "phone", "step_id": "step-99"},
        "step_unknown",
    ),
]

IMPOSSIBLE: list[tuple[str, str, str, dict[str, Any], list[tuple[str, str]]]] = [
    (
        "two steps wait for each other",
        "confirmed",
        "plan_agreed",
        agreed((step("step-11", "step-12"), step("step-12", "step-11"), step("step-13"))),
        [("circular_sequence", "/steps/0"), ("circular_sequence", "/steps/1")],
    ),
    (
        "a step waits for itself",
        "confirmed",
        "plan_agreed",
        agreed((step("step-11", "step-11"),)),
        [("circular_sequence", "/steps/0")],
    ),
    (
        "an unknown predecessor and a name twice, told at once",
        "confirmed",
        "plan_agreed",
        agreed((step("step-11"), step("step-12", "step-11", "step-99"), step("step-11"))),
        [("unknown_predecessor", "/steps/1/after/1"), ("duplicate_step", "/steps/2")],
    ),
    (
        "a goal twice",
        "confirmed",
        "plan_agreed",
        {"goals": (GOAL, GOAL), "steps": FIRST_STEPS},
        [("duplicate_goal", "/goals/1")],
    ),
    (
        "a new step waits for itself",
        "active",
        "step_added",
        {"step": step("step-7", "step-7")},
        [("unknown_predecessor", "/step/after/0")],
    ),
    (
        "an override whose supports wait in a circle",
        "proposed",
        "recommendation_overridden",
        override({"support": "skills", "after": ("gp",)}, {"support": "gp", "after": ("skills",)}),
        [("circular_sequence", "/package/0"), ("circular_sequence", "/package/1")],
    ),
    (
        "minutes of a missed session",
        "active",
        "session_recorded",
        {"attendance": "missed", "channel": "phone", "minutes": 5},
        [("minutes_without_attendance", "/minutes")],
    ),
    (
        "attendance without work",
        "active",
        "work_status_changed",
        {"work": {"status": "unemployed", "attendance": "working"}},
        [("attendance_without_work", "/work/attendance")],
    ),
    (
        "the next review on the day of this one",
        "active",
        "review_completed",
        {"next_review_on": REFERRED_ON},
        [("review_not_later", "/next_review_on")],
    ),
    (
        "a first review on the day of the agreement",
        "confirmed",
        "plan_agreed",
        {**agreed(FIRST_STEPS), "review_on": REFERRED_ON},
        [("review_not_later", "/review_on")],
    ),
    (
        "a status that began later, evidence from before the referral",
        "active",
        "work_status_confirmed",
        {"work": WORKING, "since": day(1), "evidence": ({**PAYSLIP, "obtained_on": day(-1)},)},
        [("obtained_before_referral", "/evidence/0/obtained_on"), ("since_after_occurred", "/since")],
    ),
    (
        "evidence from tomorrow",
        "active",
        "evidence_recorded",
        {"evidence": {**PAYSLIP, "obtained_on": TODAY + timedelta(days=1)}},
        [("obtained_in_future", "/evidence/obtained_on")],
    ),
]


@pytest.mark.parametrize(
    ("make", "kind", "fields", "code"), [case[1:] for case in ILLEGAL], ids=[c[0] for c in ILLEGAL]
)
def test_an_illegal_move(make: Callable[[], Desk], kind: str, fields: dict[str, Any], code: str) -> None:
    status, reasons = refusal(make(), kind, **fields)
    assert (status, [found for found, _ in reasons]) == (409, [code])


@pytest.mark.parametrize(
    ("state", "kind", "fields", "reasons"), [case[1:] for case in IMPOSSIBLE], ids=[c[0] for c in IMPOSSIBLE]
)
def test_an_impossible_value(state: str, kind: str, fields: dict[str, Any], reasons: list[tuple[str, str]]) -> None:
    assert refusal(desk(state), kind, **fields) == (422, reasons)
