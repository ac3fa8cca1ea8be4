"""Every cell of the lifecycle table, against a table of its own in a form that a person can check."""

import itertools
from pathlib import Path
from typing import Any, get_args

import pytest

from services.coaching.domain import lifecycle
from services.coaching.domain.commands import PlanCommand
from services.coaching.domain.lifecycle import LIFECYCLE, Refusal
from services.contracts.plan_codes import ChangeKind, PlanState
from services.kernel.decision import Refused
from tests.unit.coaching.desk import FACTS, ORIGIN, Desk, desk, step

WORK = {"status": "employed", "attendance": "working"}
EVIDENCE = {"kind": "payslip", "obtained_on": "2024-11-18", "reference": "doc-1"}

FIT_NOTE = {"fitness": "not_fit", "from_on": "2024-11-04", "to_on": "2024-12-03", "issuer": "doctor"}

# A command of each kind that is possible wherever the table allows it.
COMMANDS: dict[str, dict[str, Any]] = {
    "recommendation_confirmed": {"revision": 1},
    "recommendation_overridden": {"revision": 1, "reason": "person_prefers", "package": ({"support": "skills"},)},
    "coach_assigned": {"coach": "coach-2"},
    "acknowledged": {},
    "contacted": {"channel": "phone", "reached": True},
    "assessed": {"channel": "phone"},
    "plan_agreed": {"goals": ({"goal_id": "goal-1", "theme": "health"},), "steps": (step("step-7"),)},
    "goal_set": {"goal": {"goal_id": "goal-9", "theme": "health"}},
    "goal_progressed": {"goal_id": "goal-1", "progress": "partly_met"},
    "step_added": {"step": step("step-8")},
    "step_started": {"step_id": "step-1"},
    "step_finished": {"step_id": "step-1"},
    "step_cancelled": {"step_id": "step-2", "reason": "person_declined"},
    "barrier_changed": {"state": "open", "barrier": "debt"},
    "booking_changed": {"step_id": "step-2", "booking": "booked", "booked_for": "2024-11-18"},
    "adjustment_changed": {"adjustment": "phased_return", "state": "proposed"},
    "employer_contacted": {"channel": "phone", "employer": "employer-1", "role": "line_manager"},
    "fit_note_recorded": {"fit_note": FIT_NOTE},
    "handed_over": {"programme": "working-well-early-help", "channel": "phone"},
    "session_recorded": {"attendance": "attended", "channel": "phone", "minutes": 30},
    "review_completed": {"reliable_improvement": True},
    "work_status_changed": {"work": WORK},
    "work_status_confirmed": {"work": WORK, "evidence": (EVIDENCE,)},
    "evidence_recorded": {"evidence": EVIDENCE},
    "consent_changed": {"consent": "share_with_gp", "given": False},
    "note_recorded": {"note": "spoke for a while"},
    "paused": {"reason": "away"},
    "resumed": {},
    "closed": {"closure": "46"},
    "withdrawn": {"reason": "changed_mind"},
    "reopened": {"reason": "person_returned"},
    "corrected": {"refers_to": 2, "reason": "entered_twice"},
}
SAME = "="

# proposed, confirmed, agreed, active, paused, in_review, closed, withdrawn
EXPECTED: dict[str, str] = {
    "recommendation_confirmed": "confirmed = = = plan_paused = plan_closed plan_withdrawn",
    "recommendation_overridden": "confirmed = = = plan_paused = plan_closed plan_withdrawn",
    "coach_assigned": "= = = = = = = plan_withdrawn",
    "acknowledged": "= = = = = = plan_closed plan_withdrawn",
    "contacted": "= = = = = = = plan_withdrawn",
    "assessed": "not_confirmed = = = plan_paused = plan_closed plan_withdrawn",
    "plan_agreed": (
        "not_confirmed agreed already_agreed already_agreed plan_paused already_agreed plan_closed plan_withdrawn"
    ),
    "goal_set": "not_confirmed not_agreed = = plan_paused = plan_closed plan_withdrawn",
    "goal_progressed": "not_confirmed not_agreed = = plan_paused = plan_closed plan_withdrawn",
    "step_added": "not_confirmed not_agreed = = plan_paused active plan_closed plan_withdrawn",
    "step_started": "not_confirmed not_agreed active = plan_paused no_open_step plan_closed plan_withdrawn",
    "step_finished": "not_confirmed not_agreed not_started = plan_paused no_open_step plan_closed plan_withdrawn",
    "step_cancelled": "not_confirmed not_agreed = = plan_paused no_open_step plan_closed plan_withdrawn",
    "barrier_changed": "not_confirmed = = = plan_paused = plan_closed plan_withdrawn",
    "booking_changed": "not_confirmed not_agreed = = = no_open_step plan_closed plan_withdrawn",
    "adjustment_changed": "not_confirmed = = = plan_paused = plan_closed plan_withdrawn",
    "employer_contacted": "not_confirmed = = = plan_paused = plan_closed plan_withdrawn",
    "fit_note_recorded": "= = = = = = plan_closed plan_withdrawn",
    "handed_over": "closed closed closed closed closed closed plan_closed plan_withdrawn",
    "session_recorded": "not_confirmed = active = plan_paused = plan_closed plan_withdrawn",
    "review_completed": "not_confirmed not_agreed = = plan_paused active = plan_withdrawn",
    "work_status_changed": "= = = = = = = plan_withdrawn",
    "work_status_confirmed": "not_confirmed = = = = = = plan_withdrawn",
    "evidence_recorded": "not_confirmed = = = = = = plan_withdrawn",
    "consent_changed": "= = = = = = = plan_withdrawn",
    "note_recorded": "= = = = = = = plan_withdrawn",
    "paused": "not_confirmed not_agreed paused paused already_paused paused plan_closed plan_withdrawn",
    "resumed": "not_paused not_paused not_paused not_paused active not_paused plan_closed plan_withdrawn",
    "closed": "closed closed closed closed closed closed plan_closed plan_withdrawn",
    "withdrawn": "withdrawn withdrawn withdrawn withdrawn withdrawn withdrawn withdrawn plan_withdrawn",
    "reopened": "not_closed not_closed not_closed not_closed not_closed not_closed active plan_withdrawn",
}
EXPECTED["corrected"] = "= = = = = = = ="
CELLS = list(itertools.product(EXPECTED, PlanState))

# What must hold besides the state, so that the usual command is possible there.
PREPARE: dict[tuple[str, str], list[tuple[str, dict[str, Any]]]] = {
    ("step_started", "active"): [("step_added", {"step": step("step-9")})],
}


def with_a_contact(state: PlanState) -> Desk:
    """A plan whose second version recorded a contact, to be taken back."""
    made = desk(PlanState.PROPOSED)
    made.ask("contacted", channel="phone", reached=True)
    for before in desk(state).causes[1:]:
        made.apply(before)
    return made


def prepared(kind: str, state: PlanState) -> Desk:
    made = desk(state) if kind != "corrected" else with_a_contact(state)
    if kind in {"recommendation_confirmed", "recommendation_overridden"} and state is not PlanState.PROPOSED:
        made.triage(revision=2)
    if kind == "employer_contacted" and state is not PlanState.WITHDRAWN:
        made.ask("consent_changed", consent="share_with_employer", given=True)
    for before, fields in PREPARE.get((kind, state.value), []):
        made.ask(before, **fields)
    return made


def fields_of(kind: str, state: PlanState) -> dict[str, Any]:
    fields = COMMANDS[kind]
    if kind.startswith("recommendation") and state not in {PlanState.PROPOSED, PlanState.WITHDRAWN}:
        return {**fields, "revision": 2}
    return {**fields, "step_id": "step-9"} if (kind, state) == ("step_started", "active") else fields


@pytest.mark.parametrize(("kind", "state"), CELLS, ids=str)
def test_each_cell(kind: str, state: PlanState) -> None:
    made = prepared(kind, state)
    expected = EXPECTED[kind].split()[list(PlanState).index(state)]
    before, sequence, written = made.state, made.aggregate.sequence, len(made.rows)
    fields = fields_of(kind, state)
    if expected == SAME or expected in set(PlanState):
        [event] = made.ask(kind, **fields)
        assert event.data.change.kind == kind
        assert made.state.state == (before.state if expected == SAME else expected)
        assert made.state.plan_version == before.plan_version + 1
    else:
        with pytest.raises(Refused) as refused:
            made.ask(kind, **fields)
        assert refused.value.status == 409
        assert [reason.code for reason in refused.value.reasons] == [expected]
        assert (made.state, made.aggregate.sequence, len(made.rows)) == (before, sequence, written)


def test_every_command_and_every_kind_of_the_table_is_covered() -> None:
    from_triage = {ChangeKind.PROPOSED, ChangeKind.HOLD_RELEASED}
    union = get_args(get_args(PlanCommand)[0])
    kinds = {get_args(model.model_fields["kind"].annotation)[0] for model in union}
    assert kinds | from_triage == set(LIFECYCLE)
    assert kinds == set(EXPECTED) == set(COMMANDS)
    assert all(set(row) == set(PlanState) for row in LIFECYCLE.values())


def test_every_refusal_code_is_used_and_explained() -> None:
    used = {cell.code for row in LIFECYCLE.values() for cell in row.values() if isinstance(cell, Refusal)}
    assert used == set(lifecycle.CODES)


@pytest.mark.parametrize("kind", [ChangeKind.PROPOSED, ChangeKind.HOLD_RELEASED, ChangeKind.CORRECTED])
@pytest.mark.parametrize("state", list(PlanState))
def test_what_triage_says_moves_no_plan_and_never_raises(kind: ChangeKind, state: PlanState) -> None:
    made = desk(state)
    if kind is ChangeKind.HOLD_RELEASED:
        made.triage("held", 2)
    before = made.state
    if kind is ChangeKind.PROPOSED:
        events = made.triage(revision=2)
    elif kind is ChangeKind.HOLD_RELEASED:
        events = made.acknowledge(2)
    else:
        events = made.relay(
            "corrected",
            fields=(),
            asks=(),
            facts=FACTS,
            language=None,
            formats=(),
            priority_groups=(),
            equality={"sex": None, "ethnic_group": None, "imd_quintile": None},
            eligibility={"outcome": "eligible", "reasons": ()},
            eligibility_decided=None,
        )
        assert not events or events[0].data.change.event_id == ORIGIN
    assert made.state.state == before.state
    ended = state is PlanState.WITHDRAWN and kind is not ChangeKind.CORRECTED
    assert [event.data.change.kind for event in events] == ([] if ended else [kind])


@pytest.mark.parametrize("state", [s for s in PlanState if s is not PlanState.WITHDRAWN])
def test_without_consent_to_take_part_every_plan_ends(state: PlanState) -> None:
    by_coach, by_intake = desk(state), desk(state)
    by_coach.ask("consent_changed", consent="take_part", given=False)
    by_intake.relay("consent_changed", consent="take_part", given=False, channel=None)
    assert by_coach.state.state is by_intake.state.state is PlanState.WITHDRAWN


def test_a_missed_session_does_not_activate() -> None:
    made = desk("agreed")
    made.ask("session_recorded", attendance="missed", channel="phone")
    assert made.state.state is PlanState.AGREED


def test_the_last_open_step_leads_to_a_review() -> None:
    made = desk("active")
    [finished] = made.ask("step_finished", step_id="step-1")
    [cancelled] = made.ask("step_cancelled", step_id="step-2", reason="replaced")
    assert [finished.data.state, cancelled.data.state] == [PlanState.ACTIVE, PlanState.IN_REVIEW]


@pytest.mark.parametrize("state", ["agreed", "active", "in_review"])
def test_a_resumed_plan_is_as_far_as_it_had_come(state: str) -> None:
    made = desk(state)
    made.ask("paused", reason="away")
    made.ask("resumed")
    assert made.state.state.value == state


@pytest.mark.parametrize("state", ["proposed", "confirmed", "agreed", "active", "in_review"])
def test_a_reopened_plan_is_as_far_as_it_had_come(state: str) -> None:
    made = desk(state)
    made.ask("closed", closure="47")
    made.ask("reopened", reason="closed_in_error")
    assert made.state.state.value == state
    assert (made.state.plan.closed_on, made.state.plan.closure, made.state.plan.outcomes_until) == (None, None, None)


def test_the_readme_shows_this_table() -> None:
    readme = Path(lifecycle.__file__).parents[1] / "README.md"
    assert lifecycle.render() in readme.read_text()
