"""After a backup: fold the service's own log into the restored database, before anything serves.

The log is newer than the backup. Without this the service would give sequences out again and decide
inputs a second time. The service's own events bring back state, sequences, business keys and ledger;
the inputs that they answered are remembered, and skipped when they are read again (see ``restored_inputs``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from services.kernel.clock import unix_ms
from services.kernel.ids import is_minted_from_event
from services.kernel.operations.audit import OperationRefused, record_action, transaction
from services.kernel.operations.restored_inputs import place_inputs, remember, unread_inputs
from services.kernel.replay.history import Own, read_own
from services.kernel.runtime.fold import Aggregate, Output
from services.kernel.runtime.log_view import Extent, LogView, Place
from services.kernel.runtime.reapplied import apply_all
from services.kernel.runtime.tables import Connection, columns, finish, lock_aggregates, save
from services.kernel.service import Change, Service

BEGIN = """
INSERT INTO consumer_stop (reason, detail) VALUES ('restoring', 'a restore is under way') ON CONFLICT DO NOTHING
"""
END = """
UPDATE consumer_stop SET resumed_at = clock_timestamp()
WHERE resumed_at IS NULL AND reason IN ('restoring', 'database_behind_log')
"""
BATCHES_IN_HAND = "SELECT FROM stream_position ORDER BY topic, partition FOR UPDATE"
"""Waits for them. What begins after that sees the stop; a command in hand is waited for by its aggregate's lock."""
LEAD = "SELECT pg_try_advisory_xact_lock(hashtext('pathway-relay'))"
KEEP = """
INSERT INTO outbox (topic, key, sequence, event_id, recorded_ms, headers, value)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::json[], $7::bytea[])
"""
MARK_SENT = """
UPDATE outbox_progress SET sent = sent + coalesce((
    SELECT range_agg(int8range(o.id, o.id, '[]'))
    FROM outbox o JOIN unnest($1::text[], $2::bigint[], $3::text[]) AS n(key, sequence, event_id)
      USING (key, sequence, event_id)), '{}')
"""
TWICE = """
SELECT o.key, o.sequence, o.event_id FROM outbox o
JOIN unnest($2::text[], $3::bigint[], $4::text[]) AS n(key, sequence, event_id) USING (key, sequence)
JOIN outbox_progress p ON NOT p.sent @> o.id
WHERE o.topic = $1 AND o.event_id <> n.event_id ORDER BY o.key LIMIT 1
"""


@dataclass(slots=True)
class Restored:
    """What a restore found: records read, events that were new, keys they belong to, inputs they answered."""

    records: int = 0
    events: int = 0
    keys: set[str] = field(default_factory=set)
    inputs: int = 0


async def restore(
    pool: asyncpg.Pool,
    service: Service,
    log: LogView,
    *,
    actor: str,
    apply: bool,
    accept_trimmed: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Restored:
    """Fold the service's own log to its end. Can be run again at any time; a second run finds nothing.

    A dry run reads and counts. With ``apply`` a stop is latched first and taken back at the end, so a
    crash in between leaves the consumer stopped. Raises :class:`OperationRefused` while a relay leads, when
    the log has a gap, when its beginning is gone and nobody says by ``accept_trimmed`` that the backup holds it, or
    when commands were answered after the backup was put back: their events took sequences that the log holds, so
    they could only be published or be kept, not both.
    """
    if apply:
        async with transaction(pool, apply=True) as connection:
            await _refuse_a_relay(connection, service)
            await connection.execute(BEGIN)
            await connection.execute(BATCHES_IN_HAND)
    places = await log.partitions(service.output)
    extents = await log.extents(places)
    if not accept_trimmed:
        _refuse_a_trimmed_log(extents)
    total = sum(extent.end - extent.earliest for extent in extents.values())
    found = Restored()
    async for records in log.read({place: (e.earliest, e.end) for place, e in extents.items()}):
        own = [one for record in records if (one := read_own(service, record)) is not None]
        if apply:
            async with transaction(pool, apply=True) as connection:
                await _refuse_a_relay(connection, service)
                await _fold(connection, service, own, found)
        else:
            await _refuse_two_histories(pool, service, own)
            await _count(pool, own, found)
        found.records += len(records)
        progress(found.records, total)
    if apply:
        spans = await unread_inputs(pool, service, log)
        done, total = total, total + sum(end - start for start, end in spans.values())
        async for read in place_inputs(pool, service, log, spans):
            done += read
            progress(done, total)
        await apply_all(pool, service, log)
        async with transaction(pool, apply=True) as connection:
            await record_action(connection, actor, "restore", service.name, "", {"events": found.events})
            await connection.execute(END)
    return found


async def _refuse_a_relay(connection: Connection, service: Service) -> None:
    """Hold the relay's lock until the transaction ends, or refuse because a relay holds it."""
    if not await connection.fetchval(LEAD):
        raise OperationRefused("relay_runs", f"stop the relay of {service.name} first: it must not publish")


def _refuse_a_trimmed_log(extents: Mapping[Place, Extent]) -> None:
    """What is gone from the log's beginning may be newer than the backup, and nothing that is left would show it."""
    gone = [f"partition {number} begins at {e.earliest}" for (_, number), e in sorted(extents.items()) if e.earliest]
    if gone:
        (topic, _), *_ = extents
        message = (
            f"the beginning of {topic} is gone ({', '.join(gone)}): it may be newer than the backup. Bring the topic "
            "back from the broker's backup, or say with --accept-trimmed that the backup is younger than all of it"
        )
        raise OperationRefused("log_trimmed", message)


async def _count(pool: asyncpg.Pool, own: Sequence[Own], found: Restored) -> None:
    """Count what a restore would fold: events beyond what the database knows of their key."""
    rows = await pool.fetch(
        "SELECT key, sequence FROM aggregate WHERE key = ANY($1::text[])", sorted({one.event.key for one in own})
    )
    known = {row["key"]: row["sequence"] for row in rows}
    new = [one for one in own if one.event.sequence > known.get(one.event.key, 0)]
    _note(found, new)
    found.inputs += len(_answered(new))


def _note(found: Restored, new: Sequence[Own]) -> None:
    found.events += len(new)
    found.keys |= {one.event.key for one in new}


def _answered(new: Sequence[Own]) -> set[tuple[str, str]]:
    """Return (key, event id) of the inputs that events answered; other events were asked for by commands."""
    causes = ((one.event.key, one.envelope.causationid) for one in new)
    return {(key, cause) for key, cause in causes if is_minted_from_event(cause)}


async def _refuse_two_histories(connection: asyncpg.Pool | Connection, service: Service, own: Sequence[Own]) -> None:
    given = columns([(one.event.key, one.event.sequence, one.event.id) for one in own]) or [[], [], []]
    row = await connection.fetchrow(TWICE, service.output, *given)
    if row is not None:
        message = (
            f"this database gave sequence {row['sequence']} of {row['key']} to event {row['event_id']}, the log holds "
            "another: commands were answered after the backup was put back. Stop the API, put the backup back once "
            "more, restore, and have those commands sent again"
        )
        raise OperationRefused("two_histories", message)


async def _fold(connection: Connection, service: Service, own: Sequence[Own], found: Restored) -> None:
    aggregates = await lock_aggregates(connection, service, {one.event.key for one in own})
    # behind the locks: a command that was in hand has committed by now
    await _refuse_two_histories(connection, service, own)
    output = Output()
    new: list[Own] = []
    for one in own:
        aggregate = aggregates[one.event.key]
        if one.event.sequence <= aggregate.sequence:
            continue
        if one.event.sequence != aggregate.sequence + 1:
            raise OperationRefused("log_gap", f"{one.event.key} jumps to sequence {one.event.sequence} in the log")
        _evolve(service, aggregate, one, output)
        new.append(one)
    await save(connection, aggregates.values(), output)
    if new:
        await connection.execute(KEEP, *columns([_outbox_row(service, one) for one in new]))
    if own:
        sent = columns([(one.event.key, one.event.sequence, one.event.id) for one in own])
        await connection.execute(MARK_SENT, *sent)
    inputs = await remember(connection, _answered(new))
    await finish(connection, Output())
    _note(found, new)
    found.inputs += inputs


def _evolve(service: Service, aggregate: Aggregate, one: Own, output: Output) -> None:
    if aggregate.unreadable is not None:
        raise aggregate.unreadable
    aggregate.state = service.evolve(aggregate.state, one.event)
    aggregate.sequence = one.event.sequence
    aggregate.changed = True
    for table, row in service.project(Change(aggregate.key, None, [one.event], aggregate.state)):
        output.rows.setdefault(table, []).append(row)


def _outbox_row(service: Service, one: Own) -> tuple[Any, ...]:
    envelope = one.envelope
    recorded_ms = unix_ms(envelope.recordedtime)
    return (
        service.registry[one.event.type].topic,
        one.event.key,
        one.event.sequence,
        one.event.id,
        recorded_ms,
        envelope.attributes_json(),
        one.value,
    )
