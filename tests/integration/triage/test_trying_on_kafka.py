"""Trying rules on Apache Kafka: the diff of everybody in the log, and a candidate beside the live rules."""

import pytest

from tests.integration.triage.test_trying_processes import (
    environment,
    test_a_candidate_follows_counts_and_emits_nothing,
    test_the_log_is_decided_again_and_nothing_is_written,
)
from tests.parts.kafka import Broker

__all__ = [
    "environment",
    "test_a_candidate_follows_counts_and_emits_nothing",
    "test_the_log_is_decided_again_and_nothing_is_written",
]


@pytest.fixture
def broker(kafka: Broker) -> Broker:
    return kafka
