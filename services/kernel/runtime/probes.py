"""Health and metrics of a worker or relay, beside its real work: ``/livez``, ``/readyz``, ``/metrics``."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


@asynccontextmanager
async def serve_probes(
    host: str, port: int, missing: Callable[[], list[str]], stuck: Callable[[], list[str]] = list
) -> AsyncIterator[None]:
    """Serve the probes while the block runs; port 0 serves none.

    ``missing`` says what keeps the process from being ready, in words; an empty list is ready. ``stuck`` says why a
    restart would help it; an empty list is alive. A process whose stop is latched is alive and not ready: a restart
    would not help it.
    """
    if port == 0:
        yield
        return

    async def livez(_: Request) -> Response:
        reasons = stuck()
        return JSONResponse(
            {"status": "stuck", "stuck": reasons} if reasons else {"status": "alive"}, 503 if reasons else 200
        )

    async def readyz(_: Request) -> Response:
        reasons = missing()
        return JSONResponse(
            {"status": "not_ready" if reasons else "ready", "missing": reasons}, status_code=503 if reasons else 200
        )

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    app = Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)])
    config = uvicorn.Config(app, host=host, port=port, log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    with contextlib.suppress(AttributeError):
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # older releases
    task = asyncio.create_task(server._serve())
    try:
        yield
    finally:
        server.should_exit = True
        await task
