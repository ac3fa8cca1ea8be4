"""What both runners share: where to begin, taking records in, and the latched stop."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

import asyncpg
import structlog
from aiokafka.errors import CorruptRecordException, KafkaError, UnsupportedCodecError

from services.kernel.field_classes import check_outputs
from services.kernel.runtime import backoff, metrics
from services.kernel.runtime.assignment import starting_offsets
from services.kernel.runtime.batches import read_any_batch
from services.kernel.runtime.database import open_pool
from services.kernel.runtime.failures import DATABASE_ERRORS, BugLimit, Stop, end_if_cancelled, is_transient
from services.kernel.runtime.inbox import Inbox
from services.kernel.runtime.log_view import Place, ask_broker, open_log
from services.kernel.runtime.own_log import check_own_log
from services.kernel.runtime.reapplied import apply_unread, unread
from services.kernel.runtime.records import Record
from services.kernel.sealing.errors import VaultUnavailable
from services.kernel.sealing.keyring import VaultKeys, open_keys
from services.kernel.service import Service
from services.kernel.settings import Settings

log = structlog.get_logger()

UNREADABLE = (CorruptRecordException, UnsupportedCodecError)
LATCHED = "SELECT string_agg(reason, ', ' ORDER BY id) FROM consumer_stop WHERE resumed_at IS NULL"
LATCH_POLL_SECONDS = 1.0
COMMIT_SECONDS = 5.0
"""How often positions go to Kafka, for those who watch its lag."""
T = TypeVar("T")


class Consumption:
    """One process's consumption of a service's inputs, whoever owns the consumer.

    ``ready`` is true while it reads; a latched stop makes it false, and the process stays alive. Raises MustNotLeave
    for a service with events that may not leave.
    """

    def __init__(self, service: Service, settings: Settings) -> None:
        self.service = service
        self.settings = settings
        self.ready = False
        self.positions: dict[Place, int] = {}
        self._pool: asyncpg.Pool | None = None
        self._inbox: Inbox | None = None
        self._keys: VaultKeys | None = None
        self._opening = asyncio.Lock()
        check_outputs(service.registry, service.source)
        read_any_batch()

    async def inbox(self) -> Inbox:
        """Return the inbox; opens the pool and loads the policy when first needed."""
        async with self._opening:
            if self._inbox is None:
                self._pool = await open_pool(self.settings.service_url(self.service.name))
                if self._keys is None:
                    self._keys = await open_keys(self.service, self.settings)
                self._inbox = Inbox(self.service, self.service.policy(), self._pool, keys=self._keys)
            return self._inbox

    @property
    def keys_away(self) -> bool:
        """Whether a batch waits for keys that cannot be read now."""
        return self._inbox is not None and isinstance(self._inbox.waits_for, VaultUnavailable)

    async def close(self) -> None:
        """Close the pool; a batch that has not committed is rolled back by the server."""
        self.ready = False
        if self._pool is not None:
            pool, self._pool, self._inbox = self._pool, None, None
            pool.terminate()
        if self._keys is not None:
            keys, self._keys = self._keys, None
            keys.close()

    async def reach_broker(self) -> None:
        """Wait until the broker answers."""

        await self._until_done(lambda: ask_broker(self.settings))

    async def begin(self, places: Collection[Place]) -> dict[Place, int]:
        """Return where to begin reading each partition, from the database.

        Waits for a latched stop to be resumed, and for broker and database to answer. A log that is not
        ours latches a stop, so this then waits for the operator.
        """
        while True:
            await self.until_resumed()
            try:
                found = await self._until_done(lambda: self._begin(places))
            except Stop as stop:
                await (await self.inbox()).latch(stop)
                continue
            self.positions = dict(found)
            self.ready = True
            return found

    async def _begin(self, places: Collection[Place]) -> dict[Place, int]:
        inbox = await self.inbox()
        async with open_log(self.settings) as view:
            await check_own_log(inbox.pool, self.service, view)
            offsets = await starting_offsets(inbox.pool, view, places)
            await apply_unread(inbox.pool, self.service, view, await unread(inbox.pool, self.service, view))
            return offsets

    async def take(self, batches: Mapping[Place, Sequence[Record]]) -> None:
        """Take records in, partitions side by side. Returns when all are committed.

        Raises :class:`Stop` when one partition had to stop; others may have committed.
        """
        inbox = await self.inbox()
        tasks = [asyncio.ensure_future(self._take(inbox, place, records)) for place, records in batches.items()]
        try:
            await asyncio.gather(*tasks)
        except BaseException:
            self.ready = False
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise

    async def _take(self, inbox: Inbox, place: Place, records: Sequence[Record]) -> None:
        size = self.settings.batch_size
        for start in range(0, len(records), size):
            chunk = records[start : start + size]
            await inbox.process(chunk)
            self.positions[place] = chunk[-1].offset + 1
        metrics.position.labels(self.service.name, *map(str, place)).set(self.positions[place])

    async def refuse(self, error: KafkaError) -> None:
        """Latch a stop for a batch that the client library cannot read: trying again would not help."""
        self.ready = False
        await (await self.inbox()).latch(Stop("batch_unreadable", f"{type(error).__name__}: {error}"))

    async def until_resumed(self) -> None:
        """Wait while a stop is latched. Looks at the own log meanwhile: a stop must not hide a restored database."""
        inbox = await self.inbox()
        told = False
        while True:
            reason = await self._until_done(lambda: inbox.pool.fetchval(LATCHED))
            if reason is None:
                break
            self.ready = False
            if not told:
                log.error("consumer_latched", service=self.service.name, reason=reason)
                told = True
                await self._look_beside(inbox)
            await asyncio.sleep(LATCH_POLL_SECONDS)
        if told:
            inbox.limit = BugLimit()
            log.info("consumer_resumed", service=self.service.name)

    async def _look_beside(self, inbox: Inbox) -> None:
        """Latch beside another stop that the database is behind its log: commands are refused from then on."""

        async def look() -> None:
            async with open_log(self.settings) as view:
                await check_own_log(inbox.pool, self.service, view)

        try:
            await self._until_done(look)
        except Stop as stop:
            await inbox.latch(stop)

    async def _until_done(self, work: Callable[[], Awaitable[T]]) -> T:
        """Try until neither broker nor database fails in passing."""
        attempt = 0
        while True:
            try:
                return await work()
            except (KafkaError, *DATABASE_ERRORS, OSError) as error:
                if not isinstance(error, KafkaError) and not is_transient(error):
                    raise
                end_if_cancelled(error)
                attempt += 1
                log.warning("waiting", service=self.service.name, error=type(error).__name__, attempt=attempt)
            await backoff.pause(backoff.delay(attempt))

    def place(self, topic: str, partition: int) -> Place:
        """Return the logical place of a broker's partition."""
        return (topic.removeprefix(self.settings.topic_prefix), partition)

    def record(self, found: Any) -> Record:
        """Return a broker's record under its logical topic."""
        topic = found.topic.removeprefix(self.settings.topic_prefix)
        return Record(topic, found.partition, found.offset, found.key, found.value, tuple(found.headers))
