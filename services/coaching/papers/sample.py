"""A made-up plan with something of everything, so that pages can be looked at without a person."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from services.coaching.domain.consents import history
from services.coaching.domain.papers.permitting import View
from services.coaching.domain.plan import Plan
from services.coaching.domain.policy import CoachingPolicy
from services.coaching.papers.contact import Contact
from services.coaching.papers.making import Letterhead, page_of
from services.contracts.plan_codes import Adjustment, Fitness, FitNoteIssuer
from services.contracts.plan_item import FitNote

ON: Final = date(2025, 6, 2)
REFERRED_ON: Final = date(2025, 4, 7)
WHO: Final = Contact(given_name="Ada", family_name="Example", postcode="M1 1AE")
LETTER: Final = Letterhead("01972ff9-f5c0-7330-88c3-f35ece519eae", ON + timedelta(days=14))

FIT_NOTES: Final = (
    FitNote(
        fitness=Fitness.NOT_FIT,
        adjustments=(),
        from_on=date(2025, 4, 1),
        to_on=date(2025, 5, 11),
        issuer=FitNoteIssuer.DOCTOR,
    ),
    FitNote(
        fitness=Fitness.MAY_BE_FIT,
        adjustments=(Adjustment.PHASED_RETURN, Adjustment.ALTERED_HOURS),
        from_on=date(2025, 5, 19),
        to_on=date(2025, 6, 29),
        issuer=FitNoteIssuer.PHYSIOTHERAPIST,
    ),
)

_GIVEN: Final = {"given": True, "on": "2025-04-07", "channel": "in_person"}


def _step(step_id: str, support: str, **fields: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {"intensity": None, "after": [], "due_on": None, "state": "planned", "started_on": None}
    return {"step_id": step_id, "support": support, **usual, **fields}


_SNAPSHOT: Final[dict[str, Any]] = {
    "revision": 2,
    "confirmed_revision": 2,
    "coach": "coach-sample",
    "confirmed_on": "2025-04-09",
    "agreed_on": "2025-04-14",
    "review_on": "2025-06-23",
    "started_on": "2025-04-14",
    "goals": [
        {"goal_id": "goal-1", "theme": "return_to_work", "target_on": "2025-07-07", "progress": "partly_met"},
        {"goal_id": "goal-2", "theme": "health", "target_on": None, "progress": "open"},
    ],
    "steps": [
        _step(
            "step-1",
            "physiotherapy",
            state="started",
            started_on="2025-05-06",
            due_on="2025-06-16",
            owner="service",
            booking={"state": "booked", "on": "2025-05-26", "booked_for": "2025-06-09", "cancelled_by": None},
        ),
        _step("step-2", "employer_conversation", after=["step-1"], due_on="2025-06-30", owner="coach"),
        _step("step-3", "talking_therapies", intensity="step_2", owner="person"),
        _step("step-4", "adaptive_technology", after=["step-2"], owner="employer"),
    ],
    "barriers": [
        {
            "barrier_id": "barrier-1",
            "area": "social",
            "barrier": "debt",
            "workplace": None,
            "state": "open",
            "opened_on": "2025-04-14",
        },
        {
            "barrier_id": "barrier-2",
            "area": "workplace",
            "barrier": None,
            "workplace": "relationships",
            "state": "eased",
            "opened_on": "2025-04-14",
        },
        {
            "barrier_id": "barrier-3",
            "area": "health",
            "barrier": None,
            "workplace": None,
            "state": "open",
            "opened_on": "2025-04-14",
        },
    ],
    "adjustments": [
        {"adjustment": "phased_return", "state": "agreed", "on": "2025-05-19", "review_on": "2025-06-30"},
        {"adjustment": "altered_hours", "state": "in_place", "on": "2025-05-12", "review_on": None},
        {"adjustment": "travel", "state": "refused", "on": "2025-05-12", "review_on": None},
        {"adjustment": "equipment", "state": "proposed", "on": "2025-05-26", "review_on": None},
    ],
    "finished_steps": ["step-5"],
    "counters": {"sessions_attended": 5, "minutes": 210, "steps_finished": 1, "goals_met": 1},
    "consents": {"take_part": _GIVEN, "share_with_gp": _GIVEN, "share_with_employer": _GIVEN},
    "work_at_referral": {"status": "employed", "attendance": "off_sick"},
    "language": "en",
    "formats": ["large_print"],
}


def plan(**snapshot: Any) -> Plan:
    """Return the plan; ``snapshot`` replaces some of its fields."""
    fields = {
        "referral_id": "0192f3a1-5c77-4b0e-9d43-6a1f0c2e7b11",
        "person_id": "5b7c1f60-2d3e-4a88-8f19-0c9e4d7a2f35",
        "programme": {"id": "workwell-greater-manchester", "version": "2024.1"},
        "area_code": "QOP",
        "locality": "manchester",
        "provider": "growth-company",
        "contract": "wwgm-manchester-growth-company",
        "route": "gp",
        "referred_on": REFERRED_ON,
        "occurred_on": ON,
        "age_band": "35-49",
        "work": {"status": "employed", "attendance": "struggling"},
        "plan_version": 17,
        "state": "active",
        "plan": {**_SNAPSHOT, **snapshot},
    }
    return Plan.model_validate(fields, strict=False)


def page(view: View, policy: CoachingPolicy, letter: Letterhead | None = LETTER, who: Contact = WHO) -> str:
    """Return a page of the plan."""
    made = plan()
    now = datetime(ON.year, ON.month, ON.day, 9, tzinfo=UTC)
    return page_of(made, view, ON, history(made, now), who, policy, letter, FIT_NOTES)
