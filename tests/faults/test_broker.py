"""The broker goes and comes back while a worker and a relay are at work: they wait, and go on."""

from collections.abc import Callable

from tests.faults.stage import Stage
from tests.parts.kafka import Broker

KEYS = [f"k{n}" for n in range(12)]


async def test_restarts_while_consuming_and_producing(stage: Stage, own_kafka: Broker) -> None:
    worker, relay = stage.worker(), stage.relay()
    await stage.send(KEYS, 2)
    await stage.prove()
    goes: list[Callable[[], None]] = [own_kafka.kill9, own_kafka.stop]
    for go in goes:
        async with stage.holding("LOCK TABLE outbox IN SHARE MODE"):
            await stage.send(KEYS, 2)
            await stage.until_blocked("outbox")  # read from the broker, and not yet committed
            go()
        # what was read commits without the broker; what was not is read when it is back
        await stage.decide(KEYS)
        await stage.until("SELECT count(*) > 0 FROM outbox_unsent")
        own_kafka.start()
        await stage.send(KEYS, 2)
        await stage.prove()
        assert worker.alive
        assert relay.alive
