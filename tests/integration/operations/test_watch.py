"""What waits too long is said."""

import asyncpg
import pytest
from prometheus_client import REGISTRY
from pydantic import SecretStr
from structlog.testing import capture_logs

from services.kernel.operations.dead_letters import DeadLetters
from services.kernel.runtime.consumption import Consumption
from services.kernel.runtime.inbox import Inbox
from services.kernel.runtime.watch import Watch
from services.kernel.settings import Environment, Settings
from tests.parts.databases import Databases
from tests.tally.domain import tally_service
from tests.tally.records import record

OTHER = "11111111-1111-5111-8111-111111111111"


async def said(database: Databases) -> list[str]:
    """Look once; returns what was said as an error."""
    settings = Settings(environment=Environment.DEVELOPMENT, database_url=SecretStr(database("tally").dsn))
    consumption = Consumption(tally_service(), settings)
    with capture_logs() as logs:
        await Watch(consumption).look()
    await consumption.close()
    return [entry["event"] for entry in logs if entry["log_level"] == "error"]


@pytest.mark.parametrize(("minutes", "words"), [(14, []), (16, ["key_waits_too_long"])])
async def test_a_key_that_waits_over_fifteen_minutes_is_said(
    database: Databases, inbox: Inbox, pool: asyncpg.Pool, minutes: int, words: list[str]
) -> None:
    await inbox.process([record(0, "a", 2)])
    await pool.execute("UPDATE waiting_event SET waiting_since = now() - make_interval(mins => $1)", minutes)
    assert await said(database) == words


async def test_a_stopped_key_is_said_at_once_though_nothing_waits_behind_it(
    database: Databases, inbox: Inbox, letters: DeadLetters
) -> None:
    await inbox.process([record(0, "a", 1), record(1, "a", 1, 9, event=OTHER), record(2, "b", 1)])
    assert await said(database) == ["keys_stopped"]
    assert REGISTRY.get_sample_value("pathway_stopped_keys", {"service": "tally"}) == 1
    assert REGISTRY.get_sample_value("pathway_waiting_keys", {"service": "tally"}) == 0
    await letters.discard(1, reason="a test", apply=True)
    assert await said(database) == []
    assert REGISTRY.get_sample_value("pathway_stopped_keys", {"service": "tally"}) == 0
