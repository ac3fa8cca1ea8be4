"""A worker of a service that seals, as a process under both runners, while its vault comes and goes."""

import asyncio

import pytest

from services.embedded.broker import MockBroker
from services.embedded.processes import Supervisor
from tests.integration.sealing.conftest import ADA, House
from tests.tally.source import Message, consume, produce, until
from tests.tally.wishes import Kept, opened, told


@pytest.mark.parametrize("runner", ["faust", "aiokafka"])
async def test_a_worker_outlasts_its_vault_s_absence_and_seals_what_follows(
    runner: str, house: House, mock_broker: MockBroker, topic_prefix: str, processes: Supervisor
) -> None:
    environment = {
        **house.databases.environment("wishes"),
        "PATHWAY_ENVIRONMENT": "development",
        "PATHWAY_KAFKA_BOOTSTRAP": mock_broker.bootstrap,
        "PATHWAY_TOPIC_PREFIX": topic_prefix,
        "PATHWAY_RUNNER": runner,
        "PATHWAY_HTTP_PORT": "0",
        "PATHWAY_SESSION_TIMEOUT_SECONDS": "6",
    }
    topics = [f"{topic_prefix}told", f"{topic_prefix}kept"]
    mock_broker.create_topics(topics)
    key = await house.key(ADA)
    messages: list[Message] = []
    for n in range(60):
        record = told(0, f"k{n % 20}", n // 20 + 1, "x" * n, by=key)
        messages.append((record.key, record.value, record.headers))
    await house.shut_vault()
    await produce(mock_broker.bootstrap, topics[0], messages)
    worker = processes.python("worker", "-m", "tests.tally", "worker", "wishes", env=environment)
    processes.python("relay", "-m", "tests.tally", "relay", "wishes", env=environment)
    await asyncio.to_thread(worker.wait_for_line, '"error": "VaultUnavailable".*"batch_retried"', 60.0)
    assert await house.ask("SELECT FROM aggregate") == []
    await house.open_vault()
    found = await consume(mock_broker.bootstrap, topics[1], len(messages), 60.0)
    assert len({dict(record.headers)["ce_id"] for record in found}) == len(messages)
    letters = {
        record.key.decode(): answer.content.letters
        for record in found
        if (answer := opened(Kept, record.value, key).answer) is not None
    }
    assert letters == {f"k{k}": k + (k + 20) + (k + 40) for k in range(20)}

    async def read_all() -> bool:
        return await house.ask("SELECT count(*) FROM key_position WHERE sequence = 3") == [(20,)]

    await until(read_all)
    assert (await house.dead(), await house.stops()) == ([], [])
    assert "xxxxxxxx" not in worker.output()
