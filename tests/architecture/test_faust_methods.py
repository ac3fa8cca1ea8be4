"""The sources of the library methods that the kernel replaces, or leans on though they are private.

The versions are pinned. Whoever raises a pin sees here what changed beneath us.
"""

import hashlib
import inspect
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.consumer.fetcher import Fetcher as AiokafkaFetcher
from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy
from faust import App
from faust.tables.recovery import Recovery
from faust.transport.consumer import Consumer, Fetcher, ThreadDelegateConsumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, ConsumerRebalanceListener
from faust.transport.drivers.aiokafka import Consumer as DriverConsumer

from services.kernel.runtime import faust_runner

PINS = {"faust-streaming": "0.15.3", "aiokafka": "0.14.0"}

REPLACED: Mapping[Any, str] = {
    AIOKafkaConsumerThread._commit: "932852ce7a23f658",
    AIOKafkaConsumerThread._create_worker_consumer: "c2701bfc3e6f6cad",
    App._create_directories: "a9f571c3b04abec3",
    App._new_transport: "42db531312dd776f",
    Consumer._drain_messages: "44a2500309e83c63",
    Consumer.commit: "a354437baaa08bf8",
    DriverConsumer._new_consumer_thread: "0870ec53dea75083",
    ThreadDelegateConsumer.seek_to_committed: "f1d483b861b0328b",
}
RELIED_ON: Mapping[Any, str] = {
    # batches.py
    PartitionRecords._unpack_records: "b803e6d46480732c",
    _MemoryRecordsPy: "795a0314fbca30af",
    _DefaultRecordBatchPy: "f63fbb5a8a247d54",
    # faust_runner.py, aiokafka_runner.py, relay.py
    AIOKafkaConsumerThread._ensure_consumer: "ff4a4c693b7ec63f",
    AIOKafkaConsumerThread._fetch_records: "39a2c6c79fc1455a",
    AIOKafkaConsumerThread._seek_wait: "9d221e816d940467",
    AIOKafkaConsumerThread.assignment: "61f105132ae619f6",
    AIOKafkaConsumerThread.commit: "d31c8558ba25310c",
    AIOKafkaConsumerThread.getmany: "26fc5fc9f3b667e1",
    AiokafkaFetcher.fetched_records: "be4348896b9b66af",
    AIOKafkaProducer.send_batch: "bf42b0f0c5c0646d",
    AIOKafkaProducer.stop: "43ef97147111893b",
    App._on_partitions_assigned: "de932b7927db85b3",
    App._on_partitions_revoked: "d5c895bbe57dc73a",
    App._stop_consumer: "55854a5de12c3f52",
    Consumer._get_active_partitions: "b24897f3c7afdb5d",
    Consumer.on_stop: "45b1d2210ce2b526",
    Consumer.perform_seek: "0e8c130ff4b0afd8",
    Consumer.resume_flow: "db59630f25b5819b",
    Consumer.stop_flow: "cf7e875a2b0d40e8",
    ConsumerRebalanceListener.on_partitions_assigned: "1c1f8406ad3698a6",
    Fetcher.on_stop: "21f3bae9b455762b",
    Recovery.on_recovery_completed: "6ef567acf072e46d",
}
WHAT_TO_DO = (
    "{name} is not the source that services/kernel/runtime (faust_runner, batches, relay) was written against "
    "({found}, not {known}). Read the new source beside ours: who calls it, with what, in which order, and what "
    "it must leave behind. Mend ours, run tests/integration/runners and tests/faults on Apache Kafka, then put "
    "the new hash here."
)
KERNEL_CLASSES = (
    faust_runner.KernelConsumerThread,
    faust_runner.KernelConsumer,
    faust_runner.KernelTransport,
    faust_runner.KernelApp,
)


def fingerprint(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def changed(known: Mapping[Any, str], source: Callable[[Any], str] = inspect.getsource) -> list[str]:
    return [
        WHAT_TO_DO.format(name=f"{method.__module__}.{method.__qualname__}", found=found, known=digest)
        for method, digest in known.items()
        if (found := fingerprint(source(method))) != digest
    ]


def replaced() -> set[Any]:
    """Every method of ours that stands in for one of Faust's, as the one that it stands in for."""
    found = set()
    for ours in KERNEL_CLASSES:
        for name, member in vars(ours).items():
            theirs = next((vars(base)[name] for base in ours.__mro__[1:] if name in vars(base)), None)
            if inspect.isfunction(member) and inspect.isfunction(theirs):
                found.add(theirs)
    return found


@pytest.mark.parametrize("name", PINS)
def test_the_pins_hold(name: str) -> None:
    assert metadata.version(name) == PINS[name]


def test_what_we_replace_is_what_we_read() -> None:
    assert changed(REPLACED) == []


def test_what_we_rely_on_is_what_we_read() -> None:
    assert changed(RELIED_ON) == []


def test_every_method_that_we_replace_is_listed() -> None:
    assert replaced() == set(REPLACED)


def test_a_changed_method_is_told() -> None:
    method = next(iter(REPLACED))
    (fault,) = changed({method: REPLACED[method]}, lambda m: inspect.getsource(m) + "\n")
    assert method.__qualname__ in fault
    assert "Read the new source beside ours" in fault
