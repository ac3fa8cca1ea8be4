"""Liveness, readiness and metrics: open to the platform, without a token."""

import asyncio

import asyncpg
from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from starlette.responses import JSONResponse, Response

from services.kernel.decision import Reason
from services.kernel.http.parts import Parts, parts_of
from services.kernel.http.problems import Problem
from services.kernel.runtime import stops
from services.kernel.runtime.failures import DATABASE_ERRORS

CHECK_SECONDS = 2.0
BEHIND = f"SELECT string_agg(detail, '; ' ORDER BY id) {stops.BEHIND}"

router = APIRouter(tags=["health"])


@router.get("/livez", summary="The process is alive")
async def livez() -> dict[str, str]:
    """Answer without looking at anything else: a restart would not bring a database back."""
    return {"status": "alive"}


@router.get("/readyz", summary="The process can serve")
async def readyz(request: Request) -> JSONResponse:
    """Answer 503 with everything that is missing, else 200."""
    parts = parts_of(request)
    if getattr(request.app.state, "stopping", False):
        raise Problem(503, "not_ready", "stopping", reasons=[Reason("stopping", "this process is ending")])
    missing = [Reason(f"{name}_not_ready", text) for name, text in await _missing(parts) if text]
    if missing:
        raise Problem(503, "not_ready", "something that is needed is missing; see errors", reasons=missing)
    return JSONResponse({"status": "ready"})


async def _missing(parts: Parts) -> list[tuple[str, str | None]]:
    async def checked(name: str) -> tuple[str, str | None]:
        check = parts.ready_checks[name]
        try:
            return name, await asyncio.wait_for(check(), CHECK_SECONDS)
        except TimeoutError:
            return name, f"no answer within {CHECK_SECONDS:.0f} s"

    return [await _database(parts), *await asyncio.gather(*map(checked, sorted(parts.ready_checks)))]


async def _database(parts: Parts) -> tuple[str, str | None]:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            behind = await parts.pool.fetchval(BEHIND)
    except asyncpg.UndefinedTableError:
        return "database", "the database is not migrated"
    except (OSError, *DATABASE_ERRORS) as error:
        return "database", f"the database cannot be reached ({type(error).__name__})"
    return "own_log", behind


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    """Return this API's metrics and those of the process."""
    text = generate_latest(parts_of(request).meter.registry) + generate_latest(REGISTRY)
    return Response(text, media_type=CONTENT_TYPE_LATEST)
