"""Outcomes without a broker: ``python -m tests.benchmarks.outcomes [--json]``, and a row of ``make bench``.

``stage/outcomes``: ``plan.updated`` as its bytes, through the batch transaction that every runner calls, on a database:
attended sessions, each of which earns. No consumer and no relay, so it is not to be compared with the stages on Kafka.
"""

import asyncio
import json
import logging
import sys
import time
from datetime import timedelta
from typing import Any, Final

import asyncpg
import structlog

from services.embedded.postgres import Postgres
from services.kernel.runtime.inbox import Inbox
from services.kernel.runtime.records import Record
from services.outcomes.service import build
from tests.benchmarks.measure import cpu_seconds
from tests.integration.outcomes.conftest import record_of
from tests.parts.databases import Databases
from tests.unit.outcomes.histories import REFERRED, Plan

PEOPLE: Final = 1_375
SESSIONS: Final = 4
"""Each earns: the participant and three engagements."""
BATCH: Final = 500
"""The most that a batch holds."""


def outcomes_rows(postgres: Postgres, templates: dict[str, str]) -> list[dict[str, Any]]:
    """Measure; return rows of bench.json."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    databases = Databases(postgres, templates)
    server = int((postgres.data / "postmaster.pid").read_text().split()[0])
    try:
        return [asyncio.run(_stage(databases("outcomes").dsn, server))]
    finally:
        databases.close()


def _records() -> list[Record]:
    """Return sessions of that many people, a fortnight apart, one round after the other."""
    plans = [Plan(f"person {number}") for number in range(PEOPLE)]
    days = [REFERRED + timedelta(days=7 + 14 * number) for number in range(SESSIONS)]
    causes = [plan.session(day) for day in days for plan in plans]
    return [record_of(cause, offset) for offset, cause in enumerate(causes)]


async def _stage(dsn: str, server: int) -> dict[str, Any]:
    records = _records()
    async with asyncpg.create_pool(dsn, min_size=2, max_size=2) as pool:
        service = build()
        inbox = Inbox(service, service.policy(), pool)
        await inbox.process(records[:BATCH])
        began, mine, paid = time.perf_counter(), time.process_time(), cpu_seconds([server])
        for start in range(BATCH, len(records), BATCH):
            await inbox.process(records[start : start + BATCH])
        took, python, postgres = time.perf_counter() - began, time.process_time() - mine, cpu_seconds([server]) - paid
        entries = await pool.fetchval("SELECT count(*) FROM ledger_transaction")
    if entries != len(records):
        raise RuntimeError(f"{len(records)} sessions led to {entries} entries")
    count = len(records) - BATCH
    cpu = {"python": round(python / count * 1e6, 1), "postgresql": round(postgres / count * 1e6, 1)}
    return {"name": "stage/outcomes", "value": round(count / took, 1), "unit": "events/s", "cpu_us": cpu}


def main() -> None:
    """Measure and print."""
    with Postgres(durable=True) as postgres:
        rows = outcomes_rows(postgres, {})
    if "--json" in sys.argv[1:]:
        print(json.dumps({"rows": rows}))
        return
    for row in rows:
        print(f"{row['name']}: {row['value']} {row['unit']} {row['cpu_us'] or ''}")


if __name__ == "__main__":
    main()
