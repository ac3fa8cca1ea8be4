"""Apache Kafka from its jars: fetched once with Maven into the user's cache, run with the machine's Java."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

VERSION = "4.3.1"
LOG4J = "2.25.4"
CLUSTER_ID = "5L6g3nShT-eMCtK--X86sw"
FAST_JVM = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""Starts in half the time of the server defaults; less throughput, which tests do not measure."""

POM = f"""<project><modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>broker</artifactId><version>1</version><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version></dependency>
<dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId><version>{LOG4J}</version></dependency>
<dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>{LOG4J}</version></dependency>
</dependencies></project>
"""
LOGGING = """Configuration:
  Appenders: {Console: {name: out, PatternLayout: {pattern: "%d %p %m (%c{1})%n"}}}
  Loggers: {Root: {level: WARN, AppenderRef: {ref: out}}}
"""
SERVER = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "auto.create.topics.enable": "false",
    "num.partitions": "6",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "offsets.topic.num.partitions": "4",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "2",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "2",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "log.cleaner.dedupe.buffer.size": "8388608",
    "log.retention.ms": "-1",
    "num.io.threads": "4",
    "num.network.threads": "2",
}
"""A small single node. Topics are made on purpose, so that a misspelt name is an error; a killed broker
may register again after 3 s instead of 9. Records keep the time at which they were recorded, which a test may put years
back: with a time limit the broker would take them away within minutes."""


class KafkaUnavailableError(RuntimeError):
    """Apache Kafka cannot be had in this way; the message says why."""


@dataclass(frozen=True)
class KafkaHome:
    """What a broker needs on disk: the jars and a formatted storage folder to copy."""

    folder: Path
    java: str

    @property
    def libs(self) -> Path:
        """The jars."""
        return self.folder / "libs"

    @property
    def formatted(self) -> Path:
        """A storage folder as the storage tool formatted it; each broker starts from a copy."""
        return self.folder / "formatted"

    def command(self, *words: str, jvm: tuple[str, ...] = FAST_JVM) -> list[str]:
        """The Java command line for a Kafka main class with its arguments."""
        logging = f"-Dlog4j2.configurationFile={self.folder / 'log4j2.yaml'}"
        jars = ":".join(str(jar) for jar in sorted(self.libs.glob("*.jar")))
        return [self.java, *jvm, logging, "-cp", jars, *words]


def properties(port: int, data: Path, extra: dict[str, str] | None = None) -> str:
    """The configuration of a node on ``port`` whose controller listens on ``port + 1``."""
    addresses = {
        "controller.quorum.voters": f"1@127.0.0.1:{port + 1}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{port + 1}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "log.dirs": str(data),
    }
    lines = {**SERVER, **addresses, **(extra or {})}
    return "".join(f"{name}={value}\n" for name, value in lines.items())


def cache_folder() -> Path:
    """Where the jars are kept between runs: the XDG cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pathway" / f"kafka-{VERSION}"


def kafka_home() -> KafkaHome:
    """Return the installed jars, fetching and preparing them the first time (about 15 s).

    Raises KafkaUnavailableError when Java or Maven is missing or the jars cannot be fetched.
    """
    java, maven = shutil.which("java"), shutil.which("mvn")
    if java is None:
        raise KafkaUnavailableError("no Java on the path")
    home = KafkaHome(cache_folder(), java)
    home.folder.mkdir(parents=True, exist_ok=True)
    with _locked(home.folder / "lock"):
        (home.folder / "log4j2.yaml").write_text(LOGGING)
        if not home.libs.exists():
            if maven is None:
                raise KafkaUnavailableError(f"no Kafka jars in {home.folder} and no Maven on the path")
            _fetch(home, maven)
        if not home.formatted.exists():
            _format(home)
    return home


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch(home: KafkaHome, maven: str) -> None:
    with tempfile.TemporaryDirectory(dir=home.folder) as work:
        pom, part = Path(work) / "pom.xml", Path(work) / "libs"
        pom.write_text(POM)
        _run(maven, "-q", "-B", "-f", str(pom), "dependency:copy-dependencies",
             "-DincludeScope=runtime", f"-DoutputDirectory={part}", seconds=300)  # fmt: skip
        part.rename(home.libs)


def _format(home: KafkaHome) -> None:
    """Format a storage folder. It holds no address, so that a copy serves a node on any port."""
    with tempfile.TemporaryDirectory(dir=home.folder) as work:
        config, data = Path(work) / "server.properties", Path(work) / "data"
        config.write_text(properties(19092, data))
        tool = ("kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(config))
        _run(*home.command(*tool), seconds=60)
        data.rename(home.formatted)


def _run(*command: str, seconds: float) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)
    except subprocess.TimeoutExpired as error:
        raise KafkaUnavailableError(f"{Path(command[0]).name} did not end in {seconds:.0f} s") from error
    if done.returncode != 0:
        raise KafkaUnavailableError(f"{Path(command[0]).name} failed: {(done.stdout + done.stderr)[-2000:]}")
