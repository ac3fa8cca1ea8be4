"""The rights that the users of Kafka get are enough for the whole pathway, and for nothing more: on Apache Kafka."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import confluent_kafka
import confluent_kafka.admin
import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

from deploy.k8s import generate
from services.demo.scene import SERVICES, VAULT
from services.demo.world import CLI, free_ports
from services.embedded.processes import Supervisor
from tests.e2e.system import System
from tests.parts.databases import Databases
from tests.parts.kafka import LocalBroker
from tests.parts.kafka_jars import KafkaUnavailableError, kafka_home

admin_api: Any = confluent_kafka.admin
PASSWORD = "correct horse battery"
PEOPLE = 12
SECONDS = 10.0
RIGHTS = generate.rights()

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def guarded() -> Iterator[tuple[LocalBroker, int]]:
    """A broker that lets nobody do what no rule allows, with production's users and rules, and the port for them."""
    try:
        home = kafka_home()
    except KafkaUnavailableError as error:
        pytest.skip(str(error))
    (port,) = free_ports(1)
    config = {
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT",
        "listeners": f"PLAINTEXT://127.0.0.1:{{port}},SASL_PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{{controller}}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{{port}},SASL_PLAINTEXT://127.0.0.1:{port}",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "allow.everyone.if.no.acl.found": "false",
        "auto.create.topics.enable": "false",
    }
    broker = LocalBroker(home, config=config)
    try:
        admin = admin_api.AdminClient({"bootstrap.servers": broker.bootstrap})
        info = admin_api.ScramCredentialInfo(admin_api.ScramMechanism.SCRAM_SHA_512, 4096)
        users = [admin_api.UserScramCredentialUpsertion(name, info, PASSWORD.encode()) for name in RIGHTS]
        for done in admin.alter_user_scram_credentials(users).values():
            done.result(SECONDS)
        for done in admin.create_acls([rule for name in RIGHTS for rule in rules(name)]).values():
            done.result(SECONDS)
        command = [sys.executable, *CLI, "topics", "apply"]
        environment = {**os.environ, "PATHWAY_ENVIRONMENT": "development", **as_user(port, generate.OPERATOR)}
        made = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stdout + made.stderr
        yield broker, port
    finally:
        broker.close()


def rules(name: str) -> list[Any]:
    """A user's rights as the broker takes them."""
    kinds = {"topic": admin_api.ResourceType.TOPIC, "group": admin_api.ResourceType.GROUP}
    words = {"DescribeConfigs": "DESCRIBE_CONFIGS"}
    return [
        admin_api.AclBinding(
            kinds[kind],
            resource,
            admin_api.ResourcePatternType.LITERAL,
            f"User:{name}",
            "*",
            admin_api.AclOperation[words.get(operation, operation.upper())],
            admin_api.AclPermissionType.ALLOW,
        )
        for kind, resource, operations in RIGHTS[name]
        for operation in operations
    ]


def client(port: int, name: str) -> dict[str, Any]:
    return {
        "bootstrap.servers": f"127.0.0.1:{port}",
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": name,
        "sasl.password": PASSWORD,
        "socket.timeout.ms": 5000,
    }


def as_user(port: int, name: str) -> dict[str, str]:
    return {
        "PATHWAY_KAFKA_BOOTSTRAP": f"127.0.0.1:{port}",
        "PATHWAY_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "PATHWAY_KAFKA_USERNAME": name,
        "PATHWAY_KAFKA_PASSWORD": PASSWORD,
    }


@pytest.fixture
async def system(
    guarded: tuple[LocalBroker, int], database: Databases, processes: Supervisor
) -> AsyncIterator[tuple[System, int]]:
    broker, port = guarded
    opened = System(broker, database, processes, "")
    processes.env = opened.environment
    for name in (*SERVICES, VAULT):
        await opened.connect(name)
    yield opened, port
    opened.disconnect()


async def test_the_whole_pathway_runs_with_them_and_an_auditor_replays_it(system: tuple[System, int]) -> None:
    opened, port = system
    opened.changes = {f"{name}-{role}": as_user(port, name) for name in SERVICES for role in ("worker", "api")}
    for name in (*SERVICES, VAULT):
        (free,) = free_ports(1)
        environment = {"PATHWAY_HTTP_PORT": str(free), **as_user(port, name)}
        opened.ports[f"{name}-relay"] = free
        opened.processes.python(f"{name}-relay", *CLI, "relay", name, env=environment)
    await opened.start(*(f"{name}-{role}" for name in SERVICES for role in ("worker", "api")))
    await opened.ready(*(f"{name}-relay" for name in (*SERVICES, VAULT)))
    demo = await opened.pathway(
        *("demo", "--running", "--people", str(PEOPLE), "--seed", "4", "--json"),
        **as_user(port, generate.AUDITOR),
        **{f"PATHWAY_DEMO_{name.upper()}": url for name, url in opened.urls.items()},
    )
    report = json.loads(demo.out)
    assert (report["problems"], demo.status) == ([], 0), demo.err[-3000:]
    assert report["reconciliation"]["transactions"] > 0


def refusal(port: int, name: str, topic: str) -> int | None:
    """The code with which a user who would read a topic is refused: already who asks about it, or who fetches."""
    asked = admin_api.AdminClient(client(port, name)).list_topics(topic, timeout=SECONDS).topics[topic].error
    if asked is not None:
        return int(asked.code())
    consumer = confluent_kafka.Consumer({**client(port, name), "group.id": f"pathway-{name}"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    of_group = confluent_kafka.KafkaError.GROUP_AUTHORIZATION_FAILED
    try:
        for heard in iter(lambda: consumer.poll(SECONDS), None):
            error = heard.error()
            if error is None or error.code() != of_group:
                return None if error is None else int(error.code())
        return None
    finally:
        consumer.close()


@pytest.mark.parametrize(
    ("name", "topic"), [("triage", "plan.updated"), ("vault", "outcome.recorded"), ("operator", "plan.updated")]
)
def test_nobody_reads_what_is_not_for_them(guarded: tuple[LocalBroker, int], name: str, topic: str) -> None:
    assert refusal(guarded[1], name, topic) == confluent_kafka.KafkaError.TOPIC_AUTHORIZATION_FAILED


@pytest.mark.parametrize(
    ("name", "topic"), [("triage", "referral.created"), ("auditor", "outcome.recorded"), ("operator", "plan.updated")]
)
def test_nobody_writes_what_is_not_theirs(guarded: tuple[LocalBroker, int], name: str, topic: str) -> None:
    _, port = guarded
    heard: list[Any] = []
    producer = confluent_kafka.Producer(client(port, name))
    producer.produce(topic, value=b"{}", partition=0, on_delivery=lambda error, _: heard.append(error))
    producer.flush(SECONDS)
    assert [error.code() for error in heard] == [confluent_kafka.KafkaError.TOPIC_AUTHORIZATION_FAILED]


def test_nobody_is_in_anothers_group(guarded: tuple[LocalBroker, int]) -> None:
    _, port = guarded
    admin = admin_api.AdminClient(client(port, "intake"))
    (asked,) = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions("pathway-triage")]).values()
    with pytest.raises(confluent_kafka.KafkaException) as refused:
        asked.result(SECONDS)
    assert refused.value.args[0].code() == confluent_kafka.KafkaError.GROUP_AUTHORIZATION_FAILED
