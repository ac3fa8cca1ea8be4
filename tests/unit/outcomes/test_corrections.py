"""A correction takes back what the wrong fact had earned, once; the right fact earns it anew."""

from services.contracts.outcome import Evidence
from services.contracts.plan_codes import EvidenceKind, OutcomeKind
from services.outcomes.domain.ledger import fold_ledger
from tests.unit.outcomes.histories import Books, Plan, evidence


def test_a_corrected_session_is_reversed_to_the_penny_on_its_own_day() -> None:
    plan, books = Plan(), Books()
    books.take(plan.session("2024-12-02"), plan.session("2024-12-10"))
    engagement = books.events[-1]
    [reversal] = books.take(plan.corrected("2025-01-20", 2))
    assert (reversal.kind, reversal.amount_pence, reversal.reasons) == (OutcomeKind.REVERSAL, -5000, ("wrong_date",))
    assert reversal.refers_to == engagement.id
    assert reversal.effective_on == engagement.data.root.effective_on
    assert reversal.rate_card == engagement.data.root.rate_card
    assert books.pence == 40200


def test_a_fact_is_reversed_at_most_once() -> None:
    plan, books = Plan(), Books()
    books.take(plan.session("2024-12-02"))
    assert len(books.take(plan.corrected("2024-12-03", 1), plan.corrected("2024-12-04", 1))) == 1


def test_the_right_fact_takes_the_freed_place() -> None:
    plan, books = Plan(), Books()
    books.take(plan.session("2024-12-02"), plan.session("2024-12-10"), plan.session("2024-12-24"))
    [reversal] = books.take(plan.corrected("2025-01-20", 2))
    taken_back = books.events[-1]
    [anew] = books.take(plan.session("2024-12-09"))
    assert anew.milestone == reversal.milestone
    assert anew.refers_to == taken_back.id
    ledger = fold_ledger(books.events)
    assert ledger.transactions[books.events[-1].id].replaces == taken_back.id
    assert books.pence == 40200 + 2 * 5000


def test_the_next_attended_session_is_the_participant_after_the_first_was_wrong() -> None:
    plan, books = Plan(), Books()
    books.take(plan.session("2024-12-02"), plan.corrected("2024-12-03", 1))
    assert books.pence == 0
    [again] = books.take(plan.session("2024-12-05"))
    assert again.milestone is not None
    assert (again.milestone.code, again.milestone.occurrence) == ("participant", 1)


def test_a_correction_of_a_fact_that_earned_nothing_changes_nothing() -> None:
    plan, books = Plan(), Books()
    books.take(plan.session("2024-12-02"), plan.missed("2024-12-10"))
    assert books.take(plan.corrected("2024-12-20", 2), plan.corrected("2024-12-20", None)) == []


def test_a_claim_can_be_taken_back_and_made_again() -> None:
    plan, books = Plan(), Books()
    books.take(plan.session("2024-12-02"), plan.work("2025-02-01"))
    [reversal] = books.take(plan.corrected("2025-02-02", 2))
    assert (reversal.kind, reversal.amount_pence) == (OutcomeKind.REVERSAL, 0)
    [claim] = books.take(plan.work("2025-02-08"))
    assert claim.kind is OutcomeKind.CLAIMABLE
    [earned] = books.take(plan.evidence("2025-03-01", evidence(EvidenceKind.PAYSLIP, "2025-03-01")))
    assert earned.effective_on == claim.effective_on


SLIP = evidence(EvidenceKind.PAYSLIP, "2025-02-01")


def proven_before(*shown: Evidence) -> tuple[Plan, Books]:
    """An outcome that was earned at once, by evidence recorded before the change of work."""
    plan, books = Plan(), Books()
    books.take(plan.session("2024-12-02"), *(plan.evidence("2025-02-01", one) for one in shown))
    [earned] = books.take(plan.work("2025-02-01"))
    assert earned.kind is OutcomeKind.EARNED
    return plan, books


def test_an_outcome_falls_with_evidence_that_was_recorded_before_the_change() -> None:
    plan, books = proven_before(SLIP)
    [reversal] = books.take(plan.corrected("2025-04-01", 2))
    assert reversal.refers_to == books.events[-2].id


def test_an_outcome_stands_while_other_evidence_does() -> None:
    other = evidence(EvidenceKind.TAX_RECORD, "2025-02-03")
    plan, books = proven_before(SLIP, other)
    assert books.take(plan.corrected("2025-04-01", 2)) == []


def test_an_outcome_stands_while_another_record_of_the_same_evidence_does() -> None:
    plan, books = proven_before(SLIP, SLIP)
    assert books.take(plan.corrected("2025-04-01", 2)) == []


def test_an_outcome_falls_with_the_change_or_with_the_evidence() -> None:
    for wrong in (2, 3):
        plan, books = Plan(), Books()
        books.take(plan.session("2024-12-02"), plan.work("2025-02-01"))
        books.take(plan.evidence("2025-03-01", evidence(EvidenceKind.PAYSLIP, "2025-03-01")))
        [reversal] = books.take(plan.corrected("2025-04-01", wrong))
        assert reversal.refers_to == books.events[-2].id
