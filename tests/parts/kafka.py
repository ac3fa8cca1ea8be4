"""Apache Kafka for tests: an address in the environment, else Docker, else the jars with Java.

``PATHWAY_TEST_KAFKA`` names a cluster to use as it is; ``PATHWAY_REQUIRE_KAFKA=1`` turns the skip, when
there is none, into a failure.
"""

import os
import shutil
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

from services.embedded.processes import Child, uninterrupted
from tests.parts.kafka_admin import KafkaAdmin
from tests.parts.kafka_jars import FAST_JVM, KafkaHome, KafkaUnavailableError, kafka_home, properties

START_SECONDS = 60.0
NAMED_SECONDS = 5.0


class Broker(KafkaAdmin):
    """A cluster that tests may use. ``how`` says where it came from; ``ours`` whether it may be stopped."""

    ours = False

    def __init__(self, bootstrap: str, how: str) -> None:
        super().__init__(bootstrap)
        self.bootstrap = bootstrap
        self.how = how

    def start(self) -> None:
        """Start it on the same address and data. Raises KafkaUnavailableError when it is not ours."""
        raise KafkaUnavailableError(f"{self.bootstrap} is not ours to start or stop")

    def stop(self) -> None:
        """Stop it in order."""
        raise KafkaUnavailableError(f"{self.bootstrap} is not ours to start or stop")

    def kill9(self) -> None:
        """Kill it as a crash would."""
        raise KafkaUnavailableError(f"{self.bootstrap} is not ours to start or stop")

    def pause(self) -> None:
        """Freeze it: connections stay open and nothing answers."""
        raise KafkaUnavailableError(f"{self.bootstrap} is not ours to freeze")

    def resume(self) -> None:
        """Let a frozen one go on."""
        raise KafkaUnavailableError(f"{self.bootstrap} is not ours to freeze")

    def close(self) -> None:
        """Stop it, if it is ours, and take away what it left."""


class LocalBroker(Broker):
    """One KRaft node from the jars, on the loopback."""

    ours = True

    def __init__(
        self, home: KafkaHome, *, jvm: tuple[str, ...] = FAST_JVM, config: dict[str, str] | None = None
    ) -> None:
        """Start it; returns when it answers. ``jvm`` and ``config`` replace or add options; ``{port}`` is its own."""
        self._home, self._jvm = home, jvm
        self.folder = Path(tempfile.mkdtemp(prefix="pathway-kafka-"))
        port = free_ports(2)
        super().__init__(f"127.0.0.1:{port}", f"jars in {home.folder}")
        shutil.copytree(home.formatted, self.folder / "data")
        filled = {name: value.replace("{port}", str(port)) for name, value in (config or {}).items()}
        filled = {name: value.replace("{controller}", str(port + 1)) for name, value in filled.items()}
        self._file = self.folder / "server.properties"
        self._file.write_text(properties(port, self.folder / "data", filled))
        self._process: Child | None = None
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self) -> None:
        """Start it on the same port and data, if it does not run; returns when it answers."""
        if self._process is None or not self._process.alive:
            command = self._home.command("kafka.Kafka", str(self._file), jvm=self._jvm)
            with uninterrupted():
                self._process = Child("kafka", command, log=self.folder / "kafka.log", cwd=self.folder)
        self._process.wait_until(self.settled, START_SECONDS)

    @property
    def process(self) -> Child:
        """The running node, for signals. Raises KafkaUnavailableError when it is stopped."""
        if self._process is None:
            raise KafkaUnavailableError("the broker is stopped")
        return self._process

    def stop(self) -> None:
        """Stop it in order: it hands over, writes all out and ends."""
        if self._process is not None:
            self._process.stop(30.0)
            self._process = None

    def kill9(self) -> None:
        """Kill it as a crash would."""
        self.process.kill9()
        self._process = None

    def pause(self) -> None:
        """Freeze it."""
        self.process.pause()

    def resume(self) -> None:
        """Let it go on."""
        self.process.resume()

    def close(self) -> None:
        """Kill it and drop its data."""
        if self._process is not None:
            self._process.kill9()
        shutil.rmtree(self.folder, ignore_errors=True)


def free_ports(count: int) -> int:
    """The first of ``count`` adjacent free ports on the loopback."""
    while True:
        with socket.socket() as first:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
        if all(_free(port + step) for step in range(count)):
            return port


def _free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def named() -> Broker:
    """The cluster that the environment names."""
    address = os.environ.get("PATHWAY_TEST_KAFKA")
    if not address:
        raise KafkaUnavailableError("PATHWAY_TEST_KAFKA is not set")
    broker = Broker(address, "PATHWAY_TEST_KAFKA")
    if not broker.answers(NAMED_SECONDS):
        raise KafkaUnavailableError(f"PATHWAY_TEST_KAFKA={address} does not answer")
    return broker


def from_jars() -> Broker:
    """A node from the jars."""
    return LocalBroker(kafka_home())


def from_docker() -> Broker:
    """A node in a container."""
    from tests.parts.kafka_docker import DockerBroker  # noqa: PLC0415  its library takes a second to import

    return DockerBroker()


def resolve() -> Broker:
    """Return a running cluster in the documented order. Raises KafkaUnavailableError with every reason.

    A named address that does not answer is an error at once: another cluster would hide the mistake.
    """
    ways: list[Callable[[], Broker]] = [from_docker, from_jars]
    if os.environ.get("PATHWAY_TEST_KAFKA"):
        ways = [named]
    reasons = []
    for way in ways:
        try:
            return way()
        except KafkaUnavailableError as error:
            reasons.append(f"{way.__name__}: {error}")
    raise KafkaUnavailableError("no Apache Kafka: " + "; ".join(reasons))
