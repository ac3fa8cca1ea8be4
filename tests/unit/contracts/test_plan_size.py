"""A plan cannot outgrow an event: the largest that the limits allow still fits."""

from datetime import UTC, date, datetime

from services.contracts.assessment import Assessment, Gad7, Ons4, PartTaken, Phq9, StartMsk, Wsas
from services.contracts.assessment_codes import AssessmentPart
from services.contracts.base import PolicyVersion
from services.contracts.codes import (
    AccessibleFormat,
    Barrier,
    Condition,
    HoldCause,
    Intensity,
    RedFlag,
    Stressor,
    Support,
    TriageOutcome,
    Urgency,
)
from services.contracts.employer_codes import SizeBand
from services.contracts.outcome import Evidence
from services.contracts.plan import (
    MAX_EVIDENCE,
    MAX_FINISHED_STEPS,
    MAX_OPEN_BARRIERS,
    MAX_OPEN_GOALS,
    MAX_OPEN_STEPS,
    Booking,
    LatestEmployer,
    OpenBarrier,
    OpenGoal,
    OpenStep,
    PlanAdjustment,
    PlanSnapshot,
    PlanUpdated,
    Proposal,
)
from services.contracts.plan_change import Goal, PlanAgreed, Proposed, StepSpec
from services.contracts.plan_codes import (
    Adjustment,
    AdjustmentState,
    BarrierArea,
    BarrierState,
    BookingState,
    CancelledBy,
    EvidenceKind,
    GoalProgress,
    GoalTheme,
    StepOwner,
    StepState,
    WorkplaceBarrier,
)
from services.contracts.triage import MOST_NEEDS, MOST_STRONGER, Findings, PackageItem, Reason, RunnerUp, SealedFindings
from services.contracts.triage_codes import RunnerUpLoss
from services.kernel.decision import Event
from services.kernel.runtime.fold import encode
from services.kernel.sealing.content import Sealed
from tests.contract.published import CONTRACTS, examples_of
from tests.parts.keys import key_of

EVENT_LIMIT = 64 * 1024
DAY = date(2025, 1, 7)
NOON = datetime(2025, 1, 7, 12, tzinfo=UTC)
LONGEST = "x" * 64
UUID = "5b7c1f60-2d3e-4a88-8f19-0c9e4d7a2f35"
PACKAGE = tuple(
    PackageItem(support=support, intensity=Intensity.LIGHT_TOUCH, after=tuple(Support)[:place])
    for place, support in enumerate(Support)
)


def named(kind: str, number: int) -> str:
    """An id as long as there are."""
    return f"{kind}-{9000 + number}"


STEPS = tuple(
    StepSpec(
        step_id=named("step", number),
        support=Support.MEANINGFUL_ACTIVITY,
        intensity=Intensity.LIGHT_TOUCH,
        after=tuple(named("step", earlier) for earlier in range(max(0, number - 10), number)),
        due_on=DAY,
        owner=StepOwner.EMPLOYER,
        service="service-999999",
    )
    for number in range(MAX_OPEN_STEPS)
)
BOOKING = Booking(state=BookingState.CANCELLED, on=DAY, booked_for=DAY, cancelled_by=CancelledBy.SERVICE)
BARRIERS = tuple(
    OpenBarrier(
        barrier_id=named("barrier", number),
        area=BarrierArea.WORKPLACE,
        barrier=None,
        workplace=WorkplaceBarrier.RELATIONSHIPS,
        state=BarrierState.EASED,
        opened_on=DAY,
    )
    for number in range(MAX_OPEN_BARRIERS)
)
ADJUSTMENTS = tuple(
    PlanAdjustment(adjustment=one, state=AdjustmentState.IN_PLACE, on=DAY, review_on=DAY) for one in Adjustment
)
EMPLOYER = LatestEmployer(on=DAY, employer="employer-99", size=SizeBand.MEDIUM, next_on=DAY)
GOALS = tuple(
    Goal(goal_id=named("goal", number), theme=GoalTheme.RETURN_TO_WORK, target_on=DAY)
    for number in range(MAX_OPEN_GOALS)
)
EVIDENCE = tuple(
    Evidence(kind=EvidenceKind.EMPLOYMENT_CONTRACT, obtained_on=DAY, reference=UUID) for _ in range(MAX_EVIDENCE)
)


def largest() -> PlanUpdated:
    contract = next(contract for contract in CONTRACTS if contract.model is PlanUpdated)
    example = next(e for e in examples_of(contract) if e.file.name == "closed.pass.json")
    event = PlanUpdated.model_validate_json(example.text)
    plan = event.plan.model_copy(
        update={
            "package": PACKAGE,
            "proposal": Proposal(revision=9, outcome=TriageOutcome.RECOMMENDED, package=PACKAGE),
            "coach": LONGEST,
            "goals": tuple(OpenGoal(**dict(goal), progress=GoalProgress.PARTLY_MET) for goal in GOALS),
            "steps": tuple(
                OpenStep(**dict(step), state=StepState.STARTED, started_on=DAY, booking=BOOKING) for step in STEPS
            ),
            "barriers": BARRIERS,
            "adjustments": ADJUSTMENTS,
            "handed_over_to": LONGEST,
            "language": "sgn-Abcdefgh-Abcdefgh",
            "formats": tuple(AccessibleFormat),
            "finished_steps": tuple(named("step", number) for number in range(MAX_FINISHED_STEPS)),
            "latest": event.plan.latest.model_copy(
                update={"evidence": EVIDENCE, "employer": EMPLOYER, "fit_note_on": DAY}
            ),
        }
    )
    names = {"provider": LONGEST, "contract": LONGEST, "locality": LONGEST}
    return event.model_copy(update={"plan": PlanSnapshot(**dict(plan)), **names})


def test_the_largest_plan_agreed_at_its_largest_fits() -> None:
    change = PlanAgreed(by=LONGEST, occurred_on=DAY, goals=GOALS, steps=STEPS, review_on=DAY)
    event = largest().model_copy(update={"change": change})
    assert PlanUpdated.model_validate_json(event.model_dump_json()) == event
    assert EVENT_LIMIT / 2 < len(event.model_dump_json()) < EVENT_LIMIT


def test_the_largest_plan_with_the_largest_proposal_fits() -> None:
    findings = Findings(
        urgency=Urgency.EMERGENCY,
        cause=HoldCause.EMERGENCY_RED_FLAG,
        intensity=Intensity.KEY_WORKER,
        reasons=tuple(Reason(rule="R" * 32, code=LONGEST) for _ in range(50)),
        runners_up=tuple(
            RunnerUp(
                need=LONGEST,
                support=Support.SUPPORTED_EMPLOYMENT,
                rule="R" * 32,
                lost=RunnerUpLoss.ALTERNATIVE,
                by=("R" * 32,) * MOST_STRONGER,
            )
            for _ in range(MOST_NEEDS)
        ),
        awaits=("R" * 32,) * 5,
        acknowledged=("R" * 32,) * 5,
    )
    assessment = Assessment(
        taken_on=DAY,
        conditions=tuple(Condition),
        phq9=Phq9(score=27, item9=3),
        gad7=Gad7(score=21),
        start_msk=StartMsk(score=12),
        wsas=Wsas(score=40),
        red_flags=dict.fromkeys(RedFlag, False),
        under_secondary_mental_health_care=False,
        stressors=tuple(Stressor),
        barriers=tuple(Barrier),
        ons4=Ons4(life_satisfaction=10, worthwhile=10, happiness=10, anxiety=10),
        parts={part: PartTaken(taken_on=DAY, version="v" * 32) for part in AssessmentPart},
        named_before=tuple(Condition),
    )
    change = Proposed(
        by=None,
        occurred_on=DAY,
        revision=9,
        outcome=TriageOutcome.RECOMMENDED,
        package=PACKAGE,
        alternatives=tuple(Support),
        ruleset=PolicyVersion(id=LONGEST, version="1", sha256="0" * 64),
        sealed=SealedFindings(findings=Sealed.of(findings), assessment=Sealed.of(assessment)),
    )
    data = largest().model_copy(update={"change": change})
    value = encode(Event("e", "uk.workhealth.plan.updated.v1", data.referral_id, 1, data, NOON), key_of(data.person_id))
    assert PlanUpdated.model_validate_json(value) == data
    assert len(value) < EVENT_LIMIT
