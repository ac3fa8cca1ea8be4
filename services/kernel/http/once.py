"""Idempotent commands: the same key gives the same effect and the same answer, once.

The key's row is inserted first, in the command's own transaction. A second request with the same key
therefore waits on the unique index until the first has committed, and then reads the stored answer; when
the first was refused or failed, its row is gone with it and the second runs. Stored answers hold codes and
ids only.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any

import asyncpg
from fastapi import Depends, Request
from starlette.responses import JSONResponse

from services.kernel.decision import Refused
from services.kernel.http.exchange import exchange_of
from services.kernel.http.identity import token_refused
from services.kernel.http.problems import Problem, unavailable
from services.kernel.ids import is_uuid
from services.kernel.runtime import stops
from services.kernel.runtime.commands import BEHIND, Commands, Transaction

KEPT_FOR = timedelta(days=7)
ATTEMPTS = 3
REPLAYED = "Idempotency-Replayed"

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class Answer:
    """A success: its status, its body of codes and ids, the address of what it made (or None)."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)
    location: str | None = None


Handle = Callable[[Transaction], Awaitable[Answer]]


class IdempotencyConflict(Problem):
    """The key was used for another request."""

    def __init__(self) -> None:
        super().__init__(
            422, "idempotency_key_reused", "this Idempotency-Key was used for another request; use a new one"
        )


@dataclass(frozen=True, slots=True)
class OnceRunner:
    """Runs a handler for one client, route and key. Made by the ``Once`` dependency."""

    commands: Commands
    client: str
    route: str
    key: str
    digest: bytes

    async def __call__(self, handle: Handle, *, unstored: Mapping[str, Any] | None = None) -> JSONResponse:
        """Run ``handle`` in one transaction, or give the answer that it gave before.

        ``unstored`` are members of the body that follow from the request alone and hold more than codes:
        they are added to the answer and never kept. What ``handle`` raises rolls back and stores nothing;
        a deadlock or serialisation failure runs it again.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                answer, replayed = await self._attempt(handle)
            except (asyncpg.SerializationError, asyncpg.DeadlockDetectedError):
                if attempt == ATTEMPTS:
                    raise
            else:
                break
        headers = {} if answer.location is None else {"Location": answer.location}
        if replayed:
            headers[REPLAYED] = "true"
        return JSONResponse({**answer.body, **(unstored or {})}, answer.status, headers=headers)

    async def _attempt(self, handle: Handle) -> tuple[Answer, bool]:
        async with self.commands.begin() as tx:
            if not await self._claim(tx):
                return await self._stored(tx), True
            answer = await handle(tx)
            await self._keep(tx, answer)
        return answer, False

    async def _claim(self, tx: Transaction) -> bool:
        """Insert the key's row. Raises Refused while the database is behind the service's own log.

        Before anything else is looked at: what an old database answers would be wrong even where nothing is written.
        """
        where = (self.client, self.route, self.key)
        claimed = await self._insert(tx)
        if not claimed and await tx.conn.fetchval(_EXPIRE, *where, tx.now - KEPT_FOR):
            claimed = await self._insert(tx)
        return claimed

    async def _insert(self, tx: Transaction) -> bool:
        found = await tx.conn.fetchrow(_CLAIM, self.client, self.route, self.key, self.digest, tx.now)
        assert found is not None  # noqa: S101  a SELECT without FROM has one row
        if found["behind"]:
            raise Refused(BEHIND, status=503)
        return bool(found["claimed"])

    async def _stored(self, tx: Transaction) -> Answer:
        row = await tx.conn.fetchrow(_READ, self.client, self.route, self.key)
        if row is None:  # swept between two statements: the caller's next attempt runs it
            raise unavailable("the key has just expired; try again")
        if not hmac.compare_digest(row["request_hmac"], self.digest):
            raise IdempotencyConflict
        stored = json.loads(row["answer"])
        return Answer(row["status"], stored["body"], stored["location"])

    async def _keep(self, tx: Transaction, answer: Answer) -> None:
        text = json.dumps({"body": dict(answer.body), "location": answer.location})
        await tx.conn.execute(_KEEP, self.client, self.route, self.key, answer.status, text)


_CLAIM = f"""WITH mine AS (
    INSERT INTO idempotency (client, route, key, request_hmac, created_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT DO NOTHING RETURNING true)
SELECT EXISTS (SELECT FROM mine) AS claimed, EXISTS (SELECT {stops.BEHIND}) AS behind"""  # noqa: S608  our own words
_EXPIRE = """DELETE FROM idempotency WHERE client = $1 AND route = $2 AND key = $3 AND created_at < $4
RETURNING true"""
_READ = """SELECT request_hmac, status, answer::text AS answer FROM idempotency
WHERE client = $1 AND route = $2 AND key = $3"""
_KEEP = """UPDATE idempotency SET status = $4, answer = $5::text::json
WHERE client = $1 AND route = $2 AND key = $3"""
_SWEEP = "DELETE FROM idempotency WHERE created_at < $1"


async def sweep(pool: asyncpg.Pool, now: datetime) -> None:
    """Delete the keys that are older than ``KEPT_FOR``."""
    await pool.execute(_SWEEP, now - KEPT_FOR)


async def once(request: Request) -> OnceRunner:
    """Read the Idempotency-Key. Raises Problem 400 when it is missing or not visible ASCII, 401 for nobody."""
    exchange = exchange_of(request.scope)
    if exchange.principal is None:
        raise exchange.refusal or token_refused("token_missing", "a bearer token is needed")
    keys = request.headers.getlist("idempotency-key")
    if not keys:
        raise Problem(400, "idempotency_key_required", "send an Idempotency-Key header: a new one for each act")
    if len(keys) > 1 or not _KEY.fullmatch(keys[0]):
        raise Problem(400, "idempotency_key_malformed", "an Idempotency-Key is 1 to 255 visible ASCII characters")
    parts = request.app.state.parts
    return OnceRunner(
        commands=parts.commands,
        client=exchange.principal.client,
        route=f"{request.method} {parts.meter.templates[request.scope['endpoint']]}",
        key=kept_key(parts.idempotency_key, keys[0]),
        digest=request_digest(
            parts.idempotency_key, request.method, str(request.url.path), request.url.query, exchange.body
        ),
    )


def kept_key(secret: bytes, key: str) -> str:
    """Return a sender's key as it is kept: a UUID as it is, anything else, which may name somebody, as its HMAC."""
    return key if is_uuid(key) else hmac.new(secret, key.encode(), hashlib.sha256).hexdigest()


def request_digest(key: bytes, method: str, path: str, query: str, body: bytes) -> bytes:
    """Return the HMAC-SHA-256 of a request; its JSON counts by value, not by spacing or order of names.

    The address is part of it: one key sent to two aggregates is two requests, not a replay.
    """
    canonical = json.dumps(json.loads(body), sort_keys=True, separators=(",", ":")) if body else ""
    text = json.dumps([method, path, query, canonical])
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


Once = Annotated[OnceRunner, Depends(once)]
