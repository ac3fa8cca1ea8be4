"""Beside a relay: how much of a service's outbox is unsent and how old it is, for whoever watches."""

import asyncio
import contextlib

import asyncpg
import structlog

from services.kernel.runtime import metrics
from services.kernel.runtime.database import open_pool
from services.kernel.runtime.failures import DATABASE_ERRORS, is_transient
from services.kernel.service import Service
from services.kernel.settings import Settings

log = structlog.get_logger()

EVERY_SECONDS = 10.0
LOOK = """
SELECT count(*) AS rows, coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8 AS oldest
FROM outbox_unsent
"""


class OutboxWatch:
    """Sets two gauges every 10 seconds until :meth:`stop`."""

    def __init__(self, service: Service, settings: Settings) -> None:
        self.service = service
        self.settings = settings
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Ask it to end."""
        self._stopping.set()

    async def run(self) -> None:
        """Look until stopped; what fails in passing is tried again."""
        pool = await open_pool(self.settings.service_url(self.service.name), size=1, point_lookups=False)
        try:
            while not self._stopping.is_set():
                try:
                    await self.look(pool)
                except (OSError, *DATABASE_ERRORS) as error:
                    if not is_transient(error):
                        raise
                    log.warning("watch_failed", error=type(error).__name__)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), EVERY_SECONDS)
        finally:
            pool.terminate()

    async def look(self, pool: asyncpg.Pool) -> None:
        """Look once."""
        row = await pool.fetchrow(LOOK)
        if row is not None:
            metrics.unsent.labels(self.service.name).set(row["rows"])
            metrics.oldest_unsent.labels(self.service.name).set(row["oldest"])
