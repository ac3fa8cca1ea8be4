"""Stands in for the Strimzi operator, which cannot be built from source here: one node of Apache Kafka for an overlay.

It reads what was applied (Kafka, KafkaTopic, KafkaUser) and makes what Strimzi makes of it: the certificates
and the Secrets that pods mount, a broker with TLS and SCRAM that lets nobody do what no rule allows, topics, users and
their rights. It is told apart from Strimzi by having one node, no rolling and no status.
"""

import base64
import json
import secrets
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import confluent_kafka.admin
import yaml

from services.demo.world import free_ports
from tests.cluster.node import Node
from tests.cluster.operators import MANIFESTS
from tests.parts.certificates import Authority

admin_api: Any = confluent_kafka.admin
SPACE: Final = "pathway"
SECONDS: Final = 60.0
HOSTS: Final = ("pathway-kafka-bootstrap", f"pathway-node-0.pathway-kafka-brokers.{SPACE}.svc")
WORDS: Final = {"DescribeConfigs": "DESCRIBE_CONFIGS", "AlterConfigs": "ALTER_CONFIGS"}


def serve(opened: Node) -> None:
    """Make Kafka in a cluster to which the overlay was applied."""
    found = {kind: _listed(opened, kind) for kind in ("kafkas", "kafkatopics", "kafkausers")}
    (kafka,) = found["kafkas"]
    passwords = {one["metadata"]["name"]: secrets.token_hex(16) for one in found["kafkausers"]}
    (port,) = free_ports(1)
    opened.apply([*_certificates(), *(_secret(name, {"password": word}) for name, word in passwords.items())])
    (listener,) = kafka["spec"]["kafka"]["listeners"]
    opened.apply([_config(kafka["spec"]["kafka"]["config"], port), *_broker(listener.get("networkPolicyPeers"))])
    opened.kubectl("-n", SPACE, "rollout", "status", "statefulset/pathway-node", "--timeout=180s")
    as_admin = ["kubectl", "--kubeconfig", str(opened.kubeconfig), "-n", SPACE]
    forward = opened.processes.start("kafka-admin", [*as_admin, "port-forward", "pod/pathway-node-0", str(port)])
    forward.wait_for_line("Forwarding from 127.0.0.1")
    admin = admin_api.AdminClient({"bootstrap.servers": f"127.0.0.1:{port}"})
    info = admin_api.ScramCredentialInfo(admin_api.ScramMechanism.SCRAM_SHA_512, 4096)
    users = [admin_api.UserScramCredentialUpsertion(name, info, word.encode()) for name, word in passwords.items()]
    rules = [rule for one in found["kafkausers"] for rule in rights(one)]
    topics = [_topic(one) for one in found["kafkatopics"]]
    for asked in (admin.alter_user_scram_credentials(users), admin.create_acls(rules), admin.create_topics(topics)):
        for done in asked.values():
            done.result(SECONDS)
    forward.stop()
    del opened.processes.children[forward.name]


def _listed(opened: Node, kind: str) -> list[dict[str, Any]]:
    """What was applied of a kind; waits until something was."""
    while True:
        found = json.loads(opened.kubectl("-n", SPACE, "get", f"{kind}.kafka.strimzi.io", "-o", "json"))["items"]
        if found:
            return list(found)
        opened.processes.check()
        time.sleep(1.0)


def _certificates() -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder))
        shown = authority.issue("broker", *HOSTS)
        return [
            _secret("pathway-cluster-ca-cert", {"ca.crt": authority.file.read_text()}),
            _secret("pathway-kafka-brokers", {"broker.pem": shown.both.read_text()}),
        ]


def _secret(name: str, data: dict[str, str]) -> dict[str, Any]:
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": SPACE}, "data": encoded}


def _config(asked: dict[str, Any], port: int) -> dict[str, Any]:
    """The broker's settings: the overlay's, and what Strimzi makes of its listener. Port ``port`` is for us alone."""
    lines = {
        "process.roles": "broker,controller",
        "node.id": 0,
        "controller.quorum.voters": "0@localhost:9090",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"TLS://0.0.0.0:9093,ADMIN://127.0.0.1:{port},CONTROLLER://127.0.0.1:9090",
        "advertised.listeners": f"TLS://{HOSTS[1]}:9093,ADMIN://127.0.0.1:{port}",
        "inter.broker.listener.name": "ADMIN",
        "listener.security.protocol.map": "TLS:SASL_SSL,ADMIN:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.tls.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        "listener.name.tls.ssl.keystore.type": "PEM",
        "listener.name.tls.ssl.keystore.location": "/certificate/broker.pem",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "log.dirs": "/data/log",
        **asked,
    }
    text = "".join(f"{key}={value}\n" for key, value in lines.items())
    metadata = {"name": "pathway-kafka", "namespace": SPACE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"server.properties": text}}


def _broker(peers: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    """Return the broker. ``peers``: who may come in; None: everybody, as Strimzi has it."""
    documents = list(yaml.safe_load_all((MANIFESTS / "kafka.yaml").read_text()))
    for one in documents:
        one["metadata"]["namespace"] = SPACE
        if one["kind"] == "NetworkPolicy" and peers is not None:
            one["spec"]["ingress"][0]["from"] = peers
    return documents


def rights(user: dict[str, Any]) -> list[Any]:
    """A KafkaUser's rules as the broker takes them."""
    return [
        admin_api.AclBinding(
            admin_api.ResourceType[rule["resource"]["type"].upper()],
            rule["resource"]["name"],
            admin_api.ResourcePatternType[rule["resource"]["patternType"].upper()],
            f"User:{user['metadata']['name']}",
            "*",
            admin_api.AclOperation[WORDS.get(operation, operation.upper())],
            admin_api.AclPermissionType.ALLOW,
        )
        for rule in user["spec"]["authorization"]["acls"]
        for operation in rule["operations"]
    ]


def _topic(one: dict[str, Any]) -> Any:
    spec = one["spec"]
    return admin_api.NewTopic(
        spec.get("topicName", one["metadata"]["name"]),
        spec["partitions"],
        spec["replicas"],
        config={key: str(value) for key, value in spec.get("config", {}).items()},
    )
