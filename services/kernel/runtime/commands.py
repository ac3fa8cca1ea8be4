"""Commands: what a person asks for over HTTP takes the same path as an event."""

import contextlib
import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
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
from services.kernel.runtime.fold import Aggregate, Lineage, Output, Sealing
from services.kernel.runtime.tables import Connection, finish, lock_aggregates, save
from services.kernel.sealing.content import ContentErased, usable
from services.kernel.sealing.keyring import Keys
from services.kernel.sealing.subject_key import KEY_BYTES, KeyFound, SubjectKey
from services.kernel.service import Service

STANDING = f"""
SELECT ARRAY(SELECT key FROM key_position WHERE key = ANY($1::text[]) AND (waiting > 0 OR stopped)) AS waiting,
       EXISTS (SELECT {stops.BEHIND}) AS behind
"""  # noqa: S608  our own words
STATE = "SELECT state FROM aggregate WHERE key = $1"
STATES = "SELECT key, state FROM aggregate WHERE key = ANY($1::text[])"
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


Outcome = Executed | Exception
"""What became of one of several commands: what it did; Refused; or a bug, which is that command's alone."""


@dataclass
class Transaction:
    """One database transaction of one command, or of several; it commits when the block ends without an exception.

    ``command_id`` is a UUIDv7 minted from ``now``, so that the command's time can be read from its id. In a
    ``rehearsal`` everything is looked at, locked and decided as ever, and nothing stays.
    """

    conn: Connection
    service: Service
    policy: Any
    now: datetime
    command_id: str
    keys: Keys | None = None
    rehearsal: bool = False
    output: Output = field(default_factory=Output)
    subjects: dict[str, str | None] = field(default_factory=dict)
    held: dict[str, KeyFound] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)

    async def execute(self, command: Command) -> Executed:
        """Lock the aggregate, decide, evolve, write. Raises Refused when the domain says no."""
        (outcome,) = await self.execute_many([command])
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def execute_many(self, commands: Sequence[Command]) -> list[Outcome]:
        """Execute commands as if one came after the other, with one statement of each kind for all of them.

        What is refused, or fails by a bug, leaves the others alone and is returned in its place.
        """
        locked = await self.lock({command.key for command in commands}, await self._subjects_of(commands))
        done: list[Outcome] = []
        for command in commands:
            try:
                done.append(locked.execute(command))
            except Exception as error:  # each command's own; what cannot be written fails all of them, in save
                done.append(error)
        await locked.save()
        return done

    async def lock(self, keys: Iterable[str], subjects: Iterable[str] = ()) -> "Locked":
        """Lock the aggregates of ``keys``; ``subjects`` are whose content the commands will need.

        Subjects' keys are fetched before the lock: the vault may take its time, and a batch wait for an aggregate.
        Raises Refused also while the database is behind the service's own log: a sequence would be given out again.
        Looked at behind the lock, for which a restore of these aggregates waits, too.
        """
        wanted = sorted(set(keys))
        await self.hold(subjects)
        aggregates = await lock_aggregates(self.conn, self.service, wanted)
        standing = await self.conn.fetchrow(STANDING, wanted)
        if standing is not None and standing["behind"]:
            raise Refused(BEHIND, status=503)
        states = (aggregate.state for aggregate in aggregates.values())
        found = (self.service.subject_of(state, None) for state in states if state is not None)
        await self.hold(subject for subject in found if subject is not None)
        return Locked(self, aggregates, frozenset(standing["waiting"] if standing is not None else ()))

    async def load(self, key: str) -> Any:
        """Return the state of an aggregate as committed, without a lock, or None.

        What it holds sealed stays so: whether its reader may see it is asked with it, and the vault after that.
        """
        text = await self.conn.fetchval(STATE, key)
        if text is None:
            return None
        state = self.service.read_state(text)
        self.subjects[key] = self.service.subject_of(state, None)
        return state

    async def create_keys(self, subjects: Sequence[str]) -> None:
        """Make the keys of subjects that are new. They stay when this transaction does not: an unused key harms nobody.

        In a rehearsal nobody would ever use them, so none is kept. Raises VaultUnavailable and what else keeps a vault
        from making one.
        """
        if self.keys is None or not subjects:
            return
        if self.rehearsal:
            self.held |= {s: SubjectKey(s, uuid7(self.now), os.urandom(KEY_BYTES)) for s in subjects}
            self.asked.update(subjects)  # the vault has none of them
        else:
            await self.keys.create(subjects)

    async def hold(self, subjects: Iterable[str], *, fresh: bool = False) -> None:
        """Fetch the keys of subjects, those that are not at hand yet, in one query. Raises VaultUnavailable.

        ``fresh``: asked of the vault in this transaction, whatever the process has held since before.
        """
        known = self.asked if fresh else self.held.keys()
        missing = [subject for subject in dict.fromkeys(subjects) if subject not in known]
        if self.keys is not None and missing:
            self.held |= await self.keys.get(missing, fresh=fresh)
            self.asked.update(missing if fresh else ())

    async def has_key(self, subject: str) -> bool:
        """Tell whether a known subject's key can be used; False: it is erased. Others may need it for what follows.

        Asks the vault, whatever is held: what is sealed for somebody who was erased a minute ago, nobody will read.
        Raises KeyMissing, VaultUnavailable.
        """
        if self.keys is None:
            return True
        await self.hold([subject], fresh=True)
        try:
            usable(self.held.get(subject))
        except ContentErased:
            return False
        return True

    async def _subjects_of(self, commands: Sequence[Command]) -> list[str]:
        """Return whose keys commands will need, as far as it can be told before their aggregates are locked."""
        if self.keys is None or self.service.subject is None:
            return []
        named = [self.service.subject_of(None, command.data) for command in commands]
        unnamed = {c.key for c, subject in zip(commands, named, strict=True) if subject is None} - self.subjects.keys()
        if unnamed:
            for key, text in await self.conn.fetch(STATES, sorted(unnamed)):
                with contextlib.suppress(ValueError):  # a state that nobody can read is met again behind the lock
                    state = None if text is None else self.service.read_state(text)
                    self.subjects[key] = None if state is None else self.service.subject_of(state, None)
        either = (subject or self.subjects.get(c.key) for c, subject in zip(commands, named, strict=True))
        return [subject for subject in either if subject is not None]


class Locked:
    """Aggregates under a transaction's lock: commands take effect on them one after the other, in memory.

    Nothing is written before :meth:`save`. Made by :meth:`Transaction.lock`.
    """

    def __init__(self, tx: Transaction, aggregates: Mapping[str, Aggregate], waiting: frozenset[str]) -> None:
        self._tx = tx
        self._aggregates = aggregates
        self._waiting = waiting
        self._output = Output()

    def execute(self, command: Command) -> Executed:
        """Decide and evolve. Raises Refused when the domain says no; it, and any bug, leaves everything as it was."""
        tx, aggregate = self._tx, self._aggregates[command.key]
        lineage = Lineage(tx.now, context.correlation_id.get() or command.id, context.traceparent.get())
        sealing = Sealing(tx.held)
        events = fold.apply(tx.service, tx.policy, aggregate, command, tx.now, lineage, self._output, sealing)
        return Executed(aggregate.state, events, command.key in self._waiting)

    async def save(self) -> None:
        """Write what has come of them since the last time; what comes while it is written is for the next time.

        In a rehearsal nothing is, since even undone it would leave gaps in the outbox.
        """
        output, self._output = self._output, Output()
        if not self._tx.rehearsal:
            await save(self._tx.conn, self._aggregates.values(), output)
            self._tx.output.outbox += output.outbox


class _Rehearsed(Exception):
    """A rehearsal is over: roll back."""


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
    async def begin(self, *, rehearsal: bool = False) -> AsyncIterator[Transaction]:
        """Open a transaction; commit at the end of the block, roll back on an exception, and after a rehearsal.

        Raises TimeoutError where no connection is free in time: behind a database that hangs, requests would else
        queue for ever longer.
        """
        now = self.clock()
        async with self.pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
            with contextlib.suppress(_Rehearsed):
                async with connection.transaction():
                    transaction = Transaction(
                        connection, self.service, self.policy, now, uuid7(now), self.keys, rehearsal
                    )
                    yield transaction
                    if rehearsal:
                        raise _Rehearsed
                    await finish(connection, transaction.output)
