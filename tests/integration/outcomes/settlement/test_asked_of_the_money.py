"""Fees through whole closes, audits and forecasts on a real database, with the figures worked out by hand."""

import io
import json
from datetime import date

import asyncpg
import pytest

from services.kernel.operations.audit import OperationRefused
from services.kernel.runtime.commands import Commands
from services.outcomes.settlement import auditing
from services.outcomes.settlement.canonical import canonical
from services.outcomes.settlement.forecast import forecast
from services.programmes.book import ProgrammeBook
from services.programmes.rate_card import DeliveryFee
from tests.integration.outcomes.conftest import Feed
from tests.integration.outcomes.settlement.test_limits import narrowed, shut_all
from tests.unit.outcomes.histories import CONTRACT, PROGRAMME, Plan

ACCOUNTS = "SELECT account, sum(amount_pence)::bigint AS pence FROM ledger_line WHERE contract = $1 GROUP BY 1"
TOTALS = "SELECT month, totals FROM statement WHERE contract = $1 ORDER BY month"


def with_fee(book: ProgrammeBook, fee: DeliveryFee) -> ProgrammeBook:
    """The same programmes; Manchester's card has a delivery fee as well."""
    versions = []
    for version in book:
        cards = version.payment.rate_cards
        if version.programme == PROGRAMME:
            cards = tuple(one.model_copy(update={"delivery_fee": (fee,)}) for one in cards)
        payment = version.payment.model_copy(update={"rate_cards": cards})
        versions.append(version.model_copy(update={"payment": payment}))
    return ProgrammeBook(versions)


async def test_fees_go_through_whole_closes(
    commands: Commands, book: ProgrammeBook, feed: Feed, pool: asyncpg.Pool
) -> None:
    """100,001 in three months are 33,334 + 33,334 + 33,333; the contract's ceiling is 80,000.

    November: 33,334 + 40,200 = 73,534 payable. December: of 33,334 there is room for 6,466, so 26,868 are withheld.
    January: all of 33,333 is withheld. In all 133,668 + 6,533 = 140,201 are cost: 80,000 payable and 60,201 withheld.
    """
    fee = DeliveryFee(contract=CONTRACT, total_pence=100_001, first_month="2024-11", last_month="2025-01")
    narrow = with_fee(narrowed(book, ceiling_pence=80_000), fee)
    await feed([Plan().session("2024-11-20")])
    await shut_all(commands, narrow, "2024-10", "2024-11", "2024-12", "2025-01", "2025-02")
    await shut_all(commands, narrow, "2025-02")
    rows = await pool.fetch(
        "SELECT s.month, s.payable_pence, s.withheld_pence, s.treatment FROM settlement_line s"
        " WHERE contract = $1 ORDER BY month, number",
        CONTRACT,
    )
    assert [tuple(row) for row in rows] == [
        ("2024-11", 33_334, 0, "fee"),
        ("2024-11", 40_200, 0, "payable"),
        ("2024-12", 6_466, 26_868, "capped_contract"),
        ("2025-01", 0, 33_333, "capped_contract"),
    ]
    accounts = {row["account"]: row["pence"] for row in await pool.fetch(ACCOUNTS, CONTRACT)}
    assert accounts == {"cost": 140_201, "accrued": 0, "payable": -80_000, "withheld_by_cap": -60_201}
    found = {row["month"]: json.loads(row["totals"]) for row in await pool.fetch(TOTALS, CONTRACT)}
    told = ("opening_pence", "earned_pence", "fees_pence", "capped_pence", "closing_pence")
    assert [tuple(found[month][name] for name in told) for month in sorted(found)] == [
        (0, 0, 0, 0, 0),
        (0, 40_200, 33_334, 0, 73_534),
        (73_534, 0, 33_334, 26_868, 80_000),
        (80_000, 0, 33_333, 33_333, 80_000),
        (80_000, 0, 0, 0, 80_000),
    ]
    assert await pool.fetchval("SELECT count(*) FROM ledger_transaction WHERE kind = 'fee'") == 3


async def test_an_audit_from_the_sample_to_what_it_says_of_all_claims(
    commands: Commands, book: ProgrammeBook, feed: Feed, pool: asyncpg.Pool
) -> None:
    """Five claims of 40,200; four are looked at, and one of them was 200 too much.

    Error in money: 200 / 160,800 x 201,000 = 250. Of each claim 50 is expected, so the residuals are 150 and three
    times -50: 30,000 / 3 = 10,000; 5 x sqrt((1 - 4/5) x 10,000 / 4) = 111.80; 1.96 x 111.80 = 219: from 31 to 469.
    One of four is a quarter, from 0.63 % to 80.59 % (Clopper and Pearson).
    """
    plans = [Plan(f"p{number}") for number in range(5)]
    await feed([plan.session(f"2024-11-2{number}") for number, plan in enumerate(plans)])
    await shut_all(commands, book, "2024-10", "2024-11")
    where, seed, size = (PROGRAMME, "2024-11", "2024-11"), 20250203, 4
    async with pool.acquire() as connection:
        claims = await auditing.population(connection, *where)
        text = "".join([part async for part in canonical(connection, CONTRACT, "2024-11")])
        ours, theirs = (auditing.drawn(one, seed, size) for one in (claims, auditing.population_of([text])))
        assert ours == theirs
        assert (ours["claims"], ours["value_pence"], len(ours["sample"])) == (5, 201_000, 4)
        drawn = [one["entry_id"] for one in ours["sample"]]
        with pytest.raises(OperationRefused, match="4 claims"):
            await auditing.result(connection, claims, seed, size)
        heading = "entry_id,right_pence,reason\n"
        [left] = {claim.entry_id for claim in claims} - set(drawn)
        with pytest.raises(OperationRefused, match="line 2") as refused:
            await auditing.record(connection, claims, seed, size, io.StringIO(f"{heading}{left},40200,right\n"), "ann")
        assert refused.value.code == "wrong_findings"
        lines = [f"{drawn[0]},40000,price\n", *(f"{one},40200,right\n" for one in drawn[1:])]
        assert await auditing.record(connection, claims, seed, size, io.StringIO(heading + "".join(lines)), "ann") == 4
        again = io.StringIO(f"{heading}{drawn[0]},0,changed my mind\n")
        await auditing.record(connection, claims, seed, size, again, "ann")
        found = await auditing.result(connection, claims, seed, size)
    assert (found["claims"], found["sampled"], found["wrong"]) == (5, 4, 1)
    rate = found["error_rate"]
    assert (rate["value"], round(rate["low"], 4), round(rate["high"], 4)) == (0.25, 0.0063, 0.8059)
    assert found["error_value_pence"] == {"value": 250, "low": 31, "high": 469}


async def test_a_forecast_worked_out_by_hand(
    commands: Commands, book: ProgrammeBook, feed: Feed, pool: asyncpg.Pool
) -> None:
    """As of 12 February 2025; support lasts twelve weeks; an engagement is 5,000, a participant 40,200.

    Over: A (3 engagements) and B (1, over on that very day), so a plan comes to 2. Open: C has 1, so 1 is to come;
    D has none, so 2; E has 3 already; F was recorded wrongly and is nobody. To come: 3 x 5,000 = 15,000.
    Earned: A 55,200, B 45,200, C 45,200, D 40,200, E 55,200, F 0: 241,000. Left of 400,000: 159,000.
    Pace: November 120,600, December 20,000, January 15,000 + 45,200: 200,800 / 3 = 66,933 a month.
    Left after February 92,067, after March 25,134: it is used up in April.
    """
    days = {
        "a": ("2024-11-19", "2024-12-03", "2024-12-17", "2025-01-07"),
        "b": ("2024-11-20", "2025-01-08"),
        "c": ("2025-01-14", "2025-01-28"),
        "d": ("2025-02-10",),
        "e": ("2024-11-21", "2024-12-05", "2024-12-19", "2025-01-02"),
        "f": ("2025-01-20",),
        "later": ("2025-02-13",),
    }
    for name, sessions in days.items():
        plan = Plan(name)
        await feed([plan.session(on) for on in sessions])
        if name == "f":
            await feed([plan.corrected("2025-01-21", 1)])
    async with pool.acquire() as connection:
        found = await forecast(connection, narrowed(book, ceiling_pence=400_000), PROGRAMME, date(2025, 2, 12))
    assert (found["earned_pence"], found["expected_from_open_plans_pence"]) == (241_000, 15_000)
    tiers = {tier.pop("tier"): tier for tier in found["tiers"]}
    assert tiers[f"contract:{CONTRACT}"] == {
        "ceiling_pence": 400_000,
        "used_pence": 241_000,
        "left_pence": 159_000,
        "pace_pence_a_month": 66_933,
        "reached_in": "2025-04",
    }
    locality = tiers[f"locality:{PROGRAMME}/manchester"]
    assert (locality["ceiling_pence"], locality["left_pence"]) == (130_000_000, 129_759_000)
