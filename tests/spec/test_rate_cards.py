"""What each term of each rate card pays: one day or penny below its boundary, on it, and above."""

from typing import Any

from services.contracts.base import Work
from services.contracts.codes import Attendance, WorkStatus
from services.contracts.plan_codes import ClosureCode, EvidenceKind
from services.programmes.rate_card import Acceleration, GroupUplift, Price, RateCard
from tests.spec.cards import DAY, Happening, Row, after, card_of, check, parametrised, shown

START: list[Happening] = [lambda p: p.session(DAY)]
MANCHESTER, PRAP = card_of("manchester"), card_of("prap")
WORK_AND_HEALTH, IPS = card_of("work-and-health"), card_of("ips")
SICK = Work(status=WorkStatus.EMPLOYED, attendance=Attendance.OFF_SICK)


def session(day: int) -> Happening:
    return lambda p: p.session(after(day))


def sessions(*days: int) -> list[Happening]:
    return [session(day) for day in days]


def lasted(on: int, since: int = 10, *evidence_on: int, **more: Any) -> Happening:
    shown_on = evidence_on or (on,)
    return lambda p: p.confirmed(after(on), *(shown(after(day)) for day in shown_on), since=after(since), **more)


ENGAGED = [
    Row("13 days apart: one is paid", [*START, *sessions(1, 14)], "engagement", "within_gap", 0, 45200),
    Row("14 days apart: both", [*START, *sessions(1, 15)], "engagement", "earned", 5000, 50200),
    Row("15 days apart: both", [*START, *sessions(1, 16)], "engagement", "earned", 5000, 50200),
    Row("13 days before one that is paid", [*START, *sessions(20, 7)], "engagement", "within_gap", 0, 45200),
    Row("14 days before it", [*START, *sessions(20, 6)], "engagement", "earned", 5000, 50200),
    Row("the participant's own day", [*START, *sessions(0)], "engagement", "day_of_participant", 0, 40200),
    Row("the day after", [*START, *sessions(1)], "engagement", "earned", 5000, 45200),
    Row("the seventh", [*START, *sessions(*range(14, 99, 14))], "engagement", "earned", 5000, 75200),
    Row("the eighth", [*START, *sessions(*range(14, 113, 14))], "engagement", "earned", 5000, 80200),
    Row("the ninth", [*START, *sessions(*range(14, 127, 14))], "engagement", "ceiling_reached", 0, 80200),
    Row(
        "a step before the first session",
        [*START, lambda p: p.step(after(-1))],
        "engagement",
        "before_participant",
        0,
        40200,
    ),
    Row("a step with no session at all", [lambda p: p.step(DAY)], "engagement", "no_participant", 0, 0),
    Row("a missed session", [lambda p: p.missed(DAY)], None, "not_attended", 0, 0),
    Row("the first session", START, "participant", "earned", 40200, 40200),
]

LINES = [
    Row("Start", START, "participant", "earned", 30000, 30000),
    Row("13 weeks less a day", [*START, lasted(10 + 90)], "half_outcome", "not_sustained_yet", 0, 30000),
    Row("13 weeks to the day", [*START, lasted(10 + 91)], "half_outcome", "earned", 45000, 75000),
    Row("13 weeks and a day", [*START, lasted(10 + 92)], "half_outcome", "earned", 45000, 75000),
    Row("26 weeks less a day", [*START, lasted(10 + 181)], "full_outcome", "not_sustained_yet", 0, 75000),
    Row("26 weeks to the day: both are reached", [*START, lasted(10 + 182)], "full_outcome", "earned", 45000, 120000),
    Row("26 weeks and a day", [*START, lasted(10 + 183)], "full_outcome", "earned", 45000, 120000),
    Row(
        "a break of a day puts it off by one",
        [*START, lasted(10 + 91, break_days=1)],
        "half_outcome",
        "not_sustained_yet",
        0,
        30000,
    ),
    Row("and then it is reached", [*START, lasted(10 + 92, break_days=1)], "half_outcome", "earned", 45000, 75000),
    Row(
        "work that had begun the day before the first session",
        [*START, lasted(300, -1)],
        "half_outcome",
        "before_participant",
        0,
        30000,
    ),
    Row("work that began on that day", [*START, lasted(91, 0)], "half_outcome", "earned", 45000, 75000),
    Row(
        "evidence of the day before the anniversary",
        [*START, lasted(101, 10, 100)],
        "half_outcome",
        "claimable",
        0,
        30000,
    ),
    Row("evidence of the anniversary", [*START, lasted(103, 10, 101)], "half_outcome", "earned", 45000, 75000),
    Row(
        "a confirmation that says no beginning",
        [*START, lambda p: p.confirmed(after(200), shown(after(200)))],
        "half_outcome",
        "since_unknown",
        0,
        30000,
    ),
    Row(
        "what the person says is none",
        [*START, lambda p: p.work(after(200))],
        "half_outcome",
        "not_confirmed",
        0,
        30000,
    ),
    Row("off sick again", [*START, lasted(200, work=SICK)], "half_outcome", "not_in_work", 0, 30000),
    Row("twice", [*START, lasted(101), lasted(110)], "half_outcome", "ceiling_reached", 0, 75000),
    Row(
        "the claim and then its evidence",
        [*START, lasted(101, 10, 50), lambda p: p.evidence(after(120), shown(after(101)))],
        "half_outcome",
        "proven",
        45000,
        75000,
    ),
    Row(
        "evidence older than the claim, though it names it",
        [*START, lasted(101, 10, 50), lambda p: p.evidence(after(120), shown(after(100)), "half_outcome")],
        None,
        "no_claim_meant",
        0,
        30000,
    ),
    Row(
        "a kind that the card does not accept",
        [
            *START,
            lasted(101, 10, 50),
            lambda p: p.evidence(after(120), shown(after(110), EvidenceKind.SELF_DECLARATION)),
        ],
        "half_outcome",
        "other_evidence",
        0,
        30000,
    ),
    Row(
        "a second confirmation with evidence proves it",
        [*START, lasted(101, 10, 50), lasted(120)],
        "half_outcome",
        "proven",
        45000,
        75000,
    ),
    Row("End", [*START, lambda p: p.closed(after(200))], "closed_by_agreement", "earned", 10000, 40000),
    Row(
        "an end that nobody agreed on",
        [*START, lambda p: p.closed(after(200), ClosureCode.ENDED_EARLIER_THAN_WANTED)],
        "closed_by_agreement",
        "not_by_agreement",
        0,
        30000,
    ),
    Row("an end without a start", [lambda p: p.closed(after(200))], "closed_by_agreement", "no_participant", 0, 0),
]


def earned(on: int, pence: int | None = None, days: int | None = None) -> Happening:
    return lambda p: p.confirmed(after(on), shown(after(on)), earned_pence=pence, self_employed_days=days)


EARNED = [
    Row("acknowledged on the first working day", START, "participant", "earned", 0, 0, {"acknowledged_on": after(-5)}),
    Row("on the second", START, "participant", "earned", 0, 0, {"acknowledged_on": after(-4)}),
    Row("on the third", START, "participant", "not_taken_up", 0, 0, {"acknowledged_on": after(-3)}),
    Row("never", START, "participant", "not_taken_up", 0, 0, {"acknowledged_on": None}),
    Row("a penny less", [*START, earned(100, 475903)], "job_outcome", "earned_too_little", 0, 0),
    Row("to the penny", [*START, earned(100, 475904)], "job_outcome", "earned", 350000, 350000),
    Row("a penny more", [*START, earned(100, 475905)], "job_outcome", "earned", 350000, 350000),
    Row("181 days in self-employment", [*START, earned(100, None, 181)], "job_outcome", "earned_too_little", 0, 0),
    Row("182 days", [*START, earned(100, 0, 182)], "job_outcome", "earned", 350000, 350000),
    Row("183 days", [*START, earned(100, None, 183)], "job_outcome", "earned", 350000, 350000),
    Row("neither was asked", [*START, earned(100)], "job_outcome", "earned_too_little", 0, 0),
    Row("637 days after the start", [*START, earned(637, 475904)], "job_outcome", "earned", 350000, 350000),
    Row("638 days", [*START, earned(638, 475904)], "job_outcome", "earned", 350000, 350000),
    Row("639 days", [*START, earned(639, 475904)], "job_outcome", "after_window", 0, 0),
    Row(
        "without evidence",
        [*START, lambda p: p.confirmed(after(100), earned_pence=475904)],
        "job_outcome",
        "claimable",
        0,
        0,
    ),
]

PLACED = [
    Row("6 hours a week", [*START, lasted(300, weekly_hours=6)], "job_outcome", "too_few_hours", 0, 50000),
    Row("7 hours", [*START, lasted(300, weekly_hours=7)], "job_outcome", "earned", 120000, 170000),
    Row("8 hours", [*START, lasted(300, weekly_hours=8)], "job_outcome", "earned", 120000, 170000),
    Row("hours that nobody said", [*START, lasted(300, weekly_hours=None)], "job_outcome", "too_few_hours", 0, 50000),
    Row(
        "breaks of 20 days: 13 weeks within 16 less a day",
        [*START, lasted(300, break_days=20)],
        "job_outcome",
        "earned",
        120000,
        170000,
    ),
    Row(
        "breaks of 21 days: 13 weeks within 16",
        [*START, lasted(300, break_days=21)],
        "job_outcome",
        "earned",
        120000,
        170000,
    ),
    Row("breaks of 22 days", [*START, lasted(300, break_days=22)], "job_outcome", "break_too_long", 0, 50000),
    Row(
        "181 days after the start: sooner is better paid",
        [*START, lasted(181)],
        "job_outcome",
        "earned",
        140000,
        190000,
    ),
    Row("182 days", [*START, lasted(182)], "job_outcome", "earned", 140000, 190000),
    Row("183 days", [*START, lasted(183)], "job_outcome", "earned", 120000, 170000),
    Row(
        "a plan on the day of the first session",
        [*START, lambda p: p.agreed(DAY)],
        "plan_agreed",
        "earned",
        20000,
        70000,
    ),
    Row("the day before it", [*START, lambda p: p.agreed(after(-1))], "plan_agreed", "before_participant", 0, 50000),
    Row(
        "agreed again",
        [*START, lambda p: p.agreed(DAY), lambda p: p.agreed(after(30))],
        "plan_agreed",
        "ceiling_reached",
        0,
        70000,
    ),
    Row("no engagement has a price", [*START, *sessions(20)], "engagement", "not_priced", 0, 50000),
]

OWN = card_of(
    "manchester",
    prices=(
        Price(milestone="participant", amount_pence=10001, at_most=1),
        Price(milestone="fourth_session", fact="nth_session", nth=4, amount_pence=2000, at_most=1),
        Price(milestone="step_finished", amount_pence=700, at_most=2, gap_days=7),
        Price(milestone="review_completed", amount_pence=300, at_most=2),
        Price(
            milestone="work_outcome",
            amount_pence=9999,
            at_most=1,
            evidence=("payslip",),
            acceleration=Acceleration(within_days=30, amount_pence=20001),
        ),
    ),
    uplifts=(
        GroupUplift(group="care_leaver", basis_points=1000),
        GroupUplift(group="veteran", basis_points=2500, milestones=("work_outcome",)),
    ),
)


def works(on: int) -> Happening:
    return lambda p: p.confirmed(after(on), shown(after(on)))


ITSELF = [
    Row("the third session", [*START, *sessions(1, 2)], "fourth_session", "not_yet_nth", 0, 10001),
    Row("the fourth", [*START, *sessions(1, 2, 3)], "fourth_session", "earned", 2000, 12001),
    Row("the fifth", [*START, *sessions(1, 2, 3, 4)], "fourth_session", "ceiling_reached", 0, 12001),
    Row(
        "a step 6 days after one",
        [*START, lambda p: p.step(after(1)), lambda p: p.step(after(7))],
        "step_finished",
        "within_gap",
        0,
        10701,
    ),
    Row(
        "7 days after",
        [*START, lambda p: p.step(after(1)), lambda p: p.step(after(8))],
        "step_finished",
        "earned",
        700,
        11401,
    ),
    Row(
        "a third step",
        [*START, *[lambda p, d=d: p.step(after(d)) for d in (1, 8, 15)]],
        "step_finished",
        "ceiling_reached",
        0,
        11401,
    ),
    Row("a review", [*START, lambda p: p.review(after(1))], "review_completed", "earned", 300, 10301),
    Row("work on the 29th day: sooner", [*START, works(29)], "work_outcome", "earned", 20001, 30002),
    Row("on the 30th", [*START, works(30)], "work_outcome", "earned", 20001, 30002),
    Row("on the 31st", [*START, works(31)], "work_outcome", "earned", 9999, 20000),
    Row(
        "a group: 10 % of 10,001 pence is 1,000",
        START,
        "participant",
        "earned",
        11001,
        11001,
        {"groups": ("care_leaver",)},
    ),
    Row(
        "10 % of 9,999 pence is 1,000",
        [*START, works(31)],
        "work_outcome",
        "earned",
        10999,
        22000,
        {"groups": ("care_leaver",)},
    ),
    Row(
        "two groups: the higher, once",
        [*START, works(31)],
        "work_outcome",
        "earned",
        12499,
        23500,
        {"groups": ("veteran", "care_leaver")},
    ),
    Row("its uplift is of one milestone", START, "participant", "earned", 10001, 10001, {"groups": ("veteran",)}),
    Row(
        "sooner, and a group: 25 % of 20,001",
        [*START, works(30)],
        "work_outcome",
        "earned",
        25001,
        35002,
        {"groups": ("veteran",)},
    ),
    Row(
        "10 % of 300 pence",
        [*START, lambda p: p.review(after(1))],
        "review_completed",
        "earned",
        330,
        11331,
        {"groups": ("care_leaver",)},
    ),
]


@parametrised(
    ("participant and engagement", MANCHESTER, ENGAGED),
    ("four claim lines", PRAP, LINES),
    ("fee and outcome", WORK_AND_HEALTH, EARNED),
    ("placement", IPS, PLACED),
    ("milestones by themselves, sooner, groups", OWN, ITSELF),
)
def test_what_a_card_pays(card: RateCard, row: Row) -> None:
    check(card, row)
