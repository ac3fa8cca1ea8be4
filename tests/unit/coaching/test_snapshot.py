"""The plan in the event stays small."""

from datetime import timedelta

import pytest

from services.contracts.plan import PlanUpdated
from services.contracts.plan_codes import Adjustment
from services.kernel.decision import Refused
from tests.unit.coaching.desk import REFERRED_ON, TODAY, Desk, desk, step

FIT_NOTE = {"fitness": "not_fit", "from_on": REFERRED_ON, "to_on": TODAY, "issuer": "pharmacist"}
LONG = 9000
"""Ids as long as there are."""


def named(number: int) -> str:
    return f"step-{LONG + number}"


def test_two_years_of_weekly_use_stay_under_16_kib() -> None:
    """Long ids, every limit that a busy coach comes near, evidence of every kind, a booking each week."""
    made = Desk()
    made.now += timedelta(days=800)
    made.triage()
    made.ask("recommendation_confirmed", by="coach-" + "x" * 50, revision=1)
    made.ask("consent_changed", consent="share_with_employer", given=True)
    for adjustment in Adjustment:
        made.ask("adjustment_changed", adjustment=adjustment, state="in_place", review_on=TODAY)
    goals = tuple({"goal_id": f"goal-{LONG + n}", "theme": "change_work", "target_on": TODAY} for n in range(6))
    made.ask("plan_agreed", goals=goals, steps=(step(named(0)),))
    made.ask("step_started", step_id=named(0))
    for week in range(1, 105):
        on = REFERRED_ON + timedelta(weeks=week)
        name, before = named(week), named(week - 1)
        made.ask("session_recorded", on, attendance="attended", minutes=60, channel="in_person", step_id=before)
        made.ask("step_added", on, step={**step(name, before, support="supported_employment"), "due_on": TODAY})
        made.ask("booking_changed", on, step_id=name, booking="booked", booked_for=on)
        made.ask("booking_changed", on, step_id=name, booking="cancelled", cancelled_by="service")
        made.ask("step_finished", on, step_id=before)
        made.ask("step_started", on, step_id=name)
        made.ask("note_recorded", on, note="n" * 4000)
        made.triage(revision=week + 1)
        made.ask("recommendation_overridden", on, revision=week + 1, reason="other", package=({"support": "gp"},))
        if week % 4 == 0:
            made.ask("fit_note_recorded", on, fit_note=FIT_NOTE)
            made.ask("employer_contacted", on, channel="video", employer="employer-1", role="human_resources")
            made.ask("barrier_changed", on, state="open", health="anxiety_or_depression")
            if week > 20:
                made.ask("barrier_changed", on, barrier_id=f"barrier-{week // 4 - 4}", state="resolved")
        if week % 6 == 0:
            made.ask("review_completed", on, reliable_improvement=True)
    for number in range(10):
        made.ask("step_added", on, step=step(named(900 + number), *(named(n) for n in range(90, 95))))
    kinds = "attendance_record step_record review_record payslip employer_confirmation employment_contract tax_record"
    for kind in (*kinds.split(), "self_declaration"):
        made.ask("evidence_recorded", on, evidence={"kind": kind, "obtained_on": on, "reference": "doc-" + "9" * 18})
    assert made.state.plan.counters.sessions_attended == 104
    assert len(made.state.plan.finished_steps) == 104
    assert max(map(len, made.bytes)) < 16 * 1024
    assert all(PlanUpdated.model_validate_json(value) for value in made.bytes[-20:])


def test_a_row_of_history_or_record_is_as_small_after_hundreds_of_commands() -> None:
    """A row holds what one command did, no snapshot: a plan's rows grow with its commands, not with their square."""
    made = desk("active")
    for week in range(60):
        on = REFERRED_ON + timedelta(days=week)
        made.ask("session_recorded", on, attendance="attended", minutes=60, channel="in_person", step_id="step-1")
        made.ask("booking_changed", on, step_id="step-1", booking="booked", booked_for=on)
        made.ask("step_added", on, step=step(named(week), *(() if week == 0 else (named(week - 1),))))
        made.ask("step_started", on, step_id=named(week))
        made.ask("step_finished", on, step_id=named(week))
    for table in ("plan_history", "plan_record"):
        sizes = [len(str(row)) for name, row in made.rows if name == table]
        assert len(sizes) >= 60
        assert max(sizes[-30:]) <= max(sizes[:10]) + len("999"), "the version has more digits, nothing else grows"


def test_the_most_that_a_plan_can_hold_fits_into_an_event() -> None:
    """The kernel writes at most 64 KiB; every limit at once must stay below."""
    made = Desk()
    made.triage()
    made.ask("recommendation_confirmed", revision=1)
    goals = tuple({"goal_id": f"goal-{LONG + n}", "theme": "stay_in_work", "target_on": TODAY} for n in range(20))
    made.ask("plan_agreed", goals=goals, steps=(step(named(0)),))
    for number in range(176):
        made.ask("step_started", step_id=named(number))
        made.ask("step_added", step=step(named(number + 1)))
        made.ask("step_finished", step_id=named(number))
    waits = tuple(named(n) for n in range(10))
    for number in range(177, 200):
        made.ask("step_added", step={**step(named(number), *waits, support="supported_employment"), "due_on": TODAY})
    assert len(made.state.plan.steps) == 24
    made.ask("step_cancelled", step_id=named(199), reason="replaced")
    made.ask("step_added", step=step("step-9901"))
    made.ask("step_started", step_id="step-9901")
    made.ask("step_finished", step_id="step-9901")
    with pytest.raises(Refused, match="too_many_steps"):
        made.ask("step_added", step=step("step-9902"))
    assert max(map(len, made.bytes)) < 48 * 1024
