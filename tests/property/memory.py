"""A service's database as dictionaries: what the kernel's own batch and command transactions run on in a test.

It knows each of the kernel's statements by its text and does what PostgreSQL would, constraints included. A
transaction takes all or nothing; :attr:`Memory.dies_after` kills the process after so many statements of one.
"""

import copy
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar

from services.kernel.runtime import commands, positions, tables, turns
from services.kernel.service import Service, Table

T = TypeVar("T")


class Killed(BaseException):
    """The process is gone; nobody catches this."""


def now(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never has to wait. Raises RuntimeError when it does: something was retried."""
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    work.close()
    raise RuntimeError("nothing here waits, unless it tries again")


class Memory:
    """Pool and connection in one. ``tables`` holds rows by their primary key, in order of insertion."""

    def __init__(self, service: Service, clock: Callable[[], datetime]) -> None:
        self.service = service
        self.clock = clock
        self.dies_after: int | None = None
        self.tables: dict[str, dict[Any, Any]] = {
            name: {} for name in ("stream_position", "key_position", "waiting_event", "aggregate", "outbox", "dead")
        }
        self.tables |= {table.name: {} for table in service.tables}
        self._inserts = {tables.insert_statement(table): table for table in service.tables}
        self._statements: dict[str, Callable[..., Any]] = {
            positions.LOCK_POSITION: self._position,
            positions.STANDING: lambda: {"restoring": False, "latched": False},
            positions.ADD_POSITION: lambda *place: self.tables["stream_position"].setdefault(place, 0),
            positions.MOVE_POSITION: self._move,
            positions.SAVE_TURNS: self._save_turns,
            positions.PARK: self._park,
            positions.UNPARK: self._unpark,
            positions.BURY: self._bury,
            turns.POSITIONS: self._places,
            turns.WAITING: self._waiting,
            turns.WAITING_IDS: lambda *what: [row[:3] for row in self._waiting(*what)],
            tables.STUB: self._stub,
            tables.LOCK: self._lock,
            tables.SAVE: self._save,
            tables.AGE: lambda _: False,
            tables.AGE_AND_NOTIFY: lambda _: False,
            commands.STATE: lambda key: self.tables["aggregate"].get(key, (0, None))[1],
            commands.STATES: lambda keys: [
                (k, self.tables["aggregate"][k][1]) for k in keys if k in self.tables["aggregate"]
            ],
            commands.STANDING: lambda keys: {"behind": False, "waiting": [k for k in keys if k in self._behind()]},
        }

    # pool and connection

    def acquire(self, *, timeout: float | None = None) -> Self:
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        before = {name: copy.copy(rows) for name, rows in self.tables.items()}
        try:
            yield
            self._step()
        except BaseException:
            self.tables = before
            raise

    async def execute(self, sql: str, *arguments: Any) -> Any:
        self._step()
        if sql in self._inserts:
            table = self._inserts[sql]
            return self._insert(table, zip(*arguments, strict=True))
        if sql not in self._statements:
            raise LookupError(f"the kernel has a statement that this database does not know yet: {sql}")
        return self._statements[sql](*arguments)

    fetch = fetchrow = fetchval = execute

    async def copy_records_to_table(self, name: str, *, records: Sequence[Any], columns: Sequence[str]) -> None:
        self._step()
        if name == "outbox":
            assert tuple(columns) == tables.OUTBOX
            for topic, key, sequence, *rest in records:
                self._new("outbox", (topic, key, sequence), [*rest, False])
            return
        rows = self.tables[name]
        for record in records:
            rows[len(rows)] = tuple(record)

    def _step(self) -> None:
        if self.dies_after is not None:
            self.dies_after -= 1
            if self.dies_after < 0:
                self.dies_after = None
                raise Killed

    def _new(self, table: str, key: Any, row: Any) -> None:
        assert key not in self.tables[table], f"duplicate key in {table}: {key}"
        self.tables[table][key] = row

    # the kernel's statements

    def _position(self, topic: str, partition: int) -> int | None:
        return self.tables["stream_position"].get((topic, partition))

    def _move(self, topic: str, partition: int, following: int, _: bytes, expected: int) -> str:
        if self._position(topic, partition) != expected:
            return "UPDATE 0"
        self.tables["stream_position"][topic, partition] = following
        return "UPDATE 1"

    def _places(self, topic: str, keys: Iterable[str]) -> list[tuple[Any, ...]]:
        rows = self.tables["key_position"]
        return [(key, *rows[topic, key]) for key in keys if (topic, key) in rows]

    def _save_turns(self, topic: str, *columns: Sequence[Any]) -> None:
        for key, *row in zip(*columns, strict=True):
            assert row[2] >= 0
            self.tables["key_position"][topic, key] = tuple(row)

    def _behind(self) -> set[str]:
        return {key for (_, key), row in self.tables["key_position"].items() if row[2] > 0 or row[3]}

    def _waiting(self, topic: str, keys: Iterable[str]) -> list[tuple[Any, ...]]:
        wanted = set(keys)
        return [
            (key, number, *row)
            for (t, key, number), row in self.tables["waiting_event"].items()
            if t == topic and key in wanted
        ]

    def _park(self, topic: str, *columns: Sequence[Any]) -> None:
        for key, number, *row in zip(*columns, strict=True):
            self._new("waiting_event", (topic, key, number), tuple(row))

    def _unpark(self, topic: str, keys: Sequence[str], numbers: Sequence[int]) -> None:
        for key, number in zip(keys, numbers, strict=True):
            self.tables["waiting_event"].pop((topic, key, number), None)

    def _bury(self, *columns: Sequence[Any]) -> None:
        for topic, partition, offset, *row in zip(*columns, strict=True):
            self.tables["dead"].setdefault((topic, partition, offset), tuple(row))

    def _stub(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.tables["aggregate"].setdefault(key, (0, None))

    def _lock(self, keys: Iterable[str]) -> list[tuple[str, int, str | None]]:
        rows = self.tables["aggregate"]
        return [(key, *rows[key]) for key in sorted(keys) if key in rows]

    def _save(self, keys: Sequence[str], sequences: Sequence[int], states: Sequence[str]) -> None:
        for key, sequence, state in zip(keys, sequences, states, strict=True):
            assert key in self.tables["aggregate"]
            self.tables["aggregate"][key] = (sequence, state)

    def _insert(self, table: Table, rows: Iterable[tuple[Any, ...]]) -> None:
        """Insert, replace or leave; what a table does with a conflict is in the words of its own statement."""
        for row in rows:
            key = row[: table.key]
            if table.statement:
                self.tables[table.name][len(self.tables[table.name])] = row
            elif "DO NOTHING" in table.on_conflict:
                self.tables[table.name].setdefault(key, row)
            elif "DO UPDATE" in table.on_conflict and "coalesce" not in table.on_conflict:
                self.tables[table.name][key] = row
            else:
                self._new(table.name, key, row)

    # looking

    def state(self, key: str) -> Any:
        """An aggregate's state, or None."""
        _, state = self.tables["aggregate"].get(key, (0, None))
        return None if state is None else self.service.read_state(state)

    def unsent(self) -> list[tuple[tuple[str, str, int], list[Any]]]:
        """Outbox rows in the order of their insertion."""
        return [(place, row) for place, row in self.tables["outbox"].items() if not row[-1]]

    def found(self) -> dict[str, Any]:
        """Everything that must not depend on how the log was read."""
        kept: dict[str, Any] = {
            "states": {k: (n, json.loads(s)) for k, (n, s) in self.tables["aggregate"].items() if s is not None},
            "places": {place: row[:2] for place, row in self.tables["key_position"].items()},
            "waiting": dict(self.tables["waiting_event"]),
            "stopped": [place for place, row in self.tables["key_position"].items() if row[2] or row[3]],
            "events": {p: (e, r, json.loads(h), v) for p, (e, r, h, v, _) in self.tables["outbox"].items()},
        }
        for table in self.service.tables:
            kept[table.name] = Counter(self.tables[table.name].values())
        return kept
