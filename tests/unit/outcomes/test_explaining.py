"""One participant's history line by line: what each fact earned, why others earned nothing, and the running total."""

from datetime import timedelta

from rich.console import Console

from services.contracts.outcome import ClawBack
from services.contracts.payment_codes import ClawbackReason
from services.kernel.decision import Received
from services.outcomes.domain.verdict import SENTENCES
from services.outcomes.rates.cli import print_explanation
from services.outcomes.rates.explaining import Caused, Explanation, Posted, explain
from tests.unit.outcomes.histories import LATER, NOW, Books, Plan


def told(books: Books, causes: list[Received], plan: Plan) -> Explanation:
    caused = [Caused(cause=c, recorded_at=NOW + timedelta(minutes=c.sequence)) for c in causes]
    posted = [Posted(event=e, cause_id=books.causes[e.id], recorded_at=e.occurred_at) for e in books.events]
    return explain(plan.referral_id, caused, posted, books.policy)


def test_each_fact_has_its_line_and_its_rule() -> None:
    plan, books = Plan(), Books()
    causes = [
        plan.note("2024-11-20"), plan.missed("2024-11-25"), plan.session("2024-12-02"), plan.session("2024-12-16"),
        plan.session("2024-12-20"), plan.work("2025-01-02"),
    ]  # fmt: skip
    books.take(*causes)
    asked = ClawBack(
        by="f",
        entry=books.events[1].id,
        amount_pence=100,
        effective_on=LATER.date(),
        reason=ClawbackReason.PAID_IN_ERROR,
    )
    books.command(asked, plan.referral_id)
    last = plan.corrected("2025-03-03", 4)
    causes.append(last)
    books.take(last)
    found = told(books, causes, plan)
    rows = [
        (line.plan_version, line.milestone, line.code, line.amount_pence, line.running_pence) for line in found.lines
    ]
    assert rows == [
        (1, None, "pays_for_nothing", 0, 0),
        (2, None, "not_attended", 0, 0),
        (3, "participant", "earned", 40200, 40200),
        (4, "engagement", "earned", 5000, 45200),
        (5, "engagement", "within_gap", 0, 45200),
        (6, "work_outcome", "claimable", 0, 45200),
        (None, "engagement", "clawed_back", -100, 45100),
        (7, "engagement", "taken_back", -4900, 40200),
    ]
    assert (found.total_pence, found.claimable) == (books.pence, ("work_outcome/1",))
    assert all(line.reason for line in found.lines)
    assert {line.card.version for line in found.lines if line.card} == {"2024.1"}


def test_what_outcomes_has_not_read_is_said() -> None:
    plan, books = Plan(), Books()
    causes = [plan.session("2024-12-02")]
    found = told(books, causes, plan)
    assert [(line.code, line.amount_pence) for line in found.lines] == [("not_read_yet", 0)]


def test_a_day_that_no_card_prices_is_said() -> None:
    plan, books = Plan(), Books()
    found = told(books, [plan.session("2027-04-01")], plan)
    assert [line.code for line in found.lines] == ["no_card_yet"]


def test_it_prints_every_sentence() -> None:
    plan, books = Plan(), Books()
    causes = [plan.session("2024-12-02"), plan.work("2025-01-02")]
    books.take(*causes)
    console = Console(width=240, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    print_explanation(told(books, causes, plan), console)
    text = console.export_text()
    assert "£402.00" in text
    assert "Claimable, waits for evidence: work_outcome/1" in text
    assert SENTENCES["claimable"].split(":")[0] in " ".join(text.split())
