"""A database restored from a backup: nothing is served, nothing decided twice, no sequence given again."""

import asyncio

import pytest

from services.kernel.decision import Command, Refused
from services.kernel.operations.audit import OperationRefused
from services.kernel.operations.restore import restore
from services.kernel.runtime.commands import Commands
from services.kernel.runtime.database import open_pool
from services.kernel.runtime.log_view import open_log
from tests.faults.stage import Stage
from tests.tally.domain import SILENT, Added, tally_service

KEYS = [f"k{n}" for n in range(12)]


async def fold_back(stage: Stage, *, apply: bool, accept_trimmed: bool = False) -> tuple[int, int, int]:
    """Run the operator's command; returns (events, keys, inputs)."""
    pool = await open_pool(stage.databases("tally").dsn)
    try:
        async with open_log(stage.settings()) as log:
            found = await restore(pool, tally_service(), log, actor="ann", apply=apply, accept_trimmed=accept_trimmed)
    finally:
        pool.terminate()
    return found.events, len(found.keys), found.inputs


async def back_up_and_go_on(stage: Stage) -> str:
    """Count some numbers, take a backup, count more; returns the backup's name."""
    database = stage.databases("tally")
    backup = f"{database.name}_backup"
    async with stage.consuming(), stage.relaying():
        await stage.send(KEYS, each=5)
        await stage.prove()
    database.postgres.copy_database(database.name, backup)
    await stage.reconnect()
    async with stage.consuming(), stage.relaying():
        await stage.send(KEYS[:7], each=4)
        await stage.send(["new"], each=3)
        await stage.prove()
    return backup


async def put_back(stage: Stage, backup: str) -> None:
    database = stage.databases("tally")
    database.postgres.copy_database(backup, database.name)
    database.postgres.drop_database(backup)
    await stage.reconnect()


async def test_a_restored_database_serves_only_after_it_has_folded_its_own_log(stage: Stage) -> None:
    backup = await back_up_and_go_on(stage)
    await put_back(stage, backup)
    events = 7 * 4 + 3

    async with stage.consuming(), stage.relaying() as relay:
        await stage.until("SELECT reason = 'database_behind_log' FROM consumer_stop WHERE resumed_at IS NULL")
        assert sum(count for count, _ in (await stage.totals()).values()) == 12 * 5
        while relay.trouble is None or "restored" not in relay.trouble:
            await stage.until("SELECT true")

    assert await fold_back(stage, apply=False) == (events, 8, events)
    assert sum(count for count, _ in (await stage.totals()).values()) == 12 * 5, "a dry run changes nothing"
    assert await fold_back(stage, apply=True) == (events, 8, events)
    assert await fold_back(stage, apply=True) == (0, 0, 0), "a second run finds nothing"

    async with stage.consuming(), stage.relaying():
        await stage.prove()
        await stage.send([*KEYS, "new", "newer"], each=2)
        await stage.prove()
    assert await stage.admin.fetchval("SELECT count(*) FROM restored_input") == 0
    assert await stage.admin.fetchval("SELECT count(*) FROM operator_action WHERE action = 'restore'") == 2


async def test_inputs_that_said_nothing_are_skipped_with_those_that_did(stage: Stage) -> None:
    database = stage.databases("tally")
    backup = f"{database.name}_backup"
    async with stage.consuming(), stage.relaying():
        await stage.send(["a"])
        await stage.prove()
    database.postgres.copy_database(database.name, backup)
    await stage.reconnect()
    async with stage.consuming(), stage.relaying():
        await stage.put([stage.raw("a", 2, SILENT)])
        stage.sequences["a"] = 2
        await stage.send(["a"])
        await stage.prove()
    await put_back(stage, backup)
    await fold_back(stage, apply=True)
    async with stage.consuming(), stage.relaying():
        await stage.send(["a"])
        await stage.prove()


async def test_a_log_whose_beginning_is_gone_is_not_restored_from_unless_the_backup_holds_it(stage: Stage) -> None:
    """Whole keys may have gone with it, so what is left has no gap that would show."""
    backup = await back_up_and_go_on(stage)
    await put_back(stage, backup)
    ends = await asyncio.to_thread(stage.kafka.ends, stage.tallies)
    gone = next(number for number, (_, end) in sorted(ends.items()) if end)
    await asyncio.to_thread(stage.kafka.cut_off, stage.tallies, gone, 1)
    for apply in (False, True):
        with pytest.raises(OperationRefused, match=f"partition {gone} begins at 1") as refused:
            await fold_back(stage, apply=apply)
        assert refused.value.code == "log_trimmed"
    assert await fold_back(stage, apply=True, accept_trimmed=True) == (31, 8, 31)


async def test_a_restore_refuses_while_a_relay_leads(stage: Stage) -> None:
    async with stage.consuming(), stage.relaying() as relay:
        await stage.send(KEYS)
        await stage.prove()
        assert relay.trouble is None
        with pytest.raises(OperationRefused) as refused:
            await fold_back(stage, apply=True)
        assert refused.value.code == "relay_runs"
        await stage.send(KEYS)
        await stage.prove()


async def test_commands_are_refused_while_the_database_is_behind_its_log(stage: Stage) -> None:
    backup = await back_up_and_go_on(stage)
    await put_back(stage, backup)
    pool = await open_pool(stage.databases("tally").dsn)
    try:
        async with stage.consuming():
            await stage.until("SELECT reason = 'database_behind_log' FROM consumer_stop WHERE resumed_at IS NULL")
        commands = Commands(pool, tally_service(), None)
        with pytest.raises(Refused) as refused:
            async with commands.begin() as tx:
                await tx.execute(Command(tx.command_id, "add", "k0", Added(number=1)))
        assert refused.value.status == 503
        assert refused.value.reasons[0].code == "database_behind_log"
    finally:
        pool.terminate()


async def test_a_command_in_hand_when_a_restore_begins_is_seen_by_it(stage: Stage) -> None:
    """It has looked for a restore already and commits a sequence that the log holds: neither history is dropped."""
    backup = await back_up_and_go_on(stage)
    await put_back(stage, backup)
    pool = await open_pool(stage.databases("tally").dsn)
    try:
        async with Commands(pool, tally_service(), None).begin() as tx:
            await tx.execute(Command(tx.command_id, "add", "k0", Added(number=1)))
            restoring = asyncio.ensure_future(fold_back(stage, apply=True))
            await stage.until_blocked("aggregate")
        with pytest.raises(OperationRefused) as refused:
            await restoring
        assert refused.value.code == "two_histories"
    finally:
        pool.terminate()


async def test_a_restore_waits_for_the_batch_in_hand(stage: Stage) -> None:
    """It would decide inputs that the restore has just found answered."""
    backup = await back_up_and_go_on(stage)
    await put_back(stage, backup)
    async with stage.holding("SELECT FROM stream_position FOR UPDATE"):
        restoring = asyncio.ensure_future(fold_back(stage, apply=True))
        await stage.until_blocked("stream_position")
        assert sum(count for count, _ in (await stage.totals()).values()) == 12 * 5
    assert (await restoring)[0] == 7 * 4 + 3


async def test_another_stop_does_not_hide_that_the_database_is_behind(stage: Stage) -> None:
    backup = await back_up_and_go_on(stage)
    await put_back(stage, backup)
    await stage.admin.execute("INSERT INTO consumer_stop (reason, detail) VALUES ('too_many_bugs', '')")
    async with stage.consuming():
        await stage.until(
            "SELECT count(*) = 1 FROM consumer_stop WHERE resumed_at IS NULL AND reason = 'database_behind_log'"
        )
    await fold_back(stage, apply=True)
    assert await stage.admin.fetchval("SELECT reason FROM consumer_stop WHERE resumed_at IS NULL") == "too_many_bugs"
    await stage.resume()
    async with stage.consuming(), stage.relaying():
        await stage.prove()
