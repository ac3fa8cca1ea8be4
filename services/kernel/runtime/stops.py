"""The latched stops of a service: one row for each reason, open until somebody ends it.

While one is open no worker reads. Two of them say that the database is older than the service's own log; then
commands are refused too, and only a restore ends them.
"""

import asyncpg
import structlog

from services.kernel.runtime import metrics
from services.kernel.runtime.failures import Stop

log = structlog.get_logger()

BEHIND_LOG = "database_behind_log"
RESTORING = "restoring"
ONLY_BY_RESTORE = frozenset({BEHIND_LOG, RESTORING})
"""Reasons that no operator may resume: sequences would be given out a second time."""

LATCH = """
INSERT INTO consumer_stop (reason, detail, topic, partition) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
RETURNING true
"""
BEHIND = "FROM consumer_stop WHERE resumed_at IS NULL AND reason IN ('database_behind_log', 'restoring')"
"""What to SELECT from: there is a row while the database is behind the service's own log, as far as anybody looked."""


async def latch(database: asyncpg.Pool | asyncpg.Connection, service: str, stop: Stop) -> None:
    """Write a stop down, once for each reason. May raise what the database raises."""
    if await database.fetchval(LATCH, stop.reason, stop.detail, stop.topic, stop.partition):
        metrics.stops.labels(service, stop.reason).inc()
        log.error("consumer_stopped", service=service, reason=stop.reason, detail=stop.detail, topic=stop.topic)
