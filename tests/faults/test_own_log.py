"""A database is held against its own log before anything serves, whatever stands at the log's end."""

from collections.abc import Awaitable, Callable

import pytest
from confluent_kafka import Producer

from services.kernel.operations.audit import OperationRefused
from services.kernel.operations.restore import Restored, restore
from services.kernel.runtime import assignment
from services.kernel.runtime.database import open_pool
from services.kernel.runtime.log_view import LogView, open_log
from tests.faults.stage import Stage
from tests.tally.domain import tally_service

SEND_AGAIN = """
UPDATE outbox_progress SET sent = sent - (SELECT range_agg(int8range(id, id, '[]')) FROM outbox WHERE sequence = 1)
"""
ALL_SENT = "SELECT count(*) = 0 FROM outbox_unsent"
BEHIND = "SELECT reason = 'database_behind_log' FROM consumer_stop WHERE resumed_at IS NULL"


async def published(stage: Stage) -> None:
    await stage.decide(["a"])
    await stage.until(ALL_SENT)


async def restored(stage: Stage, meanwhile: Callable[[], Awaitable[None]]) -> None:
    """Take a backup behind one event, let another be published, and put the backup back."""
    database = stage.databases("tally")
    backup = f"{database.name}_backup"
    async with stage.relaying():
        await published(stage)
    database.postgres.copy_database(database.name, backup)
    await stage.reconnect()
    async with stage.relaying():
        await published(stage)
        await meanwhile()
    database.postgres.copy_database(backup, database.name)
    database.postgres.drop_database(backup)
    await stage.reconnect()


async def fold_back(stage: Stage, *, apply: bool = True) -> Restored:
    pool = await open_pool(stage.databases("tally").dsn)
    try:
        async with open_log(stage.settings()) as log:
            return await restore(pool, tally_service(), log, actor="ann", apply=apply)
    finally:
        pool.terminate()


async def test_an_old_event_that_was_sent_again_hides_no_newer_one(stage: Stage) -> None:
    async def send_the_first_again() -> None:
        await stage.admin.execute(SEND_AGAIN)
        await stage.admin.execute("SELECT pg_notify('outbox', 'resend')")
        await stage.until(ALL_SENT)

    await restored(stage, send_the_first_again)
    async with stage.consuming() as consumption:
        await stage.until(BEHIND)
        assert not consumption.ready


async def test_a_command_answered_too_early_after_a_restore_is_neither_published_nor_lost(stage: Stage) -> None:
    """It took a sequence that the log holds: both histories are kept until somebody decides."""

    async def nothing() -> None:
        return

    await restored(stage, nothing)
    await stage.decide(["a"])
    async with stage.relaying() as relay, stage.consuming():
        await stage.until(BEHIND)
        while "other events" not in (relay.trouble or ""):
            await stage.until("SELECT true")
    for apply in (False, True):
        with pytest.raises(OperationRefused) as refused:
            await fold_back(stage, apply=apply)
        assert refused.value.code == "two_histories"
    assert not await stage.admin.fetchval(ALL_SENT)
    assert sum(end for _, end in stage.kafka.ends(stage.tallies).values()) == 2


async def test_what_ends_a_transaction_is_no_record_and_no_riddle(stage: Stage) -> None:
    producer = Producer({"bootstrap.servers": stage.kafka.bootstrap, "transactional.id": stage.prefix})
    producer.init_transactions(20)
    producer.begin_transaction()
    for partition in range(stage.partitions):
        producer.produce(stage.tallies, b"{}", b"foreign", partition)
    producer.commit_transaction(20)
    await stage.send(["a", "b", "c"])
    async with stage.relaying(), stage.consuming():
        await stage.until_counted()
        await stage.until(ALL_SENT)


async def test_a_topic_without_partitions_is_waited_for_by_who_has_published(stage: Stage) -> None:
    async with stage.relaying():
        await published(stage)
    stage.kafka.delete_topics([stage.tallies])
    async with stage.relaying() as relay:
        while "LeaderNotAvailable" not in (relay.trouble or ""):
            await stage.until("SELECT true")
        stage.kafka.create_topics([stage.tallies], partitions=stage.partitions)
        await stage.until("SELECT true")
        while relay.trouble is not None:
            await stage.until("SELECT true")


async def test_a_position_that_moves_while_reading_begins_is_no_shorter_log(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever had the partition before commits what it holds while the next one looks where to begin."""
    key = stage.key_in(0)
    await stage.send([key], 3)
    pool = await open_pool(stage.databases("tally").dsn)
    look = LogView.extents

    async def and_then_moves(log: LogView, places: list[tuple[str, int]]) -> object:
        found = await look(log, places)
        await stage.send([key], 2)
        await stage.admin.execute("UPDATE stream_position SET next_offset = 5")
        return found

    monkeypatch.setattr(LogView, "extents", and_then_moves)
    try:
        async with open_log(stage.settings()) as log:
            assert await assignment.starting_offsets(pool, log, [("numbers", 0)]) == {("numbers", 0): 0}
    finally:
        pool.terminate()
