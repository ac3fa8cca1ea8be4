"""The ASGI layers around every API: ids, logs and measures; who sends.

Plain ASGI: nothing is copied into another task, so context variables set here are seen by the handlers.
"""

import re
import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.kernel.clock import Clock
from services.kernel.context import correlation_id, traceparent
from services.kernel.http.exchange import WITH_BODY, Annotate, Exchange, Heed, attach, exchange_of
from services.kernel.http.identity import Verifier
from services.kernel.http.metrics import Meter
from services.kernel.http.problems import Problem, heeded_response
from services.kernel.ids import is_uuid, uuid7

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

_log = structlog.get_logger()


class Edge:
    """Outermost: mints and mirrors ids, turns whatever is raised into a problem, measures and logs.

    A sender's own ids go into logs and topics, so they must be UUIDs: anything else could be about somebody, and is
    replaced by ours.
    """

    def __init__(
        self, app: ASGIApp, *, meter: Meter, clock: Clock, annotate: Annotate | None = None, heed: Heed | None = None
    ) -> None:
        self._app = app
        self._meter = meter
        self._clock = clock
        self._annotate = annotate
        self._heed = heed

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
            await (await heeded_response(scope, error))(scope, receive, answer)
        finally:
            seconds = time.perf_counter() - started
            method, route = self._meter.observe(scope, status, seconds)
            _log.info(
                "http_request",
                method=method,
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
            request_id=asked if is_uuid(asked) else minted,
            correlation_id=correlated if is_uuid(correlated) else minted,
            annotate=self._annotate,
            heed=self._heed,
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
