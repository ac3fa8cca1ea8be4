"""The database is restarted, is full or is slow in the middle of a batch: the batch is tried again."""

from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from services.embedded.postgres import Mode, Postgres
from services.kernel.runtime import tables
from services.kernel.runtime.outbox import SAFE_AFTER
from tests.faults.stage import Stage, until

NO_INSERT = "LOCK TABLE outbox IN SHARE MODE"
KEYS = [f"k{n}" for n in range(12)]

FULL = """
CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$
"""
WHEN_FULL = {
    "a row is written": "CREATE TRIGGER full_disk BEFORE INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION full_disk()",
    "the batch commits": "CREATE CONSTRAINT TRIGGER full_disk AFTER UPDATE OF next_offset ON stream_position "
    "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION full_disk()",
    "rows are marked": "CREATE TRIGGER full_disk BEFORE UPDATE ON outbox_progress "
    "FOR EACH ROW EXECUTE FUNCTION full_disk()",
}


def tried_again(cause: str) -> float:
    """How often a batch or a publication was tried again for that cause, in this process."""
    found = [
        REGISTRY.get_sample_value("pathway_retries_total", {"service": "tally", "cause": cause}),
        REGISTRY.get_sample_value("pathway_relay_failures_total", {"service": "tally", "cause": cause}),
    ]
    return sum(value or 0 for value in found)


async def until_tried_again(cause: str, times: int = 2) -> None:
    before = tried_again(cause)

    async def often() -> bool:
        return tried_again(cause) >= before + times

    await until(often, what=f"{times} more tries after {cause}")


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_a_restart_in_mid_batch(stage: Stage, postgres: Postgres, mode: Mode) -> None:
    await stage.send(KEYS, 3)
    async with stage.relaying(), stage.consuming():
        async with stage.holding(NO_INSERT):
            await stage.until_blocked("outbox")
            postgres.restart(mode)
        await stage.reconnect()
        await stage.send(KEYS, 1)
        await stage.prove()


@pytest.mark.parametrize("moment", WHEN_FULL)
async def test_a_full_disk_is_waited_out(stage: Stage, moment: str) -> None:
    await stage.admin.execute(FULL)
    await stage.admin.execute(WHEN_FULL[moment])
    await stage.send(KEYS, 3)
    async with stage.relaying(), stage.consuming() as consumption:
        await until_tried_again("DiskFullError")
        if moment != "rows are marked":
            assert await stage.positions() == {}
        assert consumption.ready
        await stage.admin.execute("DROP FUNCTION full_disk CASCADE")
        await stage.prove()


async def test_a_transaction_that_is_too_old_rolls_back(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_TRANSACTION_SECONDS", 0)
    await stage.send(KEYS, 3)
    async with stage.relaying(), stage.consuming():
        await until_tried_again("TransactionTooOld")
        assert await stage.positions() == {}
        assert await stage.totals() == {}
        monkeypatch.undo()
        await stage.prove()


async def test_no_transaction_can_outlive_what_the_floor_allows(stage: Stage) -> None:
    """Age when it checks itself, then at most one time-out idle and one in a statement."""
    settings = await stage.admin.fetchval(
        "SELECT setconfig FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole WHERE rolname = 'tally_run'"
    )
    limits = dict(setting.split("=") for setting in settings)
    assert limits["statement_timeout"] == limits["idle_in_transaction_session_timeout"] == "10s"
    assert timedelta(seconds=tables.MAX_TRANSACTION_SECONDS + 10 + 10) < SAFE_AFTER
