"""The sequence rule: whose turn it is, per key and topic.

An event applies only when its sequence is the last one plus 1. A lower one is a duplicate, unless it
is the last number again under another id: then two histories claim the key, and the key stops. A
higher one waits. So nothing that is lost, late or poisoned is ever passed over in silence.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.kernel.decision import Command, PolicyMissing, Received
from services.kernel.envelope import Envelope
from services.kernel.raised import raised
from services.kernel.runtime import fold
from services.kernel.runtime.failures import BugLimit, Stop
from services.kernel.runtime.fold import Aggregate, Lineage, Output, Sealing
from services.kernel.runtime.records import Decoded, Poison, Record, UnknownVersion, decode, headers_from_json, poison
from services.kernel.runtime.subjects import AtHand, KeysWanted, subjects_of
from services.kernel.runtime.tables import Connection, lock_aggregates
from services.kernel.runtime.turn import Counts, DeadLetter, Turn
from services.kernel.sealing.content import KeyMissing
from services.kernel.sealing.errors import SealInvalid
from services.kernel.service import Change, Service

POSITIONS = """
SELECT key, sequence, event_id, waiting, stopped FROM key_position WHERE topic = $1 AND key = ANY($2::text[])
"""
WAITING = """
SELECT key, sequence, event_id, partition, record_offset, value, headers
FROM waiting_event WHERE topic = $1 AND key = ANY($2::text[])
"""
WAITING_IDS = "SELECT key, sequence, event_id FROM waiting_event WHERE topic = $1 AND key = ANY($2::text[])"
RESTORED = """
SELECT key, event_id, sequence FROM restored_input
WHERE key = ANY($2::text[]) AND (topic = $1 OR topic IS NULL)
"""


@dataclass
class Turns:
    """Applies decoded records of one topic to locked aggregates, in order.

    Use inside a transaction that holds the partition's position row: ``load``, ``run``, then write
    what :mod:`services.kernel.runtime.positions` writes. ``keys`` are those at hand; None: nothing is sealed here.
    """

    service: Service
    policy: Any
    topic: str
    clock: Callable[[], datetime]
    limit: BugLimit
    keys: AtHand = None
    forced: dict[int, str] = field(default_factory=dict)
    turns: dict[str, Turn] = field(default_factory=dict)
    aggregates: dict[str, Aggregate] = field(default_factory=dict)
    output: Output = field(default_factory=Output)
    dead: list[DeadLetter] = field(default_factory=list)
    parked: list[tuple[int, Decoded]] = field(default_factory=list)
    drained: list[tuple[str, int]] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    restored: dict[str, dict[str, int | None]] = field(default_factory=dict)
    restored_met: set[tuple[str, str]] = field(default_factory=set)

    async def load(
        self, connection: Connection, items: Sequence[Decoded | Poison], *, restoring: bool, also: Iterable[str] = ()
    ) -> None:
        """Lock the keys' aggregates, then read their places and what waits for them.

        In this order: one event can stand in two partitions (a topic was given more of them between a send
        and its repetition), and then only the aggregate's lock keeps two batches from taking its turn.
        """
        keys = sorted({i.envelope.subject for i in items if isinstance(i, Decoded)} | set(also))
        if not keys:
            return
        self.aggregates = await lock_aggregates(connection, self.service, keys)
        for key, sequence, event_id, waiting, stopped in await connection.fetch(POSITIONS, self.topic, keys):
            self.turns[key] = Turn(key, sequence, event_id, stopped, waiting)
        for key in keys:
            self.turns.setdefault(key, Turn(key))
        with_waiting = {t.key for t in self.turns.values() if t.stored}
        if with_waiting:
            nexts = {i.envelope.subject for i in items if isinstance(i, Decoded) and self._is_next(i)} | set(also)
            await self._load_waiting(connection, sorted(with_waiting & nexts))
            await self._load_waiting_ids(connection, sorted(with_waiting - nexts))
        begotten = await self._lock_begotten(connection, items)
        if restoring:
            for key, event_id, sequence in await connection.fetch(RESTORED, self.topic, [*keys, *begotten]):
                self.restored.setdefault(key, {})[event_id] = sequence
        self._want_keys(items)

    async def _lock_begotten(self, connection: Connection, items: Sequence[Decoded | Poison]) -> set[str]:
        """Lock the aggregates that items beget, and what waits and may follow them; return their keys.

        None is older than its parent.
        """
        if self.service.further is None:
            return set()
        waiting = (item for turn in self.turns.values() for item in turn.waiting.values())
        causes = (item.cause for item in (*items, *waiting) if isinstance(item, Decoded))
        keys = {begotten.key for cause in causes if (begotten := self.service.begotten(cause)) is not None}
        self.aggregates |= await lock_aggregates(connection, self.service, keys - self.aggregates.keys())
        return keys

    def _want_keys(self, items: Sequence[Decoded | Poison]) -> None:
        """Raise KeysWanted where states or what waits concern subjects that the records did not name."""
        if self.keys is not None:
            waiting = [i for turn in self.turns.values() for i in turn.waiting.values() if isinstance(i, Decoded)]
            wanted = subjects_of(self.service, [*items, *waiting], self.aggregates.values())
            if missing := wanted - self.keys.keys():
                raise KeysWanted(missing)

    def _is_next(self, item: Decoded) -> bool:
        return item.envelope.sequence == self.turns[item.envelope.subject].sequence + 1

    async def _load_waiting_ids(self, connection: Connection, keys: list[str]) -> None:
        """Of keys that go on waiting only ids are needed: what waits can be much."""
        if keys:
            for key, sequence, event_id in await connection.fetch(WAITING_IDS, self.topic, keys):
                self.turns[key].waiting_ids[sequence] = event_id

    async def _load_waiting(self, connection: Connection, keys: list[str]) -> None:
        if not keys:
            return
        for row in await connection.fetch(WAITING, self.topic, keys):
            key, sequence, event_id, partition, offset, value, headers = row
            turn = self.turns[key]
            turn.waiting_ids[sequence] = event_id
            turn.waiting[sequence] = None
            if value is not None:
                record = Record(self.topic, partition, offset, key.encode(), value, headers_from_json(headers))
                try:
                    turn.waiting[sequence] = decode(self.service, record)
                except UnknownVersion as error:
                    # a newer release put it there
                    raise Stop("unknown_version", str(error), self.topic, partition) from error

    def run(self, items: Sequence[Decoded | Poison]) -> None:
        """Apply, skip, park or set aside each item, in order. Raises :class:`Stop`."""
        for item in items:
            if isinstance(item, Poison):
                self._set_aside(item, "poison")
            else:
                self._take(item)

    def _take(self, item: Decoded) -> None:
        envelope = item.envelope
        turn = self.turns[envelope.subject]
        if envelope.sequence <= turn.sequence:
            # no id: the number was given up by an operator, and its late event is no second history
            if envelope.sequence == turn.sequence and turn.event_id not in {None, envelope.id}:
                self._conflict(turn, item)
            else:
                self.counts.duplicates += 1
        elif turn.stopped or envelope.sequence > turn.sequence + 1:
            self._park(turn, item)
        elif self._apply(turn, item):
            self.drain(turn)

    def drain(self, turn: Turn) -> None:
        """Apply what waited, as far as it goes without a gap."""
        while not turn.stopped and turn.sequence + 1 in turn.waiting:
            sequence = turn.sequence + 1
            item = turn.waiting.pop(sequence)
            turn.waiting_ids.pop(sequence, None)
            turn.changed = True
            self.drained.append((turn.key, sequence))
            if item is None:
                turn.sequence, turn.event_id = sequence, None
            elif isinstance(item, Poison):
                self._set_aside(item, "poison")
                return
            elif not self._apply(turn, item):
                return

    def _apply(self, turn: Turn, item: Decoded) -> bool:
        """Fold one event whose turn it is. False: it was a bug, is set aside, and its key waits."""
        envelope = item.envelope
        if item.cause is not None or item.fault is not None:
            try:
                events = self._keep_rows(item) if self._already_answered(envelope) else self._fold(turn.key, item)
            except PolicyMissing as error:
                raise Stop("policy_missing", str(error), self.topic, item.record.partition) from error
            except KeyMissing as error:
                detail = f"the vault has no key for whom {turn.key} is about"
                raise Stop("key_missing", detail, self.topic, item.record.partition) from error
            except SealInvalid as error:
                self._set_aside(poison(item.record, error.code, str(error), envelope), "poison")
                return False
            except Exception as error:
                self.limit.failed(turn.key, time.monotonic())
                bug = poison(item.record, _name(error), raised(error), envelope)
                self._set_aside(bug, "bug")
                return False
            self.counts.events += events
        self.limit.succeeded()
        turn.sequence, turn.event_id, turn.changed = envelope.sequence, envelope.id, True
        if self.restored:
            begotten = self.service.begotten(item.cause)
            self.restored_met |= {(key, envelope.id) for key in (turn.key, begotten and begotten.key) if key}
        self.counts.applied += 1
        return True

    def _fold(self, key: str, item: Decoded) -> int:
        """Decide one event and return how many followed; raises what is a bug."""
        if item.record.offset in self.forced:
            raise RefusedBySql(self.forced[item.record.offset])
        if item.fault is not None:
            raise item.fault
        assert item.cause is not None  # noqa: S101  without one there is nothing to decide
        envelope = item.envelope
        lineage = Lineage(self.clock(), envelope.correlationid, envelope.traceparent)
        now, sealing = envelope.recordedtime, Sealing(self.keys or {}, item.sealed)
        begotten = self.service.begotten(item.cause)

        def apply(cause: Received | Command) -> int:
            aggregate = self.aggregates[cause.key]
            return len(fold.apply(self.service, self.policy, aggregate, cause, now, lineage, self.output, sealing))

        if begotten is None:
            return apply(item.cause)
        with fold.together(self.output, [self.aggregates[begotten.key], self.aggregates[key]]):
            return apply(begotten) + apply(item.cause)

    def _already_answered(self, envelope: Envelope) -> bool:
        """After a restore, skip the inputs that our own log shows as answered, and in each topic those before them.

        What came before an answered input of its topic was handled with it, though it may have led to nothing.
        """
        restored = self.restored.get(envelope.subject)
        if restored is None:
            return False
        return envelope.id in restored or any(
            last is not None and envelope.sequence <= last for last in restored.values()
        )

    def _keep_rows(self, item: Decoded) -> int:
        """Write the rows that follow from an answered input itself; the restore knew its events alone."""
        for cause in (self.service.begotten(item.cause), item.cause):
            if cause is not None:
                change = Change(cause.key, cause, [], self.aggregates[cause.key].state)
                for table, row in list(self.service.project(change)):
                    self.output.rows.setdefault(table, []).append(row)
        return 0

    def restored_passed(self) -> list[tuple[str, str]]:
        """Return (key, event id) of the answered inputs that need not be remembered any more."""
        return [
            (key, event_id)
            for key, restored in self.restored.items()
            for event_id, last in restored.items()
            if (key, event_id) in self.restored_met
            or (last is not None and key in self.turns and self.turns[key].sequence >= last)
        ]

    def _park(self, turn: Turn, item: Decoded) -> None:
        sequence = item.envelope.sequence
        if sequence in turn.waiting_ids:
            if turn.waiting_ids[sequence] in {None, item.envelope.id}:
                self.counts.duplicates += 1
            else:
                self._conflict(turn, item)
            return
        turn.waiting[sequence] = item
        turn.waiting_ids[sequence] = item.envelope.id
        turn.changed = True
        self.parked.append((sequence, item))
        self.counts.waiting += 1

    def _conflict(self, turn: Turn, item: Decoded) -> None:
        turn.stopped = turn.changed = True
        code = "sequence_conflict"
        found = poison(item.record, code, f"sequence {item.envelope.sequence} came twice, with two ids", item.envelope)
        self._set_aside(found, "conflict")

    def _set_aside(self, item: Poison, kind: str) -> None:
        self.counts.dead += 1
        self.dead.append(DeadLetter(item.record, kind, item.code, item.detail, item.key, item.sequence, item.event_id))


class RefusedBySql(Exception):
    """The database refused what this event's fold wrote."""


def _name(error: BaseException) -> str:
    return str(error) if isinstance(error, RefusedBySql) else type(error).__name__
