"""Apache Kafka in a container, where Docker answers."""

import time

from docker.errors import DockerException  # type: ignore[import-untyped]  # it has no types
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient

from tests.parts.kafka import START_SECONDS, Broker, free_ports
from tests.parts.kafka_jars import CLUSTER_ID, SERVER, VERSION, KafkaUnavailableError

IMAGE = f"apache/kafka:{VERSION}"
DATA = "/tmp/kraft-combined-logs"  # noqa: S108  inside the container


class DockerBroker(Broker):
    """One node in a container on a fixed host port, so that a restart keeps its address."""

    ours = True

    def __init__(self) -> None:
        """Start it; returns when it answers. Raises KafkaUnavailableError when Docker does not."""
        port = free_ports(1)
        try:
            client = DockerClient()
            client.client.ping()
            super().__init__(f"{client.host()}:{port}", f"{IMAGE} in Docker")
            self._container = DockerContainer(IMAGE).with_bind_ports(9092, port)
            for name, value in self._variables().items():
                self._container.with_env(name, value)
            self._container.start()
        except DockerException as error:
            raise KafkaUnavailableError(f"Docker: {error}") from error
        try:
            self._wait()
        except BaseException:
            self.close()
            raise

    def _variables(self) -> dict[str, str]:
        """Every setting: one variable is enough to switch the image's default file off."""
        settings = {
            **SERVER,
            "controller.quorum.voters": "1@localhost:9093",
            "listeners": "PLAINTEXT://:9092,CONTROLLER://:9093",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "log.dirs": DATA,
        }
        variables = {f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in settings.items()}
        return {**variables, "CLUSTER_ID": CLUSTER_ID}

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.settled():
            if time.monotonic() > deadline:
                logs = self._container.get_wrapped_container().logs(tail=25).decode("utf-8", "replace")
                raise KafkaUnavailableError(f"the container does not answer:\n{logs}")

    def start(self) -> None:
        """Start the stopped container: same port, same data."""
        self._container.get_wrapped_container().start()
        self._wait()

    def stop(self) -> None:
        """Stop it in order."""
        self._container.get_wrapped_container().stop(timeout=30)

    def kill9(self) -> None:
        """Kill it as a crash would."""
        self._container.get_wrapped_container().kill()

    def pause(self) -> None:
        """Freeze it."""
        self._container.get_wrapped_container().pause()

    def resume(self) -> None:
        """Let it go on."""
        self._container.get_wrapped_container().unpause()

    def close(self) -> None:
        """Remove the container and its data."""
        self._container.stop()
