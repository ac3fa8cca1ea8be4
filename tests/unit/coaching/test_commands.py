"""What each command needs besides the right state, and what it leaves behind."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from services.coaching.domain.reissue import reissue
from services.coaching.store import NOTE
from services.contracts.plan_codes import PlanState
from services.kernel.decision import Refused
from services.kernel.sealing.content import KeyMissing
from services.kernel.sealing.tokens import open_token
from tests.parts.keys import key_of
from tests.unit.coaching.desk import (
    PAYSLIP,
    PERSON,
    REFERRED_ON,
    TODAY,
    WORKING,
    Desk,
    day,
    desk,
    override,
    refusal,
    step,
)

OTHER = "5b7c1f60-2d3e-4a88-8f19-0c9e4d7a2f36"


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
    made.ask("step_finished", day(3), step_id="step-1")
    made.ask("step_started", day(4), step_id="step-2")
    made.ask("step_added", step=step("step-6", "step-1", "step-2"))
    assert refusal(made, "step_started", step_id="step-6") == (409, [("step_blocked", "/step_id")])
    assert refusal(made, "step_finished", day(3), step_id="step-2") == (
        422,
        [("finished_before_started", "/occurred_on")],
    )
    made.ask("step_finished", day(4), step_id="step-2")
    assert (made.state.plan.finished_steps, made.state.plan.latest.step_finished_on) == (("step-1", "step-2"), day(4))
    assert refusal(made, "step_added", step=step("step-1"))[1][0][0] == "step_id_taken"


def test_goals_that_are_met_or_dropped_leave_the_plan() -> None:
    made = desk("active")
    made.ask("goal_set", goal={"goal_id": "goal-2", "theme": "health"})
    made.ask("goal_progressed", goal_id="goal-2", progress="partly_met")
    assert [(g.goal_id, g.progress) for g in made.state.plan.goals] == [
        ("goal-1", "open"),
        ("goal-2", "partly_met"),
    ]
    made.ask("goal_progressed", goal_id="goal-2", progress="met")
    made.ask("goal_progressed", goal_id="goal-1", progress="dropped")
    assert (made.state.plan.goals, made.state.plan.counters.goals_met) == ((), 1)


def test_open_items_are_limited() -> None:
    made = desk("active")
    for number in range(24 - len(made.state.plan.steps)):
        made.ask("step_added", step=step(f"step-9{number}"))
    assert refusal(made, "step_added", step=step("step-8"))[1] == [("too_many_steps", "")]
    for number in range(19):
        made.ask("goal_set", goal={"goal_id": f"goal-9{number}", "theme": "health"})
    assert refusal(made, "goal_set", goal={"goal_id": "goal-8", "theme": "health"})[1] == [("too_many_goals", "")]


def test_sessions_are_counted_and_named_after_the_version_that_records_them() -> None:
    made = desk("active")
    for attendance, minutes in (("attended", 60), ("missed", 0), ("cancelled", 0), ("attended", 30)):
        [event] = made.ask("session_recorded", attendance=attendance, minutes=minutes, channel="video")
    assert event.data.change.session_id == f"session-{event.data.plan_version}"
    counters = made.state.plan.counters
    assert (counters.sessions_attended, counters.sessions_missed, counters.sessions_cancelled) == (2, 1, 1)
    assert counters.minutes == 90


CONSENTS = [
    ("given before", {"given": True, "on": day(3), "channel": None}, day(5)),
    ("given on the day", {"given": True, "on": day(5), "channel": None}, day(5)),
    ("its day is not known", {"given": True, "on": None, "channel": None}, day(5)),
    ("given between two sessions", {"given": True, "on": day(6), "channel": None}, day(7)),
    ("refused", {"given": False, "on": day(3), "channel": None}, None),
    ("not known", None, day(5)),
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
    made.triage(
        consents={
            "take_part": {"given": False, "on": None, "channel": None},
            "share_with_gp": None,
            "share_with_employer": None,
        }
    )
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
    made.triage(revision=2, work={"status": "employed", "attendance": "struggling"})
    assert made.state.work.attendance == "working"
    assert made.state.plan.work_at_referral is not None
    assert made.state.plan.work_at_referral.attendance == "struggling", "triage's event has the referral as corrected"


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


def test_reopening_is_told_within_28_days_too() -> None:
    """Else a plan could be opened again years later, as of a day long past."""
    made = desk("active")
    made.ask("closed", day(10), closure="47")
    made.late, made.now = True, datetime(2024, 12, 27, 9, 30, tzinfo=UTC)  # 29 days after the closing
    assert refusal(made, "reopened", day(12), reason="person_returned") == (
        409,
        [("reopen_window_over", "/occurred_on")],
    )
    made.now = datetime(2024, 12, 26, 9, 30, tzinfo=UTC)
    made.ask("reopened", day(12), reason="person_returned")


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
    kept = [row for name, row in made.rows if name == "plan_note"]
    assert [row[0] for row in kept] == [note.id, second.id, overridden.id]
    assert [open_token(row[-1], key_of(PERSON), NOTE, {PERSON}) for row in kept] == [text] * 3
    assert text not in repr(kept)


def test_a_digest_is_bound_to_its_person() -> None:
    digests = set()
    for person in (PERSON, OTHER):
        made = Desk(person=person)
        made.triage()
        made.ask("note_recorded", note="the same words")
        digests.add(json.loads(made.bytes[-1])["change"]["note_digest"])
    assert len(digests) == 2


def test_no_words_are_written_about_somebody_who_is_erased() -> None:
    made = desk("active")
    made.keys.erased.add(PERSON)
    assert refusal(made, "note_recorded", note="n") == (410, [("person_erased", "")])
    made.ask("contacted", channel="phone", reached=True)


def test_no_words_are_written_when_the_vault_has_lost_the_key() -> None:
    made = desk("active")
    made.keys.lost.add(PERSON)
    before = len(made.events), len(made.rows)
    with pytest.raises(KeyMissing):
        made.ask("note_recorded", note="n")
    assert (len(made.events), len(made.rows)) == before


def test_the_first_acknowledgement_and_the_first_confirmation_keep_their_day() -> None:
    made = desk("proposed")
    made.ask("acknowledged", day(1))
    made.ask("acknowledged", day(3))
    made.ask("recommendation_confirmed", day(4), revision=1)
    made.triage(revision=2)
    made.ask("recommendation_confirmed", day(9), revision=2)
    assert (made.state.plan.acknowledged_on, made.state.plan.confirmed_on) == (day(1), day(4))


def test_a_replay_needs_no_notes_text() -> None:
    made = desk("active")
    [event] = made.ask("note_recorded", note="a long story")
    command = reissue(event, "0192f3a1-5c77-7b0e-9d43-6a1f0c2e7b11")
    assert (command.type, command.key, command.actor) == ("plan.command", event.key, "coach-1")
    assert b"long story" not in repr(command).encode()
    [again] = made.apply(command)
    assert again.data.change == event.data.change
