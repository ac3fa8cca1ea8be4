"""`kill -9` at a moment that is certain: the test holds a lock, and waits until the process waits for it."""

import pytest

from tests.faults.stage import Stage

KEYS = [f"k{n}" for n in range(12)]

AT_COMMIT = """
CREATE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER wait_at_commit AFTER UPDATE OF next_offset ON stream_position
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_at_commit()
"""
MOMENTS = {  # what the test locks, and the query that then waits for it
    "locking aggregates": ("SELECT FROM aggregate FOR UPDATE", "FROM aggregate"),
    "writing the outbox": ("LOCK TABLE outbox IN SHARE MODE", "outbox"),
    "committing": ("SELECT pg_advisory_xact_lock(4711)", "COMMIT"),
}


@pytest.mark.parametrize("runner", ["faust", "aiokafka"])
async def test_a_worker_killed_in_mid_batch(stage: Stage, runner: str) -> None:
    stage.runner = runner
    member = {"PATHWAY_GROUP_INSTANCE_ID": "worker-0"}  # its successor need not wait for its session to end
    await stage.admin.execute(AT_COMMIT)
    await stage.send(KEYS, 2)
    async with stage.relaying():
        worker = stage.worker(**member)
        await stage.until_counted()
        for lock, query in MOMENTS.values():
            async with stage.holding(lock):
                await stage.send(KEYS, 2)
                await stage.until_blocked(query)
                worker.kill9()
            worker = stage.worker(**member)
            await stage.prove()
