"""After a backup: what some inputs did to a service's rows, done again from their beginning.

An input that scrubs rows had been applied before the backup's rows came back, or had not come yet: either way what it
scrubs must be gone before anything is served. Such rows are projected from the input alone, so doing it again
changes nothing.
"""

import asyncpg

from services.kernel.operations.audit import transaction
from services.kernel.runtime.log_view import LogView
from services.kernel.runtime.records import Decoded, Record, UnknownVersion, decode
from services.kernel.runtime.tables import write_rows
from services.kernel.service import Change, Row, Service, Table


async def reapply_inputs(pool: asyncpg.Pool, service: Service, log: LogView) -> int:
    """Project the inputs of the service's ``reapplied`` topics again, whole; return how many there were."""
    done = 0
    for topic in sorted(service.reapplied):
        places = await log.partitions(topic)
        extents = await log.extents(places)
        async for records in log.read({place: (e.earliest, e.end) for place, e in extents.items()}):
            rows: dict[Table, list[tuple[object, ...]]] = {}
            for table, row in (row for record in records for row in _rows(service, record)):
                rows.setdefault(table, []).append(row)
            async with transaction(pool, apply=True) as connection:
                for table, found in rows.items():
                    await write_rows(connection, table, found)
            done += len(records)
    return done


def _rows(service: Service, record: Record) -> list[Row]:
    try:
        item = decode(service, record)
    except UnknownVersion:
        return []  # the consumer stops at it and says so
    if not isinstance(item, Decoded) or item.cause is None:
        return []
    return list(service.project(Change(item.envelope.subject, item.cause, [], None)))
