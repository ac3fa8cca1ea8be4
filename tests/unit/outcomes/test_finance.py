"""What finance commands: clawbacks to the penny, pricing anew, and the command read back from its events."""

from dataclasses import replace
from datetime import date

import pytest

from services.contracts.outcome import ClawBack, LedgerCommand, ReRate
from services.contracts.payment_codes import ClawbackReason, ReRatingReason
from services.contracts.plan_codes import EvidenceKind, OutcomeKind
from services.kernel.decision import Event, Refused
from services.outcomes.domain.commanding import reissue
from services.outcomes.domain.decide import decide
from services.outcomes.domain.ledger import Account, fold_ledger
from services.outcomes.domain.state import Earnings
from services.outcomes.domain.terms import RateBook
from services.programmes.rate_card import GroupUplift, Payment, Price
from services.programmes.reader import load_book
from tests.unit.outcomes.histories import CONTRACT, LATER, PROGRAMME, Books, Plan, evidence

FIRST = load_book().version_for(PROGRAMME, date(2024, 10, 1))
CARD = FIRST.payment.rate_cards[0]
PRICES = (
    Price(milestone="participant", amount_pence=50000, at_most=1),
    Price(milestone="engagement", amount_pence=6000, at_most=3, gap_days=7),
    Price(milestone="work_outcome", amount_pence=9000, at_most=1, evidence=("payslip",)),
)
UPLIFT = (GroupUplift(group="care_leaver", basis_points=1000),)
DEARER = CARD.model_copy(
    update={"version": "2025.9", "prices": PRICES, "uplifts": UPLIFT, "effective_from": date(2031, 1, 1)}
)
ENDING = CARD.model_copy(update={"effective_to": date(2030, 12, 31)})
OTHER = DEARER.model_copy(update={"version": "2025.8", "contracts": ("somebody-else",)})
PAYMENT = Payment(rate_cards=(ENDING, DEARER, OTHER))
BOOK = RateBook([FIRST.model_copy(update={"payment": PAYMENT})])
LATE = date(2025, 3, 3)


def back(entry: str, pence: int | None = None, on: date = LATE) -> ClawBack:
    reason = ClawbackReason.AUDIT_FINDING
    return ClawBack(by="finance-1", entry=entry, amount_pence=pence, effective_on=on, reason=reason)


def anew(version: str = "2025.9") -> ReRate:
    return ReRate(by="finance-1", card="wwgm-manchester", version=version, reason=ReRatingReason.CARD_CORRECTED)


def lived(**plan: object) -> tuple[Books, Plan]:
    one = Plan(**plan)  # type: ignore[arg-type]
    books = Books(BOOK)
    books.take(one.session("2024-12-02"), one.session("2024-12-16"))
    return books, one


def left(books: Books, plan: Plan) -> list[int]:
    return [entry.left_pence for entry in books.states[plan.referral_id].earned]


def refusal(books: Books, plan: Plan, asked: LedgerCommand) -> set[str]:
    with pytest.raises(Refused) as refused:
        books.command(asked, plan.referral_id)
    return {reason.code for reason in refused.value.reasons}


def test_parts_until_nothing_is_left() -> None:
    books, plan = lived()
    key, first = plan.referral_id, books.events[0].id
    books.command(back(first, 40199), key)
    assert refusal(books, plan, back(first, 2)) == {"more_than_is_left"}
    books.command(back(first), key)
    assert left(books, plan) == [0, 5000]
    assert refusal(books, plan, back(first)) == {"nothing_left"}
    balances = fold_ledger(books.events).balances()
    assert balances[CONTRACT, Account.CLAWBACK] == 40200
    assert sum(balances.values()) == 0


@pytest.mark.parametrize(
    ("on", "code"),
    [
        (date(2024, 12, 1), "before_entry"),
        (date(2024, 12, 2), None),
        (date(2028, 1, 3), None),
        (date(2028, 1, 4), "effective_in_future"),
    ],
    ids=["the day before the entry", "its day", "today", "tomorrow"],
)
def test_a_clawback_is_effective_from_its_entry_s_day_until_today(on: date, code: str | None) -> None:
    books, plan = lived()
    asked = back(books.events[0].id, 1, on)
    if code is None:
        assert [made.effective_on for made in books.command(asked, plan.referral_id)] == [on]
    else:
        assert refusal(books, plan, asked) == {code}


def test_a_correction_after_a_clawback_takes_back_the_rest() -> None:
    books, plan = lived()
    books.command(back(books.events[0].id, 200), plan.referral_id)
    [reversal] = books.take(plan.corrected("2025-03-04", 1))
    assert (reversal.kind, reversal.amount_pence) == (OutcomeKind.REVERSAL, -40000)
    assert books.pence == 5000
    assert refusal(books, plan, back(books.events[0].id)) == {"entry_not_found"}


def test_nothing_can_be_asked_of_a_referral_that_earned_nothing() -> None:
    assert refusal(Books(BOOK), Plan(), anew()) == {"nothing_earned"}


def test_a_new_price_takes_back_and_enters_again_with_the_same_day_and_evidence() -> None:
    books, plan = lived(groups=("care_leaver",))
    before = books.states[plan.referral_id].earned
    made = books.command(anew(), plan.referral_id)
    assert [(o.kind.value, o.amount_pence) for o in made] == [
        ("reversal", -40200), ("earned", 55000), ("reversal", -5000), ("earned", 6600),
    ]  # fmt: skip
    after = books.states[plan.referral_id].earned
    kept = ("milestone", "occurrence", "on", "plan_versions", "evidence", "contract", "provider", "groups")
    assert [[getattr(e, n) for n in kept] for e in after] == [[getattr(e, n) for n in kept] for e in before]
    assert [o.refers_to for o in made] == [
        before[0].event_id,
        books.events[2].id,
        before[1].event_id,
        books.events[4].id,
    ]
    assert {e.card.version for e in after} == {"2025.9"}
    assert books.states[plan.referral_id].re_rating == {}
    assert fold_ledger(books.events).trial_balance() == 0


def test_the_same_card_again_changes_nothing() -> None:
    books, plan = lived()
    assert books.command(anew("2024.1"), plan.referral_id) == []
    books.command(anew(), plan.referral_id)
    assert books.command(anew(), plan.referral_id) == []


def test_a_correction_after_a_new_price_takes_the_new_one_back() -> None:
    books, plan = lived()
    books.command(anew(), plan.referral_id)
    [reversal] = books.take(plan.corrected("2025-03-04", 1))
    assert reversal.amount_pence == -50000
    assert reversal.rate_card is not None
    assert reversal.rate_card.version == "2025.9"
    assert books.pence == 6000


def test_all_that_keeps_a_card_from_fitting_is_said_at_once() -> None:
    books, plan = lived()
    for day in ("2024-12-30", "2025-01-13", "2025-01-27"):
        books.take(plan.session(day))
    books.take(plan.confirmed("2025-02-01", evidence(EvidenceKind.TAX_RECORD, "2025-02-01")))
    books.take(plan.review("2025-02-03", improved=True))
    books.command(back(books.events[0].id, 1), plan.referral_id)
    codes = {"clawed_back", "over_ceiling", "evidence_not_enough", "milestone_not_priced"}
    assert refusal(books, plan, anew()) == codes
    assert refusal(books, plan, anew("2025.8")) == {"card_not_of_contract"}
    assert refusal(books, plan, anew("2025.7")) == {"card_unknown"}


@pytest.mark.parametrize(
    "asked", [back("0" * 8 + "-0000-0000-0000-" + "0" * 12, 7), anew()], ids=["clawback", "new price"]
)
def test_a_command_read_back_from_its_events_gives_them_again(asked: LedgerCommand) -> None:
    books, plan = lived()
    key = plan.referral_id
    asked = asked if isinstance(asked, ReRate) else asked.model_copy(update={"entry": books.events[0].id})
    before: Earnings = books.states[key]
    books.command(asked, key)
    own = books.events[2:]
    for event in own:
        command = reissue(event, books.causes[event.id])
        assert command is not None
        drafts = decide(before, command, policy=BOOK, now=LATER)
        assert [draft.data for draft in drafts] == [event.data for event in own]


def test_what_a_fact_led_to_holds_no_command() -> None:
    books, _ = lived()
    event: Event = books.events[0]
    assert reissue(event, "x") is None
    assert reissue(replace(event, data=None), "x") is None
