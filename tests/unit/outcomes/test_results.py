"""Outcomes in work and health: claimable until their evidence is there, earned once."""

from datetime import date

import pytest

from services.contracts.base import Work
from services.contracts.codes import Attendance, WorkStatus
from services.contracts.outcome import ReferralOutcome
from services.contracts.plan_codes import EvidenceKind, OutcomeKind, PlanState
from tests.unit.outcomes.histories import STRUGGLING, UNEMPLOYED, WORKING, Books, Plan, evidence

PAYSLIP = EvidenceKind.PAYSLIP
OFF_SICK = Work(status=WorkStatus.EMPLOYED, attendance=Attendance.OFF_SICK)
SELF_EMPLOYED = Work(status=WorkStatus.SELF_EMPLOYED, attendance=None)
INACTIVE = Work(status=WorkStatus.INACTIVE, attendance=None)


@pytest.fixture
def plan() -> Plan:
    return Plan()


@pytest.fixture
def books(plan: Plan) -> Books:
    books = Books()
    books.take(plan.session("2024-12-02"))
    return books


def summary(outcomes: list[ReferralOutcome]) -> list[tuple[str, str, str]]:
    return [(o.kind.value, o.milestone.code if o.milestone else "", str(o.effective_on)) for o in outcomes]


def test_a_reported_change_is_claimable_and_its_evidence_earns_it(plan: Plan, books: Books) -> None:
    [claim] = books.take(plan.work("2025-02-01"))
    assert (claim.kind, claim.amount_pence, claim.reasons) == (
        OutcomeKind.CLAIMABLE, 0, ("work_reported", "evidence_missing"),
    )  # fmt: skip
    [earned] = books.take(plan.evidence("2025-03-03", evidence(PAYSLIP, "2025-02-28")))
    assert (earned.kind, earned.effective_on) == (OutcomeKind.EARNED, date(2025, 2, 1))
    assert earned.refers_to == books.events[-2].id
    assert [e.kind for e in earned.evidence] == [PAYSLIP]
    assert earned.milestone == claim.milestone


def test_a_confirmation_with_evidence_is_earned_at_once(plan: Plan, books: Books) -> None:
    [earned] = books.take(plan.confirmed("2025-02-01", evidence(PAYSLIP, "2025-01-31")))
    assert (earned.kind, earned.reasons, earned.refers_to) == (OutcomeKind.EARNED, ("work_confirmed",), None)


def test_a_confirmation_proves_the_claim_before_it(plan: Plan, books: Books) -> None:
    made = books.take(plan.work("2025-02-01"), plan.confirmed("2025-03-01", evidence(PAYSLIP, "2025-02-28")))
    assert summary(made) == [("claimable", "work_outcome", "2025-02-01"), ("earned", "work_outcome", "2025-02-01")]


def test_a_confirmation_without_evidence_is_claimable(plan: Plan, books: Books) -> None:
    [claim] = books.take(plan.confirmed("2025-02-01"))
    assert claim.reasons == ("work_confirmed", "evidence_missing")


@pytest.mark.parametrize("kind", [EvidenceKind.SELF_DECLARATION, EvidenceKind.ATTENDANCE_RECORD])
def test_evidence_that_the_card_does_not_accept_earns_nothing(plan: Plan, books: Books, kind: EvidenceKind) -> None:
    books.take(plan.work("2025-02-01"))
    assert books.take(plan.evidence("2025-03-01", evidence(kind, "2025-03-01"))) == []
    assert books.take(plan.confirmed("2025-03-02", evidence(kind, "2025-03-02"))) == []


@pytest.mark.parametrize(
    ("milestone", "obtained", "earns"),
    [
        (None, "2025-02-01", True),
        (None, "2025-01-31", False),
        ("work_outcome", "2025-01-31", True),
        ("health_outcome", "2025-02-28", False),
    ],
)
def test_whose_evidence_it_is(plan: Plan, books: Books, milestone: str | None, obtained: str, earns: bool) -> None:
    books.take(plan.work("2025-02-01"))
    made = books.take(plan.evidence("2025-03-01", evidence(PAYSLIP, obtained), milestone))
    assert bool(made) is earns


@pytest.mark.parametrize(("obtained", "kind"), [("2025-02-01", "earned"), ("2025-01-31", "claimable")])
def test_evidence_recorded_before_the_change_counts_unless_it_is_older(
    plan: Plan, books: Books, obtained: str, kind: str
) -> None:
    assert books.take(plan.evidence("2025-02-01", evidence(PAYSLIP, obtained))) == []
    [outcome] = books.take(plan.work("2025-02-01"))
    assert outcome.kind.value == kind


@pytest.mark.parametrize(
    ("before", "after", "counts"),
    [
        (UNEMPLOYED, WORKING, True),
        (UNEMPLOYED, SELF_EMPLOYED, True),
        (INACTIVE, WORKING, True),
        (OFF_SICK, WORKING, True),
        (STRUGGLING, WORKING, True),
        (UNEMPLOYED, OFF_SICK, False),
        (UNEMPLOYED, STRUGGLING, False),
        (UNEMPLOYED, INACTIVE, False),
        (WORKING, WORKING, False),
        (WORKING, UNEMPLOYED, False),
        (SELF_EMPLOYED, WORKING, False),
        (None, WORKING, False),
    ],
)
def test_what_a_change_in_work_is(before: Work | None, after: Work, counts: bool) -> None:
    plan, books = Plan(work_at_referral=before), Books()
    books.take(plan.session("2024-12-02"))
    assert bool(books.take(plan.work("2025-02-01", after))) is counts


def test_an_outcome_is_claimed_and_earned_once(plan: Plan, books: Books) -> None:
    books.take(plan.work("2025-02-01"))
    assert books.take(plan.work("2025-02-15")) == []
    assert len(books.take(plan.evidence("2025-03-01", evidence(PAYSLIP, "2025-03-01")))) == 1
    assert books.take(plan.evidence("2025-03-02", evidence(PAYSLIP, "2025-03-02"))) == []
    assert books.take(plan.work("2025-04-01"), plan.confirmed("2025-04-02", evidence(PAYSLIP, "2025-04-02"))) == []


def test_only_a_participant_has_outcomes() -> None:
    plan, books = Plan(), Books()
    assert books.take(plan.work("2024-12-01"), plan.review("2024-12-01", improved=True)) == []
    books.take(plan.session("2024-12-10"))
    assert books.take(plan.work("2024-12-09")) == []
    assert summary(books.take(plan.work("2024-12-10"))) == [("claimable", "work_outcome", "2024-12-10")]


def test_a_claim_is_earned_for_whoever_it_was_then(plan: Plan, books: Books) -> None:
    books.take(plan.work("2025-02-01"))
    plan.provider, plan.contract = "big-life", "wwgm-manchester-big-life"
    [earned] = books.take(plan.evidence("2025-03-01", evidence(PAYSLIP, "2025-03-01")))
    assert (earned.provider, earned.contract) == ("growth-company", "wwgm-manchester-growth-company")


@pytest.mark.parametrize("improved", [None, False])
def test_a_review_without_reliable_improvement_is_an_engagement_only(
    plan: Plan, books: Books, improved: bool | None
) -> None:
    assert summary(books.take(plan.review("2025-01-10", improved=improved))) == [("earned", "engagement", "2025-01-10")]


def test_a_review_after_the_closing_can_be_the_health_outcome_and_is_no_engagement(plan: Plan, books: Books) -> None:
    plan.state = PlanState.CLOSED
    made = books.take(plan.review("2025-01-10", improved=True), plan.review("2025-02-20"))
    assert summary(made) == [("earned", "health_outcome", "2025-01-10")]


def test_a_review_that_finds_reliable_improvement_is_the_health_outcome_too(plan: Plan, books: Books) -> None:
    made = books.take(plan.review("2025-01-10", improved=True), plan.review("2025-01-11", improved=True))
    assert summary(made) == [("earned", "engagement", "2025-01-10"), ("earned", "health_outcome", "2025-01-10")]
    assert [outcome.amount_pence for outcome in made] == [5000, 0]
