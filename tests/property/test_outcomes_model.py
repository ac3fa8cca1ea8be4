"""Ten thousand likely lives, ledger against the independent model, to the penny.

Hypothesis looks for strange histories; these are the usual ones, in bulk: months of support in order, with
late entries, corrections, hand-overs and withdrawn consent here and there; half of them under a card with every term.
"""

import random
from collections import Counter
from datetime import date, timedelta
from typing import Any, Final

import pytest
import yaml

from services.contracts.codes import Channel
from services.contracts.plan_codes import ClosureCode, EvidenceKind
from services.contracts.referral import Consent
from services.kernel.decision import Received
from services.outcomes.domain.ledger import fold_ledger
from services.outcomes.domain.terms import RateBook
from services.programmes.rate_card import Payment, RateCard
from services.programmes.reader import FOLDER, load_book
from tests.property.money_model import dues
from tests.property.owed import owed
from tests.property.test_outcomes_laws import FILES, PROVIDERS, TWO_CARDS, by_provider, in_the_topic
from tests.unit.outcomes.histories import PROGRAMME, REFERRED, UNEMPLOYED, WORKING, Books, Plan, evidence

HISTORIES: Final = 10_000
PARTS: Final = 4
SHOWN: Final = ["payslip", "tax_record"]
EVERY_TERM: Final = [
    {"milestone": "participant", "amount_pence": 30011, "at_most": 1},
    {"milestone": "engagement", "amount_pence": 1709, "at_most": 5, "gap_days": 7, "within_days": 200},
    {"milestone": "plan_agreed", "amount_pence": 811, "at_most": 1},
    {"milestone": "third", "fact": "nth_session", "nth": 3, "amount_pence": 613, "at_most": 1},
    {"milestone": "closed_by_agreement", "amount_pence": 907, "at_most": 1},
    {
        "milestone": "work_outcome", "amount_pence": 50021, "at_most": 2, "evidence": SHOWN,
        "acceleration": {"within_days": 60, "amount_pence": 60013},
    },
    {"milestone": "half", "fact": "sustained_work", "weeks": 13, "amount_pence": 7001, "at_most": 1, "evidence": SHOWN},
    {
        "milestone": "placed", "fact": "sustained_work", "weeks": 8, "within_weeks": 10, "least_hours": 7,
        "amount_pence": 9901, "at_most": 1, "evidence": SHOWN,
    },
    {
        "milestone": "earned", "fact": "earnings", "least_earnings_pence": 400_000, "least_self_employed_days": 90,
        "amount_pence": 8803, "at_most": 1, "evidence": SHOWN,
    },
]  # fmt: skip
UPLIFTS: Final = [
    {"group": "care_leaver", "basis_points": 1250},
    {"group": "veteran", "basis_points": 3333, "milestones": ["engagement", "half"]},
]


def every_term() -> tuple[RateBook, list[dict[str, Any]]]:
    """Return a book whose card has every term, and its file as plain data."""
    first = load_book().version_for(PROGRAMME, date(2024, 10, 1))
    found = first.payment.rate_cards[0].model_dump() | {"prices": EVERY_TERM, "uplifts": UPLIFTS}
    card = RateCard.model_validate(found, strict=False)
    file = yaml.safe_load((FOLDER / PROGRAMME / "2024.1.yaml").read_text())
    file["payment"]["rate_cards"][0] |= {"prices": EVERY_TERM, "uplifts": UPLIFTS}
    return RateBook([first.model_copy(update={"payment": Payment(rate_cards=(card,))})]), [file]


def life(chance: random.Random, name: str) -> list[Received]:
    """Return one person's plan changes: about 14 facts over up to ten months."""
    plan = Plan(name, consent=Consent(given=True, on=REFERRED + timedelta(chance.randrange(5)), channel=Channel.PHONE))
    plan.provider, plan.contract = PROVIDERS[chance.randrange(2)]
    plan.groups = chance.choice(((), (), ("care_leaver",), ("veteran", "care_leaver"), ("other",)))
    day, found = REFERRED, []
    for _ in range(chance.randrange(1, 28)):
        day += timedelta(days=chance.choice((0, 1, 3, 7, 7, 13, 14, 14, 15, 30)))
        on = day - timedelta(days=chance.choice((0, 0, 0, 0, 5, 14, 40)))
        move = chance.choices(
            ("session", "missed", "step", "review", "work", "confirmed", "evidence", "corrected", "moved", "consent",
             "agreed", "closed"),
            (12, 3, 5, 3, 2, 2, 2, 1, 1, 0.3, 1, 0.5),
        )[0]  # fmt: skip
        match move:
            case "session" | "missed" | "step" | "work" | "agreed":
                found.append(getattr(plan, move)(on))
            case "review":
                found.append(plan.review(on, improved=chance.choice((None, True, False))))
            case "confirmed":
                found.append(confirmed(chance, plan, on))
            case "evidence":
                shown = evidence(chance.choice(list(EvidenceKind)), on)
                found.append(plan.evidence(on, shown, chance.choice((None, None, "half", "work_outcome"))))
            case "corrected":
                found.append(plan.corrected(on, chance.randrange(1, plan.version + 2)))
            case "closed":
                found.append(plan.closed(on, chance.choice((*ClosureCode, *[ClosureCode.COMPLETED_BY_AGREEMENT] * 24))))
            case "moved":
                plan.provider, plan.contract = chance.choice(PROVIDERS[:2])
                found.append(plan.note(on))
            case "consent":
                plan.consent = Consent(given=chance.random() < 0.4, on=on, channel=Channel.PHONE)
                found.append(plan.note(on))
    return found


def confirmed(chance: random.Random, plan: Plan, on: date) -> Received:
    """Return a confirmation of work, often with its beginning, sometimes with evidence that the card accepts."""
    since = on - timedelta(days=chance.choice((10, 55, 56, 57, 90, 91, 92, 120)))
    kind = chance.choice((*EvidenceKind, EvidenceKind.PAYSLIP, EvidenceKind.TAX_RECORD))
    shown = (evidence(kind, on - timedelta(days=chance.choice((0, 0, 1, 30)))),) if chance.random() < 0.8 else ()
    return plan.confirmed(
        on,
        *shown,
        work=chance.choice((WORKING, WORKING, WORKING, UNEMPLOYED)),
        since=chance.choice((None, since, since)),
        break_days=chance.choice((None, 0, 1, 14, 15)),
        weekly_hours=chance.choice((None, 6, 7, 20)),
        earned_pence=chance.choice((None, 399_999, 400_000)),
        self_employed_days=chance.choice((None, None, 89, 90)),
    )


@pytest.mark.parametrize("part", range(PARTS))
def test_ledger_and_model_agree_on_thousands_of_lives(part: int) -> None:
    chance = random.Random(20241118 + part)  # noqa: S311  repeatable histories; it guards no secret
    policy, files = every_term() if part % 2 else (TWO_CARDS, FILES)
    reached = Counter[str]()
    for number in range(HISTORIES // PARTS):
        causes, books = life(chance, f"life {number}"), Books(policy)
        books.take(*causes)
        topic = in_the_topic(causes)
        due = dues(topic, files)
        assert fold_ledger(books.events).trial_balance() == 0
        assert by_provider(books) == {name: pence for name, pence in owed(topic, files).items() if pence}, number
        reached.update(one["milestone"] for one in due)
    assert len(reached) == (len(EVERY_TERM) if part % 2 else 4)
    assert min(reached.values()) > HISTORIES / PARTS / 50, "the histories must reach every milestone often"
