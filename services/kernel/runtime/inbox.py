"""The batch transaction: what every runner calls with a partition's records.

One transaction takes a list of records of one partition and commits position, keys' places, state,
rows, outbox and dead letters together. Whatever happens before the commit leaves no trace, whatever
happens after it finds the position moved; so each record has exactly one effect.
"""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import asyncpg
import structlog

from services.kernel.clock import system_clock
from services.kernel.runtime import backoff, metrics, stops
from services.kernel.runtime.failures import LATCHED, BugLimit, Stop, end_if_cancelled, is_transient
from services.kernel.runtime.positions import PositionMoved, lock_position, move_position, save_turns
from services.kernel.runtime.records import Decoded, Poison, Record, UnknownVersion, decode
from services.kernel.runtime.subjects import AtHand, subjects_of, with_keys
from services.kernel.runtime.tables import finish, save
from services.kernel.runtime.turn import Counts
from services.kernel.runtime.turns import Turns
from services.kernel.sealing.keyring import Keys
from services.kernel.service import Service

log = structlog.get_logger()


class Inbox:
    """Takes records in for one service. ``pool`` connects as the run role.

    Several partitions may be processed at the same time; one partition never is, by the caller's care
    and, if that fails, by the lock on its position row.
    """

    def __init__(
        self,
        service: Service,
        policy: Any,
        pool: asyncpg.Pool,
        clock: Callable[[], datetime] = system_clock,
        keys: Keys | None = None,
    ) -> None:
        self.service = service
        self.policy = policy
        self.pool = pool
        self.clock = clock
        self.keys = keys
        self.waits_for: Exception | None = None
        """What keeps a batch from being committed at this moment; it is tried again."""
        self.limit = BugLimit()

    async def process(self, records: Sequence[Record]) -> Counts:
        """Apply records of one partition, in offset order. Returns when they are committed.

        Retries transient failures for ever. Raises :class:`Stop` after it has latched the stop in the
        database, so that a restart does not run into the same wall.
        """
        if not records:
            return Counts()
        try:
            items = self._decode(records)
            return await self._settle(items, {})
        except Stop as stop:
            if stop.reason != LATCHED:
                await self.latch(stop)
            raise

    def _decode(self, records: Sequence[Record]) -> list[Decoded | Poison]:
        try:
            return [decode(self.service, record) for record in records]
        except UnknownVersion as error:
            raise Stop("unknown_version", str(error), records[0].topic, records[0].partition) from error

    async def _settle(self, items: Sequence[Decoded | Poison], forced: dict[int, str]) -> Counts:
        """Commit the items, splitting them until what cannot be written is a single record.

        Mostly the database refuses it; a value that cannot even be encoded raises what it likes.
        """
        try:
            return await self._persist(items, forced)
        except Stop:
            raise
        except Exception as error:
            if len(items) == 1:
                if items[0].record.offset in forced:
                    raise Stop("sql_refused", type(error).__name__, items[0].record.topic) from error
                return await self._settle(items, {items[0].record.offset: type(error).__name__})
            half = len(items) // 2
            first = await self._settle(items[:half], forced)
            second = await self._settle(items[half:], forced)
            return Counts(*(getattr(first, f) + getattr(second, f) for f in Counts.__slots__))

    async def _persist(self, items: Sequence[Decoded | Poison], forced: dict[int, str]) -> Counts:
        attempt = 0
        while True:
            try:
                counts = await self._commit(items, forced)
            except Exception as error:
                if not is_transient(error) and not isinstance(error, PositionMoved):
                    raise
                end_if_cancelled(error)
                attempt += 1
                self.waits_for = error
                metrics.retries.labels(self.service.name, type(error).__name__).inc()
                log.warning("batch_retried", error=type(error).__name__, attempt=attempt)
            else:
                self.waits_for = None
                return counts
            await backoff.pause(backoff.delay(attempt))

    async def _commit(self, items: Sequence[Decoded | Poison], forced: dict[int, str]) -> Counts:
        async def work(keys: AtHand) -> Counts:
            return await self._transact(items, forced, keys)

        return await with_keys(self.keys, subjects_of(self.service, items), work)

    async def _transact(self, items: Sequence[Decoded | Poison], forced: dict[int, str], keys: AtHand) -> Counts:
        started = time.perf_counter()
        first = items[0].record
        async with self.pool.acquire() as connection, connection.transaction():
            position, restoring, latched = await lock_position(connection, first.topic, first.partition)
            if latched:
                raise Stop(LATCHED, "a stop is latched", first.topic, first.partition)
            fresh = trim(items, position)
            if not fresh:
                return Counts(duplicates=len(items))
            limit = self.limit.trial()
            turns = Turns(self.service, self.policy, first.topic, self.clock, limit, keys, forced)
            await turns.load(connection, fresh, restoring=restoring)
            turns.run(fresh)
            await save(connection, turns.aggregates.values(), turns.output)
            await save_turns(connection, turns)
            await move_position(connection, fresh[-1].record, position)
            await finish(connection, turns.output)
        self.limit.committed(limit, turns.counts.applied, time.monotonic())
        turns.counts.duplicates += len(items) - len(fresh)
        metrics.batch(self.service.name, turns.counts, len(fresh), time.perf_counter() - started)
        recorded = next((item.envelope.recordedtime for item in fresh if isinstance(item, Decoded)), None)
        if recorded is not None:
            metrics.decision_seconds.labels(self.service.name).observe((self.clock() - recorded).total_seconds())
        for letter in turns.dead:
            log.error(
                "dead_letter",
                topic=letter.record.topic,
                partition=letter.record.partition,
                offset=letter.record.offset,
                cause=letter.kind,
                code=letter.code,
            )
        return turns.counts

    async def latch(self, stop: Stop) -> None:
        """Write the stop down. Tries until it is written: a stop that is forgotten is no stop."""
        attempt = 0
        while True:
            try:
                await stops.latch(self.pool, self.service.name, stop)
            except Exception as error:
                if not is_transient(error):
                    raise
                end_if_cancelled(error)
                attempt += 1
                await backoff.pause(backoff.delay(attempt))
            else:
                return


def trim(items: Sequence[Decoded | Poison], position: int) -> Sequence[Decoded | Poison]:
    """Leave out what lies below the position. Raises :class:`Stop` where an offset is missing.

    No topic is compacted and no producer is transactional, so offsets have no gaps: a gap is loss.
    """
    fresh = [item for item in items if item.record.offset >= position]
    for expected, item in enumerate(fresh, position):
        if item.record.offset != expected:
            record = item.record
            detail = f"expected offset {expected}, got {record.offset}"
            raise Stop("offset_gap", detail, record.topic, record.partition)
    return fresh
