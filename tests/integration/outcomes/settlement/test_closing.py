"""Closing a month on a real database."""

from typing import Any

import asyncpg
import pytest

from services.kernel.operations.audit import OperationRefused
from services.kernel.runtime.commands import Commands
from services.outcomes.settlement.closing import Closed, close
from services.programmes.book import ProgrammeBook
from tests.integration.outcomes.conftest import Feed
from tests.unit.outcomes.histories import CONTRACT, PROGRAMME, Plan


async def shut(commands: Commands, book: ProgrammeBook, month: str, **options: Any) -> Closed:
    return await close(commands, book, PROGRAMME, month, by="ann", **({"confirm": True} | options))


async def shut_until(commands: Commands, book: ProgrammeBook, last: str) -> Closed:
    for month in ("2024-10", "2024-11", "2024-12", "2025-01", "2025-02", "2025-03", "2025-04"):
        closed = await shut(commands, book, month)
        if month == last:
            return closed
    raise AssertionError(last)


def of(closed: Closed, contract: str = CONTRACT) -> dict[str, Any]:
    return next(one.as_dict() for one in closed.statements if one.contract == contract)


async def test_what_was_earned_becomes_payable_once(
    commands: Commands, book: ProgrammeBook, feed: Feed, pool: asyncpg.Pool
) -> None:
    plan = Plan()
    await feed([plan.session("2024-11-25"), plan.session("2024-12-09"), plan.session("2025-01-06")])
    november = of(await shut_until(commands, book, "2024-11"))
    assert (november["earned_pence"], november["closing_pence"], november["lines"]) == (40200, 40200, 1)
    december = of(await shut(commands, book, "2024-12"))
    assert (december["opening_pence"], december["earned_pence"], december["closing_pence"]) == (40200, 5000, 45200)
    rows = await pool.fetch(
        "SELECT account, sum(amount_pence)::bigint AS pence FROM ledger_line WHERE contract = $1 GROUP BY 1", CONTRACT
    )
    assert {row["account"]: row["pence"] for row in rows} == {"cost": 50200, "accrued": -5000, "payable": -45200}


async def test_closing_again_gives_what_was_sealed_the_first_time(
    commands: Commands, book: ProgrammeBook, feed: Feed, pool: asyncpg.Pool
) -> None:
    await feed([Plan().session("2024-11-20")])
    first = await shut_until(commands, book, "2024-11")
    assert of(first)["lines"] == 1
    events = await pool.fetchval("SELECT count(*) FROM outbox")
    again = await shut(commands, book, "2024-11")
    assert (first.again, again.again) == (False, True)
    assert [one.as_dict() for one in again.statements] == [one.as_dict() for one in first.statements]
    assert await pool.fetchval("SELECT count(*) FROM outbox") == events


async def test_a_dry_run_says_the_same_and_leaves_nothing(
    commands: Commands, book: ProgrammeBook, feed: Feed, pool: asyncpg.Pool
) -> None:
    await feed([Plan().session("2024-11-20")])
    await shut(commands, book, "2024-10")
    before = await pool.fetchval("SELECT count(*) FROM outbox")
    dry = await shut(commands, book, "2024-11", confirm=False)
    assert of(dry)["lines"] == 1
    assert await pool.fetchval("SELECT count(*) FROM outbox") == before
    assert await pool.fetchval("SELECT count(*) FROM settlement_line") == 0
    done = await shut(commands, book, "2024-11")
    assert [one.as_dict() for one in dry.statements] == [one.as_dict() for one in done.statements]


@pytest.mark.parametrize(
    ("month", "code"),
    [
        ("2024-12", "earlier_month_open"),
        ("2025-06", "month_not_over"),
        ("2024-09", "before_programme"),
        ("2024-13", "no_month"),
    ],
)
async def test_months_are_closed_one_after_the_other(
    commands: Commands, book: ProgrammeBook, month: str, code: str
) -> None:
    with pytest.raises(OperationRefused) as refused:
        await shut(commands, book, month)
    assert refused.value.code == code


async def test_a_later_month_is_closed(commands: Commands, book: ProgrammeBook) -> None:
    await shut_until(commands, book, "2024-11")
    with pytest.raises(OperationRefused) as refused:
        await shut(commands, book, "2024-10")
    assert refused.value.code == "later_month_closed"


async def test_late_facts_go_to_the_next_open_month_under_their_own_day(
    commands: Commands, book: ProgrammeBook, feed: Feed, pool: asyncpg.Pool
) -> None:
    await shut_until(commands, book, "2024-11")
    await feed([Plan().session("2024-11-25")])
    december = of(await shut(commands, book, "2024-12"))
    assert (december["opening_pence"], december["earned_pence"]) == (0, 40200)
    [row] = await pool.fetch(
        "SELECT month, effective_on FROM settlement_line s JOIN ledger_transaction t ON t.id = s.entry_id"
    )
    assert (row["month"], str(row["effective_on"])) == ("2024-12", "2024-11-25")


async def test_closed_and_then_reversed_comes_to_nothing(
    commands: Commands, book: ProgrammeBook, feed: Feed, pool: asyncpg.Pool
) -> None:
    plan = Plan()
    await feed([plan.session("2024-11-25"), plan.session("2024-12-09")])
    assert of(await shut_until(commands, book, "2024-12"))["closing_pence"] == 45200
    await feed([plan.corrected("2025-01-06", 2), plan.corrected("2025-01-06", 1)])
    january = of(await shut(commands, book, "2025-01"))
    assert (january["reversed_pence"], january["closing_pence"]) == (45200, 0)
    rows = await pool.fetch(
        "SELECT contract, account, sum(amount_pence)::bigint AS pence FROM ledger_line GROUP BY 1, 2"
    )
    assert {row["pence"] for row in rows} == {0}
    assert await pool.fetchval("SELECT sum(places) FROM statement") == 0


async def test_events_that_wait_are_not_left_out_in_silence(
    commands: Commands, book: ProgrammeBook, feed: Feed
) -> None:
    plan = Plan()
    plan.session("2024-10-20")
    await feed([plan.session("2024-10-21")])
    with pytest.raises(OperationRefused) as refused:
        await shut(commands, book, "2024-10")
    assert refused.value.code == "events_waiting"
    assert (await shut(commands, book, "2024-10", despite_waiting=True)).waiting == 1
