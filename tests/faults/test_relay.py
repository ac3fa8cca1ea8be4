"""The relay and everything that can happen to it between a row and its mark."""

import asyncio
import time

import pytest
from pydantic import SecretStr

from services.kernel.runtime import relay as relay_module
from services.kernel.runtime.backoff import FIRST_SECONDS
from services.kernel.runtime.outbox import READ
from services.kernel.runtime.relay import LEAD_POLL_SECONDS, Relay
from tests.faults.stage import Stage, smallest_batch, until
from tests.parts.kafka import Broker
from tests.tally.domain import tally_service

KEYS = [f"k{n}" for n in range(10)]
LEADER = """
SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
UNSENT = "SELECT count(*) FROM outbox_unsent"
ALL_SENT = f"SELECT ({UNSENT}) = 0"


async def until_says(relay: Relay, text: str) -> None:
    async def says() -> bool:
        return text in (relay.trouble or "")

    await until(says, what=f"the relay says {text!r}")


async def until_leads(relay: Relay) -> None:
    async def leads() -> bool:
        return relay.leads

    await until(leads, what="the relay leads")


async def until_ready(relay: Relay) -> None:
    async def ready() -> bool:
        return relay.trouble is None

    await until(ready, what="the relay is ready")


async def sent(stage: Stage) -> int:
    """How many records the output topic holds."""
    ends = await asyncio.to_thread(stage.kafka.ends, stage.tallies)
    return sum(end for _, end in ends.values())


async def until_sent(stage: Stage, at_least: int) -> None:
    async def there() -> bool:
        return await sent(stage) >= at_least

    await until(there, what=f"{at_least} records on the log")


async def until_all_is_acknowledged(stage: Stage) -> None:
    """A relay reads again only when the broker has acknowledged what it has sent."""
    now = await stage.admin.fetchval("SELECT clock_timestamp()")
    reads = f"SELECT query = $1 AND query_start > $2 FROM pg_stat_activity WHERE pid = ({LEADER})"
    await stage.until(reads, READ, now)


async def test_a_producer_that_hangs_is_thrown_away_and_nothing_is_lost(
    stage: Stage, own_kafka: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    discarding: list[float] = []
    discard = Relay._discard

    async def timed(relay: Relay) -> None:
        began = time.monotonic()
        await discard(relay)
        discarding.append(time.monotonic() - began)

    async def discarded() -> bool:
        return bool(discarding)

    monkeypatch.setattr(Relay, "_discard", timed)
    async with stage.relaying(relay_send_timeout_seconds=1.0) as relay:
        await stage.decide(KEYS)
        await until_sent(stage, len(KEYS))
        await until_all_is_acknowledged(stage)
        used = relay._producer
        with stage.frozen():
            await stage.decide(KEYS)
            await until_says(relay, "SendFailed")
            await until(discarded, 5.0, "the producer is thrown away without a flush")
            assert discarding[0] < 2.0
            assert relay._producer is not used
            await stage.decide(KEYS)
            assert await stage.admin.fetchval(UNSENT) == 2 * len(KEYS)
        await stage.until(ALL_SENT)
        await stage.prove_log()


async def test_a_relay_killed_between_send_and_mark_sends_again(stage: Stage) -> None:
    await stage.decide(KEYS, 2)
    async with stage.holding("SELECT FROM outbox_progress FOR UPDATE"):
        relay = stage.relay()
        backend = await stage.until_blocked("UPDATE outbox_progress")
        await until_sent(stage, 2 * len(KEYS))
        relay.kill9()
        # nobody tells the server that its client has gone: without this it would still mark
        await stage.admin.execute("SELECT pg_terminate_backend($1, 5000)", backend)
    assert await stage.admin.fetchval(UNSENT) == 2 * len(KEYS)
    await stage.decide(KEYS)
    async with stage.relaying():
        await stage.until(ALL_SENT)
    assert await sent(stage) == 5 * len(KEYS)
    await stage.prove_log()


async def test_a_relay_killed_before_the_broker_has_answered_has_marked_nothing(
    stage: Stage, own_kafka: Broker
) -> None:
    """Who marks first and sends then would lose these."""
    relay = stage.relay(PATHWAY_RELAY_SEND_TIMEOUT_SECONDS="2")
    await stage.decide(KEYS)
    await until_sent(stage, len(KEYS))
    await until_all_is_acknowledged(stage)
    with stage.frozen():
        before = relay.output().count("SendFailed")

        async def has_sent_in_vain() -> bool:
            return relay.output().count("SendFailed") > before

        await stage.decide(KEYS, 2)
        await until(has_sent_in_vain, what="the relay has sent in vain")
        relay.kill9()
        assert await stage.admin.fetchval(UNSENT) == 2 * len(KEYS)
    await stage.decide(KEYS)
    async with stage.relaying():
        await stage.until(ALL_SENT)
    await stage.prove_log()


async def test_a_leader_that_loses_its_session_stops_marking_and_leads_again(stage: Stage) -> None:
    await stage.decide(KEYS)
    async with stage.relaying() as relay:
        async with stage.holding("SELECT FROM outbox_progress FOR UPDATE"):
            blocked = await stage.until_blocked("UPDATE outbox_progress")
            assert blocked == await stage.admin.fetchval(LEADER)
            await stage.admin.execute("SELECT pg_terminate_backend($1, 5000)", blocked)
            await stage.until(f"SELECT pid <> {blocked} FROM ({LEADER}) l")
        await stage.decide(KEYS)
        await stage.until(ALL_SENT)
        assert await stage.admin.fetchval(LEADER) != blocked
        await until_leads(relay)
    await stage.prove_log()


@pytest.mark.parametrize("end", ["killed", "frozen"])
async def test_another_relay_takes_over(stage: Stage, end: str) -> None:
    await stage.decide(KEYS)
    first = stage.relay(PATHWAY_RELAY_POLL_SECONDS="0.2", PATHWAY_RELAY_SEND_TIMEOUT_SECONDS="0.8")
    await stage.until(ALL_SENT)
    leader = await stage.admin.fetchval(LEADER)
    async with stage.relaying() as second:
        await until_ready(second)
        assert not second.leads
        if end == "killed":
            first.kill9()
        else:
            first.pause()
        await stage.decide(KEYS)
        await stage.until(ALL_SENT)
        assert await stage.admin.fetchval(LEADER) != leader
        if end == "frozen":
            first.resume()
            first.wait_for_line("relay_retries")
            await stage.decide(KEYS)
            await stage.until(ALL_SENT)
    await stage.prove_log()


async def test_a_commit_wakes_the_relay(stage: Stage) -> None:
    async with stage.relaying(relay_poll_seconds=600.0) as relay:
        await until_leads(relay)
        for _ in range(5):
            await stage.decide(KEYS[:1])
            await stage.until(ALL_SENT)
    await stage.prove_log()


async def test_a_broker_that_refuses_times_ahead_of_its_own_gets_earlier_ones(stage: Stage) -> None:
    """Kafka 4 refuses a record more than an hour ahead of its clock. Whose clock is wrong does not matter."""
    await stage.decide(KEYS[:1])
    await stage.admin.execute("UPDATE outbox SET recorded_ms = recorded_ms + 86400000")
    await stage.decide(KEYS[1:])
    async with stage.relaying():
        await stage.until(ALL_SENT)
    await stage.prove_log()


async def test_a_backlog_fits_the_topics_of_the_catalogue(stage: Stage) -> None:
    await stage.decide(["a"], 2)
    more = """
        INSERT INTO outbox (topic, key, sequence, event_id, recorded_ms, headers, value)
        SELECT topic, key, sequence, event_id, recorded_ms, headers, convert_to(rpad('{}', 900), 'UTF8')
        FROM outbox, generate_series(1, 400)
    """
    await stage.admin.execute(more)
    assert await stage.admin.fetchval("SELECT sum(octet_length(value)) FROM outbox") > 2 * smallest_batch()
    async with stage.relaying():
        await stage.until(ALL_SENT)


async def test_failures_are_spaced_whatever_woke_the_relay(stage: Stage) -> None:
    relay = Relay(tally_service(), stage.settings(database_url=SecretStr("postgresql://tally_run@/x?host=/nowhere")))
    relay._wake.set()
    running, began = asyncio.ensure_future(relay.run()), time.monotonic()

    async def tried() -> bool:
        return relay._attempt > 5

    await until(tried, what="five failures")
    assert time.monotonic() - began > 5 * FIRST_SECONDS
    relay.stop()
    await asyncio.wait_for(running, 5)


async def test_a_relay_that_waits_to_lead_does_not_spin(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await stage.admin.execute("CREATE SEQUENCE asked; GRANT USAGE ON asked TO tally_run")
    monkeypatch.setattr(relay_module, "LEAD", "SELECT nextval('asked') IS NULL")  # never
    asked = "SELECT last_value >= $1 FROM asked"
    async with stage.relaying() as relay:
        await stage.until(asked, 1)
        began = time.monotonic()
        relay._wake.set()
        await stage.until(asked, 3)
        assert time.monotonic() - began > 0.9 * LEAD_POLL_SECONDS
