"""What was recorded wrongly is taken back: the plan stands as if it had not been recorded."""

from typing import Any

import pytest

from services.coaching.domain import facts
from services.coaching.domain.facts import MAX_FACTS
from services.contracts.plan_codes import PlanState
from tests.unit.coaching.desk import GIVEN, PAYSLIP, WORKING, Desk, agreed, day, desk, refusal, step

SESSION = {"attendance": "attended", "channel": "phone", "minutes": 30}


def take_back(made: Desk, version: int, on: int = 40, reason: str = "wrong_value") -> None:
    [event] = made.ask("corrected", day(on), refers_to=version, reason=reason)
    assert event.data.change.refers_to == version


def recorded(made: Desk, kind: str, on: int, **fields: Any) -> int:
    """Record something and return the version that did."""
    made.ask(kind, day(on), **fields)
    return made.state.plan_version


def test_the_first_session_was_wrong_and_the_next_one_begins_the_support() -> None:
    made = desk("agreed")
    first = recorded(made, "session_recorded", 3, **SESSION)
    recorded(made, "session_recorded", 4, **{**SESSION, "attendance": "missed", "minutes": 0})
    recorded(made, "session_recorded", 9, **SESSION)
    assert made.state.plan.started_on == day(3)
    take_back(made, first)
    plan = made.state.plan
    assert (plan.started_on, plan.counters.sessions_attended, plan.counters.sessions_missed) == (day(9), 1, 1)
    assert (plan.counters.minutes, plan.latest.session.on) == (30, day(9))  # type: ignore[union-attr]
    change = made.events[-1].data.change
    assert (change.kind, change.took_back, change.fields, change.reason) == (
        *("corrected", "session_recorded", ()),
        "wrong_value",
    )


def test_a_session_before_consent_does_not_begin_the_support_in_place_of_one_taken_back() -> None:
    made = Desk()
    consent = {**GIVEN, "on": day(5)}
    made.triage(consents={"take_part": consent, "share_with_gp": None, "share_with_employer": None})
    made.ask("recommendation_confirmed", revision=1)
    recorded(made, "session_recorded", 3, **SESSION)
    began = recorded(made, "session_recorded", 6, **SESSION)
    assert made.state.plan.started_on == day(6)
    take_back(made, began)
    assert made.state.plan.started_on is None
    recorded(made, "session_recorded", 8, **SESSION)
    assert made.state.plan.started_on == day(8)


def test_a_session_is_never_given_the_name_of_one_that_was_taken_back() -> None:
    made = desk("active")
    names = []
    for on in (3, 4, 5):
        version = recorded(made, "session_recorded", on, **SESSION)
        names.append(made.state.plan.latest.session.session_id)  # type: ignore[union-attr]
        take_back(made, version)
    assert len(set(names)) == 3


def test_a_review_leaves_the_day_that_stood_before_it() -> None:
    made = desk("confirmed")
    made.ask("plan_agreed", day(0), **agreed((step("step-1"),)), review_on=day(20))
    first = recorded(made, "review_completed", 20, reliable_improvement=True, next_review_on=day(60))
    second = recorded(made, "review_completed", 30, reliable_improvement=False, next_review_on=day(90))
    take_back(made, first)
    assert (made.state.plan.review_on, made.state.plan.counters.reviews) == (day(90), 1)
    take_back(made, second)
    plan = made.state.plan
    assert (plan.review_on, plan.latest.review, plan.counters.reviews) == (day(20), None, 0)


def test_work_is_again_as_it_was_said_before() -> None:
    made = desk("active")
    claimed = recorded(made, "work_status_changed", 5, work=WORKING, weekly_hours=20)
    proven = recorded(made, "work_status_confirmed", 6, work={"status": "unemployed"}, evidence=(PAYSLIP,))
    take_back(made, proven)
    plan = made.state.plan
    assert (made.state.work.status, plan.latest.work.confirmed) == ("employed", False)  # type: ignore[union-attr]
    assert (plan.latest.evidence, plan.counters.evidence) == ((), 0)
    take_back(made, claimed)
    assert made.state.plan.latest.work is None
    assert made.state.work == made.state.plan.work_at_referral, "nothing was said since the referral"


def test_the_newest_evidence_of_a_kind_that_still_stands_is_shown() -> None:
    made = desk("active")
    kept = recorded(made, "evidence_recorded", 5, evidence={**PAYSLIP, "obtained_on": day(1)})
    wrong = recorded(made, "evidence_recorded", 6, evidence={**PAYSLIP, "obtained_on": day(2)})
    take_back(made, wrong)
    assert [one.obtained_on for one in made.state.plan.latest.evidence] == [day(1)]
    take_back(made, kept)
    assert made.state.plan.latest.evidence == ()


def test_what_leaves_only_its_day_in_the_plan() -> None:
    made = desk("active")
    first = recorded(made, "acknowledged", 1)
    second = recorded(made, "acknowledged", 2)
    note = {"fitness": "not_fit", "from_on": day(0), "to_on": day(9), "issuer": "doctor"}
    fit_note = recorded(made, "fit_note_recorded", 3, fit_note=note)
    contact = recorded(made, "contacted", 4, channel="phone", reached=True)
    assessed = recorded(made, "assessed", 4, channel="phone")
    made.ask("consent_changed", day(1), consent="share_with_employer", given=True)
    talk = {"channel": "phone", "employer": "employer-1", "role": "owner"}
    recorded(made, "employer_contacted", 5, **talk)
    wrong = recorded(made, "employer_contacted", 6, **talk, next_on=day(30))
    for version in (first, fit_note, contact, assessed, wrong):
        take_back(made, version)
    plan = made.state.plan
    assert (plan.acknowledged_on, plan.latest.fit_note_on, plan.counters.fit_notes) == (day(2), None, 0)
    assert (plan.latest.employer.on, plan.counters.employer_contacts) == (day(5), 1)  # type: ignore[union-attr]
    take_back(made, second)
    assert made.state.plan.acknowledged_on is None


def test_a_step_that_was_not_finished_is_open_again_and_holds_back_what_waits_for_it() -> None:
    made = desk("active")
    made.ask("booking_changed", day(1), step_id="step-1", booking="booked", booked_for=day(2))
    before = made.state.plan
    finished = recorded(made, "step_finished", 3, step_id="step-1")
    take_back(made, finished)
    plan = made.state.plan
    assert {one.step_id: one for one in plan.steps} == {one.step_id: one for one in before.steps}
    assert (plan.finished_steps, plan.counters.steps_finished, plan.latest.step_finished_on) == ((), 0, None)
    assert refusal(made, "step_started", day(5), step_id="step-2") == (409, [("step_blocked", "/step_id")])


def test_a_step_is_not_opened_again_under_one_that_has_begun() -> None:
    made = desk("active")
    finished = recorded(made, "step_finished", 3, step_id="step-1")
    made.ask("step_started", day(4), step_id="step-2")
    wanted = (409, [("step_needed", "/refers_to")])
    assert refusal(made, "corrected", day(9), refers_to=finished, reason="wrong_value") == wanted
    last = recorded(made, "step_finished", 5, step_id="step-2")
    assert refusal(made, "corrected", day(9), refers_to=finished, reason="wrong_value") == wanted
    take_back(made, last)
    assert made.state.state is PlanState.ACTIVE, "one step is open again"
    assert refusal(made, "corrected", day(9), refers_to=finished, reason="wrong_value") == wanted


MOVES = [
    ("its only session", "agreed", [("session_recorded", SESSION)], "agreed"),
    ("one of two sessions", "agreed", [("session_recorded", SESSION), ("session_recorded", SESSION)], "active"),
    ("a session beside a step that has started", "active", [("session_recorded", SESSION)], "active"),
    ("the review after the last step", "in_review", [("review_completed", {})], "in_review"),
    ("a review while a step is open", "active", [("review_completed", {})], "active"),
    ("what moves no plan", "in_review", [("contacted", {"channel": "phone", "reached": True})], "in_review"),
]


@pytest.mark.parametrize(("state", "told", "then"), [row[1:] for row in MOVES], ids=[row[0] for row in MOVES])
def test_the_plan_is_as_far_as_without_it(state: str, told: list[tuple[str, dict[str, Any]]], then: str) -> None:
    made = desk(state)
    for number, (kind, fields) in enumerate(told):
        recorded(made, kind, 3 + number, **fields)
    take_back(made, made.state.plan_version)
    assert made.state.state.value == then


def test_the_last_step_open_again_ends_the_review() -> None:
    made = desk("active")
    made.ask("step_cancelled", day(1), step_id="step-2", reason="replaced")
    finished = recorded(made, "step_finished", 2, step_id="step-1")
    assert made.state.state.value == "in_review"
    take_back(made, finished)
    assert made.state.state.value == "active"


@pytest.mark.parametrize("ended", [("closed", {"closure": "46"}), ("withdrawn", {"reason": "changed_mind"})])
def test_a_wrong_session_is_taken_back_after_the_end_too(ended: tuple[str, dict[str, Any]]) -> None:
    made = desk("active")
    wrong = recorded(made, "session_recorded", 3, **SESSION)
    made.ask(ended[0], day(10), **ended[1])
    take_back(made, wrong)
    assert (made.state.state.value, made.state.plan.started_on) == (ended[0], None)


def test_what_cannot_be_taken_back() -> None:
    made = desk("active")
    wrong = recorded(made, "session_recorded", 30, **SESSION)
    said = {"reason": "wrong_person"}
    cases = [
        ({"refers_to": wrong + 1}, day(40), (422, [("version_unknown", "/refers_to")])),
        ({"refers_to": wrong}, day(29), (422, [("corrected_before_fact", "/occurred_on")])),
        *(
            ({"refers_to": version}, day(40), (409, [("nothing_to_take_back", "/refers_to")]))
            for version in range(1, wrong)  # proposed, confirmed, agreed, a step started
        ),
    ]
    for fields, on, expected in cases:
        assert refusal(made, "corrected", on, **said, **fields) == expected
    take_back(made, wrong)
    again = refusal(made, "corrected", day(40), refers_to=wrong, **said)
    assert again == (409, [("nothing_to_take_back", "/refers_to")]), "once"
    itself = refusal(made, "corrected", day(40), refers_to=made.state.plan_version, **said)
    assert itself == (409, [("nothing_to_take_back", "/refers_to")])


def test_facts_stay_out_of_events_and_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_FACTS >= 104 * 4, "two years of four facts a week"
    monkeypatch.setattr(facts, "MAX_FACTS", 3)
    made = desk("active")
    versions = [recorded(made, "session_recorded", 3, **SESSION) for _ in range(5)]
    assert [one.plan_version for one in made.state.facts] == versions[-3:]
    assert b"could_begin" not in b"".join(made.bytes)
    take_back(made, versions[-1])
    assert made.state.plan.started_on == day(3), "what is remembered no more stands"
