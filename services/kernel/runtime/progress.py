"""Whether a worker gets on: what its liveness says, and whether it can reach its database.

A restart helps a process that hangs, and nothing else. So a worker is unhealthy only where there are records beyond its
position, the position has not moved for ``stuck_seconds``, and nothing else explains it: the database answers, no stop
is latched, the broker answers, the keys can be read.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping

import asyncpg
import structlog
from aiokafka.errors import KafkaError

from services.kernel.runtime import metrics
from services.kernel.runtime.consumption import Consumption
from services.kernel.runtime.database import open_pool
from services.kernel.runtime.failures import DATABASE_ERRORS
from services.kernel.runtime.log_view import LogView, Place, open_log

log = structlog.get_logger()

EVERY_SECONDS = 5.0
ANSWER_SECONDS = 3.0
LATCHED = "SELECT EXISTS (SELECT FROM consumer_stop WHERE resumed_at IS NULL)"


class Progress:
    """Looks every 5 seconds until :meth:`stop`. ``away``: the database does not answer."""

    def __init__(self, consumption: Consumption, clock: Callable[[], float] = time.monotonic) -> None:
        self.consumption = consumption
        self.away = False
        self._clock = clock
        self._stopping = asyncio.Event()
        self._since: dict[Place, tuple[int, float]] = {}

    def stop(self) -> None:
        """Ask it to end."""
        self._stopping.set()

    async def run(self) -> None:
        """Look until stopped; a broker that does not answer is met anew at the next look."""
        service = self.consumption.settings.service_url(self.consumption.service.name)
        pool = await open_pool(service, size=1, connect_seconds=ANSWER_SECONDS)
        try:
            while not self._stopping.is_set():
                try:
                    async with open_log(self.consumption.settings) as view:
                        await self._look_on(pool, view)
                except (KafkaError, OSError):
                    await self._excused(pool)  # no broker: nothing can be said of progress
                    await self._pause()
        finally:
            pool.terminate()

    def stuck(self) -> list[str]:
        """Return the partitions that do not move though they should, in words; empty: healthy."""
        late = self._clock() - self.consumption.settings.stuck_seconds
        return [
            f"{topic}/{partition} stands at {position} and there is more to read"
            for (topic, partition), (position, since) in sorted(self._since.items())
            if since <= late
        ]

    def note(self, positions: Mapping[Place, int], ends: Mapping[Place, int]) -> None:
        """Compare where we stand with where the log ends."""
        now = self._clock()
        behind = {place: positions[place] for place, end in ends.items() if positions.get(place, end) < end}
        self._since = {
            place: self._since[place] if self._since.get(place, (-1, 0.0))[0] == position else (position, now)
            for place, position in behind.items()
        }
        for place, end in ends.items():
            lag = end - positions.get(place, end)
            metrics.lag.labels(self.consumption.service.name, *map(str, place)).set(max(lag, 0))

    def excuse(self) -> None:
        """Begin again: what keeps us from reading is known, and a restart would not help."""
        self._since = {}

    async def _look_on(self, pool: asyncpg.Pool, view: LogView) -> None:
        while not self._stopping.is_set():
            excused = await self._excused(pool)
            positions = dict(self.consumption.positions)
            ends = await view.ends(positions) if positions else {}
            self.note(positions, ends)
            if excused:
                self.excuse()
            await self._pause()

    async def _excused(self, pool: asyncpg.Pool) -> bool:
        """Tell whether something is known that a restart would not mend."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                latched = await pool.fetchval(LATCHED)
        except (OSError, *DATABASE_ERRORS) as error:
            if not self.away:
                log.warning("database_away", service=self.consumption.service.name, error=type(error).__name__)
            self.away = True
            self.excuse()
            return True
        self.away = False
        return bool(latched) or self.consumption.keys_away

    async def _pause(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), EVERY_SECONDS)
