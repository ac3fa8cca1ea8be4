"""Where somebody's data could have got to: every place, as text."""

import asyncio
import base64
import contextlib
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import asyncpg
import psutil

from tests.e2e.leaks.caller import Told
from tests.e2e.subscriber import Seen

TOKEN: Final = re.compile(r"([A-Za-z0-9_-]+)\.\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{22}")
_DAY: Final = re.compile(r"_\d{8}$")
_TABLES: Final = """
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY relname
"""
SAMPLE_SECONDS: Final = 0.2


@dataclass
class Evidence:
    """What a run left behind. Texts by the place in which they stand."""

    records: list[Seen] = field(default_factory=list)
    foreign: set[tuple[str, int, int]] = field(default_factory=set)
    """Which of the records were put there by somebody else, full of data: topic, partition, offset."""
    told: list[Told] = field(default_factory=list)
    logs: dict[str, str] = field(default_factory=dict)
    """What each process wrote on stdout and stderr."""
    commands: dict[str, str] = field(default_factory=dict)
    """What operators' commands wrote, with ``>`` for stdout and ``2>`` for stderr before it."""
    statuses: dict[str, int] = field(default_factory=dict)
    """How operators' commands ended."""
    metrics: dict[str, str] = field(default_factory=dict)
    processes: dict[str, str] = field(default_factory=dict)
    """Arguments and environment of every process."""
    names: list[str] = field(default_factory=list)
    server_log: str = ""
    columns: dict[str, str] = field(default_factory=dict)
    """Each column of each table, by ``service.table.column``."""
    exported: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    """Backups of keys, by their names."""
    pseudonym: str = ""
    """Of somebody with whom operators had to do: no secret, and so to be found wherever operators leave anything."""
    rejects: str = ""
    """The file of rejected rows, which is its owner's."""
    widened: dict[str, str] = field(default_factory=dict)
    """What one request left in the log while the allow-list was wider, by what it was widened by."""
    careless_server: str = ""
    """The server's log of a refused row where its settings are PostgreSQL's own."""

    def topics(self) -> dict[str, str]:
        """Our own records: keys, headers, values outside tokens, and what tokens say of themselves."""
        return {
            record.place: record_text(record)
            for record in self.records
            if (record.topic, record.partition, record.offset) not in self.foreign
        }


def record_text(record: Seen) -> str:
    """A record as text: tokens are replaced by their protected header, which anybody can read."""
    value = TOKEN.sub(lambda token: _header(token[1]), record.value.decode("utf-8", "replace"))
    parts = [record.key or b"", *(part for name, content in record.headers for part in (name.encode(), content or b""))]
    return "\n".join([value, *(part.decode("utf-8", "replace") for part in parts)])


def _header(encoded: str) -> str:
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode("utf-8", "replace")


async def columns(service: str, connection: asyncpg.Connection) -> dict[str, str]:
    """Every column of every table of a database, as text in which tokens are replaced by their headers."""
    whole = await whole_columns(service, connection)
    return {place: TOKEN.sub(lambda token: _header(token[1]), text) for place, text in whole.items()}


async def whole_columns(service: str, connection: asyncpg.Connection) -> dict[str, str]:
    """Every column of every table of a database, as text, by ``service.table.column``."""
    found: dict[str, list[str]] = defaultdict(list)
    for (table,) in await connection.fetch(_TABLES):
        for row in await connection.fetch(f'SELECT * FROM "{table}"'):
            for name, value in row.items():
                found[f"{service}.{_DAY.sub('', table)}.{name}"].append(_text(value))
    return {place: "\n".join(texts) for place, texts in found.items()}


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def names_below(folders: Iterable[Path]) -> list[str]:
    """The names of all files and folders below some folders, and of what lies beside each."""
    return [str(path) for folder in folders for path in (*folder.parent.iterdir(), *folder.rglob("*"))]


class Watch:
    """Notes arguments and environment of every process below this one, until it is left."""

    def __init__(self) -> None:
        self.seen: dict[str, str] = {}
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Watch":
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self.look()

    def look(self) -> None:
        """Look once."""
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                arguments = " ".join(process.cmdline())
                self.seen[f"{process.pid} {arguments[:80]}"] = f"{arguments}\n{process.environ()}"

    async def _watch(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(SAMPLE_SECONDS)
