"""What an API holds open while it runs: the pool for commands, the engine for reads, the issuer's keys."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any

import asyncpg
import structlog
from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel import select, text
from sqlmodel.ext.asyncio.session import AsyncSession

from services.kernel.clock import Clock
from services.kernel.decision import Reason, Refused
from services.kernel.field_classes import check_outputs
from services.kernel.http.claims import sweep
from services.kernel.http.lookout import Lookout
from services.kernel.http.metrics import Meter
from services.kernel.runtime import stops
from services.kernel.runtime.commands import Commands
from services.kernel.runtime.database import open_pool
from services.kernel.runtime.failures import DATABASE_ERRORS
from services.kernel.runtime.fold import RESTRICTED
from services.kernel.sealing.content import Sealed, is_restricted, unlock
from services.kernel.sealing.keyring import Keys
from services.kernel.sealing.subject_key import SubjectKey
from services.kernel.sealing.tokens import digest
from services.kernel.service import Service

POOL_SIZE = 10
CONNECT_SECONDS = 5.0
STATEMENT_SECONDS = 15.0
SWEEP_EVERY_SECONDS = 3600.0

BEHIND = select(text(f"EXISTS (SELECT {stops.BEHIND})"))
NOT_SHOWN = Reason(
    stops.BEHIND_LOG,
    "this service's database was put back from a backup and has not caught up with its log: it may hold what must not "
    "be shown any more. Try again later. Who runs the service: 'pathway consumer status', 'pathway restore'",
)

ReadyCheck = Callable[[], Awaitable[str | None]]
"""Returns None when its part is ready, else what is missing."""

_log = structlog.get_logger()


@dataclass
class Parts:
    """The open parts of one API; ``pool``, ``engine`` and ``commands`` exist while it runs."""

    service: Service
    database_url: str
    read_url: str
    idempotency_key: bytes
    clock: Clock
    meter: Meter
    lookout: Lookout
    open_keys: Callable[[], Awaitable[Keys | None]]
    ready_checks: Mapping[str, ReadyCheck] = field(default_factory=dict)
    pool: asyncpg.Pool = field(init=False)
    engine: AsyncEngine = field(init=False)
    commands: Commands = field(init=False)
    keys: Keys | None = field(init=False, default=None)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Open pool and engine; a database may come up later. Where it is up it is held against the log first.

        Raises MustNotLeave for a service with events that may not leave.
        """
        check_outputs(self.service.registry, self.service.source)
        self.pool = await open_pool(self.database_url, size=POOL_SIZE, meet=self.lookout.meet)
        self.engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self._connect,
            pool_size=POOL_SIZE,
            max_overflow=0,
            pool_timeout=CONNECT_SECONDS,
            pool_pre_ping=False,
        ).execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self.keys = await self.open_keys()
        self.commands = Commands(self.pool, self.service, self.service.policy(), self.clock, self.keys)
        await self._meet_database()
        sweeper = asyncio.create_task(self._sweep())
        try:
            yield
        finally:
            sweeper.cancel()
            await asyncio.gather(sweeper, self.lookout.close(), return_exceptions=True)
            await self.engine.dispose()
            if self.keys is not None:
                self.keys.close()
            try:
                await asyncio.wait_for(self.pool.close(), CONNECT_SECONDS)
            except TimeoutError:
                self.pool.terminate()

    async def _meet_database(self) -> None:
        try:
            async with self.pool.acquire(timeout=CONNECT_SECONDS):
                pass
        except (OSError, *DATABASE_ERRORS) as error:
            _log.warning("database_not_met", service=self.service.name, error=type(error).__name__)

    async def _connect(self) -> asyncpg.Connection:
        connection = await asyncpg.connect(self.read_url, timeout=CONNECT_SECONDS, command_timeout=STATEMENT_SECONDS)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self.lookout.meet(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def _sweep(self) -> None:
        while True:
            try:
                await sweep(self.pool, self.clock())
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                _log.warning("idempotency_sweep_failed", error=type(error).__name__)
            await asyncio.sleep(SWEEP_EVERY_SECONDS)


def parts_of(request: Request) -> Parts:
    """Return the open parts of the request's app."""
    found: Parts = request.app.state.parts
    return found


async def _read_session(request: Request) -> AsyncIterator[AsyncSession]:
    async with AsyncSession(parts_of(request).engine) as session:
        if (await session.exec(BEHIND)).one():
            raise Refused(NOT_SHOWN, status=503)
        yield session


class Opener:
    """Puts a subject's key beside what a request has read and its sender may see, so that its content can be shown."""

    def __init__(self, parts: Parts) -> None:
        self._keys = parts.keys

    async def unlock(self, subject: str | None, sealed: Sequence[Sealed[Any]]) -> None:
        """Fetch a subject's key, if there is anything to open with it. Raises Refused for a restricted subject."""
        if sealed and subject is not None and self._keys is not None:
            key = (await self._keys.get([subject]))[subject]
            if is_restricted(key):
                raise Refused(RESTRICTED, status=423)
            unlock(sealed, key)

    async def digest(self, subject: str, *parts: bytes) -> str | None:
        """Return the digest of ``parts`` under a subject's key; None where there is none (any more)."""
        key = None if self._keys is None else (await self._keys.get([subject]))[subject]
        return digest(key, *parts) if isinstance(key, SubjectKey) else None


async def _opener(request: Request) -> Opener:
    return Opener(parts_of(request))


Open = Annotated[Opener, Depends(_opener)]
"""Opens sealed content for a route whose role may see it."""

ReadSession = Annotated[AsyncSession, Depends(_read_session)]
"""A read-only session: every query of one request sees one snapshot, none while the database is behind its log."""
