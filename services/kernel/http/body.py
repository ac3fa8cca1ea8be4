"""The ASGI layer that lets a body in: counted while it is read, plain safe JSON before it is parsed."""

import asyncio
import json
from collections.abc import Collection
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.kernel.http.exchange import WITH_BODY, Exchange, exchange_of
from services.kernel.http.problems import Problem
from services.kernel.limits import MAX_INTEGER, LimitError, check_json

MAX_BODY_BYTES = 64 * 1024
MAX_DISCARDED_BYTES = 1024 * 1024
"""A body beyond its limit is read and thrown away up to here, so that its sender hears the 413: closing a
connection on somebody who is still sending resets it."""
HEEDED_BYTES = 256 * 1024
"""So much of the beginning of a body beyond its limit is kept for a service that must not lose what it says."""
BODY_TIMEOUT_SECONDS = 30.0
JSON = "application/json"
LINES = "application/x-ndjson"
MAX_DIGITS = len(str(-MAX_INTEGER))

_CLOSE = {"Connection": "close"}


class BodyGate:
    """Reads the whole body within its limit and refuses what is not plain, safe JSON before it is parsed.

    A POST to one of the ``streamed`` paths is let through as it comes: its route reads it line by line.
    """

    def __init__(self, app: ASGIApp, *, streamed: Collection[str] = ()) -> None:
        self._app = app
        self._streamed = frozenset(streamed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] not in WITH_BODY:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["method"] == "POST" and scope["path"] in self._streamed:
            _check_media_type(headers, LINES)
            await self._app(scope, receive, send)
            return
        body = exchange_of(scope).body = await _read(headers, receive, exchange_of(scope))
        if body:
            _check_media_type(headers, JSON)
            read_document(body)
        given = False

        async def replay() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, send)


async def _read(headers: Headers, receive: Receive, exchange: Exchange) -> bytes:
    kept = MAX_BODY_BYTES if exchange.heed is None else HEEDED_BYTES
    declared = headers.get("content-length", "")
    told = int(declared) if declared.isdecimal() and len(declared) < MAX_DIGITS else 0
    most = MAX_DISCARDED_BYTES if told <= MAX_DISCARDED_BYTES else kept if exchange.heed is not None else 0
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_TIMEOUT_SECONDS):
            while size < most:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Problem(400, "body_incomplete", "the connection ended before the body did")
                piece = message.get("body", b"")
                if size < kept:
                    chunks.append(piece[: kept - size])
                size += len(piece)
                if not message.get("more_body", False):
                    break
    except TimeoutError:
        raise Problem(408, "body_timeout", "the body took too long to arrive", headers=_CLOSE) from None
    if max(size, told) > MAX_BODY_BYTES:
        exchange.body = b"".join(chunks)
        raise Problem(413, "body_too_large", f"a body holds at most {MAX_BODY_BYTES} bytes", headers=_CLOSE)
    return b"".join(chunks)


def _check_media_type(headers: Headers, wanted: str) -> None:
    media_type, _, parameters = headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower()
    if media_type.strip().lower() != wanted or charset not in {"", "charset=utf-8", 'charset="utf-8"'}:
        raise Problem(415, "unsupported_media_type", f"send {wanted} in UTF-8")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(415, "unsupported_encoding", "send the body without a content encoding")


def read_document(body: bytes) -> Any:
    """Return a JSON document. Raises Problem 422 for what is none, or not a safe one."""
    try:
        check_json(body)
        return json.loads(body.decode(), object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_int=_whole)
    except LimitError as error:
        raise Problem(422, error.code, str(error)) from None
    except UnicodeDecodeError:
        raise Problem(422, "invalid_json", "the body is not UTF-8") from None
    except RecursionError:
        raise Problem(422, "too_deep", "the body is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise Problem(
            422, "invalid_json", f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise LimitError("duplicate_key", "an object holds the same name twice")
    return found


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:  # beyond 2**53 whatever they are; int() would take long, or refuse
        raise LimitError("integer_too_large", f"integers lie within {MAX_INTEGER}")
    return int(digits)


def _refuse_constant(_: str) -> Any:
    raise LimitError("not_a_number", "NaN and Infinity are not JSON")
