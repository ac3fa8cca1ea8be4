"""Holding a replay against a service's database: states, published events, derived tables."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from services.kernel.replay.folding import Place, Replayed
from services.kernel.replay.history import Difference, History
from services.kernel.runtime.tables import Connection
from services.kernel.service import Row, Table

STATES = "SELECT key, sequence, state FROM aggregate WHERE sequence > 0"
OUTBOX = """
SELECT o.key, o.sequence, o.event_id, p.sent @> o.id AS sent, o.value FROM outbox o, outbox_progress p
WHERE o.topic = $1
"""

ASIDE = """
SELECT d.topic, d.key, d.sequence FROM dead_letter d LEFT JOIN key_position k USING (topic, key)
WHERE d.kind <> 'conflict' AND d.key IS NOT NULL
  AND (d.resolution = 'discarded' OR d.resolution IS NULL AND d.sequence > coalesce(k.sequence, 0))
UNION SELECT topic, key, sequence FROM waiting_event
"""


async def set_aside(connection: Connection) -> frozenset[Place]:
    """Return the inputs that the service did not apply and knows of: dead letters, given up or not, and what waits."""
    return frozenset((row["topic"], row["key"], row["sequence"]) for row in await connection.fetch(ASIDE))


async def compare(connection: Connection, history: History, replayed: Replayed) -> list[Difference]:
    """Return every difference, in one snapshot of the database."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        return [
            *await _states(connection, replayed),
            *await _events(connection, history),
            *[d for table in replayed.service.derived for d in await _table(connection, replayed, table)],
        ]


async def _states(connection: Connection, replayed: Replayed) -> list[Difference]:
    service = replayed.service
    found = []
    kept = {row["key"]: row for row in await connection.fetch(STATES)}
    known = {key: a for key, a in replayed.aggregates.items() if a.sequence > 0}
    for key in sorted(kept.keys() | known.keys()):
        row, aggregate = kept.get(key), known.get(key)
        if row is None or aggregate is None:
            found.append(Difference(service.name, key, 0, "only_in_log" if row is None else "only_in_database"))
        elif row["sequence"] != aggregate.sequence:
            detail = f"log {aggregate.sequence}, database {row['sequence']}"
            found.append(Difference(service.name, key, aggregate.sequence, "other_sequence", detail))
        elif service.read_state(row["state"]) != aggregate.state:
            found.append(Difference(service.name, key, aggregate.sequence, "other_state"))
    return found


async def _events(connection: Connection, history: History) -> list[Difference]:
    """The outbox must hold what the log holds; a row that is not sent yet is no difference."""
    service = history.service
    rows = await connection.fetch(OUTBOX, service.output)
    kept = {(row["key"], row["sequence"]): row for row in rows}
    logged = {(key, n): own for key, events in history.own.items() for n, own in events.items()}
    found = []
    for key, sequence in sorted(kept.keys() | logged.keys()):
        row, own = kept.get((key, sequence)), logged.get((key, sequence))
        if row is None or own is None:
            if row is None or row["sent"]:
                what = "event_only_in_log" if row is None else "event_only_in_outbox"
                found.append(Difference(service.name, key, sequence, what))
        elif row["event_id"] != own.event.id or bytes(row["value"]) != own.value:
            found.append(Difference(service.name, key, sequence, "other_event_in_outbox", row["event_id"]))
    return found


async def _table(connection: Connection, replayed: Replayed, table: Table) -> list[Difference]:
    names = ", ".join(name for name, _ in table.columns)
    kept = Counter(_plain(table, row) for row in await connection.fetch(f"SELECT {names} FROM {table.name}"))  # noqa: S608  names come from code
    expected = Counter(_rows_of(table, replayed.rows))
    name = replayed.service.name
    return [
        *[Difference(name, str(row[0]), 0, "row_only_in_log", table.name) for row in (expected - kept).elements()],
        *[Difference(name, str(row[0]), 0, "row_only_in_database", table.name) for row in (kept - expected).elements()],
    ]


def _rows_of(table: Table, rows: Iterable[Row]) -> list[tuple[Any, ...]]:
    """Return the rows as the table would hold them: of those with one key the last, or the first that stays."""
    plain = [_plain(table, row) for found, row in rows if found == table]
    if not table.key:
        return plain
    kept: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for row in plain:
        if "DO NOTHING" in table.on_conflict.upper():
            kept.setdefault(row[: table.key], row)
        else:
            kept[row[: table.key]] = row
    return list(kept.values())


def _plain(table: Table, row: Iterable[Any]) -> tuple[Any, ...]:
    """Return a row in one spelling, so that two ways of writing the same value compare equal."""
    return tuple(_value(kind, value) for value, (_, kind) in zip(row, table.columns, strict=True))


def _value(kind: str, value: Any) -> Any:
    if value is None:
        return None
    if kind in {"json", "jsonb"}:
        return json.dumps(json.loads(value), sort_keys=True)
    return str(value) if kind == "uuid" else value
