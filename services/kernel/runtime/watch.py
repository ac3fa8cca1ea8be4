"""Looks, now and then, at what would otherwise stay silent: keys that wait or stopped, letters that nobody opens.

A key that waits for a missing event can hide a withdrawal or a warning about somebody, so after 15
minutes it is said as an error, again and again, until it is seen to. A key that stopped, since two histories claim it,
goes on by no event that may still come: it is said at once, whether or not anything waits behind it.
"""

import asyncio
import contextlib

import structlog

from services.kernel.runtime import metrics
from services.kernel.runtime.consumption import Consumption
from services.kernel.runtime.failures import DATABASE_ERRORS, is_transient

log = structlog.get_logger()

LOOK = """
SELECT (SELECT count(*) FROM key_position WHERE waiting > 0) AS waiting_keys,
       (SELECT count(*) FROM key_position WHERE stopped) AS stopped_keys,
       (SELECT coalesce(extract(epoch FROM clock_timestamp() - min(waiting_since)), 0)::float8 FROM waiting_event)
           AS oldest_wait_seconds,
       (SELECT count(*) FROM dead_letter WHERE resolution IS NULL) AS dead_letters,
       (SELECT count(*) FROM consumer_stop WHERE resumed_at IS NULL) AS stops
"""
EVERY_SECONDS = 15.0
TOO_LONG_SECONDS = 15 * 60.0


class Watch:
    """Sets the gauges of one service and says what waits too long, until :meth:`stop`."""

    def __init__(self, consumption: Consumption) -> None:
        self.consumption = consumption
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Ask it to end."""
        self._stopping.set()

    async def run(self) -> None:
        """Look every 15 seconds."""
        while not self._stopping.is_set():
            try:
                await self.look()
            except (OSError, *DATABASE_ERRORS) as error:
                if not is_transient(error):
                    raise
                log.warning("watch_failed", error=type(error).__name__)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), EVERY_SECONDS)

    async def look(self) -> None:
        """Look once."""
        service = self.consumption.service
        name = service.name
        pool = (await self.consumption.inbox()).pool
        if service.look is not None:
            await service.look(pool, self.consumption.settings)
        row = await pool.fetchrow(LOOK)
        if row is None:
            return
        metrics.waiting_keys.labels(name).set(row["waiting_keys"])
        metrics.stopped_keys.labels(name).set(row["stopped_keys"])
        metrics.oldest_wait.labels(name).set(row["oldest_wait_seconds"])
        metrics.dead_letters.labels(name).set(row["dead_letters"])
        metrics.latched.labels(name).set(row["stops"])
        if row["oldest_wait_seconds"] > TOO_LONG_SECONDS:
            log.error("key_waits_too_long", service=name, count=row["waiting_keys"], seconds=row["oldest_wait_seconds"])
        if row["stopped_keys"]:
            log.error("keys_stopped", service=name, count=row["stopped_keys"])
