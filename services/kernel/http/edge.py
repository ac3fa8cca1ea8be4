"""The ASGI layers around every API: ids and logs, who sends, what may come in.

Plain ASGI: nothing is copied into another task, so context variables set here are seen by the handlers,
and a body is counted while it is read.
"""

import asyncio
import json
import re
import time
from typing import Any

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.kernel.clock import Clock
from services.kernel.context import correlation_id, traceparent
from services.kernel.http.exchange import Annotate, Exchange, attach, exchange_of
from services.kernel.http.identity import Verifier
from services.kernel.http.metrics import Meter
from services.kernel.http.problems import Problem, problem_response
from services.kernel.ids import uuid7
from services.kernel.limits import MAX_INTEGER, LimitError, check_json

MAX_BODY_BYTES = 64 * 1024
MAX_DISCARDED_BYTES = 1024 * 1024
"""A body beyond its limit is read and thrown away up to here, so that its sender hears the 413: closing a
connection on somebody who is still sending resets it."""
BODY_TIMEOUT_SECONDS = 30.0
MAX_DIGITS = len(str(-MAX_INTEGER))
WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})

_SAFE_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

_CLOSE = {"Connection": "close"}

_log = structlog.get_logger()


class Edge:
    """Outermost: mints and mirrors ids, turns whatever is raised into a problem, measures and logs."""

    def __init__(self, app: ASGIApp, *, meter: Meter, clock: Clock, annotate: Annotate | None = None) -> None:
        self._app = app
        self._meter = meter
        self._clock = clock
        self._annotate = annotate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = self._open(Headers(scope=scope))
        attach(scope, exchange)
        started = time.perf_counter()
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = exchange.request_id
                headers["X-Correlation-Id"] = exchange.correlation_id
                headers.setdefault("Cache-Control", "no-store")
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        try:
            if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
                raise Problem(400, "malformed_address", "an address cannot hold a NUL character")
            await self._app(scope, receive, answer)
        except Exception as error:  # the last place where a failure can still become an answer
            if status:
                raise
            await problem_response(scope, error)(scope, receive, answer)
        finally:
            seconds = time.perf_counter() - started
            route = self._meter.observe(scope, status, seconds)
            _log.info(
                "http_request",
                method=scope["method"],
                route=route,
                status=status,
                seconds=round(seconds, 6),
                request_id=exchange.request_id,
                correlation_id=exchange.correlation_id,
            )

    def _open(self, headers: Headers) -> Exchange:
        minted = uuid7(self._clock())
        asked, correlated = headers.get("x-request-id", ""), headers.get("x-correlation-id", "")
        exchange = Exchange(
            request_id=asked if _SAFE_ID.fullmatch(asked) else minted,
            correlation_id=correlated if _SAFE_ID.fullmatch(correlated) else minted,
            annotate=self._annotate,
        )
        trace = headers.get("traceparent", "")
        correlation_id.set(exchange.correlation_id)
        traceparent.set(trace if _TRACEPARENT.fullmatch(trace) else None)
        return exchange


class Identify:
    """Verifies the bearer token before anything is read: a body from nobody is not worth its memory."""

    def __init__(self, app: ASGIApp, *, verifier: Verifier) -> None:
        self._app = app
        self._verifier = verifier

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http":
            exchange = exchange_of(scope)
            values = Headers(scope=scope).getlist("authorization")
            scheme, _, token = values[0].partition(" ") if len(values) == 1 else ("", "", "")
            if scheme.lower() == "bearer" and (token := token.strip()):
                try:
                    exchange.principal = await self._verifier.verify(token)
                except Problem as refusal:
                    exchange.refusal = refusal
            if exchange.principal is None and scope["method"] in WITH_BODY:
                raise exchange.refusal or Problem(
                    401, "token_missing", "a bearer token is needed", headers={"WWW-Authenticate": "Bearer"}
                )
        await self._app(scope, receive, send)


class BodyGate:
    """Reads the whole body within its limit and refuses what is not plain, safe JSON before it is parsed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] not in WITH_BODY:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        body = exchange_of(scope).body = await _read(headers, receive)
        if body:
            _check_media_type(headers)
            _check_body(body)
        given = False

        async def replay() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, send)


async def _read(headers: Headers, receive: Receive) -> bytes:
    declared = headers.get("content-length", "")
    told = int(declared) if declared.isdecimal() and len(declared) < MAX_DIGITS else 0
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_TIMEOUT_SECONDS):
            while max(size, told) <= MAX_DISCARDED_BYTES:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Problem(400, "body_incomplete", "the connection ended before the body did")
                size += len(message.get("body", b""))
                if size <= MAX_BODY_BYTES:
                    chunks.append(message.get("body", b""))
                if not message.get("more_body", False):
                    break
    except TimeoutError:
        raise Problem(408, "body_timeout", "the body took too long to arrive", headers=_CLOSE) from None
    if max(size, told) > MAX_BODY_BYTES:
        raise Problem(413, "body_too_large", f"a body holds at most {MAX_BODY_BYTES} bytes", headers=_CLOSE)
    return b"".join(chunks)


def _check_media_type(headers: Headers) -> None:
    media_type, _, parameters = headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower()
    if media_type.strip().lower() != "application/json" or charset not in {"", "charset=utf-8", 'charset="utf-8"'}:
        raise Problem(415, "unsupported_media_type", "send application/json in UTF-8")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(415, "unsupported_encoding", "send the body without a content encoding")


def _check_body(body: bytes) -> None:
    try:
        check_json(body)
        json.loads(body.decode(), object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_int=_whole)
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
