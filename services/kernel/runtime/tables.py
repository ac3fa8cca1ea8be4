"""The set-based statements of the runtime: each writes or reads many rows in one round trip."""

import functools
from collections.abc import Iterable, Sequence
from typing import Any

import asyncpg

from services.kernel.runtime.fold import Aggregate, Output
from services.kernel.sealing.content import Sealed
from services.kernel.service import Service, Table

Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy
Cursor = asyncpg.cursor.Cursor

# A transaction older than this may not commit: the relay's floor passes ids younger than 60 s.
MAX_TRANSACTION_SECONDS = 30


class TransactionTooOld(Exception):
    """The transaction outlived what the relay's floor allows; it rolls back and is tried again."""


STUB = "INSERT INTO aggregate (key) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING"
LOCK = 'SELECT key, sequence, state FROM aggregate WHERE key = ANY($1::text[]) ORDER BY key COLLATE "C" FOR UPDATE'
# Each is there, and locked. An UPDATE that joins its table reads all of it while the planner takes it for small.
SAVE = """
INSERT INTO aggregate (key, sequence, state) SELECT * FROM unnest($1::text[], $2::bigint[], $3::json[])
ON CONFLICT (key) DO UPDATE SET sequence = excluded.sequence, state = excluded.state
"""
OUTBOX = ("topic", "key", "sequence", "event_id", "recorded_ms", "headers", "value")
AGE_AND_NOTIFY = """
SELECT clock_timestamp() - transaction_timestamp() > make_interval(secs => $1), pg_notify('outbox', '')
"""
AGE = "SELECT clock_timestamp() - transaction_timestamp() > make_interval(secs => $1)"


async def lock_aggregates(connection: Connection, service: Service, keys: Iterable[str]) -> dict[str, Aggregate]:
    """Lock the aggregates of ``keys``, inserting the missing ones first.

    FOR UPDATE locks nothing where no row is, so two writers of an aggregate that does not exist yet
    would both see none. Keys are sorted, so that two writers never wait for each other in a circle.
    """
    wanted = sorted(set(keys))
    if not wanted:
        return {}
    await connection.execute(STUB, wanted)
    found = await connection.fetch(LOCK, wanted)
    return {key: _aggregate(service, key, sequence, state) for key, sequence, state in found}


def _aggregate(service: Service, key: str, sequence: int, state: str | None) -> Aggregate:
    try:
        sealed: list[Sealed[Any]] = []
        read = None if state is None else service.read_state(state, sealed)
        return Aggregate(key, sequence, read, sealed=sealed)
    except Exception as error:
        return Aggregate(key, sequence, unreadable=error)


async def save(connection: Connection, aggregates: Iterable[Aggregate], output: Output) -> None:
    """Write changed aggregates, the service's own rows and the outbox."""
    changed = [a for a in aggregates if a.changed]
    if changed:
        await connection.execute(
            SAVE,
            [a.key for a in changed],
            [a.sequence for a in changed],
            [kept_text(a.state) for a in changed],
        )
    for table, rows in output.rows.items():
        await write_rows(connection, table, rows)
    if output.outbox:
        await connection.copy_records_to_table("outbox", records=output.outbox, columns=OUTBOX)


def kept_text(state: Any) -> str:
    """Return a state as it is kept. Raises for a value that its model would not have accepted: a warning quotes it."""
    text: bytes = state.__pydantic_serializer__.to_json(state, warnings="error")
    return text.decode()


async def write_rows(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Write a service's rows; of those with the same key the last wins."""
    if not (table.key or table.on_conflict or table.statement):
        # COPY: an array of parameters costs three times as much Python
        names = [name for name, _ in table.columns]
        await connection.copy_records_to_table(table.name, records=rows, columns=names)
        return
    if table.key:
        rows = list({row[: table.key]: row for row in rows}.values())
    await connection.execute(insert_statement(table), *columns(rows))


def columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    """Turn rows into one list a column."""
    return [list(column) for column in zip(*rows, strict=True)]


@functools.cache
def insert_statement(table: Table) -> str:
    """Return the bulk INSERT of a table, or what stands for it; its names come from code, never from input."""
    if table.statement:
        return table.statement
    names = ", ".join(name for name, _ in table.columns)
    arrays = ", ".join(f"${i}::{kind}[]" for i, (_, kind) in enumerate(table.columns, 1))
    return f"INSERT INTO {table.name} ({names}) SELECT * FROM unnest({arrays}) {table.on_conflict}"  # noqa: S608


async def finish(connection: Connection, output: Output) -> None:
    """Check the transaction's age just before it commits, and wake the relay if it has work."""
    if not output.outbox:
        too_old = await connection.fetchval(AGE, MAX_TRANSACTION_SECONDS)
    else:
        too_old = await connection.fetchval(AGE_AND_NOTIFY, MAX_TRANSACTION_SECONDS)
    if too_old:
        raise TransactionTooOld
