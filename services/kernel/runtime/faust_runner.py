"""The Faust runner: Faust owns the process, the kernel owns the records.

Faust brings membership, assignment, heartbeats on a thread of their own, signals and shutdown. Its
record path is replaced: it acknowledges an event whose handler raised, drops what it cannot decode,
and costs more than the whole batch transaction. This is the only module that imports Faust, and a test
holds the source of the methods that it replaces to a hash.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar, cast

import faust
import structlog
from aiokafka import TopicPartition
from aiokafka.errors import ConsumerStoppedError, KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from faust.types import TP
from mode import Service
from mode.types import ServiceT

from services.kernel.runtime.broker import PROVING, tls
from services.kernel.runtime.consumption import COMMIT_SECONDS, UNREADABLE, Consumption
from services.kernel.runtime.failures import Stop
from services.kernel.runtime.rejoins import RejoinLimit
from services.kernel.settings import Settings

log = structlog.get_logger()


class KernelConsumerThread(AIOKafkaConsumerThread):
    """Faust's consumer thread, with our time that the broker may hold an empty fetch (Faust: 1.5 s)."""

    @property
    def member_id(self) -> str:
        """What the broker calls this member of the group."""
        coordinator: Any = self._ensure_consumer()._coordinator
        return str(coordinator.member_id)

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Commit, or leave it: Faust ends the process when the broker cannot take an offset now."""
        try:
            await self._ensure_consumer().commit({TopicPartition(*tp): offset for tp, offset in offsets.items()})
        except KafkaError as error:
            log.info("telemetry_commit_failed", error=type(error).__name__)
            return False
        return True

    def _create_worker_consumer(self, transport: Transport) -> Any:
        consumer = super()._create_worker_consumer(transport)
        settings = cast("KernelApp", self.app).consumption.settings
        consumer._fetch_max_wait_ms = settings.fetch_max_wait_ms
        return consumer


class KernelConsumer(Consumer):
    """Hands whole lists of records to the kernel, and begins where the database says."""

    _thread: KernelConsumerThread
    _sought_generation: int | None = None
    _telemetry: Mapping[TP, int] | None = None

    @property
    def consumption(self) -> Consumption:
        """The kernel's half of this process."""
        return cast("KernelApp", self.app).consumption

    def _new_consumer_thread(self) -> KernelConsumerThread:
        return KernelConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Forget where we stood; the drain loop seeks to the database's position before it fetches.

        Faust calls this after every assignment and rebalance, also for a group that never committed, and
        gives it a time-out, which a latched stop or a database that is down would pass.
        """
        self._sought_generation = None
        return {}

    async def _drain_messages(self, fetcher: ServiceT) -> None:
        """Fetch and hand over, until Faust stops the consumer or its fetcher.

        A new fetcher seeks first: what the one before it held when it was stopped was not taken.
        """
        app = cast("KernelApp", self.app)
        self._sought_generation = None
        stopped = (self._stopped.is_set, cast("Service", fetcher)._stopped.is_set)
        try:
            while not any(is_set() for is_set in stopped):
                app.rejoins.check()
                if not self.flow_active:
                    await self.wait(self.can_resume_flow)  # type: ignore[arg-type]  # an asyncio.Event will do
                    continue
                if self._sought_generation != app.consumer_generation_id and not await self._seek_positions():
                    continue
                await self._fetch_and_take()
        except (asyncio.CancelledError, ConsumerStoppedError):
            if not app.should_stop:
                raise

    async def _seek_positions(self) -> bool:
        """Seek every assigned partition. False when nothing is assigned or the assignment changed meanwhile."""
        app = cast("KernelApp", self.app)
        generation = app.consumer_generation_id
        assigned = self.assignment()
        if not assigned:
            await self.sleep(0.05)
            return False
        places = {self.consumption.place(tp.topic, tp.partition): tp for tp in assigned}
        begin = asyncio.ensure_future(self.consumption.begin(places))
        # a rebalance suspends the flow, a shutdown stops us: neither waits for a latched stop
        await self.wait_first(begin, self.suspend_flow.wait())
        if not begin.done():
            begin.cancel()
            return False
        offsets = begin.result()
        if generation != app.consumer_generation_id or self.assignment() != assigned or not self.flow_active:
            return False
        await self.seek_wait({places[place]: offset for place, offset in offsets.items()})
        self._sought_generation = generation
        return True

    async def _fetch_and_take(self) -> None:
        generation = self._sought_generation
        try:
            fetched = await self._getmany(active_partitions=self._get_active_partitions(), timeout=0.5)
        except (NoOffsetForPartitionError, OffsetOutOfRangeError):
            self._sought_generation = None
            return
        except UNREADABLE as error:
            self._sought_generation = None
            await self.consumption.refuse(error)
            return
        if not fetched:
            return
        if self._sought_generation != generation or cast("KernelApp", self.app).consumer_generation_id != generation:
            self._sought_generation = None  # what came may be another assignment's: it is fetched again
            return
        take = self.consumption.record
        batches = {
            self.consumption.place(tp.topic, tp.partition): [take(r) for r in records]
            for tp, records in fetched.items()
        }
        try:
            await self.consumption.take(batches)
        except Stop:
            self._sought_generation = None

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Commit positions to Kafka: lag telemetry, nothing is read back. Faust's timer calls this."""
        assigned = self.assignment() if self._sought_generation is not None else set()
        positions = self.consumption.positions
        offsets = {
            tp: positions[place]
            for tp in assigned
            if (place := self.consumption.place(tp.topic, tp.partition)) in positions
        }
        if not offsets or offsets == self._telemetry:
            return False
        self._telemetry = offsets
        return await self._commit(offsets)


class KernelTransport(Transport):
    """Faust's aiokafka transport with the kernel's consumer."""

    Consumer: ClassVar[type[Any]] = KernelConsumer


class KernelApp(faust.App):
    """A Faust app without agents, tables or web: only membership and assignment."""

    consumption: Consumption
    rejoins: RejoinLimit

    def _new_transport(self) -> Any:
        return KernelTransport(self.conf.broker_consumer, self)

    def _create_directories(self) -> None:
        """Make no folder: Faust would put one for tables, which we have none of, where the process stands."""


def _credentials(settings: Settings) -> Any:
    context = tls(settings)
    if settings.kafka_security_protocol in PROVING:
        return faust.SASLCredentials(
            username=settings.kafka_username,
            password=settings.kafka_password.get_secret_value(),
            ssl_context=context,
            mechanism=settings.kafka_sasl_mechanism.value,
        )
    return None if context is None else faust.SSLCredentials(context)


def build_app(consumption: Consumption) -> KernelApp:
    """Build the app that subscribes to a service's inputs."""
    settings = consumption.settings
    session = settings.session_timeout_seconds
    app = KernelApp(
        f"{settings.topic_prefix}pathway-{consumption.service.name}",
        broker=[f"kafka://{address}" for address in settings.kafka_bootstrap.split(",")],
        broker_credentials=_credentials(settings),
        store="memory://",
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        stream_wait_empty=False,
        consumer_auto_offset_reset="none",
        consumer_group_instance_id=settings.group_instance_id,
        consumer_metadata_max_age_ms=30_000,
        broker_session_timeout=session,
        broker_heartbeat_interval=session / 5,
        broker_commit_interval=COMMIT_SECONDS,
        broker_max_poll_records=4 * settings.batch_size,
        broker_max_poll_interval=86_400.0,
        processing_guarantee="at_least_once",
    )
    app.consumption = consumption
    app.rejoins = RejoinLimit()
    for topic in consumption.service.inputs:
        app.topics.add(app.topic(settings.topic_prefix + topic, value_type=bytes, value_serializer="raw"))

    @app.on_partitions_assigned.connect
    async def joined(*_: Any, **__: Any) -> None:
        app.rejoins.joined(cast("KernelConsumer", app.consumer)._thread.member_id)

    return app


class FaustRunner:
    """Runs one service's consumption under Faust until :meth:`stop`."""

    def __init__(self, consumption: Consumption) -> None:
        self.consumption = consumption
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Ask the runner to end. Whatever is in hand either commits or rolls back."""
        self._stopping.set()

    async def run(self) -> None:
        """Consume until stopped. Raises what made Faust crash."""
        app = build_app(self.consumption)
        waits = [asyncio.ensure_future(event.wait()) for event in (self._stopping, app._crashed, app._stopped)]
        try:
            await app.start()
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            self.consumption.ready = False
            reason = app.crash_reason
            await app.stop()
            await self.consumption.close()
        if reason is not None:
            raise reason
