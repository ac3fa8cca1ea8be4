"""The bare runner: an aiokafka loop around the batch transaction, nothing else."""

import asyncio
import contextlib
from collections.abc import Collection
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from services.kernel.runtime.broker import client_options
from services.kernel.runtime.consumption import COMMIT_SECONDS, UNREADABLE, Consumption
from services.kernel.runtime.failures import Stop
from services.kernel.runtime.rejoins import RejoinLimit

log = structlog.get_logger()

GRACE_SECONDS = 2.0


class BareRunner(ConsumerRebalanceListener):
    """Runs one service's consumption until :meth:`stop`."""

    def __init__(self, consumption: Consumption) -> None:
        self.consumption = consumption
        self.rejoins = RejoinLimit()
        self._stopping = asyncio.Event()
        self._sought = False
        self._consumer: Any = None

    def stop(self) -> None:
        """Ask the runner to end after the batch in hand."""
        self._stopping.set()

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Note that positions must be sought again."""
        self._sought = False

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Note that positions must be sought again; exits where two processes displace each other."""
        self._sought = False
        self.rejoins.joined(self._consumer._coordinator.member_id)

    async def run(self) -> None:
        """Consume until stopped."""
        settings = self.consumption.settings
        timeout = settings.session_timeout_seconds
        self._consumer = consumer = AIOKafkaConsumer(
            **client_options(settings),
            group_id=f"{settings.topic_prefix}pathway-{self.consumption.service.name}",
            group_instance_id=settings.group_instance_id,
            client_id=f"pathway-{self.consumption.service.name}",
            enable_auto_commit=False,
            auto_offset_reset="none",
            fetch_max_wait_ms=settings.fetch_max_wait_ms,
            session_timeout_ms=int(timeout * 1000),
            heartbeat_interval_ms=int(timeout * 200),
            max_poll_interval_ms=86_400_000,
            metadata_max_age_ms=30_000,
        )
        topics = [settings.topic_prefix + topic for topic in self.consumption.service.inputs]
        consumer.subscribe(topics, listener=self)
        await consumer.start()
        telemetry = asyncio.create_task(self._commit_for_ever())
        try:
            await self._turn_until_stopped()
        finally:
            telemetry.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await telemetry
            await consumer.stop()
            await self.consumption.close()

    async def _turn_until_stopped(self) -> None:
        """Take turns; a stop interrupts one that waits (a latched stop, a database that is down).

        What is in hand then rolls back, and is read again by whoever comes next.
        """
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            while not self._stopping.is_set():
                self.rejoins.check()
                turn = asyncio.create_task(self._turn())
                await asyncio.wait({turn, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if not turn.done():
                    await asyncio.wait({turn}, timeout=GRACE_SECONDS)
                    turn.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await turn
        finally:
            stopping.cancel()

    async def _turn(self) -> None:
        consumer = self._consumer
        if not self._sought and not await self._seek():
            return
        try:
            fetched = await consumer.getmany(timeout_ms=500, max_records=4 * self.consumption.settings.batch_size)
        except (NoOffsetForPartitionError, OffsetOutOfRangeError):
            self._sought = False
            return
        except UNREADABLE as error:
            self._sought = False
            await self.consumption.refuse(error)
            return
        if not fetched or not self._sought:
            return
        take = self.consumption.record
        batches = {self.consumption.place(*tp): [take(r) for r in records] for tp, records in fetched.items()}
        try:
            await self.consumption.take(batches)
        except Stop:
            self._sought = False

    async def _seek(self) -> bool:
        """Seek every assigned partition to the database's position. False: nothing is assigned yet."""
        assigned = self._consumer.assignment()
        if not assigned:
            await asyncio.sleep(0.05)
            return False
        self._sought = True
        places = {self.consumption.place(tp.topic, tp.partition): tp for tp in assigned}
        offsets = await self.consumption.begin(places)
        if self._consumer.assignment() != assigned:
            self._sought = False
            return False
        for place, offset in offsets.items():
            self._consumer.seek(places[place], offset)
        return True

    async def _commit_for_ever(self) -> None:
        """Commit positions to Kafka now and then: lag telemetry, nothing is read back."""
        while True:
            await asyncio.sleep(COMMIT_SECONDS)
            assigned = self._consumer.assignment()
            offsets = {
                tp: self.consumption.positions[place]
                for tp in assigned
                if (place := self.consumption.place(tp.topic, tp.partition)) in self.consumption.positions
            }
            if offsets:
                try:
                    await self._consumer.commit(offsets)
                except KafkaError as error:
                    log.info("telemetry_commit_failed", error=type(error).__name__)
