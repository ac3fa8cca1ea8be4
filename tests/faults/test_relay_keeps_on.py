"""A relay that gets on slowly still gets on, and stands in nobody's way."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from services.kernel.runtime.relay import Relay
from tests.faults.stage import Stage

UNSENT = "SELECT count(*) FROM outbox_unsent"
LAST_DAY = """
SELECT max(inhrelid::regclass::text) FROM pg_inherits
WHERE inhparent = 'outbox'::regclass AND inhrelid <> 'outbox_default'::regclass
"""
LARGE = """
INSERT INTO outbox (topic, key, sequence, event_id, recorded_ms, headers, value)
SELECT 'tallies', 'k' || i, 1, md5(i::text), 1736154000000, '{"id": "x"}', convert_to(repeat('x', 60000), 'utf8')
FROM generate_series(1, 40) i
"""


async def test_a_long_reader_stops_neither_publication_nor_commands(stage: Stage) -> None:
    """A backup reads all tables in one transaction, and a new day's partition needs the table for itself."""
    last = await stage.admin.fetchval(LAST_DAY)
    await stage.admin.execute(f"DROP TABLE {last}")
    async with stage.holding("SELECT count(*) FROM outbox"):
        async with stage.relaying(), asyncio.timeout(9):
            for _ in range(3):
                await stage.decide(["a"])
                await stage.until(f"SELECT ({UNSENT}) = 0")
        assert await stage.admin.fetchval("SELECT to_regclass($1) IS NULL", last)
    async with stage.relaying():
        await stage.until("SELECT to_regclass($1) IS NOT NULL", last)


async def test_a_broker_too_slow_for_the_backlog_gets_less_at_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    bytes_a_second = 2_000_000
    send = Relay._send

    async def slowly(relay: Relay, producer: AIOKafkaProducer, rows: Sequence[Any]) -> int:
        await asyncio.sleep(sum(len(row.value) for row in rows) / bytes_a_second)
        return await send(relay, producer, rows)

    monkeypatch.setattr(Relay, "_send", slowly)
    monkeypatch.setattr("services.kernel.runtime.relay.MOST_BYTES", 4_000_000)
    await stage.admin.execute(LARGE)
    async with stage.relaying(relay_send_timeout_seconds=0.5):
        await stage.until(f"SELECT ({UNSENT}) = 0")
