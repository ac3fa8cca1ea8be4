"""Coaching without a broker: ``python -m tests.benchmarks.coaching [--json]``, and rows of ``make bench``.

``stage/coaching``: ``triage.completed`` as its bytes, through the batch transaction that every runner calls, on a
database; no consumer and no relay, so it is not to be compared with the stages on Kafka. ``http/plan-command``: one
client, one command after the other, through the whole API in this process on a database; no network.
"""

import asyncio
import itertools
import json
import logging
import statistics
import sys
import time
from typing import Any, Final

import asyncpg
import httpx
import structlog
from pydantic import SecretStr

from services.coaching.api import create_app
from services.contracts.types import TOPIC_TRIAGE, TRIAGE_COMPLETED
from services.embedded.postgres import Postgres
from services.kernel.decision import Draft
from services.kernel.envelope import to_headers
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.ids import event_id, uuid7
from services.kernel.runtime.fold import Lineage, attributes, encode, mint
from services.kernel.runtime.inbox import Inbox
from services.kernel.runtime.records import Record
from services.kernel.settings import Environment, Settings
from services.triage.service import build as build_triage
from tests.benchmarks.measure import cpu_seconds
from tests.parts.databases import Database, Databases
from tests.parts.keys import MadeKeys, key_of
from tests.unit.coaching.desk import NOW, REFERRED_ON, SERVICE, policy, triage_event

EVENTS: Final = 5_000
BATCH: Final = 500
"""The most that a batch holds."""
COMMANDS: Final = 600
WARM_UP: Final = 100


def coaching_rows(postgres: Postgres, templates: dict[str, str]) -> list[dict[str, Any]]:
    """Measure both; return rows of bench.json."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    databases = Databases(postgres, templates)
    server = int((postgres.data / "postmaster.pid").read_text().split()[0])
    try:
        return asyncio.run(_measure(databases("coaching"), server))
    finally:
        databases.close()


async def _measure(database: Database, server: int) -> list[dict[str, Any]]:
    async with asyncpg.create_pool(database.dsn, min_size=2, max_size=2) as pool:
        records = _records(EVENTS + BATCH)
        stage = await _stage(pool, records, server)
    first = records[0].key
    assert first is not None
    return [stage, *await _commands(database, first.decode())]


def _records(count: int) -> list[Record]:
    """Return that many first revisions as triage publishes them, each of a person of their own."""
    triage = build_triage()
    made = []
    for offset in range(count):
        referral_id, person_id = uuid7(NOW), uuid7(NOW)
        data = triage_event(TRIAGE_COMPLETED, referral_id=referral_id, person_id=person_id)
        cause = event_id(uuid7(NOW), TRIAGE_COMPLETED, 0)
        event = mint(triage, [Draft(TRIAGE_COMPLETED, data)], referral_id, 0, cause, NOW)[0]
        headers = to_headers(attributes(triage, event, cause, Lineage(NOW, cause)))
        value = encode(event, key_of(person_id))
        made.append(Record(TOPIC_TRIAGE, 0, offset, referral_id.encode(), value, headers))
    return made


async def _stage(pool: asyncpg.Pool, records: list[Record], server: int) -> dict[str, Any]:
    inbox = Inbox(SERVICE, policy(), pool, keys=MadeKeys())
    await inbox.process(records[:BATCH])
    began, mine, paid = time.perf_counter(), time.process_time(), cpu_seconds([server])
    for start in range(BATCH, len(records), BATCH):
        await inbox.process(records[start : start + BATCH])
    took, python, postgres = time.perf_counter() - began, time.process_time() - mine, cpu_seconds([server]) - paid
    count = len(records) - BATCH
    cpu = {"python": round(python / count * 1e6, 1), "postgresql": round(postgres / count * 1e6, 1)}
    return {"name": "stage/coaching", "value": round(count / took, 1), "unit": "events/s", "cpu_us": cpu}


async def _commands(database: Database, referral_id: str) -> list[dict[str, Any]]:
    settings = Settings(environment=Environment.DEVELOPMENT, database_url=SecretStr(database.dsn))
    issuer = DevIssuer(settings)
    app = create_app(settings, issuer_transport=issuer.transport(), clock=lambda: NOW, keys=MadeKeys())
    headers = issuer.headers(
        "coach",
        sub="coach-1",
        org="growth-company",
        organisation_kind="provider",
        programme="workwell-greater-manchester",
    )
    body = {"kind": "contacted", "occurred_on": REFERRED_ON.isoformat(), "channel": "phone", "reached": True}
    numbers = itertools.count()
    took = []
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api", headers=headers) as client,
    ):
        for _ in range(WARM_UP + COMMANDS):
            began = time.perf_counter()
            key = {"Idempotency-Key": f"bench-{next(numbers)}"}
            answer = await client.post(f"/plans/{referral_id}/commands", json=body, headers=key)
            took.append(time.perf_counter() - began)
            if answer.status_code != 200:
                raise RuntimeError(f"a command was answered {answer.status_code}")
    cuts = statistics.quantiles(took[WARM_UP:], n=20)
    shown = {"p50": cuts[9], "p95": cuts[18]}
    return [
        {"name": f"http/plan-command {name}", "value": round(seconds * 1000, 2), "unit": "ms", "cpu_us": None}
        for name, seconds in shown.items()
    ]


def main() -> None:
    """Measure and print."""
    with Postgres(durable=True) as postgres:
        rows = coaching_rows(postgres, {})
    if "--json" in sys.argv[1:]:
        print(json.dumps({"rows": rows}))
        return
    for row in rows:
        print(f"{row['name']}: {row['value']} {row['unit']} {row['cpu_us'] or ''}")


if __name__ == "__main__":
    main()
