"""On Apache Kafka: what a claim pack says of the log, and a ledger that is put back from before a close."""

import asyncio
import hashlib
import os
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from services.kernel.decision import Refused
from services.kernel.operations.restore import restore
from services.kernel.runtime.commands import Commands
from services.kernel.runtime.database import open_pool
from services.kernel.runtime.log_view import open_log
from services.outcomes.settlement.acts import act
from services.outcomes.settlement.claim import claim_pack, place_on_log
from services.outcomes.settlement.closing import Closed, close
from services.outcomes.settlement.payment_file import PaymentFile, again, export
from services.programmes.reader import load_book
from tests.integration.outcomes.on_kafka import Books, open_books
from tests.parts.databases import Databases
from tests.parts.kafka import Broker
from tests.unit.outcomes.histories import CONTRACT, PROGRAMME, Plan

LATE = datetime(2025, 6, 2, 9, tzinfo=UTC)
MONTH = "2024-11"
BOOK = load_book()
KEPT = {
    "statement": "SELECT * FROM statement ORDER BY contract, month",
    "settlement_line": "SELECT * FROM settlement_line ORDER BY entry_id",
    "payment_line": "SELECT * FROM payment_line ORDER BY entry_id",
    "statement_act": "SELECT * FROM statement_act ORDER BY contract, sequence",
    "ledger_transaction": "SELECT * FROM ledger_transaction ORDER BY id",
    "ledger_line": "SELECT * FROM ledger_line ORDER BY transaction_id, line",
    "aggregate": "SELECT key, sequence, state::text FROM aggregate ORDER BY key",
}


@pytest.fixture
async def books(kafka: Broker, database: Databases, topic_prefix: str) -> AsyncIterator[Books]:
    async with open_books(kafka, database, topic_prefix) as opened:
        plan, other = Plan(), Plan("two")
        await opened.carry([plan.session("2024-11-19"), other.session("2024-11-21"), plan.session("2024-12-03")])
        yield opened


async def pool_of(books: Books) -> asyncpg.Pool:
    return await open_pool(books.outcomes.dsn)


def commands_of(books: Books, pool: asyncpg.Pool) -> Commands:
    service = books.service("outcomes")
    return Commands(pool, service, service.policy(), lambda: LATE)


async def shut(books: Books, month: str) -> Closed:
    pool = await pool_of(books)
    try:
        return await close(commands_of(books, pool), BOOK, PROGRAMME, month, by="ann", confirm=True)
    finally:
        pool.terminate()


async def hand_in(commands: Commands, month: str) -> None:
    async with commands.begin() as tx:
        await act(tx, "submit", CONTRACT, month, "finance-1")


async def pay(books: Books) -> PaymentFile:
    pool = await pool_of(books)
    commands = commands_of(books, pool)
    try:
        await hand_in(commands, MONTH)
        async with commands.begin() as tx:
            await act(tx, "approve", CONTRACT, MONTH, "commissioner-1")
        async with commands.begin() as tx:
            return await export(tx, BOOK, CONTRACT, MONTH, "commissioner-2")
    finally:
        pool.terminate()


async def kept(books: Books) -> dict[str, list[tuple[Any, ...]]]:
    connection = books.connections["outcomes"]
    return {name: [tuple(row) for row in await connection.fetch(query)] for name, query in KEPT.items()}


async def test_a_ledger_from_before_a_close_comes_to_the_same_statement_root_and_payment(books: Books) -> None:
    await shut(books, "2024-10")
    async with books.at_work():
        await books.settled()
    database = books.outcomes
    backup = f"{database.name}_backup"
    database.postgres.copy_database(database.name, backup)
    await books.connect("outcomes")
    first = await shut(books, MONTH)
    file = await pay(books)
    async with books.at_work():
        await books.settled()
    before = await kept(books)
    assert before["payment_line"]
    assert before["statement"]

    database.postgres.copy_database(backup, database.name)
    database.postgres.drop_database(backup)
    await books.connect("outcomes")
    assert (await kept(books))["payment_line"] == []
    pool = await pool_of(books)
    try:
        async with books.at_work():
            await books_are_behind(books)
        with pytest.raises(Refused) as refused:
            await hand_in(commands_of(books, pool), "2024-10")
        assert refused.value.reasons[0].code == "database_behind_log"
        async with open_log(books.settings) as log:
            await restore(pool, books.service("outcomes"), log, actor="ann", apply=True)
        async with books.at_work():
            await books.settled()
        assert await kept(books) == before
        async with pool.acquire() as connection:
            assert (await again(connection, BOOK, CONTRACT, MONTH)).content == file.content
        with pytest.raises(Refused) as refused:
            async with commands_of(books, pool).begin() as tx:
                await export(tx, BOOK, CONTRACT, MONTH, "commissioner-2")
        assert refused.value.reasons[0].code == "already_exported"
    finally:
        pool.terminate()
    once_more = await shut(books, MONTH)
    assert once_more.again
    assert [(one.contract, one.root) for one in once_more.statements] == [
        (one.contract, one.root) for one in first.statements
    ]
    assert (await books.reconcile()).differences == []


async def books_are_behind(books: Books) -> None:
    """Wait until somebody has noticed that the log is ahead of the database."""
    query = "SELECT EXISTS (SELECT FROM consumer_stop WHERE reason = 'database_behind_log')"
    async with asyncio.timeout(40):
        while not await books.connections["outcomes"].fetchval(query):  # noqa: ASYNC110  it is in a database
            await asyncio.sleep(0.02)


async def test_a_claim_pack_names_the_place_and_digest_of_each_event_on_the_log(books: Books) -> None:
    connection, coaching = books.connections["outcomes"], books.connections["coaching"]
    pack = await claim_pack(connection, coaching, BOOK, Plan().referral_id, "engagement", 1)
    async with open_log(books.settings) as log:
        await place_on_log(log, pack)
    assert [event["topic"] for event in pack["events"]] == ["plan.updated", "outcome.recorded"]
    records = {
        (raw.topic.removeprefix(books.prefix), raw.partition, raw.offset): raw
        for raw in books.kafka.read(books.topic("plan.updated"), books.topic("outcome.recorded"))
    }
    for event in pack["events"]:
        place = event["on_log"]
        raw = records[event["topic"], place["partition"], place["offset"]]
        assert raw.headers["ce_id"].decode() == event["id"]
        assert hashlib.sha256(raw.value or b"").hexdigest() == place["sha256"] == event["sha256"]
    assert [fact["change"]["occurred_on"] for fact in pack["facts"]] == ["2024-12-03"]
    assert [card["id"] for card in pack["rate_cards"]] == ["wwgm-manchester"]
    assert [(p["account"], p["amount_pence"]) for p in pack["entries"][0]["postings"]] == [
        ("cost", 5000),
        ("accrued", -5000),
    ]


async def test_an_event_that_is_not_on_the_log_has_no_place(books: Books) -> None:
    connection, coaching = books.connections["outcomes"], books.connections["coaching"]
    pack = await claim_pack(connection, coaching, BOOK, Plan().referral_id, "engagement", 1)
    pack["events"][1]["id"] = "0192f1a0-5b1c-5d2e-9f3a-4b5c6d7e8f90"
    async with open_log(books.settings) as log:
        await place_on_log(log, pack)
    assert [event["on_log"] is None for event in pack["events"]] == [False, True]


@pytest.mark.parametrize(("spoilt", "status"), [(False, 0), (True, 1)])
async def test_the_command_says_by_its_exit_code_whether_the_books_differ(
    books: Books, spoilt: bool, status: int
) -> None:
    if spoilt:
        await books.behind("coaching", "DELETE FROM outbox WHERE sequence = 2")
    environment = books.databases.environment("outcomes") | {
        "PATHWAY_ROOT_KEY": "file:/nowhere/root.key",  # nothing sealed is opened
        "PATHWAY_ENVIRONMENT": "development",
        "PATHWAY_KAFKA_BOOTSTRAP": books.kafka.bootstrap,
        "PATHWAY_TOPIC_PREFIX": books.prefix,
    }
    done = await ran(environment, "reconcile", "--json")
    assert done[0] == status
    assert b'"first_difference": ' + (b'"coaching event_only_in_log' if spoilt else b"null") in done[1]
    unreachable = await ran(environment | {"PATHWAY_KAFKA_BOOTSTRAP": "127.0.0.1:1"}, "reconcile")
    assert unreachable[0] == 2


async def ran(environment: dict[str, str], *words: str) -> tuple[int | None, bytes]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.cli", *words,
        stdout=asyncio.subprocess.PIPE, env={**os.environ, **environment},
    )  # fmt: skip
    out, _ = await process.communicate()
    return process.returncode, out
