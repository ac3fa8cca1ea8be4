"""Plan changes through the kernel into PostgreSQL: the ledger there is the fold of what was published."""

import random

import asyncpg

from services.outcomes.domain.ledger import fold_ledger
from services.outcomes.store import read_ledger
from tests.integration.outcomes.conftest import Feed
from tests.integration.outcomes.published import published
from tests.property.owed import owed
from tests.property.test_outcomes_laws import FILES, in_the_topic
from tests.property.test_outcomes_model import life
from tests.unit.outcomes.histories import Plan


async def test_the_ledger_equals_the_fold_of_what_was_published(pool: asyncpg.Pool, feed: Feed) -> None:
    chance = random.Random(7)  # noqa: S311  repeatable histories; it guards no secret
    lives = [life(chance, f"life {number}") for number in range(60)]
    mixed = []
    while any(lives):
        cause = chance.choice([one for one in lives if one]).pop(0)
        mixed += [cause, cause] if chance.random() < 0.2 else [cause]
    for start in range(0, len(mixed), 100):
        await feed(mixed[start : start + 100])
    events = await published(pool)
    assert len(events) > 200
    async with pool.acquire() as connection:
        ledger = await read_ledger(connection)
    assert ledger.differences(fold_ledger(events)) == []
    assert ledger.trial_balance() == 0
    assert await pool.fetchval("SELECT count(*) FROM dead_letter") == 0
    sums = await pool.fetch("SELECT provider, sum(amount_pence)::bigint AS pence FROM ledger_transaction GROUP BY 1")
    assert {row["provider"]: row["pence"] for row in sums} == owed(in_the_topic(mixed), FILES[1:])


async def test_a_ledger_that_was_tampered_with_is_told_by_name(pool: asyncpg.Pool, feed: Feed) -> None:
    plan = Plan()
    await feed([plan.session("2024-12-02"), plan.session("2024-12-10")])
    events = await published(pool)
    async with pool.acquire() as connection:
        ledger = await read_ledger(connection)
    assert ledger.differences(fold_ledger(events[:1])) == [events[1].id]


async def test_a_claim_has_an_entry_and_no_lines(pool: asyncpg.Pool, feed: Feed) -> None:
    plan = Plan()
    await feed([plan.session("2024-12-02"), plan.work("2025-01-02")])
    assert await pool.fetchval("SELECT count(*) FROM ledger_transaction") == 2
    assert await pool.fetchval("SELECT count(*) FROM ledger_line") == 2
