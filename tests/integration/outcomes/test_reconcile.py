"""``pathway reconcile`` on Apache Kafka: nothing differs, or the first thing that does is named and nothing is paid."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from prometheus_client import REGISTRY

from services.kernel.decision import Refused
from services.kernel.runtime.commands import Commands
from services.kernel.runtime.database import open_pool
from services.outcomes.settlement.closing import close
from services.outcomes.settlement.payment_file import export
from services.outcomes.settlement.reconciled import Reconciled
from services.outcomes.watch import look_at_ledger
from services.programmes.reader import load_book
from tests.integration.outcomes.on_kafka import Books, open_books
from tests.parts.databases import Databases
from tests.parts.kafka import Broker
from tests.parts.kafka_admin import Raw
from tests.unit.outcomes.histories import CONTRACT, PROGRAMME, Plan

PLAN = Plan()
OTHER = Plan("two")
KEY = PLAN.referral_id
TRIGGERS_OFF = (
    "ALTER TABLE ledger_line DISABLE TRIGGER ALL",
    "ALTER TABLE ledger_transaction DISABLE TRIGGER ALL",
)
LATE = datetime(2025, 6, 2, 9, tzinfo=UTC)


@pytest.fixture
async def books(kafka: Broker, database: Databases, topic_prefix: str) -> AsyncIterator[Books]:
    """Two referrals are supported, and two entries of the first are earned."""
    plan, other = Plan(), Plan("two")
    async with open_books(kafka, database, topic_prefix) as opened:
        await opened.carry(
            [plan.session("2024-11-19"), plan.session("2024-12-03"), plan.note("2024-12-04"), other.note("2024-12-04")]
        )
        yield opened


def first(found: Reconciled) -> str:
    """What is named, without the details in brackets."""
    return (found.first or "").split(" (")[0]


def account(found: Reconciled, topic: str, reader: str) -> tuple[int, ...]:
    [one] = [one for one in found.accounts if (one.topic, one.reader) == (topic, reader)]
    return one.sent, one.consumed, one.dead, one.waiting, one.unread


async def test_nothing_differs(books: Books) -> None:
    found = await books.reconcile()
    assert found.differences == []
    assert account(found, "plan.updated", "outcomes") == (4, 4, 0, 0, 0)
    assert account(found, "plan.updated", "intake") == (4, 0, 0, 0, 4)
    assert account(found, "outcome.recorded", "intake") == (2, 0, 0, 0, 2)
    assert (found.proof.transactions, found.proof.lines, found.proof.trial_balance_pence) == (2, 4, 0)


LOST_CONSUMPTION = f"UPDATE key_position SET sequence = 2, event_id = NULL WHERE key = '{KEY}'"
NEVER_SENT = f"UPDATE key_position SET sequence = 4, event_id = NULL WHERE key = '{KEY}'"
OTHER_EVENT = f"UPDATE key_position SET event_id = gen_random_uuid() WHERE key = '{KEY}'"
WAITS = f"""
INSERT INTO waiting_event (topic, key, sequence, event_id, partition, record_offset, value)
VALUES ('plan.updated', '{KEY}', 9, gen_random_uuid(), 0, 99, '')
"""
SENT_NOT_LOGGED = f"""
WITH one AS (INSERT INTO outbox (topic, key, sequence, event_id, recorded_ms, headers, value)
             VALUES ('plan.updated', '{KEY}', 4, gen_random_uuid(), 0, '{{}}', '') RETURNING id)
UPDATE outbox_progress SET sent = sent + int8multirange(int8range(id, id, '[]')) FROM one
"""
LOGGED_NOT_KEPT = f"DELETE FROM outbox WHERE key = '{KEY}' AND sequence = 3"
MISNUMBERED = f"UPDATE outbox SET sequence = 33 WHERE key = '{KEY}' AND sequence = 3"
PUT_RIGHT = f"UPDATE outbox SET sequence = 3 WHERE key = '{KEY}' AND sequence = 33"
OTHER_BYTES = f"UPDATE outbox SET value = '{{}}' WHERE key = '{KEY}' AND sequence = 3"
DROPPED_LINES = """
DELETE FROM ledger_line WHERE transaction_id = (SELECT id FROM ledger_transaction WHERE milestone = 'engagement')
"""
ORPHANED_LINES = """
INSERT INTO ledger_line SELECT '00000000-0000-4000-8000-000000000002', n, 'elsewhere', 'cost', 3 - 2 * n
FROM generate_series(1, 2) AS n
"""
OTHER_AMOUNT = "UPDATE ledger_transaction SET amount_pence = amount_pence + 1 WHERE milestone = 'engagement'"
UNEVEN = "UPDATE ledger_line SET amount_pence = amount_pence + 1 WHERE account = 'cost'"
INVENTED = """
INSERT INTO ledger_transaction SELECT (jsonb_populate_record(t, jsonb_build_object(
    'id', '00000000-0000-4000-8000-000000000001', 'occurrence', 7))).* FROM ledger_transaction t
WHERE milestone = 'engagement'
"""


@pytest.mark.parametrize(
    ("service", "statement", "named"),
    [
        ("outcomes", LOST_CONSUMPTION, f"outcomes not_consumed: {KEY} 3"),
        ("outcomes", NEVER_SENT, f"outcomes consumed_never_sent: {KEY} 4"),
        ("outcomes", OTHER_EVENT, f"outcomes other_event_consumed: {KEY} 3"),
        ("outcomes", WAITS, f"outcomes waits_never_sent: {KEY} 9"),
        ("coaching", SENT_NOT_LOGGED, f"coaching event_only_in_outbox: {KEY} 4"),
        ("coaching", LOGGED_NOT_KEPT, f"coaching event_only_in_log: {KEY} 3"),
        ("coaching", OTHER_BYTES, f"coaching other_event_in_outbox: {KEY} 3"),
        ("outcomes", DROPPED_LINES, "entry {engagement}"),
        ("outcomes", OTHER_AMOUNT, "entry {engagement}"),
        ("outcomes", INVENTED, "entry 00000000-0000-4000-8000-000000000001"),
        ("outcomes", ORPHANED_LINES, "entry 00000000-0000-4000-8000-000000000002"),
        ("outcomes", UNEVEN, "trial_balance 2"),
    ],
)
async def test_each_difference_is_named(books: Books, service: str, statement: str, named: str) -> None:
    engagement = await books.connections["outcomes"].fetchval(
        "SELECT id::text FROM ledger_transaction WHERE milestone = 'engagement'"
    )
    await books.behind(service, *(TRIGGERS_OFF if service == "outcomes" else ()), statement)
    assert first(await books.reconcile()) == named.format(engagement=engagement)


async def test_a_record_that_nobody_sent_and_a_log_that_was_cut_off_are_named(books: Books) -> None:
    [plan, *_] = [raw for raw in books.kafka.read(books.topic("plan.updated")) if raw.key == KEY.encode()]
    forged = {**plan.headers, "ce_sequence": b"4", "ce_id": b"00000000-0000-4000-8000-000000000001"}
    books.kafka.produce([Raw(plan.topic, plan.value, plan.key, plan.partition, forged)])
    assert first(await books.reconcile()) == f"coaching event_only_in_log: {KEY} 4"
    books.kafka.cut_off(plan.topic, plan.partition, 1)
    assert first(await books.reconcile()).startswith("coaching log_lost")


async def test_what_is_dead_or_waits_is_accounted_for(books: Books) -> None:
    raws = [raw for raw in books.kafka.read(books.topic("plan.updated")) if raw.key == KEY.encode()]
    head = {**raws[-1].headers, "ce_sequence": b"4", "ce_id": b"00000000-0000-4000-8000-000000000004"}
    after = {**head, "ce_sequence": b"5", "ce_id": b"00000000-0000-4000-8000-000000000005"}
    async with books.at_work():
        for headers, value in ((head, b"{}"), (after, raws[-1].value)):
            books.kafka.produce([Raw(raws[-1].topic, value, raws[-1].key, raws[-1].partition, headers)])
        await books.settled()
    found = await books.reconcile()
    assert account(found, "plan.updated", "outcomes") == (6, 4, 1, 1, 0)
    assert all("not_consumed" not in text for text in found.differences)


async def test_a_repeated_record_counts_once(books: Books) -> None:
    [raw, *_] = books.kafka.read(books.topic("plan.updated"))
    async with books.at_work():
        books.kafka.produce([Raw(raw.topic, raw.value, raw.key, raw.partition, raw.headers)])
        await books.settled()
    found = await books.reconcile()
    assert found.differences == []
    assert account(found, "plan.updated", "outcomes") == (4, 4, 0, 0, 0)


async def test_what_is_decided_and_not_yet_published_is_no_difference(books: Books) -> None:
    await books.say([Plan("three").session("2024-12-05")])
    found = await books.reconcile()
    assert found.differences == []
    await books.behind("outcomes", "UPDATE outbox_progress SET sent = '{}'")
    assert (await books.reconcile()).differences == []


async def test_the_worker_tells_what_the_last_reconciliation_found(books: Books) -> None:
    """Its own quick look sees nothing of what coaching lacks."""
    pool = await open_pool(books.outcomes.dsn)
    told = []
    try:
        for statement in ("", MISNUMBERED, PUT_RIGHT):
            await books.behind("coaching", *filter(None, [statement]))
            await books.reconcile()
            await look_at_ledger()(pool, books.settings)
            told.append(REGISTRY.get_sample_value("pathway_reconciliation_difference"))
    finally:
        pool.terminate()
    assert told[0] == told[2] == 0
    assert (told[1] or 0) > 0


async def test_while_the_last_reconciliation_differs_nothing_is_exported(books: Books) -> None:
    pool = await open_pool(books.outcomes.dsn)
    book = load_book()
    commands = Commands(pool, books.service("outcomes"), books.service("outcomes").policy(), lambda: LATE)
    try:
        for month in ("2024-10", "2024-11"):
            await close(commands, book, PROGRAMME, month, by="ann", confirm=True)
        async with books.at_work():
            await books.settled()
        assert (await books.reconcile()).differences == []
        await books.behind("coaching", MISNUMBERED)
        assert not (await books.reconcile()).equal
        with pytest.raises(Refused) as refused:
            async with commands.begin() as tx:
                await export(tx, book, CONTRACT, "2024-11", "bea")
        assert refused.value.reasons[0].code == "books_differ"
        await books.behind("coaching", PUT_RIGHT)
        assert (await books.reconcile()).differences == []
        with pytest.raises(Refused) as refused:
            async with commands.begin() as tx:
                await export(tx, book, CONTRACT, "2024-11", "bea")
        assert refused.value.reasons[0].code == "not_submitted"
    finally:
        pool.terminate()
    made = await books.connections["outcomes"].fetch("SELECT differences FROM reconciliation ORDER BY id")
    assert [row["differences"] for row in made] == [0, 2, 0]
