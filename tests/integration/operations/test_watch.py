"""What waits too long is said."""

import asyncpg
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from services.kernel.runtime.consumption import Consumption
from services.kernel.runtime.inbox import Inbox
from services.kernel.runtime.watch import Watch
from services.kernel.settings import Environment, Settings
from tests.parts.databases import Databases
from tests.tally.domain import tally_service
from tests.tally.records import record


@pytest.mark.parametrize(("minutes", "said"), [(14, False), (16, True)])
async def test_a_key_that_waits_over_fifteen_minutes_is_said(
    database: Databases, inbox: Inbox, pool: asyncpg.Pool, minutes: int, said: bool
) -> None:
    await inbox.process([record(0, "a", 2)])
    await pool.execute("UPDATE waiting_event SET waiting_since = now() - make_interval(mins => $1)", minutes)
    settings = Settings(environment=Environment.DEVELOPMENT, database_url=SecretStr(database("tally").dsn))
    consumption = Consumption(tally_service(), settings)
    with capture_logs() as logs:
        await Watch(consumption).look()
    await consumption.close()
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == (
        ["key_waits_too_long"] if said else []
    )
