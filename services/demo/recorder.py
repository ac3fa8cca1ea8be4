"""The recorder: a subscriber of its own that writes everything on some topics to a file, from the start.

``python -m services.demo.recorder BOOTSTRAP FILE TOPIC...`` runs until SIGTERM. It uses librdkafka, which
shares no code with the services' clients, and belongs to no consumer group.
"""

import signal
import sys
import time
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from services.demo.record import Recorded, write_line
from services.kernel.runtime.records import Record

READY = "recording"
POLL_SECONDS = 0.02


def record(bootstrap: str, file: Path, topics: list[str]) -> None:
    """Write every record of ``topics`` to ``file`` until a signal. Raises KafkaException on a fatal error."""
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _: stopping.append(got))
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "recorder",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 10,
            "log_level": 2,
        }
    )
    try:
        consumer.assign([place for topic in topics for place in _partitions(consumer, topic)])
        with file.open("w") as lines:
            print(READY, flush=True)
            while not stopping:
                messages = consumer.consume(500, POLL_SECONDS)
                for message in messages:
                    write_line(lines, _recorded(message))
                if messages:
                    lines.flush()
    finally:
        consumer.close()


def ends(bootstrap: str, topics: list[str]) -> dict[tuple[str, int], int]:
    """The end of each partition on the broker: the offset that its next record gets."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "ends", "log_level": 2})
    try:
        places = [place for topic in topics for place in _partitions(consumer, topic)]
        found = {}
        for place in places:
            span = consumer.get_watermark_offsets(place, timeout=10, cached=False)
            if span is None:
                raise TimeoutError(f"the broker does not say where {place.topic}/{place.partition} ends")
            found[place.topic, place.partition] = span[1]
        return found
    finally:
        consumer.close()


def _partitions(consumer: Consumer, topic: str) -> list[TopicPartition]:
    known = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    return [TopicPartition(topic, number, 0) for number in sorted(known)]


def _recorded(message: Message) -> Recorded:
    error = message.error()
    if error is not None:
        raise KafkaException(error)
    headers = tuple((str(name), _bytes(content)) for name, content in dict(message.headers() or ()).items())
    place = (str(message.topic()), int(message.partition() or 0), int(message.offset() or 0))
    return Recorded(Record(*place, _optional(message.key()), _optional(message.value()), headers), time.time())


def _optional(content: str | bytes | None) -> bytes | None:
    return None if content is None else _bytes(content)


def _bytes(content: str | bytes | None) -> bytes:
    return content.encode() if isinstance(content, str) else content or b""


if __name__ == "__main__":
    record(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
