"""A stage for each test, on Apache Kafka."""

from collections.abc import AsyncIterator

import pytest

from services.embedded.processes import Supervisor
from tests.faults.stage import Stage, open_stage
from tests.parts.databases import Databases
from tests.parts.kafka import Broker


@pytest.fixture
async def stage(kafka: Broker, database: Databases, processes: Supervisor, topic_prefix: str) -> AsyncIterator[Stage]:
    async with open_stage(kafka, database, processes, topic_prefix) as opened:
        yield opened
