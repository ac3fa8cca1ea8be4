"""Commands: what a person asks for over HTTP takes the same path as an event."""

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg

from services.kernel import context
from services.kernel.clock import system_clock
from services.kernel.decision import Command, Event, Reason, Refused
from services.kernel.ids import uuid7
from services.kernel.runtime import fold, stops
from services.kernel.runtime.fold import OPEN, Lineage, Output, Sealing
from services.kernel.runtime.tables import Connection, finish, lock_aggregates, save
from services.kernel.sealing.content import ContentErased, usable
from services.kernel.sealing.keyring import Keys
from services.kernel.sealing.subject_key import KeyFound
from services.kernel.service import Service

STANDING = f"""
SELECT EXISTS (SELECT FROM key_position WHERE key = $1 AND (waiting > 0 OR stopped)) AS waiting,
       EXISTS (SELECT {stops.BEHIND}) AS behind
"""  # noqa: S608  our own words
STATE = "SELECT state FROM aggregate WHERE key = $1"
ACQUIRE_SECONDS = 5.0
BEHIND = Reason(
    stops.BEHIND_LOG,
    "this service's database was put back from a backup and has not caught up with its log; nothing was done. Try "
    "again later with the same Idempotency-Key. Who runs the service: 'pathway consumer status', 'pathway restore'",
)


@dataclass(frozen=True, slots=True)
class Executed:
    """What a command did. ``waiting``: events of this key wait for a missing one, so the state may be old."""

    state: Any
    events: list[Event]
    waiting: bool


@dataclass
class Transaction:
    """One database transaction of one command; it commits when the block ends without an exception.

    ``command_id`` is a UUIDv7 minted from ``now``, so that the command's time can be read from its id.
    """

    conn: Connection
    service: Service
    policy: Any
    now: datetime
    command_id: str
    keys: Keys | None = None
    output: Output = field(default_factory=Output)
    subjects: dict[str, str | None] = field(default_factory=dict)
    held: dict[str, KeyFound] = field(default_factory=dict)

    async def execute(self, command: Command) -> Executed:
        """Lock the aggregate, decide, evolve, write. Raises Refused when the domain says no.

        The subject's key is fetched before the lock: the vault may take its time, and a batch wait for the aggregate.

        Also while the database is behind the service's own log: a sequence would be given out again. Looked at behind
        the lock, for which a restore of this aggregate waits, too.
        """
        await self._fetch_key(command)
        locked = await lock_aggregates(self.conn, self.service, [command.key])
        standing = await self.conn.fetchrow(STANDING, command.key)
        if standing is not None and standing["behind"]:
            raise Refused(BEHIND, status=503)
        aggregate = locked[command.key]
        lineage = Lineage(self.now, context.correlation_id.get() or command.id, context.traceparent.get())
        output = Output()
        sealing = await self._sealing(aggregate.state, command.data)
        events = fold.apply(self.service, self.policy, aggregate, command, self.now, lineage, output, sealing)
        await save(self.conn, [aggregate], output)
        self.output.outbox += output.outbox
        return Executed(aggregate.state, events, standing is not None and standing["waiting"])

    async def load(self, key: str) -> Any:
        """Return the state of an aggregate as committed, without a lock, or None.

        What it holds sealed stays so: whether its reader may see it is asked with it, and the vault after that.
        """
        text = await self.conn.fetchval(STATE, key)
        if text is None:
            return None
        state = self.service.state.model_validate_json(text)
        self.subjects[key] = self.service.subject_of(state, None)
        return state

    async def create_key(self, subject: str) -> None:
        """Make the key of a subject that is new. It stays when this transaction does not: an unused key harms nobody.

        Raises VaultUnavailable and what else keeps a vault from making one.
        """
        if self.keys is not None:
            await self.keys.create([subject])

    async def has_key(self, subject: str) -> bool:
        """Tell whether a known subject's key can be used; False: it is erased. Others may need it for what follows.

        Asks the vault, whatever is held: what is sealed for somebody who was erased a minute ago, nobody will read.
        Raises KeyMissing, VaultUnavailable.
        """
        if self.keys is None:
            return True
        self.held |= await self.keys.get([subject], fresh=True)
        try:
            usable(self.held.get(subject))
        except ContentErased:
            return False
        return True

    async def _fetch_key(self, command: Command) -> None:
        if self.keys is None or self.service.subject is None:
            return
        subject = self.service.subject_of(None, command.data)
        if subject is None:
            if command.key not in self.subjects:
                with contextlib.suppress(ValueError):  # a state that nobody can read is met again behind the lock
                    await self.load(command.key)
            subject = self.subjects.get(command.key)
        if subject is not None:
            await self._keys_of(subject)

    async def _sealing(self, state: Any, data: Any) -> Sealing:
        subject = self.service.subject_of(state, data)
        return OPEN if subject is None else Sealing(await self._keys_of(subject))

    async def _keys_of(self, subject: str) -> dict[str, KeyFound]:
        """Return a subject's key; asks for it once a transaction."""
        if self.keys is not None and subject not in self.held:
            self.held |= await self.keys.get([subject])
        return self.held


class Commands:
    """Opens transactions for a service's commands. ``pool`` connects as the run role."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        service: Service,
        policy: Any,
        clock: Callable[[], datetime] = system_clock,
        keys: Keys | None = None,
    ) -> None:
        self.pool = pool
        self.service = service
        self.policy = policy
        self.clock = clock
        self.keys = keys

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        """Open a transaction; commit at the end of the block, roll back on an exception.

        Raises TimeoutError where no connection is free in time: behind a database that hangs, requests would else
        queue for ever longer.
        """
        now = self.clock()
        async with self.pool.acquire(timeout=ACQUIRE_SECONDS) as connection, connection.transaction():
            transaction = Transaction(connection, self.service, self.policy, now, uuid7(now), self.keys)
            yield transaction
            await finish(connection, transaction.output)
