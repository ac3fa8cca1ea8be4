"""Encrypted and proven all the way: SASL_SSL with SCRAM or a client certificate to Kafka, verify-full to PostgreSQL."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import confluent_kafka.admin
import pytest
from aiokafka.errors import KafkaError
from pydantic import SecretStr

from services.embedded.postgres import Postgres
from services.embedded.processes import Supervisor
from services.kernel.runtime.log_view import ask_broker
from tests.faults.stage import Stage, open_stage
from tests.parts.certificates import Authority, Pair
from tests.parts.databases import Databases
from tests.parts.kafka import LocalBroker
from tests.parts.kafka_jars import KafkaUnavailableError, kafka_home

SSL_REQUEST = bytes.fromhex("0000000804d2162f")
kafka_admin: Any = confluent_kafka.admin
USER, PASSWORD = "pathway-tally", "correct horse"


@dataclass(frozen=True)
class Ground:
    """Servers that want encryption, and who signed for them."""

    authority: Authority
    server: Pair
    broker: LocalBroker
    postgres: Postgres
    sasl_port: int
    mutual_port: int
    database_port: int
    templates: dict[str, str] = field(default_factory=dict)

    def settings(self, stage: Stage) -> dict[str, Any]:
        """What a role needs to be let in."""
        name = stage.databases("tally").name
        ca = self.authority.file
        return {
            "kafka_bootstrap": f"127.0.0.1:{self.sasl_port}",
            "kafka_security_protocol": "SASL_SSL",
            "kafka_ca_file": ca,
            "kafka_username": USER,
            "kafka_password": SecretStr(PASSWORD),
            "database_url": SecretStr(
                f"postgresql://tally_run@127.0.0.1:{self.database_port}/{name}?sslmode=verify-full&sslrootcert={ca}"
            ),
        }


def free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in held]
    for one in held:
        one.close()
    return ports


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    try:
        home = kafka_home()
    except KafkaUnavailableError as error:
        pytest.skip(str(error))
    folder: Path = tmp_path_factory.mktemp("certificates")
    authority = Authority(folder)
    server = authority.issue("server")
    sasl, mutual, database = free_ports(3)
    config = {
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL",
        "listeners": f"PLAINTEXT://127.0.0.1:{{port}},SASL_SSL://127.0.0.1:{sasl},SSL://127.0.0.1:{mutual},"
        "CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{{port}},SASL_SSL://127.0.0.1:{sasl},SSL://127.0.0.1:{mutual}",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        "listener.name.ssl.ssl.client.auth": "required",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(server.both),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.file),
    }
    broker = LocalBroker(home, config=config)
    postgres = Postgres(durable=False)
    try:
        postgres.start()
        _add_user(broker)
        yield Ground(authority, server, broker, postgres, sasl, mutual, database)
    finally:
        postgres.close()
        broker.close()


def _add_user(broker: LocalBroker) -> None:
    info = kafka_admin.ScramCredentialInfo(kafka_admin.ScramMechanism.SCRAM_SHA_512, 4096)
    admin = kafka_admin.AdminClient({"bootstrap.servers": broker.bootstrap})
    wanted = kafka_admin.UserScramCredentialUpsertion(USER, info, PASSWORD.encode())
    for done in admin.alter_user_scram_credentials([wanted]).values():
        done.result(20)


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@contextlib.asynccontextmanager
async def encrypting(ground: Ground) -> AsyncIterator[None]:
    """The server's build has no TLS: this takes PostgreSQL's request for it, and nobody who does not ask."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(ground.server.certificate, ground.server.key)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.readexactly(8) != SSL_REQUEST:
            writer.close()
            return
        writer.write(b"S")
        try:
            await writer.start_tls(context)
        except OSError:
            return
        inner, outer = await asyncio.open_unix_connection(str(ground.postgres.folder / ".s.PGSQL.5432"))
        await asyncio.gather(_forward(reader, outer), _forward(inner, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", ground.database_port)
    try:
        yield
    finally:
        server.close()


@pytest.fixture
async def encrypted(ground: Ground, processes: Supervisor, topic_prefix: str) -> AsyncIterator[Stage]:
    databases = Databases(ground.postgres, ground.templates)
    async with encrypting(ground), open_stage(ground.broker, databases, processes, topic_prefix) as opened:
        yield opened
    databases.close()


@pytest.mark.parametrize("runner", ["faust", "aiokafka"])
async def test_all_is_encrypted_and_each_number_counts_once(encrypted: Stage, ground: Ground, runner: str) -> None:
    encrypted.runner = runner
    settings = ground.settings(encrypted)
    async with encrypted.relaying(**settings), encrypted.consuming(**settings):
        await encrypted.send(["a", "b", "c"], 3)
        await encrypted.until_counted()
        await encrypted.prove()


@pytest.mark.parametrize("runner", ["faust", "aiokafka"])
async def test_a_client_certificate_is_enough(encrypted: Stage, ground: Ground, runner: str) -> None:
    encrypted.runner = runner
    client = ground.authority.issue("client")
    settings = ground.settings(encrypted) | {
        "kafka_bootstrap": f"127.0.0.1:{ground.mutual_port}",
        "kafka_security_protocol": "SSL",
        "kafka_cert_file": client.certificate,
        "kafka_key_file": client.key,
    }
    async with encrypted.relaying(**settings), encrypted.consuming(**settings):
        await encrypted.send(["a", "b"], 2)
        await encrypted.prove()


async def test_a_wrong_password_is_refused(encrypted: Stage, ground: Ground) -> None:
    right = encrypted.settings(**ground.settings(encrypted))
    await ask_broker(right)
    with pytest.raises(KafkaError):
        await ask_broker(right.model_copy(update={"kafka_password": SecretStr("wrong")}))


async def test_a_server_that_another_signed_is_refused(encrypted: Stage, ground: Ground, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "stranger")
    right = encrypted.settings(**ground.settings(encrypted))
    with pytest.raises(KafkaError):
        await ask_broker(right.model_copy(update={"kafka_ca_file": stranger.file}))
    url = right.service_url("tally")
    await (await asyncpg.connect(url)).close()
    with pytest.raises((OSError, asyncpg.PostgresError, asyncpg.InterfaceError)):
        await asyncpg.connect(url.partition("?")[0] + "?sslmode=disable")
    with pytest.raises(OSError, match=r"(?i)certificate"):
        await asyncpg.connect(url.replace(str(ground.authority.file), str(stranger.file)))
