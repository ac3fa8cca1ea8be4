"""Idempotent commands: the same key gives the same effect and the same answer, once. Keys are kept in claims.py."""

import hashlib
import hmac
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import asyncpg
from fastapi import Depends, Request
from starlette.responses import JSONResponse

from services.kernel.http.claims import Answer, Claims
from services.kernel.http.exchange import exchange_of
from services.kernel.http.identity import token_refused
from services.kernel.http.problems import Problem
from services.kernel.ids import is_uuid
from services.kernel.runtime.commands import Commands, Transaction

ATTEMPTS = 3
REPLAYED = "Idempotency-Replayed"

_KEY = re.compile(r"[\x21-\x7e]{1,255}")

Handle = Callable[[Transaction], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose request it is: the client, the route, the key as it is kept."""

    client: str
    route: str
    key: str


@dataclass(frozen=True, slots=True)
class OnceRunner:
    """Runs a handler for one sender. Made by the ``Once`` dependency."""

    commands: Commands
    sender: Sender
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
        request = {self.sender.key: self.digest}
        async with self.commands.begin() as tx:
            claims = Claims(tx, self.sender.client, self.sender.route)
            if not await claims.claim(request):
                (answer,) = (await claims.stored(request)).values()
                if isinstance(answer, Problem):
                    raise answer
                return answer, True
            answer = await handle(tx)
            await claims.keep({self.sender.key: answer})
        return answer, False


def sender_of(request: Request) -> Sender:
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
    return Sender(
        client=exchange.principal.client,
        route=f"{request.method} {parts.meter.templates[request.scope['endpoint']]}",
        key=kept_key(parts.idempotency_key, keys[0]),
    )


async def once(request: Request) -> OnceRunner:
    """Return the runner of a request whose body was read whole."""
    sender = sender_of(request)
    parts = request.app.state.parts
    body = exchange_of(request.scope).body
    document = json.loads(body) if body else None
    digest = request_digest(
        parts.idempotency_key, request.method, request.url.path, request.url.query, document, empty=not body
    )
    return OnceRunner(parts.commands, sender, digest)


def kept_key(secret: bytes, key: str) -> str:
    """Return a sender's key as it is kept: a UUID as it is, anything else, which may name somebody, as its HMAC."""
    return key if is_uuid(key) else hmac.new(secret, key.encode(), hashlib.sha256).hexdigest()


def request_digest(key: bytes, method: str, path: str, query: str, document: Any, *, empty: bool = False) -> bytes:
    """Return the HMAC-SHA-256 of a request; its JSON counts by value, not by spacing or order of names.

    The address is part of it: one key sent to two aggregates is two requests, not a replay.
    """
    canonical = "" if empty else json.dumps(document, sort_keys=True, separators=(",", ":"))
    text = json.dumps([method, path, query, canonical])
    return hmac.digest(key, text.encode(), "sha256")


Once = Annotated[OnceRunner, Depends(once)]
