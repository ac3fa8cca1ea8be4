"""``money/settle``: a month of many participants closed, without a broker: ``python -m tests.benchmarks.settling``.

Each participant has two entries, their milestone and an engagement. The whole closing is measured: one transaction with
its lines, its events and its seals. Memory is Python's peak, traced in a run of its own, because tracing costs time.
"""

import asyncio
import json
import logging
import sys
import time
import tracemalloc
from datetime import UTC, datetime
from typing import Any, Final

import asyncpg
import structlog

from services.embedded.postgres import Postgres
from services.kernel.runtime.commands import Commands
from services.kernel.runtime.memory import collect_rarely
from services.outcomes.service import build
from services.outcomes.settlement.closing import close
from services.programmes.reader import load_book
from tests.benchmarks.measure import cpu_seconds
from tests.parts.databases import Database, Databases

PARTICIPANTS: Final = 20_000
FEW: Final = 2_000
PROGRAMME: Final = "workwell-greater-manchester"
NOW: Final = datetime(2025, 6, 2, 9, tzinfo=UTC)
ENTRIES: Final = """
WITH entry AS (
    SELECT gen_random_uuid() AS id, n, m.milestone, m.amount FROM generate_series(1, $1::int) n,
    (VALUES ('participant', 402), ('engagement', 50)) m (milestone, amount)),
posted AS (
    INSERT INTO ledger_transaction (id, kind, programme, contract, provider, referral_id, person_id, milestone,
        occurrence, sequence, effective_on, amount_pence, evidence, card_id, card_version, card_sha256,
        reasons, known_at)
    SELECT id, 'earned', 'workwell-greater-manchester',
           CASE WHEN n % 2 = 0 THEN 'wwgm-manchester-growth-company' ELSE 'wwgm-manchester-big-life' END,
           CASE WHEN n % 2 = 0 THEN 'growth-company' ELSE 'big-life' END,
           'r' || n, 'p' || n, milestone, 1, CASE milestone WHEN 'participant' THEN 1 ELSE 2 END,
           '2024-10-01'::date + n % 31, amount, '[]', 'wwgm-manchester', '2024.1', 'x', '[]',
           '2024-10-01Z'::timestamptz + n % 31 * interval '1 day' + n * interval '1 second'
    FROM entry RETURNING id, contract, amount_pence)
SELECT count(*) FROM posted
"""
LINES: Final = """
INSERT INTO ledger_line SELECT id, side, contract, account, sign * amount_pence FROM ledger_transaction,
    (VALUES (1, 'cost', 1), (2, 'accrued', -1)) s (side, account, sign)
"""


def settling_rows(postgres: Postgres, templates: dict[str, str]) -> list[dict[str, Any]]:
    """Measure; return rows of bench.json."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    server = int((postgres.data / "postmaster.pid").read_text().split()[0])
    rows: list[dict[str, Any]] = []
    for count in (FEW, PARTICIPANTS):
        databases = Databases(postgres, templates)
        try:
            rows.append(asyncio.run(_settle(databases("outcomes"), server, count, traced=True)))
        finally:
            databases.close()
    databases = Databases(postgres, templates)
    try:
        return [*rows, asyncio.run(_settle(databases("outcomes"), server, PARTICIPANTS, traced=False))]
    finally:
        databases.close()


async def _settle(database: Database, server: int, count: int, *, traced: bool) -> dict[str, Any]:
    owner = await asyncpg.connect(database.admin_dsn)
    await owner.execute("SET statement_timeout = 0")
    await owner.fetchval(ENTRIES, count)
    await owner.execute(LINES)
    await owner.execute("ANALYZE")
    await owner.close()
    book = load_book()
    async with asyncpg.create_pool(database.dsn, min_size=2, max_size=2) as pool:
        commands = Commands(pool, build(), build().policy(), lambda: NOW)
        collect_rarely()  # as every API and the command do
        if traced:
            tracemalloc.start()
        python, postgres, started = time.process_time(), cpu_seconds([server]), time.monotonic()
        await close(commands, book, PROGRAMME, "2024-10", by="bench", confirm=True)
        seconds = time.monotonic() - started
        python, postgres = time.process_time() - python, cpu_seconds([server]) - postgres
    if traced:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return {"name": f"money/settle memory, {count}", "value": round(peak / 1e6, 1), "unit": "MB", "cpu_us": None}
    cpu = {"python": round(python / count * 1e6, 1), "postgresql": round(postgres / count * 1e6, 1)}
    return {"name": "money/settle", "value": round(count / seconds), "unit": "participants/s", "cpu_us": cpu}


def main() -> None:
    """Print the rows as JSON."""
    with Postgres(durable=True) as postgres:
        json.dump(settling_rows(postgres, {}), sys.stdout, indent=2)
        print()


if __name__ == "__main__":
    main()
