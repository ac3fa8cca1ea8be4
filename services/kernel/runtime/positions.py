"""The position rows: where each partition and each key stands, and what is set aside or waits."""

import hashlib
from collections.abc import Sequence

from services.kernel.runtime.records import Record, headers_to_json
from services.kernel.runtime.tables import Connection, columns
from services.kernel.runtime.turns import Turns

LOCK_POSITION = "SELECT next_offset FROM stream_position WHERE topic = $1 AND partition = $2 FOR UPDATE"
STANDING = """
SELECT EXISTS (SELECT FROM restored_input) AS restoring,
       EXISTS (SELECT FROM consumer_stop WHERE resumed_at IS NULL) AS latched
"""
ADD_POSITION = "INSERT INTO stream_position (topic, partition) VALUES ($1, $2) ON CONFLICT DO NOTHING"
MOVE_POSITION = """
UPDATE stream_position SET next_offset = $3, last_sha256 = $4, updated_at = clock_timestamp()
WHERE topic = $1 AND partition = $2 AND next_offset = $5
"""
SAVE_TURNS = """
INSERT INTO key_position (topic, key, sequence, event_id, waiting, stopped)
SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::text[], $5::int[], $6::bool[])
ON CONFLICT (topic, key) DO UPDATE SET sequence = excluded.sequence, event_id = excluded.event_id,
    waiting = excluded.waiting, stopped = excluded.stopped
"""
PARK = """
INSERT INTO waiting_event (topic, key, sequence, event_id, partition, record_offset, value, headers)
SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::text[], $5::int[], $6::bigint[], $7::bytea[], $8::json[])
"""
UNPARK = """
DELETE FROM waiting_event w USING unnest($2::text[], $3::bigint[]) AS d(key, sequence)
WHERE w.topic = $1 AND w.key = d.key AND w.sequence = d.sequence
"""
BURY = """
INSERT INTO dead_letter (topic, partition, record_offset, record_key, value, headers,
                         key, sequence, event_id, kind, code, detail)
SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bytea[], $5::bytea[], $6::json[],
                     $7::text[], $8::bigint[], $9::text[], $10::text[], $11::text[], $12::text[])
ON CONFLICT (topic, partition, record_offset, sha256(coalesce(record_key, '')), sha256(coalesce(value, '')))
    DO UPDATE SET kind = excluded.kind, code = excluded.code, detail = excluded.detail, key = excluded.key,
        sequence = excluded.sequence, event_id = excluded.event_id, resolution = NULL, resolved_at = NULL
    WHERE dead_letter.resolution = 'redriven'
"""
"""A record that was redriven, had to wait and fails when its turn comes is an open letter again."""
FORGET = """
DELETE FROM restored_input r USING unnest($1::text[], $2::text[]) AS d(key, event_id)
WHERE r.key = d.key AND r.event_id = d.event_id
"""


class PositionMoved(Exception):
    """Another process moved the position while this transaction held its lock: it must not commit."""


def fingerprint(key: bytes | None, value: bytes | None) -> bytes:
    """Return the SHA-256 that identifies a record: lengths, key and value."""
    key, value = key or b"", value or b""
    return hashlib.sha256(b"%d:%d:" % (len(key), len(value)) + key + value).digest()


async def lock_position(connection: Connection, topic: str, partition: int) -> tuple[int, bool, bool]:
    """Lock the partition's row. Returns (next offset, restoring, latched stop).

    The lock is what keeps a zombie consumer, a redrive and the consumer itself apart: each of them
    takes it first, and then sees what the others committed.
    """
    position = await connection.fetchval(LOCK_POSITION, topic, partition)
    if position is None:
        await connection.execute(ADD_POSITION, topic, partition)
        position = await connection.fetchval(LOCK_POSITION, topic, partition)
        assert position is not None  # noqa: S101  inserted one statement ago, and nothing deletes positions
    # a statement of its own: what waited for the lock would otherwise see this as it was before the wait
    standing = await connection.fetchrow(STANDING)
    assert standing is not None  # noqa: S101  a SELECT without FROM has one row
    return position, standing["restoring"], standing["latched"]


async def move_position(connection: Connection, last: Record, expected: int) -> None:
    """Set the position behind ``last``, if it is still what was read. Raises :class:`PositionMoved`."""
    digest = fingerprint(last.key, last.value)
    done = await connection.execute(MOVE_POSITION, last.topic, last.partition, last.offset + 1, digest, expected)
    if done != "UPDATE 1":
        raise PositionMoved


async def save_turns(connection: Connection, turns: Turns) -> None:
    """Write the keys' places, what waits, what no longer waits, and the dead letters."""
    # what was parked and drained in one batch was never stored
    drained = set(turns.drained)
    parked_now = {(item.envelope.subject, sequence) for sequence, item in turns.parked}
    await _park(connection, turns, drained)
    stored_before = sorted(drained - parked_now)
    if stored_before:
        await connection.execute(UNPARK, turns.topic, *columns(stored_before))
    changed = sorted((t for t in turns.turns.values() if t.changed), key=lambda t: t.key)
    if changed:
        await connection.execute(
            SAVE_TURNS,
            turns.topic,
            *columns([(t.key, t.sequence, t.event_id, len(t.waiting_ids), t.stopped) for t in changed]),
        )
    if turns.dead:
        await connection.execute(BURY, *columns(_dead_rows(turns)))
    if passed := turns.restored_passed():
        await connection.execute(FORGET, *columns(passed))


async def _park(connection: Connection, turns: Turns, drained: set[tuple[str, int]]) -> None:
    rows = [
        (
            item.envelope.subject,
            sequence,
            item.envelope.id,
            item.record.partition,
            item.record.offset,
            item.record.value,
            headers_to_json(item.record.headers),
        )
        for sequence, item in turns.parked
        if (item.envelope.subject, sequence) not in drained
    ]
    if rows:
        await connection.execute(PARK, turns.topic, *columns(rows))


def _dead_rows(turns: Turns) -> Sequence[tuple[object, ...]]:
    return [
        (
            d.record.topic,
            d.record.partition,
            d.record.offset,
            d.record.key,
            d.record.value,
            headers_to_json(d.record.headers),
            d.key,
            d.sequence,
            d.event_id,
            d.kind,
            d.code,
            d.detail,
        )
        for d in turns.dead
    ]
