"""A producer of numbers and a reader of tallies for tests, on aiokafka, and what they should sum to."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from services.kernel.envelope import Headers
from services.kernel.runtime.partition import partition_of
from tests.tally.records import added, headers

Message = tuple[bytes | None, bytes | None, Headers]


def number(key: str, sequence: int, value: int = 1, *, event: str | None = None) -> Message:
    """Return one number as a message."""
    return key.encode(), added(value), headers(key, sequence, event=event)


async def produce(bootstrap: str, topic: str, messages: Sequence[Message], partition: int | None = None) -> None:
    """Send messages in order, each to its key's partition (or to the one given)."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True) as producer:
        count = len(await producer.partitions_for(topic))
        sent = []
        for key, value, found in messages:
            place = partition if partition is not None else partition_of((key or b"").decode(), count)
            sent.append(await producer.send(topic, value=value, key=key, headers=list(found), partition=place))
        await asyncio.gather(*sent)


async def consume(bootstrap: str, topic: str, count: int, seconds: float = 30.0) -> list[Any]:
    """Read a topic from its beginning until ``count`` records came."""
    found: list[Any] = []
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    async with asyncio.timeout(seconds), consumer:
        while len(found) < count:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                found += records
    return found


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 45.0) -> None:
    """Wait for a condition; raises TimeoutError when it does not come about."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110  the condition lies in another process
            await asyncio.sleep(0.02)


async def totals(dsn: str) -> dict[str, tuple[int, int]]:
    """Return (sum, count) of every tally in the database."""
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(
            "SELECT key, state->>'total' t, state->>'count' c FROM aggregate WHERE state IS NOT NULL"
        )
    finally:
        await connection.close()
    return {row["key"]: (int(row["t"]), int(row["c"])) for row in rows}
