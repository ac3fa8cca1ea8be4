"""Idempotent commands, one a line: each line has a key of its own and is answered as a single request would be.

A line's key is the request's key, a colon and the line's number, so the same request sent again gives the lines that
were done their first answers and does the rest; nothing is stored for the whole. Lines are handled in chunks, each
in one transaction, one chunk after the other, while the next is read. What fails in a chunk and is no line's own
fault alone, such as a row that the database refuses, is looked for by giving each line a transaction of its own.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, Any

import asyncpg
from fastapi import Depends, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.kernel.http.body import MAX_BODY_BYTES, read_document
from services.kernel.http.claims import Answer, Claims
from services.kernel.http.exchange import exchange_of
from services.kernel.http.lines import ClientGone, Inlet, Line, Outlet
from services.kernel.http.once import ATTEMPTS, Sender, request_digest, sender_of
from services.kernel.http.problems import Problem, as_problem, heeded, problem_document
from services.kernel.runtime.commands import Commands, Transaction
from services.kernel.sealing.content import KeyMissing

SLICE = 8
"""So many lines are read before other requests get their turn."""

Read = Callable[[bytes], Any]
"""Turns a line into what will be handled. Raises Refused or Problem for a line that is not handled."""
HandleAll = Callable[[Transaction, Sequence[Any]], Awaitable[Sequence[Answer | Exception]]]
"""Handles several lines as if one came after the other; returns what became of each."""
Unstored = Callable[[bytes], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A line as read: its content, or why it cannot be handled. Without a key it is no JSON at all."""

    number: int
    raw: bytes
    content: Any
    key: str = ""
    digest: bytes = b""


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a line."""

    asked: Asked
    came: Answer | Exception
    replayed: bool = False


@dataclass
class LinesRunner:
    """Handles the lines of one request. ``unstored`` are members of a line's answer, as in ``Once``.

    A ``rehearsal`` answers as the real thing would, and leaves nothing.
    """

    commands: Commands
    sender: Sender
    secret: bytes
    scope: Scope
    read: Read
    handle: HandleAll
    unstored: Unstored
    rehearsal: bool = False
    answered: int = field(default=0, init=False)

    def ask(self, line: Line) -> Asked:
        """Read a line; whatever is wrong with it is its content."""
        if line.too_long:
            told = Problem(413, "body_too_large", f"a line holds at most {MAX_BODY_BYTES} bytes")
            return Asked(line.number, line.content, told)
        try:
            document = read_document(line.content)
        except Problem as problem:
            return Asked(line.number, line.content, problem)
        content: Any
        try:
            content = self.read(line.content)
        except Exception as error:  # told as this line's, as a single request's would be
            content = error
        # a rehearsal is the same request: whether a query said so is no part of a line
        digest = request_digest(self.secret, self.scope["method"], self.scope["path"], "", document)
        return Asked(line.number, line.content, content, f"{self.sender.key}:{line.number}", digest)

    async def run(self, chunk: Sequence[Asked]) -> list[Told]:
        """Handle lines in one transaction. Raises what says that a part of us is down: nothing of it was done then."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._attempt(chunk)
            except (asyncpg.SerializationError, asyncpg.DeadlockDetectedError):
                if attempt == ATTEMPTS:
                    raise
            except Exception as error:
                if _of_all(error):
                    raise
                if len(chunk) == 1:
                    return [Told(chunk[0], error)]
                break
        return [told for asked in chunk for told in await self.run([asked])]

    async def _attempt(self, chunk: Sequence[Asked]) -> list[Told]:
        requests = {asked.key: asked.digest for asked in chunk if asked.key}
        async with self.commands.begin(rehearsal=self.rehearsal) as tx:
            claims = Claims(tx, self.sender.client, self.sender.route)
            claimed = await claims.claim(requests) if requests else set()
            stored = await claims.stored({k: digest for k, digest in requests.items() if k not in claimed})
            fresh = [a for a in chunk if a.key in claimed and not isinstance(a.content, Exception)]
            answers = await self.handle(tx, [asked.content for asked in fresh]) if fresh else ()
            made = {asked.key: answer for asked, answer in zip(fresh, answers, strict=True)}
            kept = {key: answer for key, answer in made.items() if isinstance(answer, Answer)}
            if not self.rehearsal:
                await claims.keep(kept)
                await claims.release(claimed - kept.keys())
        return [
            Told(a, stored[a.key], replayed=isinstance(stored[a.key], Answer))
            if a.key in stored
            else Told(a, made.get(a.key, a.content))
            for a in chunk
        ]

    async def tell(self, told: Told) -> bytes:
        """Return the line that answers a line."""
        number, came = told.asked.number, told.came
        if isinstance(came, Answer):
            status, body = came.status, {**came.body, **self.unstored(told.asked.raw)}
        else:
            problem = as_problem(came, exchange_of(self.scope))
            if not self.rehearsal:
                problem = await heeded(problem, self.scope, told.asked.raw)
            status, body = problem.status, problem_document(problem, self.scope, told.asked.raw)
        self.answered = number
        return _line({"line": number, "status": status, "replayed": told.replayed, "body": body})

    def tell_end(self, problem: Problem) -> bytes:
        """Return the line that says why there are no more."""
        document = problem_document(problem, self.scope, b"")
        return _line({"line": None, "status": problem.status, "answered": self.answered, "body": document})


def _line(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


def _of_all(error: Exception) -> bool:
    """Tell whether an error says that nothing can be done now: a part is down, whatever the line."""
    return not isinstance(error, KeyMissing) and as_problem(error).status == HTTPStatus.SERVICE_UNAVAILABLE


class LinesResponse(Response):
    """Answers lines while they come."""

    def __init__(self, runner: LinesRunner) -> None:
        super().__init__()
        self._runner = runner
        self._queue: asyncio.Queue[list[Asked] | Exception | None] = asyncio.Queue(maxsize=1)
        self._gone = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve. Before the first answer a part that is down is a plain problem; after it, the last line says so."""
        outlet = Outlet(send)
        pump = asyncio.create_task(self._pump(Inlet(receive)))
        try:
            await self._serve(outlet)
        except ClientGone:
            pass  # what is done is done, and found again when the same request comes
        finally:
            pump.cancel()
            outlet.cancel()
            await asyncio.gather(pump, return_exceptions=True)

    async def _serve(self, outlet: Outlet) -> None:
        while (coming := await self._queue.get()) is not None and not self._gone:
            try:
                if isinstance(coming, Exception):
                    raise coming
                told = await self._runner.run(coming)
            except ClientGone:
                raise
            except Exception as error:
                if not outlet.started:
                    raise
                problem = as_problem(error, exchange_of(self._runner.scope))
                await outlet.put(self._runner.tell_end(problem))
                break
            await outlet.put(b"".join([await self._runner.tell(one) for one in told]))
        if not self._gone:
            await outlet.close()

    async def _pump(self, inlet: Inlet) -> None:
        """Read lines a chunk ahead of the one that is handled, then watch for the client to leave."""
        try:
            async for lines in inlet.chunks():
                asked = []
                for line in lines:
                    asked.append(self._runner.ask(line))
                    if len(asked) % SLICE == 0:
                        await asyncio.sleep(0)
                await self._queue.put(asked)
        except Exception as error:  # whoever serves tells it
            self._gone = isinstance(error, ClientGone)
            await self._queue.put(error)
        else:
            await self._queue.put(None)
            await inlet.until_gone()
            self._gone = True


@dataclass(frozen=True, slots=True)
class EachRunner:
    """Makes the response of a request of lines. Made by the ``Each`` dependency."""

    commands: Commands
    sender: Sender
    secret: bytes
    scope: Scope

    def __call__(self, read: Read, handle: HandleAll, *, unstored: Unstored, rehearsal: bool = False) -> LinesResponse:
        """Answer each line with what ``handle`` makes of what ``read`` made of it."""
        return LinesResponse(
            LinesRunner(self.commands, self.sender, self.secret, self.scope, read, handle, unstored, rehearsal)
        )


async def each(request: Request) -> EachRunner:
    """Return the runner of a request whose body is lines, not read yet."""
    parts = request.app.state.parts
    return EachRunner(parts.commands, sender_of(request), parts.idempotency_key, request.scope)


Each = Annotated[EachRunner, Depends(each)]
