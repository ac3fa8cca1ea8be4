"""Both runners and the relay, as processes, on the in-memory broker."""

import pytest

from services.embedded.broker import MockBroker
from services.embedded.processes import Supervisor
from tests.parts.databases import Databases
from tests.tally.source import consume, number, produce, totals, until


@pytest.mark.parametrize("runner", ["faust", "aiokafka"])
async def test_numbers_become_tallies_on_the_log(
    runner: str, mock_broker: MockBroker, database: Databases, topic_prefix: str, processes: Supervisor
) -> None:
    environment = {
        **database.environment("tally"),
        "PATHWAY_ENVIRONMENT": "development",
        "PATHWAY_KAFKA_BOOTSTRAP": mock_broker.bootstrap,
        "PATHWAY_TOPIC_PREFIX": topic_prefix,
        "PATHWAY_RUNNER": runner,
        "PATHWAY_HTTP_PORT": "0",
        "PATHWAY_SESSION_TIMEOUT_SECONDS": "6",
    }
    mock_broker.create_topics([f"{topic_prefix}numbers", f"{topic_prefix}tallies"])
    messages = [number(f"k{i % 50}", i // 50 + 1, i) for i in range(500)]
    await produce(mock_broker.bootstrap, f"{topic_prefix}numbers", messages)
    processes.python("worker", "-m", "tests.tally", "worker", env=environment)
    processes.python("relay", "-m", "tests.tally", "relay", env=environment)
    found = await consume(mock_broker.bootstrap, f"{topic_prefix}tallies", 500)
    assert len({dict(r.headers)["ce_id"] for r in found}) == 500
    expected = {f"k{k}": (sum(range(k, 500, 50)), 10) for k in range(50)}
    assert await totals(database("tally").dsn) == expected
    await produce(mock_broker.bootstrap, f"{topic_prefix}numbers", [number("k0", 11, 1)])

    async def counted() -> bool:
        return (await totals(database("tally").dsn))["k0"][1] == 11

    await until(counted)
