"""Is the database as new as the service's own log?

A database that was restored from a backup would give sequences out again. So before a role serves, the
last record of each partition of the service's own output is looked up in the database.
"""

import asyncpg

from services.kernel.envelope import EnvelopeError, from_headers
from services.kernel.runtime.failures import Stop
from services.kernel.runtime.log_view import LogView, Place
from services.kernel.runtime.records import Record
from services.kernel.service import Service

KNOWN = """
SELECT n.key FROM unnest($1::text[], $2::bigint[]) AS n(key, sequence)
LEFT JOIN aggregate a ON a.key = n.key WHERE coalesce(a.sequence, 0) < n.sequence
"""


async def check_own_log(pool: asyncpg.Pool | asyncpg.Connection, service: Service, log: LogView) -> None:
    """Raise :class:`Stop` when the log holds an event of ours that the database does not know."""
    last = await last_records(log, service.output)
    ours = []
    for record in last.values():
        try:
            envelope = from_headers(record.headers, record.key)
        except EnvelopeError:
            continue
        if envelope.source == service.source:
            ours.append((envelope.subject, envelope.sequence))
    missing = await pool.fetch(KNOWN, [key for key, _ in ours], [sequence for _, sequence in ours])
    if missing:
        raise Stop(
            "database_behind_log",
            f"the log of {service.output} holds events that this database does not: it was restored from a "
            f"backup; run: pathway restore {service.name} --apply",
            service.output,
        )


async def last_records(log: LogView, topic: str) -> dict[Place, Record]:
    """Return the last record of each partition that has one."""
    places = await log.partitions(topic)
    if not places:
        return {}
    extents = await log.extents(places)
    spans = {place: (e.end - 1, e.end) for place, e in extents.items() if e.end > e.earliest}
    found: dict[Place, Record] = {}
    async for records in log.read(spans):
        found.update({(r.topic, r.partition): r for r in records})
    return found
