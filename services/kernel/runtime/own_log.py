"""Is the database as new as the service's own log?

A database that was restored from a backup would give sequences out again. So before a role serves, the
last records of each partition of the service's own output are looked up in the database. More than one: the
very last may be an old event that was sent again.
"""

import asyncpg
from aiokafka.errors import LeaderNotAvailableError

from services.kernel.envelope import Envelope, EnvelopeError, from_headers
from services.kernel.runtime.failures import Stop
from services.kernel.runtime.log_view import LogView
from services.kernel.service import Service

LOOK_BACK = 100
"""How many records of each partition are looked up."""

UNKNOWN = """
SELECT coalesce(a.sequence, 0) < n.sequence AS unknown
FROM unnest($2::text[], $3::bigint[], $4::text[]) AS n(key, sequence, event_id)
LEFT JOIN aggregate a ON a.key = n.key
WHERE coalesce(a.sequence, 0) < n.sequence
   OR EXISTS (SELECT FROM outbox o WHERE o.topic = $1 AND o.key = n.key AND o.sequence = n.sequence
              AND o.event_id <> n.event_id)
ORDER BY unknown LIMIT 1
"""
EVER_SENT = "SELECT EXISTS (SELECT FROM outbox o, outbox_progress p WHERE o.topic = $1 AND p.sent @> o.id)"


async def check_own_log(pool: asyncpg.Pool | asyncpg.Connection, service: Service, log: LogView) -> None:
    """Raise :class:`Stop` when the log holds an event of ours that the database does not know."""
    last = await last_events(log, service)
    if last is None:
        if await pool.fetchval(EVER_SENT, service.output):
            raise LeaderNotAvailableError(f"the broker does not name the partitions of {service.output}")
        return
    keys, sequences, ids = [e.subject for e in last], [e.sequence for e in last], [e.id for e in last]
    unknown = await pool.fetchval(UNKNOWN, service.output, keys, sequences, ids)
    if unknown is None:
        return
    what = "events that this database does not" if unknown else "other events than this database under their sequences"
    raise Stop(
        "database_behind_log",
        f"the log of {service.output} holds {what}: it was restored from a backup; run: pathway restore "
        f"{service.name} --apply",
        service.output,
    )


async def last_events(log: LogView, service: Service) -> list[Envelope] | None:
    """Return the service's own events among the last records of each partition; None: there are no partitions."""
    places = await log.partitions(service.output)
    if not places:
        return None
    extents = await log.extents(places)
    found: dict[tuple[str, int], Envelope] = {}
    async for records in log.read({place: (max(e.earliest, e.end - LOOK_BACK), e.end) for place, e in extents.items()}):
        for record in records:
            try:
                envelope = from_headers(record.headers, record.key)
            except EnvelopeError:
                continue
            if envelope.source == service.source:
                found[envelope.subject, envelope.sequence] = envelope
    return list(found.values())
