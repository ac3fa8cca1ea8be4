"""Before an API uses a database, it is held against the service's own log: it may come from a backup.

Each new connection says which database it has reached. One that was not met yet (at the start; after a restore, or a
failover to a standby that lagged, under a running API) is looked at before the connection serves anything. Where it is
behind, the stop is latched that a worker would latch: every API of the service then refuses commands and is not ready,
until a restore ends it. The process goes on: a restart would not help, and it serves by itself afterwards.
Where it is not behind its own log it may still lack what others' inputs scrubbed: that is applied first.

Nobody waits for a broker that does not answer: what is accepted must not depend on it. The look is taken again in the
background until it was taken once. But once it is known that something is to be scrubbed, everybody waits for that.
"""

import asyncio
from typing import Any

import structlog

from services.kernel.runtime import backoff, stops
from services.kernel.runtime.database import open_pool
from services.kernel.runtime.failures import Stop, end_if_cancelled
from services.kernel.runtime.log_view import open_log
from services.kernel.runtime.own_log import check_own_log
from services.kernel.runtime.reapplied import apply_unread, unread
from services.kernel.service import Service
from services.kernel.settings import Settings

log = structlog.get_logger()

WAIT_SECONDS = 3.0
"""How long a first connection waits for the look: less than a command waits for a connection."""
LOOK_SECONDS = 30.0
WHICH = """
SELECT concat_ws(' ', (SELECT oid FROM pg_database WHERE datname = current_database()), pg_postmaster_start_time(),
                 to_regclass('public.aggregate')::oid, pg_relation_filenode(to_regclass('public.aggregate')))
"""
"""Another value for a database that was made again, files that were replaced, and tables that were loaded anew."""


class Lookout:
    """Looks at each database that an API meets, once. ``meet`` is what its pool does with a new connection."""

    def __init__(self, service: Service, settings: Settings) -> None:
        self._service = service
        self._settings = settings
        self._met: str | None = None
        self._owes = False
        self._go_on = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def meet(self, connection: Any) -> None:
        """Return when the connection's database was looked at, or when that must not be waited for any longer."""
        which = await connection.fetchval(WHICH)
        if which != self._met:
            if self._task is not None:
                self._task.cancel()
            self._met, self._go_on, self._owes = which, asyncio.Event(), False
            self._task = asyncio.create_task(self._until_looked(self._go_on))
        await self._go_on.wait()

    async def close(self) -> None:
        """End a look that is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _until_looked(self, go_on: asyncio.Event) -> None:
        patience = asyncio.get_running_loop().call_later(WAIT_SECONDS, self._wait_no_longer, go_on)
        try:
            attempt = 0
            while not await self._look():
                self._wait_no_longer(go_on)
                attempt += 1
                await backoff.pause(backoff.delay(attempt))
        finally:
            patience.cancel()
            go_on.set()

    def _wait_no_longer(self, go_on: asyncio.Event) -> None:
        if not self._owes:
            go_on.set()

    async def _look(self) -> bool:
        """Look once and latch what is found. False: database or log could not be read."""
        name = self._service.name
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._hold_against_log()
        except Exception as error:  # whatever keeps us from looking must not keep the API from serving
            end_if_cancelled(error)
            log.warning("own_log_not_looked_at", service=name, error=type(error).__name__)
            return False
        log.info("own_log_looked_at", service=name)
        return True

    async def _hold_against_log(self) -> None:
        pool = await open_pool(self._settings.service_url(self._service.name), size=1)
        try:
            async with open_log(self._settings) as view:
                await check_own_log(pool, self._service, view)
                spans = await unread(pool, self._service, view)
                self._owes = bool(spans)
                await apply_unread(pool, self._service, view, spans)
        except Stop as stop:
            await stops.latch(pool, self._service.name, stop)
        finally:
            pool.terminate()
