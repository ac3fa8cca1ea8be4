"""Thousands of likely lives, ledger against the independent model, to the penny.

Hypothesis looks for strange histories; these are the usual ones, in bulk: months of support in order, with
late entries, corrections, hand-overs and withdrawn consent here and there.
"""

import random
from datetime import timedelta
from typing import Any

from services.contracts.codes import Channel
from services.contracts.plan_codes import EvidenceKind
from services.contracts.referral import Consent
from services.kernel.decision import Received
from services.outcomes.domain.ledger import fold_ledger
from tests.property.money_model import dues, owed
from tests.property.test_outcomes_laws import FILES, PROVIDERS, TWO_CARDS, by_provider, in_the_topic
from tests.unit.outcomes.histories import REFERRED, WORKING, Books, Plan, evidence

HISTORIES = 2500


def life(chance: random.Random, name: str) -> list[Received]:
    """Return one person's plan changes: about 14 facts over up to ten months."""
    plan = Plan(name, consent=Consent(given=True, on=REFERRED + timedelta(chance.randrange(5)), channel=Channel.PHONE))
    plan.provider, plan.contract = PROVIDERS[chance.randrange(2)]
    day, found = REFERRED, []
    for _ in range(chance.randrange(1, 28)):
        day += timedelta(days=chance.choice((0, 1, 3, 7, 7, 13, 14, 14, 15, 30)))
        on = day - timedelta(days=chance.choice((0, 0, 0, 0, 5, 14, 40)))
        move = chance.choices(
            ("session", "missed", "step", "review", "work", "confirmed", "evidence", "corrected", "moved", "consent"),
            (12, 3, 5, 3, 2, 1, 2, 1, 1, 0.3),
        )[0]
        match move:
            case "session" | "missed" | "step" | "work":
                found.append(getattr(plan, move)(on))
            case "review":
                found.append(plan.review(on, improved=chance.choice((None, True, False))))
            case "confirmed":
                found.append(plan.confirmed(on, evidence(chance.choice(list(EvidenceKind)), on), work=WORKING))
            case "evidence":
                found.append(plan.evidence(on, evidence(chance.choice(list(EvidenceKind)), on)))
            case "corrected":
                found.append(plan.corrected(on, chance.randrange(1, plan.version + 2)))
            case "moved":
                plan.provider, plan.contract = chance.choice(PROVIDERS[:2])
                found.append(plan.note(on))
            case "consent":
                plan.consent = Consent(given=chance.random() < 0.4, on=on, channel=Channel.PHONE)
                found.append(plan.note(on))
    return found


def test_ledger_and_model_agree_on_thousands_of_lives() -> None:
    chance = random.Random(20241118)  # noqa: S311  repeatable histories; it guards no secret
    books = Books(TWO_CARDS)
    topic: list[dict[str, Any]] = []
    for number in range(HISTORIES):
        causes = life(chance, f"life {number}")
        books.take(*causes)
        topic += in_the_topic(causes)
    ledger = fold_ledger(books.events)
    assert ledger.trial_balance() == 0
    assert by_provider(books) == owed(topic, FILES)
    due = dues(topic, FILES)
    milestones = {milestone: sum(d.milestone == milestone for d in due) for milestone in {d.milestone for d in due}}
    assert len(milestones) == 4
    assert min(milestones.values()) > HISTORIES / 20, "the histories must reach every milestone often"
