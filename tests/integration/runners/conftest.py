"""A stage for each test, on Apache Kafka."""

from tests.faults.conftest import stage

__all__ = ["stage"]
