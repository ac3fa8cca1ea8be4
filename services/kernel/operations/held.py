"""What a service's database holds under some keys: rows of the kernel's own tables and of the service's.

Read with a connection of :func:`open_reader`, which gives JSON columns as values. Sealed content stays sealed: whoever
asks has the keys, or has not.
"""

import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from services.kernel.runtime.database import open_pool
from services.kernel.runtime.tables import Connection

Rows = list[dict[str, Any]]
"""Rows of one table, as columns by name."""
Held = dict[str, Rows]
"""Rows by table."""

# In each, $1 are aggregates' keys.
BY_KEY: Mapping[str, str] = {
    "aggregate": "SELECT key, sequence, state FROM aggregate WHERE key = ANY($1::text[]) ORDER BY key",
    "outbox": "SELECT id, topic, key, sequence, event_id, headers, value, created_at FROM outbox"
    " WHERE key = ANY($1::text[]) ORDER BY key, topic, sequence",
    "waiting_event": "SELECT * FROM waiting_event WHERE key = ANY($1::text[]) ORDER BY key, topic, sequence",
    "key_position": "SELECT * FROM key_position WHERE key = ANY($1::text[]) ORDER BY key, topic",
    "restored_input": "SELECT * FROM restored_input WHERE key = ANY($1::text[]) ORDER BY key, event_id",
}
# In each, $1 are all ids by which the row may be known: keys and others. What was set aside may have no readable key.
BY_MENTION: Mapping[str, str] = {
    "dead_letter": "SELECT * FROM dead_letter WHERE key = ANY($1::text[])"
    " OR EXISTS (SELECT FROM unnest($1::text[]) AS n"
    " WHERE position(convert_to(n, 'UTF8') IN coalesce(record_key, '') || coalesce(value, '')) > 0) ORDER BY id",
    "idempotency": "SELECT client, route, key, status, answer, created_at FROM idempotency WHERE EXISTS"
    " (SELECT FROM unnest($1::text[]) AS n WHERE position(n IN answer::text) > 0) ORDER BY created_at",
    "operator_action": "SELECT * FROM operator_action WHERE EXISTS (SELECT FROM unnest($1::text[]) AS n"
    " WHERE position(n IN target) > 0 OR position(n IN detail::text) > 0) ORDER BY id",
}


@asynccontextmanager
async def open_reader(dsn: str) -> AsyncIterator[Connection]:
    """Open a connection that sees one moment of a database and can change nothing in it."""
    pool = await open_pool(dsn, size=1, point_lookups=False, meet=_values)
    try:
        async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            yield connection
    finally:
        pool.terminate()


async def _values(connection: Connection) -> None:
    for name in ("json", "jsonb"):
        await connection.set_type_codec(name, encoder=json.dumps, decoder=json.loads, schema="pg_catalog")


async def kernel_rows(connection: Connection, keys: Sequence[str], ids: Iterable[str] = ()) -> Held:
    """Return what the kernel's tables hold of aggregates ``keys``, and what mentions them or one of ``ids``."""
    found = {table: await select(connection, sql, list(keys)) for table, sql in BY_KEY.items()}
    known = sorted({*keys, *ids})
    found |= {table: await select(connection, sql, known) for table, sql in BY_MENTION.items()}
    return found


async def select(connection: Connection, sql: str, ids: list[str]) -> Rows:
    """Return the rows of a query with one parameter, bytes read as JSON or text where they are that."""
    return [
        {name: readable(value) if isinstance(value, bytes) else value for name, value in row.items()}
        for row in await connection.fetch(sql, ids)
    ]


def readable(raw: bytes) -> Any:
    """Return bytes as the JSON or the text that they are, else as hexadecimal digits."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return {"hex": raw.hex()}
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
