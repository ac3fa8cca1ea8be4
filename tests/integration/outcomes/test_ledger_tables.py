"""What PostgreSQL itself refuses, whoever asks: changed rows, unbalanced lines, a milestone paid twice."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from services.kernel.runtime.tables import write_rows
from services.kernel.service import Table
from services.outcomes.store import LINES, TRANSACTIONS
from tests.parts.databases import Database

Line = tuple[str, int, str, str, int]


def transaction(**changed: Any) -> tuple[str, tuple[Any, ...]]:
    values: dict[str, Any] = {
        "id": str(uuid4()), "kind": "earned", "programme": "w", "contract": "c", "provider": "p",
        "referral_id": "r", "person_id": None, "milestone": "engagement", "occurrence": 1, "sequence": 1,
        "effective_on": date(2024, 12, 2), "amount_pence": 5000, "evidence": "[]",
        "card_id": None, "card_version": None, "card_sha256": None,
        "reasons": "[]", "refers_to": None, "replaces": None, "known_at": datetime(2024, 12, 3, tzinfo=UTC),
    } | changed  # fmt: skip
    return values["id"], tuple(values[name] for name, _ in TRANSACTIONS.columns)


def lines(identity: str, *amounts: int, contract: str = "c") -> list[Line]:
    accounts = ("cost", "accrued", "payable")
    return [(identity, number + 1, contract, accounts[number], pence) for number, pence in enumerate(amounts)]


async def write(pool: asyncpg.Pool, *batch: tuple[Table, list[tuple[Any, ...]]]) -> None:
    async with pool.acquire() as connection, connection.transaction():
        for table, rows in batch:
            await write_rows(connection, table, rows)


@pytest.fixture
async def entry(pool: asyncpg.Pool) -> str:
    identity, row = transaction()
    await write(pool, (TRANSACTIONS, [row]), (LINES, [*lines(identity, 5000, -5000)]))
    return identity


CHANGES = [
    "UPDATE ledger_transaction SET amount_pence = 1",
    "UPDATE ledger_line SET account = 'paid'",
    "UPDATE ledger_line SET account = 'paid' WHERE false",
    "DELETE FROM ledger_transaction",
    "DELETE FROM ledger_line",
    "TRUNCATE ledger_transaction",
    "TRUNCATE ledger_line",
]


@pytest.mark.parametrize("change", CHANGES)
async def test_the_run_role_may_not_change_a_row(pool: asyncpg.Pool, entry: str, change: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match=r"permission denied"):
        await pool.execute(change)


@pytest.mark.parametrize("role", ["owner", "superuser", "superuser who switches ordinary triggers off"])
@pytest.mark.parametrize("change", CHANGES)
async def test_nobody_may_change_a_row(outcomes: Database, entry: str, change: str, role: str) -> None:
    dsn = outcomes.owner_dsn if role == "owner" else outcomes.admin_dsn
    connection = await asyncpg.connect(dsn)
    try:
        if "triggers" in role:
            await connection.execute("SET session_replication_role = replica")
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="the ledger only grows"):
            await connection.execute(change)
    finally:
        await connection.close()


async def test_a_balanced_batch_is_written(pool: asyncpg.Pool) -> None:
    made = [transaction(occurrence=number) for number in range(1, 9)]
    both = [line for identity, _ in made for line in lines(identity, 5000, -5000)]
    await write(pool, (TRANSACTIONS, [row for _, row in made]), (LINES, [*both]))
    assert await pool.fetchval("SELECT count(*) FROM ledger_line") == 16
    assert await pool.fetchval("SELECT sum(amount_pence) FROM ledger_line") == 0


@pytest.mark.parametrize(
    "amounts", [(5000, -4999), (5000,), (-5000, 5000 - 1), (4000, -4000)],
    ids=["does not sum to 0", "one side only", "turned and short", "another amount than the entry's"],
)  # fmt: skip
async def test_one_bad_transaction_refuses_the_whole_batch(pool: asyncpg.Pool, amounts: tuple[int, ...]) -> None:
    good, bad = transaction(), transaction(occurrence=2)
    both = [*lines(good[0], 5000, -5000), *lines(bad[0], *amounts)]
    with pytest.raises(asyncpg.CheckViolationError, match=f"{bad[0]} does not balance"):
        await write(pool, (TRANSACTIONS, [good[1], bad[1]]), (LINES, [*both]))
    assert await pool.fetchval("SELECT count(*) FROM ledger_transaction") == 0


async def test_lines_of_no_transaction_are_refused(pool: asyncpg.Pool) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="does not balance"):
        await write(pool, (LINES, [*lines(str(uuid4()), 5000, -5000)]))


async def test_lines_of_another_contract_are_refused(pool: asyncpg.Pool) -> None:
    identity, row = transaction()
    with pytest.raises(asyncpg.CheckViolationError, match="does not balance"):
        await write(pool, (TRANSACTIONS, [row]), (LINES, [*lines(identity, 5000, -5000, contract="other")]))


async def test_nothing_is_added_to_a_complete_transaction(pool: asyncpg.Pool, entry: str) -> None:
    with pytest.raises(asyncpg.UniqueViolationError):
        await write(pool, (LINES, [*lines(entry, 5000, -5000)]))
    more: list[tuple[Any, ...]] = [(entry, 3, "c", "cost", 5000), (entry, 4, "c", "accrued", -5000)]
    with pytest.raises(asyncpg.CheckViolationError, match="two_lines"):
        await write(pool, (LINES, more))


async def test_the_triggers_hold_with_ordinary_triggers_off(outcomes: Database) -> None:
    connection = await asyncpg.connect(outcomes.admin_dsn)
    try:
        await connection.execute("SET session_replication_role = replica")
        with pytest.raises(asyncpg.CheckViolationError, match="does not balance"):
            await write_rows(connection, LINES, [*lines(str(uuid4()), 1, -1)])
    finally:
        await connection.close()


@pytest.mark.parametrize("kind", ["earned", "claimable"])
async def test_a_milestone_stands_once(pool: asyncpg.Pool, kind: str) -> None:
    _, first = transaction(kind=kind, amount_pence=0)
    await write(pool, (TRANSACTIONS, [first]))
    with pytest.raises(asyncpg.UniqueViolationError, match=f"ledger_{kind}_once"):
        await write(pool, (TRANSACTIONS, [transaction(kind=kind, amount_pence=0)[1]]))


async def test_a_milestone_stands_again_after_a_reversal_and_only_once_more(pool: asyncpg.Pool) -> None:
    earned, first = transaction(amount_pence=0)
    reversal, second = transaction(kind="reversal", amount_pence=0, refers_to=earned)
    _, third = transaction(amount_pence=0, replaces=reversal)
    await write(pool, (TRANSACTIONS, [first, second, third]))
    with pytest.raises(asyncpg.UniqueViolationError, match="ledger_earned_once"):
        await write(pool, (TRANSACTIONS, [transaction(amount_pence=0, replaces=reversal)[1]]))
    with pytest.raises(asyncpg.UniqueViolationError, match="ledger_reversed_once"):
        await write(pool, (TRANSACTIONS, [transaction(kind="reversal", amount_pence=0, refers_to=earned)[1]]))


@pytest.mark.parametrize(
    "changed",
    [{"kind": "claimable", "amount_pence": 1}, {"kind": "reversal", "amount_pence": -1}, {"kind": "gift"}],
    ids=["a claim is worth nothing yet", "a reversal names its entry", "no such kind"],
)
async def test_an_entry_that_makes_no_sense_is_refused(pool: asyncpg.Pool, changed: dict[str, Any]) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await write(pool, (TRANSACTIONS, [transaction(**changed)[1]]))


async def test_a_line_moves_money_between_known_accounts(pool: asyncpg.Pool) -> None:
    identity, row = transaction(amount_pence=0)
    for bad in ([(identity, 1, "c", "cost", 0)], [(identity, 1, "c", "petty_cash", 1)]):
        with pytest.raises(asyncpg.CheckViolationError):
            await write(pool, (TRANSACTIONS, [row]), (LINES, [*bad]))


async def taking(pool: asyncpg.Pool, *rows: tuple[Any, ...]) -> None:
    """Write entries that take back, each with its two lines."""
    ids = {name: number for number, (name, _) in enumerate(TRANSACTIONS.columns)}
    both: list[tuple[Any, ...]] = []
    for row in rows:
        pence = row[ids["amount_pence"]]
        if pence:
            both += [(row[0], 1, row[ids["contract"]], "cost", pence)]
            both += [(row[0], 2, row[ids["contract"]], "clawback", -pence)]
    await write(pool, (TRANSACTIONS, list(rows)), (LINES, both))


def taken(entry: str, pence: int, kind: str = "clawback", **changed: Any) -> tuple[Any, ...]:
    return transaction(kind=kind, amount_pence=-pence, refers_to=entry, **changed)[1]


@pytest.mark.parametrize(
    ("title", "parts", "refused"),
    [
        ("one penny less", [4999], False),
        ("all of it", [5000], False),
        ("a penny more", [5001], True),
        ("in parts, to the penny", [2000, 3000], False),
        ("in parts, a penny more", [2000, 3001], True),
    ],
)
@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "one after the other"])
async def test_no_more_is_taken_back_than_an_entry_is_worth(
    pool: asyncpg.Pool, entry: str, title: str, parts: list[int], refused: bool, together: bool
) -> None:
    rows = [taken(entry, pence) for pence in parts]
    batches = [rows] if together else [[row] for row in rows]
    for batch in batches[:-1]:
        await taking(pool, *batch)
    if not refused:
        await taking(pool, *batches[-1])
        return
    with pytest.raises(asyncpg.CheckViolationError, match=f"{entry} is worth"):
        await taking(pool, *batches[-1])


async def test_a_reversal_after_a_clawback_takes_the_rest_only(pool: asyncpg.Pool, entry: str) -> None:
    await taking(pool, taken(entry, 2000))
    with pytest.raises(asyncpg.CheckViolationError, match="is worth"):
        await taking(pool, taken(entry, 5000, "reversal"))
    await taking(pool, taken(entry, 3000, "reversal"))


@pytest.mark.parametrize(
    "changed", [{"contract": "other"}, {"referral_id": "other"}, {"amount_pence": 1}, {"refers_to": str(uuid4())}],
    ids=["another contract's", "another referral's", "a clawback that gives", "an entry that is not there"],
)  # fmt: skip
async def test_a_clawback_is_of_an_entry_of_its_own(pool: asyncpg.Pool, entry: str, changed: dict[str, Any]) -> None:
    _, row = transaction(**{"kind": "clawback", "amount_pence": -1, "refers_to": entry} | changed)
    with pytest.raises(asyncpg.CheckViolationError, match="is worth"):
        await taking(pool, row)


async def test_a_clawback_of_a_clawback_is_refused(pool: asyncpg.Pool, entry: str) -> None:
    first = taken(entry, 1000)
    await taking(pool, first)
    with pytest.raises(asyncpg.CheckViolationError, match="is worth"):
        await taking(pool, taken(first[0], 1))


async def test_two_at_once_take_back_no_more_than_there_is(pool: asyncpg.Pool, entry: str) -> None:
    async with pool.acquire() as one, pool.acquire() as two, one.transaction():
        await write_rows(one, TRANSACTIONS, [taken(entry, 3000)])
        await two.execute("SET lock_timeout = '50ms'")
        with pytest.raises(asyncpg.LockNotAvailableError):
            await write_rows(two, TRANSACTIONS, [taken(entry, 3000)])
    with pytest.raises(asyncpg.CheckViolationError, match="is worth"):
        await write(pool, (TRANSACTIONS, [taken(entry, 3000)]))
