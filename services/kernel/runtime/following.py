"""Reads topics beside the consumers: no group, no state, no outbox, no producer.

Who follows keeps its own positions and writes what it likes with them, in one transaction of its own database. It
cannot publish: nothing here, and nothing that it is given, sends.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Protocol

import structlog
from aiokafka.errors import KafkaError

from services.kernel.runtime import backoff
from services.kernel.runtime.failures import DATABASE_ERRORS, end_if_cancelled, is_transient
from services.kernel.runtime.log_view import Extent, LogView, Place, open_log
from services.kernel.runtime.records import Record
from services.kernel.settings import Settings

log = structlog.get_logger()

LOOK_EVERY_SECONDS = 1.0


class Reader(Protocol):
    """Who takes records in. Both methods may raise what passes: they are asked again."""

    async def begin(self, extents: Mapping[Place, Extent]) -> dict[Place, int]:
        """Return where to go on in each partition, within what the broker holds."""
        ...

    async def take(self, records: Sequence[Record]) -> None:
        """Take in records of one partition, and remember that they are read."""
        ...


class Follower:
    """Follows topics until :meth:`stop`. ``ready`` is true while it reads."""

    def __init__(self, settings: Settings, topics: Sequence[str], reader: Reader) -> None:
        self._settings = settings
        self._topics = topics
        self._reader = reader
        self._stopping = asyncio.Event()
        self.ready = False

    def stop(self) -> None:
        """Ask it to end."""
        self._stopping.set()

    async def run(self) -> None:
        """Follow until stopped; wait for a broker, a database or a vault that is not there."""
        attempt = 0
        while not self._stopping.is_set():
            try:
                async with open_log(self._settings) as view:
                    while not self._stopping.is_set():
                        await self.read(view)
                        attempt, self.ready = 0, True
                        await self._wait(LOOK_EVERY_SECONDS)
            except (KafkaError, *DATABASE_ERRORS, OSError) as error:
                self.ready = False
                if not isinstance(error, KafkaError) and not is_transient(error):
                    raise
                end_if_cancelled(error)
                attempt += 1
                log.warning("waiting", error=type(error).__name__, attempt=attempt)
                await self._wait(backoff.delay(attempt))

    async def read(self, view: LogView) -> None:
        """Read once to the end of the log as it is now."""
        places = [place for topic in self._topics for place in await view.partitions(topic)]
        extents = await view.extents(places)
        begun = await self._reader.begin(extents)
        async for records in view.read({place: (at, extents[place].end) for place, at in begun.items()}):
            await self._reader.take(records)
            if self._stopping.is_set():
                return

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
