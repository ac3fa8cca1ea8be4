"""The page of a statement: what it sums up is what the statement says, and codes are words."""

from datetime import UTC, date, datetime
from html.parser import HTMLParser

from services.contracts.plan_codes import OutcomeKind
from services.outcomes.domain.statement import Seal, Statement, StatementLine, make_statement
from services.outcomes.settlement import page
from services.programmes.reader import load_book

MOMENT = datetime(2024, 12, 2, 9, tzinfo=UTC)


def line(
    kind: str, milestone: str | None, pence: int, payable: int | None, treatment: str | None, occurrence: int = 1
) -> StatementLine:
    return StatementLine(
        entry_id="0192f1a0-5b1c-5d2e-9f3a-4b5c6d7e8f90",
        referral_id=None if kind in {"fee", "paid"} else "0192f1a0-5b1c-7d2e-9f3a-4b5c6d7e8f90",
        milestone=milestone,
        occurrence=occurrence,
        effective_on=date(2024, 11, 29),
        evidence=(),
        rate_card=None,
        amount_pence=pence,
        kind=OutcomeKind(kind),
        reason="",
        payable_pence=payable,
        treatment=treatment,
    )


def statement(provider: str = "growth-company") -> Statement:
    return make_statement(
        provider=provider,
        contract="wwgm-manchester-growth-company",
        programme="workwell-greater-manchester",
        month="2024-11",
        effective=date(2024, 11, 30),
        known_at=MOMENT,
        opening_pence=100_000,
        lines=[
            line("fee", None, 1_250_000, 1_250_000, "fee"),
            line("earned", "participant", 40_200, 40_200, "payable"),
            line("earned", "participant", 40_200, 0, "once_per_person"),
            line("earned", "engagement", 5_000, 1_200, "capped_contract", 3),
            line("clawback", "participant", -20_000, -20_000, "taken_back"),
            line("claimable", "work_outcome", 0, 0, "claimable"),
            line("paid", None, 90_000, 0, "paid"),
        ],
        sealed=Seal(root="6a" * 32, closed_at=MOMENT),
    )


class _Cells(HTMLParser):
    """The text of each row's cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.strip()


def test_what_is_summed_up_is_what_the_balance_moves_by() -> None:
    one = statement()
    rows = page.summary(one)
    assert sum(row["lines"] for row in rows) == len(one.lines)
    assert sum(row["to_pay_pence"] for row in rows) == one.closing_pence - one.opening_pence
    assert sum(row["withheld_pence"] for row in rows) == one.capped_pence
    assert [(row["what"], row["lines"], row["to_pay_pence"]) for row in rows] == [
        ("Delivery fee", 1, 1_250_000),
        ("Engagement", 1, 1_200),
        ("Participant", 2, 40_200),
        ("Participant (clawback)", 1, -20_000),
        ("Payment received", 1, -90_000),
        ("Work outcome (evidence awaited)", 1, 0),
    ]


def test_the_page_says_it_in_words_and_pounds() -> None:
    rows = _Cells(page.render([statement()], load_book())).rows
    assert ["Balance", "£12,814.00"] in rows
    assert ["Paid", "-£900.00"] in rows
    assert ["Participant", "2", "£804.00", "-£402.00", "£402.00"] in rows
    third = next(row for row in rows if row[0] == "4")
    assert (third[2], *third[4:]) == ("Engagement, 3", "£50.00", "£12.00", "above the contract's ceiling")


def test_a_name_is_text_and_no_markup() -> None:
    text = page.render([statement("<b>growth</b>")], load_book())
    assert "<b>growth" not in text
    assert "&lt;b&gt;growth&lt;/b&gt;" in text
    assert "6a" * 32 in text
