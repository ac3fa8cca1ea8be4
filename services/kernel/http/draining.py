"""Serves an API until SIGTERM, and a little longer: readiness falls first, so that nobody is sent here any more."""

import asyncio
import signal
from types import FrameType

import uvicorn
from fastapi import FastAPI

from services.kernel.settings import Settings

KEEP_ALIVE_SECONDS = 75
"""Longer than the minute for which load balancers keep idle connections: whoever reuses one must not find it closed."""
END_SECONDS = 4
"""How long requests in hand may take once it has drained; a command that is cut off rolls back."""


class DrainingServer(uvicorn.Server):
    """At the first signal not ready, still serving for ``drain`` seconds; at the second it ends."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, drain: float) -> None:
        super().__init__(config)
        self._app = app
        self._drain = drain
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]  # sockets are not ours
        """Start, and remember the loop for the signal."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)  # type: ignore[arg-type]

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end."""
        first = not getattr(self._app.state, "stopping", False)
        self._app.state.stopping = True
        if first and self._drain and self._loop is not None and sig != signal.SIGINT:
            self._loop.call_soon_threadsafe(self._loop.call_later, self._drain, super().handle_exit, sig, frame)
        else:
            super().handle_exit(sig, frame)


def serve(app: FastAPI, settings: Settings) -> None:
    """Serve until a signal. It ends within ``drain_seconds`` and 4 seconds more."""
    config = uvicorn.Config(
        app,
        host=settings.http_host,
        port=settings.http_port,
        log_config=None,
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=END_SECONDS,
    )
    DrainingServer(config, app, settings.drain_seconds).run()
