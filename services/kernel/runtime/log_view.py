"""A look at the log beside the consumer: its ends, its topics' ids, single records."""

from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.client import AIOKafkaClient

from services.kernel.runtime.batches import read_any_batch
from services.kernel.runtime.broker import client_options
from services.kernel.runtime.records import Record
from services.kernel.runtime.topic_ids import topic_ids
from services.kernel.settings import Settings

Place = tuple[str, int]
"""(logical topic, partition)"""


@dataclass(frozen=True, slots=True)
class Extent:
    """What the broker holds of a partition: offsets from ``earliest`` up to, not including, ``end``."""

    earliest: int
    end: int
    topic_id: str | None


class LogView:
    """Reads a log without a group, so that looking moves nobody's offsets."""

    def __init__(self, consumer: Any, prefix: str) -> None:
        self._consumer = consumer
        self._prefix = prefix

    def _tp(self, place: Place) -> TopicPartition:
        return TopicPartition(self._prefix + place[0], place[1])

    async def partitions(self, topic: str) -> list[Place]:
        """Return a topic's partitions; empty when the broker has no such topic."""
        name = self._prefix + topic
        await self._consumer._client.add_topic(name)
        found = self._consumer.partitions_for_topic(name) or set()
        return [(topic, partition) for partition in sorted(found)]

    async def extents(self, places: Collection[Place]) -> dict[Place, Extent]:
        """Return what the broker holds of each partition."""
        tps = [self._tp(place) for place in places]
        earliest = await self._consumer.beginning_offsets(tps)
        ends = await self._consumer.end_offsets(tps)
        ids = await topic_ids(self._consumer._client, sorted({tp.topic for tp in tps}))
        return {
            place: Extent(earliest[self._tp(place)], ends[self._tp(place)], ids[self._tp(place).topic])
            for place in places
        }

    async def extents_of(self, topics: Iterable[str]) -> dict[Place, Extent]:
        """Return what the broker holds of each partition of topics."""
        return await self.extents([place for topic in topics for place in await self.partitions(topic)])

    async def ends(self, places: Collection[Place]) -> dict[Place, int]:
        """Return the offset that the next record of each partition gets."""
        ends = await self._consumer.end_offsets([self._tp(place) for place in places])
        return {place: ends[self._tp(place)] for place in places}

    async def since(self, topic: str, at_ms: int) -> dict[Place, tuple[int, int]]:
        """Return the spans of a topic that hold every record written down at ``at_ms`` (unix) or later."""
        places = await self.partitions(topic)
        found = await self._consumer.offsets_for_times({self._tp(place): at_ms for place in places})
        starts = {place: found.get(self._tp(place)) for place in places}
        ends = await self.ends(places)
        return {place: (start.offset, ends[place]) for place, start in starts.items() if start is not None}

    async def read(self, spans: dict[Place, tuple[int, int]]) -> AsyncIterator[list[Record]]:
        """Yield the records of ``spans`` (first offset, end offset) in lists, in order per partition.

        Ends when all are read. A span that the broker no longer holds raises OffsetOutOfRangeError.
        """
        left = {self._tp(place): span for place, span in spans.items() if span[0] < span[1]}
        if not left:
            return
        self._consumer.assign(list(left))
        for tp, (start, _) in left.items():
            self._consumer.seek(tp, start)
        while left:
            fetched = await self._consumer.getmany(timeout_ms=500, max_records=2000)
            for tp, records in fetched.items():
                if tp not in left:
                    continue
                end = left[tp][1]
                wanted = [self.record(r) for r in records if r.offset < end]
                if wanted:
                    yield wanted
                if records[-1].offset >= end - 1:
                    del left[tp]
                    self._consumer.pause(tp)
            for tp in left.keys() - fetched.keys():
                # what ends a transaction takes an offset, and is no record
                if await self._consumer.position(tp) >= left[tp][1]:
                    del left[tp]
                    self._consumer.pause(tp)

    def record(self, found: Any) -> Record:
        """Return a broker's record under its logical topic."""
        return Record(
            found.topic.removeprefix(self._prefix),
            found.partition,
            found.offset,
            found.key,
            found.value,
            tuple(found.headers),
        )


@asynccontextmanager
async def open_log(settings: Settings) -> AsyncIterator[LogView]:
    """Open a view of the log."""
    read_any_batch()
    consumer = AIOKafkaConsumer(
        **client_options(settings),
        enable_auto_commit=False,
        auto_offset_reset="none",
        client_id="pathway-log-view",
    )
    try:
        await consumer.start()
        yield LogView(consumer, settings.topic_prefix)
    finally:
        await consumer.stop()


async def ask_broker(settings: Settings) -> None:
    """Ask the broker for its metadata once. Raises KafkaError when it does not answer."""
    client = AIOKafkaClient(**client_options(settings), client_id="pathway-log-view")
    try:
        await client.bootstrap()
    finally:
        await client.close()
