"""What each command needs besides the right state, and what it leaves behind."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from services.contracts.plan_codes import PlanState
from services.kernel.decision import Refused
from tests.unit.coaching.desk import FIRST_STEPS, GOAL, REFERRED_ON, TODAY, Desk, day, desk, step

WORKING = {"status": "employed", "attendance": "working"}
PAYSLIP = {"kind": "payslip", "obtained_on": REFERRED_ON, "reference": "doc-1"}


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


def agreed(steps: Any) -> dict[str, Any]:
    return {"goals": (GOAL,), "steps": steps}


def override(*package: dict[str, Any]) -> dict[str, Any]:
    return {"revision": 1, "reason": "person_prefers", "package": package}


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
    ("add a step on a hold", lambda: held("active"), "step_added", {"step": step("new")}, "on_hold"),
    ("start a step on a hold", lambda: held("agreed"), "step_started", {"step_id": "physio"}, "on_hold"),
    ("assign the same coach", lambda: desk("active"), "coach_assigned", {"coach": "coach-1"}, "already_assigned"),
    ("start a blocked step", lambda: desk("active"), "step_started", {"step_id": "talk"}, "step_blocked"),
    ("start twice", lambda: desk("active"), "step_started", {"step_id": "physio"}, "step_already_started"),
    ("start an unknown step", lambda: desk("active"), "step_started", {"step_id": "nothing"}, "step_unknown"),
    ("finish before starting", lambda: desk("active"), "step_finished", {"step_id": "talk"}, "step_not_started"),
    (
        "cancel what others wait for",
        lambda: desk("active"),
        "step_cancelled",
        {"step_id": "physio", "reason": "replaced"},
        "step_awaited",
    ),
    ("add a step twice", lambda: desk("active"), "step_added", {"step": step("talk")}, "step_id_taken"),
    ("set a goal twice", lambda: desk("active"), "goal_set", {"goal": GOAL}, "goal_id_taken"),
    (
        "move an unknown goal",
        lambda: desk("active"),
        "goal_progressed",
        {"goal_id": "x", "progress": "met"},
        "goal_unknown",
    ),
    (
        "a session of an unknown step",
        lambda: desk("active"),
        "session_recorded",
        {"attendance": "attended", "channel": "phone", "step_id": "x"},
        "step_unknown",
    ),
]

IMPOSSIBLE: list[tuple[str, str, str, dict[str, Any], list[tuple[str, str]]]] = [
    (
        "two steps wait for each other",
        "confirmed",
        "plan_agreed",
        agreed((step("a", "b"), step("b", "a"), step("c"))),
        [("circular_sequence", "/steps"), ("circular_sequence", "/steps")],
    ),
    (
        "a step waits for itself",
        "confirmed",
        "plan_agreed",
        agreed((step("a", "a"),)),
        [("circular_sequence", "/steps")],
    ),
    (
        "an unknown predecessor and a name twice, told at once",
        "confirmed",
        "plan_agreed",
        agreed((step("a"), step("b", "a", "x"), step("a"))),
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
        {"step": step("new", "new")},
        [("unknown_predecessor", "/step/after/0")],
    ),
    (
        "an override whose supports wait in a circle",
        "proposed",
        "recommendation_overridden",
        override({"support": "skills", "after": ("gp",)}, {"support": "gp", "after": ("skills",)}),
        [("circular_sequence", "/package"), ("circular_sequence", "/package")],
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


def refusal(made: Desk, kind: str, on: date | None = None, **fields: Any) -> tuple[int, list[tuple[str, str]]]:
    """Return status and reasons of a refusal, having checked that nothing changed."""
    before = (made.aggregate.state, made.aggregate.sequence, len(made.rows))
    with pytest.raises(Refused) as refused:
        made.ask(kind, on, **fields)
    assert (made.aggregate.state, made.aggregate.sequence, len(made.rows)) == before
    return refused.value.status, [(reason.code, reason.pointer) for reason in refused.value.reasons]


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


@pytest.mark.parametrize(
    ("on", "code"),
    [
        (TODAY, None),
        (TODAY + timedelta(days=1), "occurred_in_future"),
        (REFERRED_ON, None),
        (day(-1), "occurred_before_referral"),
    ],
)
def test_the_day_of_a_command(on: date, code: str | None) -> None:
    made = desk("active")
    if code is None:
        assert made.ask("note_recorded", on, note="n")[0].data.occurred_on == on
    else:
        assert refusal(made, "note_recorded", on, note="n") == (422, [(code, "/occurred_on")])


def test_today_is_londons() -> None:
    made = desk("active")
    made.now = datetime(2025, 6, 2, 23, 30, tzinfo=UTC)
    made.ask("acknowledged", date(2025, 6, 3))
    made.now = datetime(2025, 1, 2, 23, 30, tzinfo=UTC)
    assert refusal(made, "contacted", date(2025, 1, 3), channel="phone", reached=True)[0] == 422


def test_there_is_no_plan() -> None:
    assert refusal(desk(None), "acknowledged") == (404, [("plan_not_found", "")])


def test_a_stale_version_is_refused_before_anything_else() -> None:
    made = desk("active")
    assert refusal(made, "reopened", day(-9), version=1, reason="needs_changed") == (409, [("stale_version", "")])
    with pytest.raises(Refused, match=f"version {made.state.plan_version}"):
        made.ask("acknowledged", version=made.state.plan_version - 1)
    made.ask("acknowledged", version=made.state.plan_version)


def test_whoever_confirms_or_overrides_becomes_the_coach() -> None:
    confirmed, overridden, assigned = desk(), desk(), desk()
    confirmed.ask("recommendation_confirmed", by="coach-7", revision=1)
    overridden.ask("recommendation_overridden", by="coach-8", **override({"support": "gp"}))
    assigned.ask("coach_assigned", by="lead-1", coach="coach-9")
    assigned.ask("recommendation_confirmed", by="lead-1", revision=1)
    assert [d.state.plan.coach for d in (confirmed, overridden, assigned)] == ["coach-7", "coach-8", "coach-9"]
    assert [item.support for item in overridden.state.plan.package] == ["gp"]
    assert [item.support for item in confirmed.state.plan.package] == ["physiotherapy", "employer_conversation"]


def test_finishing_a_step_frees_the_next() -> None:
    made = desk("active")
    made.ask("step_finished", day(3), step_id="physio")
    made.ask("step_started", day(4), step_id="talk")
    made.ask("step_added", step=step("late", "physio", "talk"))
    assert refusal(made, "step_started", step_id="late") == (409, [("step_blocked", "/step_id")])
    assert refusal(made, "step_finished", day(3), step_id="talk") == (
        422,
        [("finished_before_started", "/occurred_on")],
    )
    made.ask("step_finished", day(4), step_id="talk")
    assert (made.state.plan.finished_steps, made.state.plan.latest.step_finished_on) == (("physio", "talk"), day(4))
    assert refusal(made, "step_added", step=step("physio"))[1][0][0] == "step_id_taken"


def test_goals_that_are_met_or_dropped_leave_the_plan() -> None:
    made = desk("active")
    made.ask("goal_set", goal={"goal_id": "other", "theme": "health"})
    made.ask("goal_progressed", goal_id="other", progress="partly_met")
    assert [(g.goal_id, g.progress) for g in made.state.plan.goals] == [
        ("back-to-work", "open"),
        ("other", "partly_met"),
    ]
    made.ask("goal_progressed", goal_id="other", progress="met")
    made.ask("goal_progressed", goal_id="back-to-work", progress="dropped")
    assert (made.state.plan.goals, made.state.plan.counters.goals_met) == ((), 1)


def test_open_items_are_limited() -> None:
    made = desk("active")
    for number in range(40 - len(made.state.plan.steps)):
        made.ask("step_added", step=step(f"s{number}"))
    assert refusal(made, "step_added", step=step("more"))[1] == [("too_many_steps", "")]
    for number in range(19):
        made.ask("goal_set", goal={"goal_id": f"g{number}", "theme": "health"})
    assert refusal(made, "goal_set", goal={"goal_id": "more", "theme": "health"})[1] == [("too_many_goals", "")]


def test_sessions_are_numbered_and_counted() -> None:
    made = desk("active")
    for attendance, minutes in (("attended", 60), ("missed", 0), ("cancelled", 0), ("attended", 30)):
        [event] = made.ask("session_recorded", attendance=attendance, minutes=minutes, channel="video")
    assert event.data.change.session_id == "session-4"
    counters = made.state.plan.counters
    assert (counters.sessions_attended, counters.sessions_missed, counters.sessions_cancelled) == (2, 1, 1)
    assert counters.minutes == 90


CONSENTS = [
    ("given before", {"given": True, "on": day(3), "channel": None}, day(5)),
    ("given on the day", {"given": True, "on": day(5), "channel": None}, day(5)),
    ("its day is not known", {"given": True, "on": None, "channel": None}, day(5)),
    ("given between two sessions", {"given": True, "on": day(6), "channel": None}, day(7)),
    ("refused", {"given": False, "on": day(3), "channel": None}, None),
    ("not asked", None, None),
]


@pytest.mark.parametrize(("consent", "started_on"), [c[1:] for c in CONSENTS], ids=[c[0] for c in CONSENTS])
def test_a_participant_attends_after_consent(consent: Any, started_on: date | None) -> None:
    made = Desk()
    made.triage(consents={"take_part": consent, "share_with_gp": None, "share_with_employer": None})
    made.ask("recommendation_confirmed", revision=1)
    made.ask("session_recorded", day(4), attendance="missed", channel="phone")
    for on in (day(5), day(7), day(9)):
        made.ask("session_recorded", on, attendance="attended", channel="phone")
    assert made.state.plan.started_on == started_on


def test_consent_given_to_the_coach_counts_from_its_day() -> None:
    made = Desk()
    made.triage(consents={"take_part": None, "share_with_gp": None, "share_with_employer": None})
    made.ask("recommendation_confirmed", revision=1)
    made.ask("consent_changed", day(2), consent="take_part", given=True, channel="in_person")
    made.ask("session_recorded", day(1), attendance="attended", channel="phone")
    assert made.state.plan.started_on is None
    made.ask("session_recorded", day(2), attendance="attended", channel="phone")
    assert made.state.plan.started_on == day(2)


def test_reviews_follow_the_programmes_rhythm_unless_a_day_is_named() -> None:
    made = desk("agreed")
    assert made.state.plan.review_on == REFERRED_ON + timedelta(weeks=6)
    made.ask("review_completed", day(40), reliable_improvement=True)
    assert made.state.plan.review_on == day(40) + timedelta(weeks=6)
    made.ask("review_completed", day(50), next_review_on=day(60))
    assert made.state.plan.review_on == day(60)
    assert made.state.plan.latest.review is not None
    assert made.state.plan.latest.review.reliable_improvement is None


def test_the_events_work_is_the_newest_and_the_referrals_is_kept() -> None:
    made = desk("active")
    [event] = made.ask("work_status_changed", work=WORKING, weekly_hours=20)
    assert event.data.work.attendance == "working"
    made.triage(revision=2)
    assert made.state.work.attendance == "working"
    assert made.state.plan.work_at_referral is not None
    assert made.state.plan.work_at_referral.attendance == "off_sick"


def test_the_newest_evidence_of_each_kind_is_kept() -> None:
    made = desk("active")
    newer = {**PAYSLIP, "obtained_on": day(9), "reference": "doc-2"}
    made.ask("evidence_recorded", evidence=PAYSLIP, milestone="work_outcome")
    made.ask("work_status_confirmed", day(9), work=WORKING, evidence=(newer, {**newer, "kind": "tax_record"}))
    latest = made.state.plan.latest
    assert [(e.kind, e.reference) for e in latest.evidence] == [("payslip", "doc-2"), ("tax_record", "doc-2")]
    assert made.state.plan.counters.evidence == 3
    assert latest.work is not None
    assert latest.work.confirmed


AFTER_CLOSING: list[tuple[str, dict[str, Any]]] = [
    ("work_status_changed", {"work": WORKING}),
    ("work_status_confirmed", {"work": WORKING}),
    ("evidence_recorded", {"evidence": PAYSLIP}),
]


@pytest.mark.parametrize(("kind", "fields"), AFTER_CLOSING, ids=[c[0] for c in AFTER_CLOSING])
def test_outcomes_count_until_the_window_ends(kind: str, fields: dict[str, Any]) -> None:
    made = desk("closed")
    until = made.state.plan.outcomes_until
    assert until == REFERRED_ON + timedelta(days=182)
    made.ask(kind, until, **fields)
    assert made.state.state is PlanState.CLOSED
    assert refusal(made, kind, until + timedelta(days=1), **fields) == (409, [("outcome_window_over", "/occurred_on")])


def test_an_open_plan_has_no_outcome_window() -> None:
    made = desk("active")
    made.ask("work_status_confirmed", TODAY, work=WORKING)


@pytest.mark.parametrize(
    ("after", "status", "code"),
    [(0, None, None), (28, None, None), (29, 409, "reopen_window_over"), (-1, 422, "reopened_before_closed")],
)
def test_reopening_within_28_days_keeps_the_plan(after: int, status: int | None, code: str | None) -> None:
    made = desk("active")
    made.ask("closed", day(10), closure="47")
    steps = made.state.plan.steps
    on = day(10 + after)
    if code is None:
        made.ask("reopened", on, reason="person_returned")
        assert made.state.plan.steps == steps
    else:
        assert refusal(made, "reopened", on, reason="person_returned") == (status, [(code, "/occurred_on")])


def test_a_notes_text_is_in_no_event() -> None:
    text = "cannot sleep since the accident"
    made = desk("active")
    [note] = made.ask("note_recorded", note=text)
    [second] = made.ask("note_recorded", note=text)
    package: dict[str, Any] = {"revision": 1, "reason": "other", "package": ({"support": "gp"},)}
    [overridden] = made.ask("recommendation_overridden", **package, note=text)
    [without] = made.ask("recommendation_overridden", **package)
    assert note.data.change.note_digest == second.data.change.note_digest == overridden.data.change.note_digest
    assert without.data.change.note_digest is None
    assert all(b"sleep" not in value and b"accident" not in value for value in made.bytes)
    assert [row[0] for name, row in made.rows if name == "plan_note"] == [note.id, second.id, overridden.id]
    assert all(text in row for name, row in made.rows if name == "plan_note")
