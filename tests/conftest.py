"""The parts that tests run on. Each starts when a test first asks for it; tests/README.md lists them."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from services.embedded.broker import MockBroker
from services.embedded.postgres import Postgres
from services.embedded.processes import Supervisor
from tests.parts.databases import Databases
from tests.parts.kafka import Broker, resolve
from tests.parts.kafka_jars import KafkaUnavailableError

MARKERS = {
    "kafka": "needs Apache Kafka (an address, Docker, or the jars with Java); skipped where there is none",
    "mock": "runs on the in-memory broker",
    "docker": "builds and runs containers; skipped where Docker does not answer",
    "slow": "takes more than ten seconds",
    "faults": "kills, freezes or restarts a process or a part",
}


settings.register_profile("pathway", deadline=None)  # a busy machine is no failure; tests run side by side
settings.load_profile("pathway")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers."""
    for name, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by the parts that they ask for, so that nobody forgets to."""
    for item in items:
        for fixture in getattr(item, "fixturenames", ()):
            if fixture in {"kafka", "own_kafka"}:
                item.add_marker("kafka")
            elif fixture == "mock_broker":
                item.add_marker("mock")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """PostgreSQL 16 for the session. A killed server loses nothing; a crash of the machine would."""
    with Postgres(durable=False) as server:
        yield server


@pytest.fixture(scope="session")
def _templates() -> dict[str, str]:
    return {}


@pytest.fixture
def database(postgres: Postgres, _templates: dict[str, str]) -> Iterator[Databases]:
    """A factory: ``database("triage")`` is a fresh, migrated database of that service."""
    made = Databases(postgres, _templates)
    yield made
    made.close()


@pytest.fixture(scope="session")
def mock_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MockBroker]:
    """The in-memory broker for the session; use ``topic_prefix``."""
    broker = MockBroker(tmp_path_factory.mktemp("mock-broker"))
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def kafka() -> Iterator[Broker]:
    """Apache Kafka for the session; use ``topic_prefix``. Skips where there is none."""
    try:
        broker = resolve()
    except KafkaUnavailableError as error:
        if os.environ.get("PATHWAY_REQUIRE_KAFKA") == "1":
            pytest.fail(f"PATHWAY_REQUIRE_KAFKA=1, but {error}", pytrace=False)
        pytest.skip(str(error))
    yield broker
    broker.close()


@pytest.fixture
def own_kafka(kafka: Broker) -> Iterator[Broker]:
    """The same, where a test may stop and kill it; it is running again after the test."""
    if not kafka.ours:
        pytest.skip(f"{kafka.how} is not ours to stop")
    yield kafka
    if not kafka.settled():
        kafka.start()


@pytest.fixture
def topic_prefix() -> str:
    """A prefix for this test's topics (``PATHWAY_TOPIC_PREFIX``): nothing is shared, nothing to clean up."""
    return f"t{uuid.uuid4().hex[:12]}."


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Supervisor]:
    """Child processes of the test; what still runs afterwards is stopped."""
    with Supervisor(tmp_path / "logs") as supervisor:
        yield supervisor
