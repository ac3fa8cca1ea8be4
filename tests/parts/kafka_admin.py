"""What tests do to topics, over the wire: make, drop, cut off, write to, read back. Any broker."""

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # re-exported without saying so
    AdminClient,
    NewTopic,
    OffsetSpec,
)

from services.embedded.processes import POLL_SECONDS

SECONDS = 20.0
EARLIEST: Any = OffsetSpec.earliest()
LATEST: Any = OffsetSpec.latest()
K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True)
class Raw:
    """A record as bytes: what is on the broker, before anybody's contract."""

    topic: str
    value: bytes | None
    key: bytes | None = None
    partition: int = -1
    headers: Mapping[str, bytes] = field(default_factory=dict)
    timestamp: int = 0
    offset: int = -1


class KafkaAdmin:
    """Administration of one cluster through librdkafka, which shares no code with our own clients."""

    def __init__(self, bootstrap: str) -> None:
        self._config: dict[str, str | int | float | bool] = {"bootstrap.servers": bootstrap, "log_level": 2}
        self._admin = AdminClient(self._config)

    def answers(self, seconds: float = 1.0) -> bool:
        """Tell whether the cluster answers a metadata request."""
        try:
            return bool(self._admin.list_topics(timeout=seconds).brokers)
        except KafkaException:
            return False

    def settled(self) -> bool:
        """Tell whether every partition has a leader that answers: a node that has just started may lag."""
        try:
            topics = self._admin.list_topics(timeout=1.0).topics
            if any(p.leader < 0 for topic in topics.values() for p in topic.partitions.values()):
                return False
            self._offsets([TopicPartition(name, n) for name in topics for n in topics[name].partitions], LATEST)
        except KafkaException:
            return False
        return True

    def create_topics(self, names: Iterable[str], partitions: int = 6, config: Mapping[str, str] | None = None) -> None:
        """Make topics; returns when the leader of every partition answers. Raises KafkaException."""
        wanted = list(names)
        new = [NewTopic(name, partitions, 1, config=dict(config or {})) for name in wanted]
        _done(self._admin.create_topics(new, request_timeout=SECONDS))
        for name in wanted:
            self._wait_for_leaders(name, partitions)

    def delete_topics(self, names: Iterable[str]) -> None:
        """Drop topics. Raises KafkaException when one does not exist."""
        _done(self._admin.delete_topics(list(names), request_timeout=SECONDS))

    def recreate_topics(self, names: Iterable[str], partitions: int = 6) -> None:
        """Drop topics that may exist and make them anew: same names, other ids, empty."""
        wanted = list(names)
        existing = self._admin.list_topics(timeout=SECONDS).topics
        if gone := [name for name in wanted if name in existing]:
            self.delete_topics(gone)
        self.create_topics(wanted, partitions)

    def cut_off(self, topic: str, partition: int, before: int) -> None:
        """Delete a partition's records before that offset, as retention does."""
        wanted = TopicPartition(topic, partition, before)
        _done(self._admin.delete_records([wanted], request_timeout=SECONDS))

    def forget_group(self, group: str) -> None:
        """Drop a group that nobody is in, and what it committed. Raises KafkaException."""
        _done(self._admin.delete_consumer_groups([group], request_timeout=SECONDS))

    def ends(self, topic: str) -> dict[int, tuple[int, int]]:
        """The earliest and the end offset of each partition."""
        count = len(self._admin.list_topics(topic, timeout=SECONDS).topics[topic].partitions)
        wanted = [TopicPartition(topic, number) for number in range(count)]
        first, last = self._offsets(wanted, EARLIEST), self._offsets(wanted, LATEST)
        return {number: (first[topic, number], last[topic, number]) for number in range(count)}

    def produce(self, records: Iterable[Raw], seconds: float = SECONDS) -> None:
        """Write records as they are, in order; returns when all are on the broker."""
        failures: list[str] = []
        producer = Producer({**self._config, "acks": "all", "max.in.flight": 1, "linger.ms": 1})
        for record in records:
            producer.produce(
                record.topic, record.value, record.key, record.partition,
                on_delivery=lambda error, _: failures.append(str(error)) if error else None,
                timestamp=record.timestamp, headers=dict(record.headers),
            )  # fmt: skip
        left = producer.flush(seconds)
        if left or failures:
            producer.purge()
            raise RuntimeError(f"{left} records were not sent; {failures}")

    def read(self, *topics: str) -> list[Raw]:
        """All records of these topics up to their present ends, partition by partition."""
        consumer = Consumer({**self._config, "group.id": "unused", "enable.auto.commit": False})
        ends = {(topic, n): span for topic in topics for n, span in self.ends(topic).items()}
        wanted = {place: last for place, (first, last) in ends.items() if last > first}
        found: dict[tuple[str, int], list[Raw]] = {place: [] for place in wanted}
        try:
            consumer.assign([TopicPartition(*place, ends[place][0]) for place in wanted])
            while wanted:
                message = consumer.poll(SECONDS)
                if message is None or message.error():
                    raise RuntimeError(f"not all records could be read: {message and message.error()}")
                place = (str(message.topic()), int(message.partition() or 0))
                if place in wanted:
                    record = _raw(message)
                    found[place].append(record)
                    if record.offset >= wanted[place] - 1:
                        del wanted[place]
        finally:
            consumer.close()
        return [record for place in sorted(found) for record in found[place]]

    def _offsets(self, wanted: list[TopicPartition], which: Any) -> dict[tuple[str, int], int]:
        found = _done(self._admin.list_offsets(dict.fromkeys(wanted, which)))
        return {(place.topic, place.partition): result.offset for place, result in found.items()}

    def _wait_for_leaders(self, topic: str, partitions: int) -> None:
        deadline = time.monotonic() + SECONDS
        while not self._leaders_answer(topic, partitions):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{topic} has no leaders that answer after {SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)

    def _leaders_answer(self, topic: str, partitions: int) -> bool:
        """Ask the leaders too: metadata name them a moment before they know."""
        known = self._admin.list_topics(topic, timeout=SECONDS).topics[topic].partitions
        if len(known) != partitions or any(p.leader < 0 for p in known.values()):
            return False
        try:
            self._offsets([TopicPartition(topic, number) for number in known], LATEST)
        except KafkaException:
            return False
        return True


def _raw(message: Any) -> Raw:
    return Raw(
        message.topic(),
        message.value(),
        message.key(),
        message.partition(),
        dict(message.headers() or []),
        message.timestamp()[1],
        message.offset(),
    )


def _done(futures: Mapping[K, Future[V]]) -> dict[K, V]:
    return {key: future.result(SECONDS) for key, future in futures.items()}
