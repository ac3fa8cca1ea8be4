"""Holds that wait for a named person, as gauges."""

from typing import Final

from prometheus_client import Gauge

from services.kernel.operations.audit import Pool
from services.kernel.service import Look
from services.kernel.settings import Settings

WAITING: Final = Gauge("pathway_holds_waiting", "Held triages that nobody has acknowledged")
OLDEST: Final = Gauge("pathway_holds_oldest_seconds", "Age of the hold that waits longest")
LOOK: Final = """
SELECT count(*) AS waiting,
       coalesce(extract(epoch FROM clock_timestamp() - min(awaiting_since)), 0)::float8 AS oldest
FROM triage_case WHERE awaiting_since IS NOT NULL
"""


def with_holds(further: Look) -> Look:
    """Return what the worker asks now and then: the holds, and ``further``."""

    async def look(pool: Pool, settings: Settings) -> None:
        row = await pool.fetchrow(LOOK)
        if row is not None:
            WAITING.set(row["waiting"])
            OLDEST.set(row["oldest"])
        await further(pool, settings)

    return look
