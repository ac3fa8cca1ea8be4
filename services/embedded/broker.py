"""The in-memory broker: librdkafka's mock cluster, a real TCP broker, in a process of its own.

It makes topics of 4 partitions by itself when a client asks for them, keeps about 5 MB a partition and
forgets the oldest beyond that, and everything when it ends. For smoke tests and the demo; what proves
the guarantee runs on Apache Kafka.
"""

import signal
import sys
from collections.abc import Iterable
from pathlib import Path

from confluent_kafka import Producer

from services.embedded.processes import Child

READY = "mock broker ready on "
PARTITIONS = 4
"""How many partitions the mock gives a topic."""


class MockBroker:
    """A mock cluster of one broker in a child process. Stop it with :meth:`stop`."""

    def __init__(self, folder: Path) -> None:
        """Start it; returns when it answers. ``folder`` takes its log."""
        folder.mkdir(parents=True, exist_ok=True)
        self.process = Child("mock-broker", [sys.executable, "-m", __name__], log=folder / "mock-broker.log")
        try:
            self.bootstrap = self.process.wait_for_line(f"^{READY}(\\S+)$").group(1)
        except BaseException:
            self.process.kill9()
            raise

    def create_topics(self, names: Iterable[str]) -> None:
        """Make topics (by asking for them, which is how the mock makes one)."""
        client = Producer({"bootstrap.servers": self.bootstrap})
        for name in names:
            client.list_topics(name, timeout=10)

    def stop(self) -> None:
        """End it; what it held is gone."""
        self.process.stop(2.0)


def serve() -> None:
    """Run a mock cluster until a signal ends the process."""
    stopping = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, stopping)
    cluster = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "mock", "log_level": 2})
    broker = next(iter(cluster.list_topics(timeout=10).brokers.values()))
    print(f"{READY}{broker.host}:{broker.port}", flush=True)
    signal.sigwait(stopping)


if __name__ == "__main__":
    serve()
