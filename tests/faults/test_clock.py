"""A clock that is a day off, ahead or behind: times differ, effects do not."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.kernel.clock import system_clock
from services.kernel.decision import Command
from services.kernel.runtime.commands import Commands
from services.kernel.runtime.inbox import Inbox
from tests.faults.stage import Stage
from tests.tally.domain import Added, tally_service
from tests.tally.records import record

DAY = timedelta(days=1)


@pytest.mark.parametrize("off", [-DAY, DAY], ids=["a day behind", "a day ahead"])
async def test_a_service_whose_clock_is_off(stage: Stage, off: timedelta) -> None:
    def shifted() -> datetime:
        return system_clock() + off

    right, wrong = (Inbox(tally_service(), None, stage.pool, clock) for clock in (system_clock, shifted))
    await right.process([record(0, "a", 1, 5), record(1, "b", 1, 6)])
    await wrong.process([record(2, "a", 2, 7)])
    async with Commands(stage.pool, tally_service(), None, shifted).begin() as transaction:
        await transaction.execute(Command(transaction.command_id, "number.add", "b", Added(number=8)))
    await right.process([record(3, "a", 3, 9)])
    for key, number in (("a", 5), ("b", 6), ("a", 7), ("b", 8), ("a", 9)):
        stage.expect(key, number)
    await stage.until_counted()
    async with stage.relaying():
        await stage.until("SELECT count(*) = 0 FROM outbox_unsent")
    await stage.prove_log()
    rows: list[Any] = await stage.admin.fetch(
        "SELECT key, sequence, headers FROM outbox WHERE (key, sequence) IN (('a', 2), ('b', 2))"
    )
    for _, _, headers in rows:
        recorded = datetime.fromisoformat(json.loads(headers)["recordedtime"])
        assert abs(recorded - shifted()) < timedelta(minutes=5)
