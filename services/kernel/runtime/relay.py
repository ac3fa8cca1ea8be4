"""The relay: sends what the outbox holds, in order per key, and marks it.

At least once: a row is marked only after the broker acknowledged it, and a crash between the two sends
it again. Readers tell a repeated event by its sequence. One relay per service leads, by an advisory
lock held by the very connection that reads and marks: a lost session can do neither.
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence

import asyncpg
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidTimestampError, KafkaError

from services.kernel.runtime import backoff, metrics, outbox, packing
from services.kernel.runtime.broker import client_options
from services.kernel.runtime.failures import DATABASE_ERRORS, Stop, is_transient
from services.kernel.runtime.log_view import open_log
from services.kernel.runtime.outbox import Unsent
from services.kernel.runtime.own_log import check_own_log
from services.kernel.runtime.packing import Packed
from services.kernel.runtime.partition import partition_of
from services.kernel.service import Service
from services.kernel.settings import Settings

log = structlog.get_logger()

LEAD_POLL_SECONDS = 1.0
LEAD = "SELECT pg_try_advisory_lock(hashtext('pathway-relay'))"
DISCARD_SECONDS = 1.0
DAYS_EVERY_SECONDS = 3600.0
DAYS_AGAIN_SECONDS = 60.0
DAYS_LOCK_MS = 100
OWN_LOG_SECONDS = 30.0
MOST_BYTES = 8 * 1024 * 1024
LEAST_BYTES = 64 * 1024
DAY_SECONDS = 86_400
BATCH_BYTES = 128 * 1024
"""Below what the catalogue lets a topic take (``max_message_bytes`` counts a whole batch), above any one event."""
LAST_MS = 2**63 - 1


class SendFailed(Exception):
    """The broker did not acknowledge everything in time; the producer must not be used again."""


class Relay:
    """Publishes one service's outbox until it is told to stop."""

    def __init__(self, service: Service, settings: Settings) -> None:
        self.service = service
        self.settings = settings
        self.trouble: str | None = "does not lead yet"
        self.leads = False
        self._attempt = 0
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self._producer: AIOKafkaProducer | None = None
        self._times_refused = False
        self._bytes = MOST_BYTES

    def stop(self) -> None:
        """Ask the relay to end after what it is sending."""
        self._stopping.set()
        self._wake.set()

    async def run(self) -> None:
        """Lead, publish, and start again after any transient failure. Returns after :meth:`stop`."""
        try:
            while not self._stopping.is_set():
                try:
                    await self._lead_and_publish()
                except Stop as stop:
                    self._attempt += 1
                    self.trouble = stop.detail
                    log.warning("relay_stopped", service=self.service.name, reason=stop.reason, detail=stop.detail)
                    await self._rest(backoff.delay(self._attempt))
                except (KafkaError, SendFailed, *DATABASE_ERRORS, OSError) as error:
                    if isinstance(error, DATABASE_ERRORS) and not is_transient(error):
                        raise
                    self._attempt += 1
                    self._times_refused = isinstance(error, InvalidTimestampError)
                    self.trouble = f"tries again after {type(error).__name__}"
                    metrics.relay_failures.labels(self.service.name, type(error).__name__).inc()
                    log.warning(
                        "relay_retries", service=self.service.name, error=type(error).__name__, attempt=self._attempt
                    )
                    await self._discard()
                    await self._rest(backoff.delay(self._attempt))
        finally:
            await self._discard()

    async def _lead_and_publish(self) -> None:
        connection = await self._connect()
        try:
            while not await connection.fetchval(LEAD):
                self.trouble = None  # to stand by is what a second relay is there for
                await self._rest(LEAD_POLL_SECONDS)
                if self._stopping.is_set():
                    return
            self.trouble = "does not lead yet"
            await self._check_own_log(connection)
            self.trouble, self.leads = None, True
            log.info("relay_leads", service=self.service.name)
            unsent = Unsent(connection)

            await connection.add_listener("outbox", lambda *_: self._wake.set())
            days_due = time.monotonic()
            while not self._stopping.is_set():
                self._wake.clear()
                if time.monotonic() >= days_due:
                    days_due = time.monotonic() + await self._make_days(connection)
                rows = packing.read_rows(await unsent.read())
                if rows:
                    count = min(unsent.limit, packing.affordable(rows, self._bytes))
                    await self._publish(unsent, packing.first_whole(rows, count))
                    await self._rest(self.settings.relay_pace_seconds)
                else:
                    await self._sleep(self.settings.relay_poll_seconds)
        finally:
            self.leads = False
            with contextlib.suppress(OSError, *DATABASE_ERRORS):
                await connection.close(timeout=2)

    async def _connect(self) -> asyncpg.Connection:
        """Connect so that the server ends a session that asks nothing for three rounds.

        A leader that hangs, or whose machine is gone without a word, would else keep its lock until TCP
        gives up, which takes hours.
        """
        settings = self.settings
        round_seconds = settings.relay_poll_seconds + settings.relay_send_timeout_seconds + settings.relay_pace_seconds
        return await asyncpg.connect(
            settings.service_url(self.service.name),
            timeout=10,
            command_timeout=15,
            server_settings={"idle_session_timeout": f"{3 * round_seconds:.1f}s", **outbox.SESSION},
        )

    async def _make_days(self, connection: asyncpg.Connection) -> float:
        """Make the days' partitions ahead; return seconds until the next time.

        It needs the table for itself for a moment. Behind a long reader, a backup say, it would wait, and
        every writer behind it: there is a week's time, so it rather tries again.
        """
        try:
            async with connection.transaction():
                await connection.execute(f"SET LOCAL lock_timeout = {DAYS_LOCK_MS}")
                await connection.execute("SELECT outbox_make_days(8)")
        except asyncpg.LockNotAvailableError:
            log.info("outbox_days_wait", service=self.service.name)
            return DAYS_AGAIN_SECONDS
        return DAYS_EVERY_SECONDS

    async def _rest(self, seconds: float) -> None:
        """Let the time pass, or the end come: between failures, and after a publication so that rows gather."""
        if seconds:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._stopping.wait()

    async def _check_own_log(self, connection: asyncpg.Connection) -> None:
        """Publish nothing from a database that is older than our own log."""
        async with asyncio.timeout(OWN_LOG_SECONDS), open_log(self.settings) as view:
            await check_own_log(connection, self.service, view)

    async def _publish(self, unsent: Unsent, rows: Sequence[Packed]) -> None:
        """Send rows and mark those that the broker acknowledged; raises when not all were."""
        try:
            async with asyncio.timeout(self.settings.relay_send_timeout_seconds):
                producer = await self._open_producer()
                sent = await self._send(producer, rows)
        except TimeoutError as error:
            self._bytes = max(self._bytes // 4, LEAST_BYTES)
            raise SendFailed("no acknowledgement in time") from error
        self._bytes = min(self._bytes * 2, MOST_BYTES)
        await unsent.mark(sorted(row.id for row in rows))
        self.trouble, self._attempt, self._times_refused = None, 0, False
        metrics.relayed.labels(self.service.name).inc(sent)

    async def _send(self, producer: AIOKafkaProducer, rows: Sequence[Packed]) -> int:
        """Put rows into batches of their partitions, in order per key, and wait for every acknowledgement."""
        counts: dict[str, int] = {}
        # a broker refuses what lies ahead of its clock (Kafka 4: an hour); ours, or the writer's, may be a day off
        latest_ms = int((time.time() - 2 * DAY_SECONDS) * 1000) if self._times_refused else LAST_MS
        places: dict[tuple[str, int], list[Packed]] = {}
        for row in rows:
            topic = self.settings.topic_prefix + row.topic
            if topic not in counts:
                counts[topic] = len(await producer.partitions_for(topic))
            places.setdefault((topic, partition_of(row.key, counts[topic])), []).append(row)
        pending = []
        try:
            for (topic, partition), found in places.items():
                batches = packing.pack(found, producer.create_batch, BATCH_BYTES, latest_ms)
                pending += [await producer.send_batch(batch, topic, partition=partition) for batch in batches]
        except packing.DoesNotFit as error:
            raise SendFailed(str(error)) from error
        await asyncio.gather(*pending)
        return len(rows)

    async def _open_producer(self) -> AIOKafkaProducer:
        if self._producer is None:
            timeout_ms = int(self.settings.relay_send_timeout_seconds * 1000)
            self._producer = AIOKafkaProducer(
                **client_options(self.settings),
                client_id=f"pathway-relay-{self.service.name}",
                acks="all",
                enable_idempotence=True,
                max_batch_size=BATCH_BYTES,
                max_request_size=1024 * 1024,
                request_timeout_ms=timeout_ms,
                metadata_max_age_ms=60_000,
            )
            await self._producer.start()
        return self._producer

    async def _discard(self) -> None:
        """Drop the producer without a flush: ``stop()`` waits for a broker that may never answer.

        A frame that still arrives late holds old sequences, which readers skip.
        """
        producer, self._producer = self._producer, None
        if producer is None:
            return
        producer._closed = True
        task = producer._sender.sender_task if producer._sender is not None else None
        if task is not None:
            task.cancel()
        with contextlib.suppress(KafkaError, OSError, TimeoutError):
            async with asyncio.timeout(DISCARD_SECONDS):
                await producer.client.close()

    async def _sleep(self, seconds: float) -> None:
        """Wait for work, for the end, or for the time to pass."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
