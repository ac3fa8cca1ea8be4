"""Ceilings, places and effective days: the penny, the place and the day before the boundary, on it, and above."""

from dataclasses import dataclass, field
from datetime import date

import pytest

from services.contracts.plan_codes import OutcomeKind
from services.outcomes.domain.settlement import Candidate, Rooms, Settlement, Tier
from services.programmes.rate_card import GroupUplift, Price
from tests.spec.cards import PAYSLIP, Row, book_of, card_of, check
from tests.unit.outcomes.histories import Books, Plan, evidence

MARCH, APRIL = date(2025, 3, 31), date(2025, 4, 1)


@dataclass(frozen=True)
class Case:
    """Entries (milestone, day, pence), settled in order under the tiers; payable pence and treatment of the last."""

    title: str
    tiers: tuple[Tier, ...]
    entries: tuple[tuple[str, date, int], ...]
    payable: int
    treatment: str = field(default="payable")


def whole(pence: int, code: str = "contract") -> Tier:
    return Tier(code, code, pence)


def annual(pence: int) -> Tier:
    return Tier("contract", "contract", None, pence)


def places(most: int, code: str = "contract") -> Tier:
    return Tier(code, code, None, None, most)


def paid(*entries: tuple[str, date, int]) -> tuple[tuple[str, date, int], ...]:
    return entries


ONE, TWO = ("engagement", MARCH, 5000), ("engagement", APRIL, 5000)
START = ("participant", MARCH, 40200)
CASES = [
    Case("a penny below the ceiling", (whole(10_001),), paid(ONE, ONE), 5000),
    Case("to the penny", (whole(10_000),), paid(ONE, ONE), 5000),
    Case("a penny above", (whole(9_999),), paid(ONE, ONE), 4999, "capped_contract"),
    Case("used up to the penny", (whole(5_000),), paid(ONE, ONE), 0, "capped_contract"),
    Case("no ceiling", (Tier("contract", "contract"),), paid(ONE, ONE), 5000),
    Case("the upper tier is the narrower", (whole(10_000), whole(7_000, "area")), paid(ONE, ONE), 2000, "capped_area"),
    Case("the year: a penny below", (annual(10_001),), paid(ONE, ONE), 5000),
    Case("the year: to the penny", (annual(10_000),), paid(ONE, ONE), 5000),
    Case("the year: a penny above", (annual(9_999),), paid(ONE, ONE), 4999, "capped_contract"),
    Case("31 March and 1 April are two years", (annual(5_000),), paid(ONE, TWO), 5000),
    Case("for good, the years are one", (whole(5_000),), paid(ONE, TWO), 0, "capped_contract"),
    Case("the last place", (places(2),), paid(START, START), 40200),
    Case("a place more than there is", (places(1),), paid(START, START), 0, "full_contract"),
    Case("no place at all", (places(0),), paid(START), 0, "full_contract"),
    Case("an engagement takes no place", (places(1),), paid(START, ONE), 5000),
    Case("the area is full", (places(9), places(1, "area")), paid(START, START), 0, "full_area"),
]


@pytest.mark.parametrize("case", CASES, ids=[case.title for case in CASES])
def test_what_fits_under_a_ceiling_or_finds_a_place(case: Case) -> None:
    settlement = Settlement({"c": case.tiers}, Rooms())
    made = [
        settlement.settle(Candidate(str(number), "c", OutcomeKind.EARNED, milestone, on, pence))
        for number, (milestone, on, pence) in enumerate(case.entries)
    ]
    assert (made[-1].payable_pence, made[-1].treatment) == (case.payable, case.treatment)
    assert made[-1].payable_pence + made[-1].withheld_pence == case.entries[-1][2]


OLD = card_of("manchester", effective_to=date(2025, 5, 31))
NEW = card_of(
    "manchester",
    version="2025.2",
    published_on=date(2025, 5, 1),
    effective_from=date(2025, 6, 1),
    effective_to=None,
    prices=(Price(milestone="participant", amount_pence=50000, at_most=1),),
)


@pytest.mark.parametrize(
    ("on", "version", "pence"),
    [("2025-05-31", OLD.version, 40200), ("2025-06-01", "2025.2", 50000), ("2025-06-02", "2025.2", 50000)],
    ids=["its last day", "the first day of the next", "the day after"],
)
def test_a_card_prices_the_days_on_which_it_is_effective(on: str, version: str, pence: int) -> None:
    [entry] = Books(book_of(OLD, NEW)).take(Plan(consent=None).session(on))
    assert entry.rate_card is not None
    assert (entry.rate_card.version, entry.amount_pence) == (version, pence)


HALVES = card_of("manchester", prices=(Price(milestone="participant", amount_pence=9995, at_most=1),))


@pytest.mark.parametrize(
    ("points", "pence"),
    [(999, 10994), (1000, 10995), (1001, 10995), (5, 10000), (4, 9999), (1, 9996)],
    ids=["below", "half a penny is one", "above", "4.9975 pence", "3.998 pence", "the least there is"],
)
def test_an_uplift_is_rounded_once(points: int, pence: int) -> None:
    """9,995 x 10 % = 999.5: half a penny is rounded up. 9.99 % = 998.5005, 10.01 % = 1,000.4995."""
    card = HALVES.model_copy(update={"uplifts": (GroupUplift(group="care_leaver", basis_points=points),)})
    happened = [lambda plan: plan.session("2025-04-07")]
    check(card, Row("uplift", happened, "participant", "earned", pence, pence, {"groups": ("care_leaver",)}))


EVIDENCED = card_of(
    "manchester",
    prices=(
        Price(milestone="participant", amount_pence=0, at_most=1),
        Price(milestone="work_outcome", amount_pence=7000, at_most=1, evidence=("payslip",)),
    ),
)


@pytest.mark.parametrize(
    ("obtained", "named", "code"),
    [
        ("2025-04-30", None, "no_claim_meant"),
        ("2025-05-01", None, "proven"),
        ("2025-05-02", None, "proven"),
        ("2025-04-30", "work_outcome", "proven"),
    ],
    ids=["the day before the change", "its day", "the day after", "the day before, and it names the milestone"],
)
def test_evidence_is_not_older_than_what_it_shows_unless_it_names_it(
    obtained: str, named: str | None, code: str
) -> None:
    happened = [
        lambda plan: plan.session("2025-04-07"),
        lambda plan: plan.work("2025-05-01"),
        lambda plan: plan.evidence("2025-06-01", evidence(PAYSLIP, obtained), named),
    ]
    pence = 7000 if code == "proven" else 0
    milestone = "work_outcome" if pence else None
    check(EVIDENCED, Row("evidence", happened, milestone, code, pence, pence))
