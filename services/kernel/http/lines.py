"""Lines of JSON, in and out: read one by one while they come, answered in order while others still come.

A client may send everything before it reads anything: answers wait for it up to ``MAX_PENDING_BYTES``. Beyond that
reading stops until it takes some, so that nobody can fill the memory.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from starlette.types import Receive, Send

from services.kernel.http.body import LINES, MAX_BODY_BYTES
from services.kernel.http.problems import Problem

MAX_LINES = 10_000
MAX_STREAM_BYTES = 64 * 1024 * 1024
CHUNK_LINES = 200
CHUNK_BYTES = 1024 * 1024
LINGER_SECONDS = 0.2
"""So long a line waits for others to come, so that one who sends slowly is answered all the same."""
IDLE_SECONDS = 30.0
MAX_PENDING_BYTES = 16 * 1024 * 1024
"""Answers to 10,000 lines have a third of this."""

_BLANK = b" \t\r"
_CONTENT_TYPE = (b"content-type", LINES.encode())


class ClientGone(Exception):
    """The connection has ended, or its client takes no answers any more."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is not blank. ``number`` counts from 1, blank lines too; of one too long the beginning is kept."""

    number: int
    content: bytes
    too_long: bool = False


class Splitter:
    """Cuts what comes into lines; holds no more than one of them."""

    def __init__(self) -> None:
        self.number = 0
        self._rest = bytearray()
        self._too_long = False

    def feed(self, data: bytes) -> Iterator[Line]:
        """Yield the lines that ``data`` completes."""
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            self._keep(data[start:end])
            yield from self.end()
            start = end + 1
        self._keep(data[start:])

    def end(self) -> Iterator[Line]:
        """Yield what has come since the last line's end, as a line."""
        content, too_long = bytes(self._rest), self._too_long
        self._rest.clear()
        self._too_long = False
        self.number += 1
        if too_long or content.strip(_BLANK):
            yield Line(self.number, content, too_long)

    def _keep(self, piece: bytes) -> None:
        room = MAX_BODY_BYTES - len(self._rest)
        self._too_long = self._too_long or len(piece) > room
        self._rest += piece[:room]


class Inlet:
    """A request's body, in chunks of lines."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._splitter = Splitter()
        self._size = 0

    async def chunks(self) -> AsyncIterator[list[Line]]:
        """Yield lines, as many at a time as have come. Raises ClientGone; and Problem where the rest is not looked at:
        too many lines, too many bytes, none for ``IDLE_SECONDS``.
        """
        pending: list[Line] = []
        more = True
        while more:
            coming = asyncio.ensure_future(self._receive())
            try:
                if pending and not (await asyncio.wait({coming}, timeout=LINGER_SECONDS))[0]:
                    yield pending
                    pending = []
                if not (await asyncio.wait({coming}, timeout=IDLE_SECONDS))[0]:
                    raise Problem(408, "body_timeout", f"nothing came for {IDLE_SECONDS:g} seconds{self._from_here()}")
                message = coming.result()
            finally:
                coming.cancel()
            if message["type"] == "http.disconnect":
                raise ClientGone
            more = message.get("more_body", False)
            for full in self._fill(pending, message.get("body", b""), last=not more):
                yield full
        if pending:
            yield pending

    def _fill(self, pending: list[Line], data: bytes, *, last: bool) -> Iterator[list[Line]]:
        """Add the lines of ``data`` to ``pending``; yield it, emptied afterwards, each time that it is full."""
        self._size += len(data)
        held = sum(len(line.content) for line in pending)
        for line in (*self._splitter.feed(data), *(self._splitter.end() if last else ())):
            if line.number > MAX_LINES:
                if pending:
                    yield pending.copy()
                raise Problem(
                    413, "too_many_lines", f"a request holds at most {MAX_LINES} lines{self._after(MAX_LINES)}"
                )
            pending.append(line)
            held += len(line.content)
            if len(pending) >= CHUNK_LINES or held >= CHUNK_BYTES:
                yield pending.copy()
                pending.clear()
                held = 0
        if self._size > MAX_STREAM_BYTES:
            if pending:
                yield pending.copy()
            limit = f"a body holds at most {MAX_STREAM_BYTES} bytes{self._from_here()}"
            raise Problem(413, "body_too_large", limit)

    def _from_here(self) -> str:
        return self._after(self._splitter.number)

    @staticmethod
    def _after(number: int) -> str:
        return f"; nothing after line {number} was looked at"

    async def until_gone(self) -> None:
        """Wait, after the body's end, until the client is gone."""
        while (await self._receive())["type"] != "http.disconnect":
            pass


class Outlet:
    """A response of lines; its status is 200 as soon as the first are put."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._pending: deque[bytes] = deque()
        self._size = 0
        self._added, self._moved = asyncio.Event(), asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    @property
    def started(self) -> bool:
        """Whether anything was put: after that no other status can be given."""
        return self._task is not None

    async def put(self, data: bytes) -> None:
        """Send ``data`` some time; waits while the client leaves too much of it. Raises ClientGone."""
        task = self._running()
        self._pending.append(data)
        self._size += len(data)
        self._added.set()
        while self._size > MAX_PENDING_BYTES or task.done():
            await self._move(task)

    async def close(self) -> None:
        """Send what is left and end the response. Raises ClientGone."""
        task = self._running()
        self._closing = True
        self._added.set()
        while not task.done():
            await self._move(task)
        if task.exception() is not None:
            raise ClientGone

    def cancel(self) -> None:
        """Stop sending."""
        if self._task is not None:
            self._task.cancel()

    def _running(self) -> asyncio.Task[None]:
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return self._task

    async def _move(self, task: asyncio.Task[None]) -> None:
        """Wait until something more was sent. Raises ClientGone where nothing is, or sending has ended already."""
        self._moved.clear()
        moved = asyncio.ensure_future(self._moved.wait())
        ended = task.done()
        done, _ = await asyncio.wait({task, moved}, timeout=IDLE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        moved.cancel()
        if ended or not done:
            raise ClientGone

    async def _run(self) -> None:
        await self._send({"type": "http.response.start", "status": 200, "headers": [_CONTENT_TYPE]})
        while self._pending or not self._closing:
            if not self._pending:
                self._added.clear()
                await self._added.wait()
                continue
            data = self._pending.popleft()
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
            self._size -= len(data)
            self._moved.set()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})
