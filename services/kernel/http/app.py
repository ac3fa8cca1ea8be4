"""``create_api``: the one way in which a service becomes an HTTP API."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import httpx
from fastapi import APIRouter, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from services.kernel.clock import Clock, system_clock
from services.kernel.http import health
from services.kernel.http.body import BodyGate
from services.kernel.http.documents import describe
from services.kernel.http.each import each
from services.kernel.http.edge import Edge, Identify
from services.kernel.http.exchange import Annotate, Exchange
from services.kernel.http.identity import RoleGuard, Verifier
from services.kernel.http.lookout import Lookout
from services.kernel.http.metrics import Meter
from services.kernel.http.once import once
from services.kernel.http.parts import Parts, ReadyCheck
from services.kernel.http.problems import Problem, heeded_response
from services.kernel.http.tokens import KeySet, TokenVerifier
from services.kernel.sealing.keyring import Keys, open_keys
from services.kernel.service import Service
from services.kernel.settings import Settings

OPEN_PATHS = frozenset({"/livez", "/readyz", "/metrics", "/openapi.json", "/docs", "/docs/oauth2-redirect"})


Heeding = Callable[[Parts, Exchange, Problem, str, bytes], Awaitable[None]]
"""(open parts, exchange, problem, path, body): what a service does about a body that is refused."""


def create_api(
    service: Service,
    settings: Settings,
    *,
    routers: Sequence[APIRouter],
    title: str,
    description: str = "",
    annotate: Annotate | None = None,
    heed: Heeding | None = None,
    ready_checks: Mapping[str, ReadyCheck] | None = None,
    verifier: Verifier | None = None,
    issuer_transport: httpx.AsyncBaseTransport | None = None,
    clock: Clock = system_clock,
    keys: Keys | None = None,
) -> FastAPI:
    """Build the API of ``service``. Nothing connects before the app starts.

    ``annotate`` adds members to every problem document of a request whose body was read; ``heed`` keeps what the
    service must not lose of a body that is refused, before its sender is told. ``verifier`` or
    ``issuer_transport`` replace the issuer in tests, ``keys`` the vault. Raises ValueError for a route that asks for
    no role or a POST without an Idempotency-Key, and for development keys outside development.
    """
    settings.refuse_development_keys()
    meter = Meter(service.name)
    client = httpx.AsyncClient(transport=issuer_transport, follow_redirects=False)
    issuer_keys = KeySet(settings.jwks_url, client)
    known = verifier or TokenVerifier(issuer_keys, issuer=settings.issuer_url, audience=settings.audience)
    parts = Parts(
        service=service,
        database_url=settings.service_url(service.name),
        read_url=settings.reader_url(service.name),
        idempotency_key=settings.idempotency_hmac_key.get_secret_value().encode(),
        clock=clock,
        meter=meter,
        lookout=Lookout(service, settings),
        open_keys=partial(open_keys, service, settings) if keys is None else _given(keys),
        ready_checks=dict(ready_checks or {}),
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with client, parts.open():
            yield

    app = FastAPI(title=title, description=description, version="0.1", lifespan=lifespan, redoc_url=None)
    app.state.parts = parts
    for router in (*routers, health.router):
        app.include_router(router)
    meter.templates = {route.endpoint: route.path or "" for route in iter_route_contexts(app.routes)}
    refuse_open_routes(app)
    for kind in (HTTPException, RequestValidationError):
        app.add_exception_handler(kind, _as_problem)
    app.add_middleware(BodyGate, streamed=streamed_paths(app))
    app.add_middleware(Identify, verifier=known)
    app.add_middleware(Edge, meter=meter, clock=clock, annotate=annotate, heed=heed and partial(heed, parts))
    describe(app, OPEN_PATHS)
    return app


async def _as_problem(request: Request, error: Exception) -> JSONResponse:
    return await heeded_response(request.scope, error)


def refuse_open_routes(app: FastAPI) -> None:
    """Raise ValueError naming every route that anybody may call, and every POST that could act twice."""
    faults = list(open_routes(app))
    if faults:
        raise ValueError("; ".join(faults))


def open_routes(app: FastAPI) -> Iterator[str]:
    """Yield what is wrong with each route outside ``OPEN_PATHS``."""
    for route in iter_route_contexts(app.routes):
        if route.path in OPEN_PATHS:
            continue
        calls = _calls_of(route)
        name = f"{'/'.join(sorted(route.methods or ()))} {route.path}"
        if not any(isinstance(call, RoleGuard) for call in calls):
            yield f"{name} asks for no role"
        if "POST" in (route.methods or ()) and once not in calls and each not in calls:
            yield f"{name} takes no Idempotency-Key"


def streamed_paths(app: FastAPI) -> frozenset[str]:
    """Return the paths of the routes that read lines. Raises ValueError for one that is no fixed path."""
    found = frozenset(route.path or "" for route in iter_route_contexts(app.routes) if each in _calls_of(route))
    if any("{" in path for path in found):
        raise ValueError(f"a route that reads lines has a fixed path: {', '.join(sorted(found))}")
    return found


def _calls_of(route: Any) -> list[Any]:
    dependant = getattr(route, "dependant", None)
    return [] if dependant is None else list(_calls(dependant))


def _calls(dependant: Dependant) -> Iterator[Any]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from _calls(inner)


def _given(keys: Keys) -> Callable[[], Awaitable[Keys | None]]:
    async def given() -> Keys:
        return keys

    return given
