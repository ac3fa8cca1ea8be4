"""Dead letters: look at them, apply them again, or give them up.

Redrive and discard take the partition's position row first, as the consumer does, so neither can run
between the consumer's look at a key and its commit.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import asyncpg

from services.kernel.clock import Clock, system_clock
from services.kernel.operations.audit import OperationRefused, record_action, transaction
from services.kernel.runtime import stops
from services.kernel.runtime.failures import BugLimit, Stop
from services.kernel.runtime.positions import lock_position, save_turns
from services.kernel.runtime.records import Poison, Record, UnknownVersion, decode, headers_from_json
from services.kernel.runtime.subjects import AtHand, with_keys
from services.kernel.runtime.tables import Connection, finish, save
from services.kernel.runtime.turns import Turns
from services.kernel.sealing.keyring import Keys
from services.kernel.service import Service

LIST = """
SELECT id, topic, partition, record_offset, key, sequence, event_id, kind, code, detail, created_at,
       resolution, resolved_at, octet_length(value) AS bytes
FROM dead_letter WHERE ($1 OR resolution IS NULL) ORDER BY id LIMIT $2
"""
SHOW = "SELECT * FROM dead_letter WHERE id = $1"
RESOLVE = "UPDATE dead_letter SET resolution = $2, resolved_at = clock_timestamp() WHERE id = $1"
OTHER_CONFLICT = """
SELECT EXISTS (SELECT FROM dead_letter
               WHERE resolution IS NULL AND kind = 'conflict' AND topic = $1 AND key = $2 AND id <> $3)
"""
BEHIND = f"SELECT detail {stops.BEHIND} ORDER BY id LIMIT 1"
WAITS_IN = "SELECT min(partition) FROM waiting_event WHERE topic = $1 AND key = $2"
TOMBSTONE = """
INSERT INTO waiting_event (topic, key, sequence, partition, record_offset) VALUES ($1, $2, $3, $4, -1)
ON CONFLICT (topic, key, sequence) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Result:
    """What became (or, in a dry run, would become) of one dead letter or gap."""

    target: str
    outcome: str
    applied: int = 0
    waiting: int = 0
    events: int = 0
    dead: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the fields."""
        return asdict(self)


async def list_letters(pool: asyncpg.Pool, *, everything: bool, limit: int) -> Sequence[asyncpg.Record]:
    """Return the open dead letters, oldest first, or all of them."""
    return await pool.fetch(LIST, everything, limit)


async def get_letter(connection: asyncpg.Pool | Connection, letter_id: int) -> asyncpg.Record:
    """Return one dead letter with its original bytes. Raises :class:`OperationRefused`."""
    row = await connection.fetchrow(SHOW, letter_id)
    if row is None:
        raise OperationRefused("dead_letter_not_found", f"there is no dead letter {letter_id}; see: pathway dlq list")
    return row


@dataclass(frozen=True)
class DeadLetters:
    """Redrive and discard for one service. ``actor`` and ``reason`` go into the audit row."""

    service: Service
    policy: Any
    pool: asyncpg.Pool
    actor: str
    clock: Clock = system_clock
    keys: Keys | None = None

    async def redrive(self, letter_id: int, *, apply: bool, reason: str = "") -> Result:
        """Apply a dead letter as if it arrived now, by the sequence rule, and drain what waited for it.

        Raises :class:`OperationRefused` when it is resolved already, is a conflict, or fails again.
        """
        return await self._with_keys(lambda keys: self._redrive(keys, letter_id, apply=apply, reason=reason))

    async def _redrive(self, keys: AtHand, letter_id: int, *, apply: bool, reason: str) -> Result:
        async with transaction(self.pool, apply=apply) as connection:
            letter = await self._lock(connection, letter_id)
            if letter["kind"] == "conflict":
                raise OperationRefused("conflict", "two histories claim one sequence: discard the one that is wrong")
            record = _record(letter)
            try:
                item = decode(self.service, record)
            except UnknownVersion as error:
                raise OperationRefused("unknown_version", f"this release is too old for it: {error}") from error
            if isinstance(item, Poison):
                raise OperationRefused("still_poison", f"it is still poison ({item.code}): {item.detail}")
            turns = self._turns(letter["topic"], keys)
            await turns.load(connection, [item], restoring=await _restoring(connection))
            turns.run([item])
            for dead in turns.dead:
                if dead.record == record:
                    raise OperationRefused("fails_again", f"it fails again ({dead.code}): {dead.detail}")
            result = _result(f"dead letter {letter_id}", turns)
            await connection.execute(RESOLVE, letter_id, "redriven")
            await record_action(connection, self.actor, "redrive", str(letter_id), reason, result.as_json())
            await self._write(connection, turns)
            return result

    async def discard(self, letter_id: int, *, reason: str, apply: bool) -> Result:
        """Give a dead letter up: its key goes on behind it. A reason is required.

        Poison for whose number nothing waits may be a stranger's: the number stays expected, since its real
        event may still come and would be passed over. Of a conflict, what arrived second is given up and the
        key goes on with the first, once no other conflict of it is open.
        """
        _need_reason(reason)
        return await self._with_keys(lambda keys: self._discard(keys, letter_id, reason=reason, apply=apply))

    async def _discard(self, keys: AtHand, letter_id: int, *, reason: str, apply: bool) -> Result:
        async with transaction(self.pool, apply=apply) as connection:
            letter = await self._lock(connection, letter_id)
            turns = self._turns(letter["topic"], keys)
            if letter["key"] is not None and letter["sequence"] is not None:
                await turns.load(connection, [], restoring=await _restoring(connection), also=[letter["key"]])
                turn = turns.turns[letter["key"]]
                if letter["kind"] == "conflict":
                    turn.stopped = await connection.fetchval(OTHER_CONFLICT, letter["topic"], letter["key"], letter_id)
                    turn.changed = True
                    turns.drain(turn)
                elif letter["kind"] == "bug" or turn.waiting_ids:
                    await _give_up(connection, turns, letter["key"], letter["sequence"], letter["partition"])
            result = _result(f"dead letter {letter_id}", turns, "discarded")
            await connection.execute(RESOLVE, letter_id, "discarded")
            await record_action(connection, self.actor, "discard", str(letter_id), reason, result.as_json())
            await self._write(connection, turns)
            return result

    async def give_up(self, topic: str, key: str, sequence: int, *, reason: str, apply: bool) -> Result:
        """Give up a missing sequence that nothing readable stands for, so that its key goes on.

        Try to have it sent again first (``pathway outbox resend`` at its producer). Raises
        :class:`OperationRefused` when nothing waits for it.
        """
        _need_reason(reason)
        partition = await self.pool.fetchval(WAITS_IN, topic, key)
        if partition is None:
            raise OperationRefused("nothing_waits", f"no event of {key} in {topic} waits for another")
        gap = (topic, partition, key, sequence)
        return await self._with_keys(lambda keys: self._give_up(keys, *gap, reason=reason, apply=apply))

    async def _give_up(
        self, keys: AtHand, topic: str, partition: int, key: str, sequence: int, *, reason: str, apply: bool
    ) -> Result:
        async with transaction(self.pool, apply=apply) as connection:
            await _take_position(connection, topic, partition)
            turns = self._turns(topic, keys)
            await turns.load(connection, [], restoring=await _restoring(connection), also=[key])
            if sequence <= turns.turns[key].sequence or sequence in turns.turns[key].waiting_ids:
                raise OperationRefused("not_missing", f"sequence {sequence} of {key} is not missing")
            await _give_up(connection, turns, key, sequence, partition)
            target = f"{topic} {key} {sequence}"
            result = _result(target, turns, "given up")
            await record_action(connection, self.actor, "give_up", target, reason, result.as_json())
            await self._write(connection, turns)
            return result

    async def _with_keys(self, work: Callable[[AtHand], Awaitable[Result]]) -> Result:
        try:
            return await with_keys(self.keys, (), work)
        except Stop as stop:
            raise OperationRefused(stop.reason, stop.detail) from stop

    async def _lock(self, connection: Connection, letter_id: int) -> asyncpg.Record:
        """Take the position row first, then look at the letter again: it may have been resolved meanwhile."""
        letter = await get_letter(connection, letter_id)
        await _take_position(connection, letter["topic"], letter["partition"])
        letter = await get_letter(connection, letter_id)
        if letter["resolution"] is not None:
            raise OperationRefused("already_resolved", f"dead letter {letter_id} was {letter['resolution']} already")
        return letter

    def _turns(self, topic: str, keys: AtHand) -> Turns:
        return Turns(self.service, self.policy, topic, self.clock, BugLimit(), keys)

    async def _write(self, connection: Connection, turns: Turns) -> None:
        """Write what came of it. The last thing before the commit: it looks at the transaction's age."""
        await save(connection, turns.aggregates.values(), turns.output)
        await save_turns(connection, turns)
        await finish(connection, turns.output)


async def _give_up(connection: Connection, turns: Turns, key: str, sequence: int, partition: int) -> None:
    """Pass over one sequence: at once if it is next, when its turn comes otherwise."""
    turn = turns.turns[key]
    if sequence <= turn.sequence or sequence in turn.waiting_ids:
        return  # it was applied, or a good copy of it waits
    turn.changed = True
    if sequence == turn.sequence + 1:
        turn.sequence, turn.event_id = sequence, None
        turns.drain(turn)
    else:
        turn.waiting_ids[sequence] = None
        await connection.execute(TOMBSTONE, turns.topic, key, sequence, partition)


async def _take_position(connection: Connection, topic: str, partition: int) -> None:
    """Lock the position row. Raises :class:`OperationRefused` while a restore is due: it would use sequences again."""
    await lock_position(connection, topic, partition)
    behind = await connection.fetchval(BEHIND)
    if behind is not None:
        raise OperationRefused(stops.BEHIND_LOG, f"nothing is applied before the restore is through: {behind}")


async def _restoring(connection: Connection) -> bool:
    found: bool = await connection.fetchval("SELECT EXISTS (SELECT FROM restored_input)")
    return found


def _record(letter: asyncpg.Record) -> Record:
    return Record(
        letter["topic"],
        letter["partition"],
        letter["record_offset"],
        letter["record_key"],
        letter["value"],
        headers_from_json(letter["headers"]),
    )


def _result(target: str, turns: Turns, outcome: str = "") -> Result:
    counts = turns.counts
    if not outcome:
        outcome = "applied" if counts.applied else "waits" if counts.waiting else "already applied"
    return Result(target, outcome, counts.applied, counts.waiting, counts.events, counts.dead)


def _need_reason(reason: str) -> None:
    if not reason.strip():
        raise OperationRefused("reason_required", "say why: --reason 'what was lost and who decided'")
