"""Which Kafka is used: the order, the reasons, and what happens where there is none."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.parts import kafka
from tests.parts.kafka import Broker, resolve
from tests.parts.kafka_jars import KafkaUnavailableError

NOWHERE = "127.0.0.1:1"
ONE_TEST = "tests/integration/test_parts_broker.py::test_a_log_can_be_cut_off_and_replaced"


def gives(name: str) -> Callable[[], Broker]:
    return lambda: Broker(NOWHERE, name)


def fails(reason: str) -> Callable[[], Broker]:
    def way() -> Broker:
        raise KafkaUnavailableError(reason)

    way.__name__ = "way"
    return way


@pytest.fixture(autouse=True)
def _no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PATHWAY_TEST_KAFKA", raising=False)


def test_docker_comes_before_the_jars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka, "from_docker", gives("docker"))
    monkeypatch.setattr(kafka, "from_jars", gives("jars"))
    assert resolve().how == "docker"


def test_the_jars_come_where_docker_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka, "from_docker", fails("no socket"))
    monkeypatch.setattr(kafka, "from_jars", gives("jars"))
    assert resolve().how == "jars"


def test_without_any_every_reason_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka, "from_docker", fails("no socket"))
    monkeypatch.setattr(kafka, "from_jars", fails("no Java"))
    with pytest.raises(KafkaUnavailableError, match=r"no socket.*no Java"):
        resolve()


def test_a_named_address_that_does_not_answer_is_never_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATHWAY_TEST_KAFKA", NOWHERE)
    monkeypatch.setattr(kafka, "NAMED_SECONDS", 0.2)
    monkeypatch.setattr(kafka, "from_docker", gives("docker"))
    monkeypatch.setattr(kafka, "from_jars", gives("jars"))
    with pytest.raises(KafkaUnavailableError, match="does not answer"):
        resolve()


def test_somebody_elses_cluster_is_not_stopped() -> None:
    for act in (Broker(NOWHERE, "named").stop, Broker(NOWHERE, "named").kill9, Broker(NOWHERE, "named").start):
        with pytest.raises(KafkaUnavailableError, match="not ours"):
            act()


@pytest.mark.parametrize(("required", "status", "said"), [("0", 0, "1 skipped"), ("1", 1, "PATHWAY_REQUIRE_KAFKA=1")])
def test_where_there_is_none_it_is_skipped_or_refused(required: str, status: int, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rs", ONE_TEST],
        env={**os.environ, "PATHWAY_TEST_KAFKA": NOWHERE, "PATHWAY_REQUIRE_KAFKA": required},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, said in done.stdout) == (status, True), done.stdout
