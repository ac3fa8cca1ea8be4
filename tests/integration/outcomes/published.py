"""What outcomes has published, from its outbox: as events, and as the records of a log that a replay folds again."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence

import asyncpg
from pydantic import SecretStr
from rich.progress import Progress

from services.contracts.registry import EVENTS
from services.contracts.types import TOPIC_OUTCOME
from services.kernel.clock import parse_rfc3339
from services.kernel.decision import Event
from services.kernel.envelope import to_headers
from services.kernel.replay.command import Verdict, verify
from services.kernel.replay.history import History
from services.kernel.runtime.records import Record
from services.kernel.sealing.subject_key import KeyFound
from services.kernel.settings import Environment, Settings
from services.outcomes.service import build
from tests.parts.databases import Database


async def published(pool: asyncpg.Pool) -> list[Event]:
    """Return the events, in the order in which they were decided."""
    events = []
    for row in await pool.fetch("SELECT headers, value FROM outbox ORDER BY id"):
        head = json.loads(row["headers"])
        data = EVENTS[head["type"]].model.model_validate_json(row["value"])
        at = parse_rfc3339(head["time"])
        events.append(Event(head["id"], head["type"], head["subject"], int(head["sequence"]), data, at))
    return events


async def replayed(outcomes: Database, pool: asyncpg.Pool, fed: Sequence[Record]) -> Verdict:
    """Fold the log again and hold it against the database, as an auditor does."""
    rows = await pool.fetch("SELECT key, value, headers::text FROM outbox ORDER BY id")
    own = [
        Record(TOPIC_OUTCOME, 0, n, key.encode(), value, to_headers(json.loads(found)))
        for n, (key, value, found) in enumerate(rows)
    ]

    async def log() -> AsyncIterator[Sequence[Record]]:
        yield [*fed, *own]

    async def no_keys(_: History) -> Mapping[str, KeyFound]:
        return {}

    settings = Settings(environment=Environment.DEVELOPMENT, database_url=SecretStr(outcomes.dsn))
    with Progress(disable=True) as bar:
        return await verify([build()], settings, log(), bar, no_keys)
