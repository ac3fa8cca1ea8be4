"""Laws of settlement: never above a ceiling, the independent model to the penny, everything reversed is nothing."""

from datetime import date
from random import Random
from typing import Any

import pytest

from services.outcomes.domain.months import financial_year
from services.outcomes.domain.settlement import Candidate, Rooms, Settled, Settlement, Tier
from tests.property.money_model import settle as model

HISTORIES = 10_000
DAYS = [date(2024, 11, 5), date(2025, 3, 31), date(2025, 4, 1), date(2025, 9, 9), date(2026, 4, 1)]


def tiers(chance: Random) -> dict[str, tuple[Tier, ...]]:
    def limit(most: int) -> int | None:
        return chance.choice([None, chance.randrange(most)])

    def tier(code: str, name: str, most: int) -> Tier:
        return Tier(code, f"{code}:{name}", limit(most), limit(most), chance.choice([None, None, chance.randrange(4)]))

    national, area = tier("national", "n", 90_000), tier("area", "a", 70_000)
    places = [tier("locality", name, 50_000) for name in "xy"]
    return {
        f"c{number}": (tier("contract", f"c{number}", 40_000), places[number % 2], area, national)
        for number in range(3)
    }


def history(chance: Random) -> list[Candidate]:
    entries: list[Candidate] = []
    for number in range(chance.randrange(1, 14)):
        milestone = chance.choice(["participant", "engagement"])
        entries.append(
            Candidate(
                f"e{number}",
                f"c{chance.randrange(3)}",
                "earned",
                milestone,
                chance.choice(DAYS),
                chance.choice([0, 1, 333, 5000, 40_200]),
                None,
                chance.random() > 0.1,
            )
        )
    for entry in list(entries):
        if chance.random() < 0.35 and entry.amount_pence:
            whole = chance.random() < 0.6
            kind, pence = (
                ("reversal", entry.amount_pence) if whole else ("clawback", chance.randint(1, entry.amount_pence))
            )
            entries.append(taking(entry, kind, pence, f"t{entry.entry_id}"))
            if not whole and pence < entry.amount_pence and chance.random() < 0.5:
                entries.append(taking(entry, "clawback", entry.amount_pence - pence, f"u{entry.entry_id}"))
    return entries


def taking(entry: Candidate, kind: str, pence: int, name: str) -> Candidate:
    return Candidate(
        name, entry.contract, kind, entry.milestone, entry.effective_on, -pence, entry.entry_id, True, False
    )


def settled(entries: list[Candidate], above: dict[str, tuple[Tier, ...]]) -> tuple[list[Settled], Rooms]:
    rooms = Rooms()
    settlement = Settlement(above, rooms)
    return [settlement.settle(entry, taken_back_here=entry.amount_pence >= 0) for entry in entries], rooms


@pytest.mark.parametrize("part", range(4))
def test_the_independent_model_agrees_to_the_penny(part: int) -> None:
    for seed in range(part * HISTORIES // 4, (part + 1) * HISTORIES // 4):
        chance = Random(seed)  # noqa: S311  a seed, so that a failure comes again
        above, entries = tiers(chance), history(chance)
        plain: dict[str, Any] = {
            contract: [(t.code, t.ceiling_pence, t.annual_ceiling_pence, t.participants) for t in found]
            for contract, found in above.items()
        }
        # tiers of one figure are told apart by their contract or locality
        named = {c: [(*one, t.name) for one, t in zip(plain[c], above[c], strict=True)] for c in plain}
        flat = [
            {
                "id": e.entry_id, "contract": e.contract, "kind": e.kind, "milestone": e.milestone,
                "year": financial_year(e.effective_on), "amount": e.amount_pence, "refers_to": e.refers_to,
                "first": e.first_of_person, "annulled": e.annulled,
            }
            for e in entries
        ]  # fmt: skip
        found, _ = settled(entries, above)
        assert [(s.payable_pence, s.treatment) for s in found] == model(flat, named), seed


def test_payable_is_never_above_a_ceiling_and_nothing_is_lost() -> None:
    for seed in range(HISTORIES):
        chance = Random(seed)  # noqa: S311
        above, entries = tiers(chance), history(chance)
        rooms = Rooms()
        settlement = Settlement(above, rooms)
        every = {tier.name: tier for found in above.values() for tier in found}
        for entry in entries:
            made = settlement.settle(entry, taken_back_here=True)
            assert made.payable_pence + made.withheld_pence == entry.amount_pence
            for name, tier in every.items():
                if tier.ceiling_pence is not None:
                    assert rooms.whole.get(name, 0) <= tier.ceiling_pence
                if tier.participants is not None:
                    assert rooms.places.get(name, 0) <= tier.participants
                if tier.annual_ceiling_pence is not None:
                    assert all(p <= tier.annual_ceiling_pence for (n, _), p in rooms.yearly.items() if n == name)


def test_everything_reversed_comes_to_nothing() -> None:
    for seed in range(HISTORIES // 4):
        chance = Random(seed)  # noqa: S311
        above = tiers(chance)
        earned = [entry for entry in history(chance) if entry.amount_pence > 0]
        entries = [*earned, *(taking(e, "reversal", e.amount_pence, f"r{e.entry_id}") for e in earned)]
        found, rooms = settled(entries, above)
        assert sum(one.payable_pence for one in found) == sum(one.withheld_pence for one in found) == 0
        assert set(rooms.whole.values()) <= {0}
        assert set(rooms.places.values()) <= {0}
