"""One example for each kind of command on a plan, in an order in which one plan takes them.

Three are other ways: an override instead of a confirmation, a handover and a withdrawal at the end. A test sends all.
"""

from typing import Any, Final

from fastapi.openapi.models import Example

_WORK: Final = {"status": "employed", "attendance": "struggling"}


def _example(summary: str, kind: str, **fields: Any) -> tuple[str, Example]:
    said = {"kind": kind, "occurred_on": "2025-06-02", **fields}
    return kind, Example(summary=summary, value=said)


_STORY: Final = (
    _example("Taken up", "acknowledged"),
    _example("You decide as triage recommends", "recommendation_confirmed", revision=1),
    _example(
        "You decide otherwise",
        "recommendation_overridden",
        revision=1,
        reason="person_prefers",
        package=[{"support": "physiotherapy"}],
    ),
    _example("To a coach", "coach_assigned", coach="coach-ada"),
    _example("Reached by phone", "contacted", channel="phone", reached=True),
    _example("The joint assessment took place", "assessed", channel="in_person"),
    _example(
        "Goals, and steps in sequence",
        "plan_agreed",
        goals=[{"goal_id": "goal-1", "theme": "return_to_work", "target_on": "2025-07-07"}],
        steps=[
            {"step_id": "step-1", "support": "physiotherapy", "owner": "service", "due_on": "2025-06-16"},
            {"step_id": "step-2", "support": "employer_conversation", "after": ["step-1"], "owner": "coach"},
        ],
    ),
    _example("A further goal", "goal_set", goal={"goal_id": "goal-2", "theme": "health"}),
    _example("Part of the way", "goal_progressed", goal_id="goal-1", progress="partly_met"),
    _example("A further step", "step_added", step={"step_id": "step-3", "support": "debt_advice", "owner": "person"}),
    _example("A social barrier", "barrier_changed", state="open", barrier="debt"),
    _example("An appointment", "booking_changed", step_id="step-1", booking="booked", booked_for="2025-06-09"),
    _example("A step begins", "step_started", step_id="step-1"),
    _example("A session", "session_recorded", attendance="attended", minutes=60, channel="in_person"),
    _example("A step is done", "step_finished", step_id="step-1"),
    _example("A step falls away", "step_cancelled", step_id="step-3", reason="not_suitable"),
    _example("An adjustment", "adjustment_changed", adjustment="phased_return", state="agreed", review_on="2025-06-30"),
    _example(
        "The person allows you to speak with their employer",
        "consent_changed",
        consent="share_with_employer",
        given=True,
        channel="in_person",
    ),
    _example(
        "A talk with an employer: you number them",
        "employer_contacted",
        channel="phone",
        employer="employer-1",
        size="small",
        role="line_manager",
        agreed=["phased_return"],
        next_on="2025-06-23",
    ),
    _example(
        "A fit note, as it stands there",
        "fit_note_recorded",
        fit_note={
            "fitness": "may_be_fit",
            "adjustments": ["phased_return"],
            "from_on": "2025-06-02",
            "to_on": "2025-06-29",
            "issuer": "doctor",
        },
    ),
    _example("A review with scores", "review_completed", scores=[{"tool": "phq9", "earlier": 15, "later": 8}]),
    _example("As the person says", "work_status_changed", work=_WORK, weekly_hours=16),
    _example(
        "With evidence",
        "work_status_confirmed",
        work=_WORK,
        since="2025-06-02",
        weekly_hours=16,
        evidence=[{"kind": "payslip", "obtained_on": "2025-06-02", "reference": "doc-2"}],
    ),
    _example(
        "Evidence that came later",
        "evidence_recorded",
        evidence={"kind": "payslip", "obtained_on": "2025-06-02", "reference": "doc-3"},
    ),
    _example("A fit note was somebody else's: it is taken back", "corrected", refers_to=20, reason="wrong_person"),
    _example("A note; it goes into no event", "note_recorded", note="Prefers calls in the morning."),
    _example("The plan rests", "paused", reason="treatment", until="2025-06-16"),
    _example("It goes on", "resumed"),
    _example("Support has ended", "closed", closure="11"),
    _example("Open again, within 28 days", "reopened", reason="person_returned"),
    _example(
        "Another programme takes the person over", "handed_over", programme="working-well-early-help", channel="phone"
    ),
    _example("The person no longer takes part", "withdrawn", reason="changed_mind"),
)

COMMAND_EXAMPLES: Final[dict[str, Example]] = dict(_STORY)
"""By kind."""
