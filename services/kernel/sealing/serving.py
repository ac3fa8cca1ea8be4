"""Holds the vault's database against its own log before keys are served, after every start and every restore.

A database that was put back from a backup still holds keys that were destroyed after the backup was made. The readers
of keys have no broker to ask, so this runs beside the relay and notes in the database that it is as new as its log;
``keys_served()`` tells the readers. The note is worth nothing after the server was started again or the tables were
replaced: then this looks again.
"""

import asyncio
import contextlib

import asyncpg
import structlog
from aiokafka.errors import KafkaError

from services.kernel.runtime.database import open_pool
from services.kernel.runtime.failures import DATABASE_ERRORS, Stop, is_transient
from services.kernel.runtime.log_view import open_log
from services.kernel.runtime.own_log import check_own_log
from services.kernel.runtime.tables import Connection
from services.kernel.service import Service
from services.kernel.settings import Settings

log = structlog.get_logger()

EVERY_SECONDS = 1.0
SERVED = "SELECT keys_served() AS served, EXISTS (SELECT FROM consumer_stop WHERE resumed_at IS NULL) AS stopped"
NOTE = "INSERT INTO key_serving (incarnation) VALUES (key_incarnation()) ON CONFLICT DO NOTHING"
LATCH = "INSERT INTO consumer_stop (reason, detail, topic) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"


class ServingGuard:
    """Looks every second until :meth:`stop`."""

    def __init__(self, service: Service, settings: Settings) -> None:
        self.service = service
        self.settings = settings
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Ask it to end."""
        self._stopping.set()

    async def run(self) -> None:
        """Look until stopped; what fails in passing is tried again."""
        pool = await open_pool(self.settings.service_url(self.service.name), size=1)
        try:
            while not self._stopping.is_set():
                try:
                    await self.look(pool)
                except (OSError, *DATABASE_ERRORS, KafkaError) as error:
                    if isinstance(error, DATABASE_ERRORS) and not is_transient(error):
                        raise
                    log.warning("vault_check_waits", error=type(error).__name__)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), EVERY_SECONDS)
        finally:
            pool.terminate()

    async def look(self, pool: asyncpg.Pool) -> bool:
        """Check the database if nobody has since it started; return whether keys are served now."""
        row = await pool.fetchrow(SERVED)
        assert row is not None  # noqa: S101  a SELECT without FROM has one row
        if row["served"] or row["stopped"]:
            return bool(row["served"])
        try:
            async with open_log(self.settings) as view:
                await check_own_log(pool, self.service, view)
        except Stop as stop:
            await pool.execute(LATCH, stop.reason, stop.detail, stop.topic)
            log.warning("vault_behind_log", service=self.service.name, reason=stop.reason, detail=stop.detail)
            return False
        await pool.execute(NOTE)
        log.info("vault_serves")
        return True


async def note_checked(connection: Connection) -> None:
    """Note that this database is as new as its log, where the caller knows: just made, or in a test."""
    await connection.execute(NOTE)
