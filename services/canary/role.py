"""The canary as a role: a run every so many seconds, with probes and metrics, until SIGTERM."""

import asyncio
import contextlib
from collections import deque
from typing import Final

import structlog
from prometheus_client import Counter, Gauge, Histogram

from services.canary.client import Client
from services.canary.person import Minute
from services.canary.play import Result, Stage, play
from services.canary.settings import CanarySettings
from services.kernel.clock import Clock

log = structlog.get_logger()

seconds = Histogram(
    "pathway_canary_seconds",
    "Seconds of each stage of a synthetic referral",
    ["stage"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
failures = Counter("pathway_canary_failures_total", "Runs that ended at a stage", ["stage"])
last_success = Gauge("pathway_canary_last_success", "When a run last held to its end, seconds since 1970")

LATER: Final = 60
"""So many runs that failed are finished later; older ones stay open in the synthetic programme."""


def note(result: Result) -> None:
    """Count a run."""
    for stage, took in result.seconds.items():
        seconds.labels(stage.value).observe(took)
    if result.failed is None:
        last_success.set_to_current_time()
    else:
        failures.labels(result.failed.value).inc()


class Canary:
    """Plays until stopped. A run that failed is finished after the next one that holds, so that no plan stays open."""

    def __init__(self, settings: CanarySettings, issuer_url: str, every: float, clock: Clock) -> None:
        self._settings = settings
        self._issuer_url = issuer_url
        self._every = every
        self._clock = clock
        self._stopping = asyncio.Event()
        self._unfinished: deque[Minute] = deque(maxlen=LATER)
        for stage in Stage:  # so that the first failure is an increase
            failures.labels(stage.value)
            seconds.labels(stage.value)

    def stop(self) -> None:
        """Ask it to end; a run under way is left where it is."""
        self._stopping.set()

    async def run(self) -> None:
        """Run until stopped."""
        stopping = asyncio.create_task(self._stopping.wait())
        async with Client(self._settings, self._issuer_url) as client:
            while not self._stopping.is_set():
                pause = asyncio.create_task(asyncio.sleep(self._every))
                turn = asyncio.create_task(self._turn(client))
                await asyncio.wait({turn, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if turn.done():
                    turn.result()
                    await asyncio.wait({pause, stopping}, return_when=asyncio.FIRST_COMPLETED)
                for task in (turn, pause):
                    task.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await task
        stopping.cancel()

    async def _turn(self, client: Client) -> None:
        minute = Minute.of(self._clock())
        result = await play(client, minute, self._settings.patience_seconds)
        note(result)
        if result.failed is not None:
            log.warning("canary_failed", reason=result.failed.value, detail=result.why)
            if minute not in self._unfinished:
                self._unfinished.append(minute)
            return
        while self._unfinished:  # not counted: its time says how long ago it failed, not how fast the system is
            again = await play(client, self._unfinished[0], self._settings.patience_seconds)
            if again.failed is not None:
                return
            self._unfinished.popleft()
