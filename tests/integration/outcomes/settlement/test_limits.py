"""Ceilings, places, once for a person, fees: on a real database, over a programme whose tiers are narrow."""

from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from services.contracts.person import PersonMerged
from services.contracts.types import PERSON_MERGED
from services.kernel.decision import Received
from services.kernel.runtime.commands import Commands
from services.kernel.service import Change
from services.outcomes.service import build
from services.outcomes.settlement.closing import close
from services.outcomes.settlement.proving import own_events
from services.outcomes.settlement.store import TABLES
from services.outcomes.store import project
from services.programmes.book import ProgrammeBook
from tests.integration.outcomes.conftest import Feed
from tests.unit.outcomes.histories import CONTRACT, NOW, PROGRAMME, Plan

MONTHS = ("2024-10", "2024-11", "2024-12", "2025-01")


def narrowed(book: ProgrammeBook, **limits: Any) -> ProgrammeBook:
    """The same programmes; the contract has these limits."""
    versions = []
    for version in book:
        if version.programme != PROGRAMME:
            versions.append(version)
            continue
        [place] = version.tiers.localities
        contracts = tuple(one.model_copy(update=limits) if one.id == CONTRACT else one for one in place.contracts)
        tiers = version.tiers.model_copy(update={"localities": (place.model_copy(update={"contracts": contracts}),)})
        versions.append(version.model_copy(update={"tiers": tiers}))
    return ProgrammeBook(versions)


async def shut_all(commands: Commands, book: ProgrammeBook, *months: str) -> None:
    for month in months or MONTHS:
        await close(commands, book, PROGRAMME, month, by="ann", confirm=True)


async def lines(pool: asyncpg.Pool) -> list[tuple[int, str]]:
    rows = await pool.fetch(
        "SELECT payable_pence, treatment FROM settlement_line WHERE contract = $1 ORDER BY month, number", CONTRACT
    )
    return [(row[0], row[1]) for row in rows]


async def test_what_is_above_the_ceiling_is_withheld(
    commands: Commands, book: ProgrammeBook, feed: Feed, pool: asyncpg.Pool
) -> None:
    plan, other = Plan(), Plan("two")
    await feed([plan.session("2024-11-20"), plan.session("2024-12-04"), other.session("2024-12-05")])
    await shut_all(commands, narrowed(book, ceiling_pence=60_000))
    assert await lines(pool) == [(40200, "payable"), (5000, "payable"), (14800, "capped_contract")]
    account = await pool.fetchval(
        "SELECT sum(amount_pence)::bigint FROM ledger_line WHERE account = 'withheld_by_cap' AND contract = $1",
        CONTRACT,
    )
    assert account == -25_400


async def test_a_year_has_its_own_ceiling(
    commands: Commands, book: ProgrammeBook, feed: Feed, pool: asyncpg.Pool
) -> None:
    plan = Plan()
    await feed([plan.session("2024-11-20"), plan.session("2025-03-31"), plan.session("2025-04-20")])
    months = (*MONTHS, "2025-02", "2025-03", "2025-04")
    await shut_all(commands, narrowed(book, annual_ceiling_pence=40_300), *months)
    assert await lines(pool) == [(40200, "payable"), (100, "capped_contract"), (5000, "payable")]


async def test_a_participant_beyond_the_places_is_not_paid(
    commands: Commands, book: ProgrammeBook, feed: Feed, pool: asyncpg.Pool
) -> None:
    first, second = Plan(), Plan("two")
    await feed([second.session("2024-11-21"), first.session("2024-11-20")])
    await shut_all(commands, narrowed(book, participants=1), *MONTHS[:2])
    assert await lines(pool) == [(40200, "payable"), (0, "full_contract")]
    await feed([first.corrected("2024-12-02", 1)])
    third = Plan("three")
    await feed([third.session("2024-12-05")])
    await shut_all(commands, narrowed(book, participants=1), "2024-12")
    assert (await lines(pool))[2:] == [(-40200, "taken_back"), (40200, "payable")]


def same_person(plan: Plan, other: Plan, on: str) -> Received:
    """The other's plan, of the first one's person."""
    mine, theirs = plan.session("2024-12-01"), other.session(on)
    plan.version -= 1
    return replace(theirs, data=theirs.data.model_copy(update={"person_id": mine.data.person_id}))


async def test_once_for_a_person(commands: Commands, book: ProgrammeBook, feed: Feed, pool: asyncpg.Pool) -> None:
    plan, other = Plan(), Plan("two")
    await feed([plan.session("2024-11-20"), same_person(plan, other, "2024-12-03")])
    await shut_all(commands, book, *MONTHS[:3])
    assert await lines(pool) == [(40200, "payable"), (0, "once_per_person")]


async def test_merged_people_are_paid_for_once_and_the_other_is_taken_back(
    commands: Commands, book: ProgrammeBook, feed: Feed, pool: asyncpg.Pool
) -> None:
    plan, other = Plan(), Plan("two")
    causes = [plan.session("2024-11-20"), other.session("2024-11-21")]
    await feed(causes)
    await shut_all(commands, book, *MONTHS[:2])
    survivor, merged = (cause.data.person_id for cause in causes)
    said = PersonMerged(person_id=merged, merged_at=NOW, survivor=survivor, merged=(merged,))
    cause = Received("0192f1a0-5b1c-5d2e-9f3a-4b5c6d7e8f90", PERSON_MERGED, merged, said, NOW, 1)
    [(table, row)] = list(project(Change(merged, cause, [], None)))
    await pool.execute(f"INSERT INTO {table.name} VALUES ($1, $2)", *row)
    await shut_all(commands, book, *MONTHS[2:])
    assert await lines(pool) == [(40200, "payable"), (40200, "payable"), (-40200, "taken_back")]
    [adjustment] = await pool.fetch(
        "SELECT amount_pence, reasons, effective_on FROM ledger_transaction WHERE kind = 'adjustment'"
    )
    assert (adjustment["amount_pence"], adjustment["reasons"]) == (-40200, '["person_merged"]')
    assert str(adjustment["effective_on"]) == "2024-12-01"


async def test_the_tables_follow_from_the_service_s_own_events(
    commands: Commands, book: ProgrammeBook, feed: Feed, pool: asyncpg.Pool
) -> None:
    plan = Plan()
    await feed([plan.session("2024-11-20"), plan.session("2024-12-04"), plan.corrected("2024-12-05", 1)])
    await shut_all(commands, book)
    service = build()
    states: dict[str, Any] = {}
    made: dict[str, list[tuple[Any, ...]]] = {table.name: [] for table in TABLES}
    async with pool.acquire() as connection, connection.transaction():
        async for event in own_events(connection):
            states[event.key] = service.evolve(states.get(event.key), event)
            for table, row in project(Change(event.key, None, [event], states[event.key])):
                made.setdefault(table.name, []).append(row)
        kept = {row["key"]: row["state"] for row in await connection.fetch("SELECT key, state FROM aggregate")}
        assert {key: service.read_state(text) for key, text in kept.items() if text} == states
        for name in ("settlement_line", "statement"):
            assert len(made[name]) == await connection.fetchval(f"SELECT count(*) FROM {name}")
        rows = await connection.fetch("SELECT entry_id::text, number, payable_pence FROM settlement_line")
        assert {(r[0], r[3], r[4]) for r in made["settlement_line"]} == {tuple(row) for row in rows}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
async def test_in_whatever_order_partitions_are_read_the_pennies_are_the_same(
    commands: Commands, book: ProgrammeBook, feed: Feed, pool: asyncpg.Pool, order: tuple[int, ...]
) -> None:
    plans = [Plan(name) for name in ("one", "two", "three")]
    causes = [[plan.session(f"2024-11-2{n}"), plan.session(f"2024-12-0{n + 1}")] for n, plan in enumerate(plans)]
    for number in order:
        await feed(causes[number])
    await shut_all(commands, narrowed(book, ceiling_pence=90_000), *MONTHS[:3])
    assert await lines(pool) == [
        (40200, "payable"), (40200, "payable"), (9600, "capped_contract"),
        (0, "capped_contract"), (0, "capped_contract"), (0, "capped_contract"),
    ]  # fmt: skip
