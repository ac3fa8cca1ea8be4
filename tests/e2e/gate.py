"""A gate between a service and its database that can hold back the server's word that a transaction is committed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

COMMITTED: Final = b"C\x00\x00\x00\x0bCOMMIT\x00"
"""PostgreSQL's CommandComplete of a COMMIT, as it goes over the wire."""


@dataclass
class Gate:
    """Passes everything on until it is shut; from then on, what follows a commit stays here."""

    port: int = 0
    shut: bool = False
    held: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the server has committed and the service does not know."""

    def dsn(self, role: str, database: str) -> str:
        """The database's address through the gate; ``{service}`` is left for the reader to fill in."""
        return f"postgresql://{role}@127.0.0.1:{self.port}/{database}"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass the server's words on."""
        while data := await reader.read(65536):
            if self.shut and COMMITTED in data:
                self.held.set()
                return
            writer.write(data)
            await writer.drain()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


@asynccontextmanager
async def open_gate(folder: Path) -> AsyncIterator[Gate]:
    """Stand before the server whose socket is in ``folder``."""
    gate = Gate()
    open_writers: list[asyncio.StreamWriter] = []

    async def through(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, out = await asyncio.open_unix_connection(str(folder / ".s.PGSQL.5432"))
        open_writers.extend((writer, out))
        answers = asyncio.create_task(gate.answer(inner, writer))
        with contextlib.suppress(OSError):
            await _pass(reader, out)
        out.close()
        answers.cancel()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await answers

    server = await asyncio.start_server(through, "127.0.0.1", 0)
    gate.port = int(server.sockets[0].getsockname()[1])
    try:
        yield gate
    finally:
        server.close()
        for writer in open_writers:
            writer.close()
