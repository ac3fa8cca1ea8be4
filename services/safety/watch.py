"""What waits for a named person, as gauges and as an error in the log: by counts, never by whom it is about."""

from typing import Final

import structlog
from prometheus_client import Gauge

from services.contracts.safety_codes import ResponseTime
from services.kernel.clock import Clock, system_clock
from services.kernel.operations.audit import Pool
from services.kernel.service import Look
from services.kernel.settings import Settings
from services.safety.tasks import limits_of, waiting

log = structlog.get_logger()

WAITING: Final = Gauge(
    "pathway_safety_tasks",
    "Safety tasks that await a named person, by how soon one must look and whether that time is over",
    ["service", "response", "breached"],
)
OLDEST: Final = Gauge(
    "pathway_safety_oldest_seconds", "Age of the safety task that waits longest", ["service", "response"]
)


def look_of(name: str, clock: Clock = system_clock) -> Look:
    """Return what a service's worker asks now and then. While a time is over it is said again at every look."""

    async def look(pool: Pool, settings: Settings) -> None:
        now = clock()
        tasks = await waiting(pool, now, limits_of(settings))
        for response in ResponseTime:
            mine = [task for task in tasks if task.response is response]
            breached = [task for task in mine if task.breached]
            WAITING.labels(name, response.value, "true").set(len(breached))
            WAITING.labels(name, response.value, "false").set(len(mine) - len(breached))
            oldest = 0.0 if not mine else (now - mine[0].raised_at).total_seconds()
            OLDEST.labels(name, response.value).set(oldest)
            if breached:
                log.error("safety_tasks_breached", service=name, reason=response.value, count=len(breached))

    return look
