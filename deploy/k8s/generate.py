"""Writes what follows from other files: `python -m deploy.k8s.generate`; a test holds it against them.

- `services/programmes/kustomization.yaml` makes a ConfigMap of all programme files. A key of a ConfigMap holds no
  slash, so patches say where in the folder each key lies: for the workers, for the APIs, and for who audits.
- Topics and users of Kafka follow from the catalogue, `schemas/topics/*.yaml`.
- The databases' roles are those of Compose, `deploy/compose/make_secrets.py`.
- Alert rules follow from `deploy/observability/rules.yml`.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from deploy.compose import make_secrets as compose
from services.composition import NAMES, service_named
from services.kernel.catalogue import Topic, load_catalogue
from services.kernel.operations.topics import wanted
from services.kernel.settings import Environment, Settings

ROOT = Path(__file__).resolve().parents[2]
PROGRAMMES = ROOT / "services" / "programmes"
RULES = ROOT / "deploy" / "observability" / "rules.yml"
HERE = ROOT / "deploy" / "k8s"
STRIMZI = HERE / "components" / "kafka-strimzi"
CONFIG_MAP = "pathway-programmes"
BESIDE = ("areas.yaml", "effective.sha256")
"""What lies beside the programmes' folders and belongs to them."""
WRITTEN = "# Written by python -m deploy.k8s.generate.\n"
KAFKA = "kafka.strimzi.io/v1"
OF_CLUSTER = {"strimzi.io/cluster": "pathway"}
READ, WRITE = ("Describe", "Read"), ("Describe", "Write")
AUDITOR, OPERATOR = "auditor", "operator"


def files() -> dict[str, str]:
    """Return each programme file's key in the ConfigMap, and its path in the folder."""
    found = sorted(path.relative_to(PROGRAMMES).as_posix() for path in PROGRAMMES.glob("*/*.yaml"))
    return {path.replace("/", "."): path for path in (*BESIDE, *found)}


def programmes() -> str:
    """Return the kustomization that makes the ConfigMap."""
    lines = "".join(f"      - {key}={path}\n" for key, path in files().items())
    return (
        f"{WRITTEN}apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
        f"configMapGenerator:\n  - name: {CONFIG_MAP}\n    files:\n{lines}"
    )


def mounted(kind: str) -> dict[str, Any]:
    """Return the patch of one kind of workload."""
    items = [{"key": key, "path": path} for key, path in files().items()]
    volume = {"name": "programmes", "configMap": {"name": CONFIG_MAP, "items": items}}
    spec: dict[str, Any] = {"template": {"spec": {"volumes": [volume]}}}
    if kind == "CronJob":
        spec = {"jobTemplate": {"spec": spec}}
    group = "batch/v1" if kind == "CronJob" else "apps/v1"
    return {"apiVersion": group, "kind": kind, "metadata": {"name": "any"}, "spec": spec}


def topic(found: Topic) -> dict[str, Any]:
    """Return a topic as production wants it."""
    plan = wanted(found, Settings(environment=Environment.PRODUCTION))
    return {
        "apiVersion": KAFKA,
        "kind": "KafkaTopic",
        "metadata": {"name": plan.name, "labels": OF_CLUSTER},
        "spec": {"partitions": plan.partitions, "replicas": plan.replicas, "config": plan.config},
    }


def rights() -> dict[str, list[tuple[str, str, tuple[str, ...]]]]:
    """Return what each user may do: (kind of resource, its name, operations). Nobody may do anything else.

    A service reads its inputs and, to be restored and replayed, its own output; it writes its output; it is in its own
    group. The auditor reads all topics. Who makes topics reads and writes none.
    """
    settings, topics = Settings(), load_catalogue(ROOT / "schemas" / "topics").values()
    found: dict[str, list[tuple[str, str, tuple[str, ...]]]] = {}
    for name in NAMES:
        service = service_named(name, settings)
        found[name] = [
            *(("topic", read, READ) for read in sorted(service.inputs)),
            ("topic", service.output, ("Describe", "Read", "Write")),
            *([("group", f"pathway-{name}", READ)] if service.inputs else []),
        ]
    found[AUDITOR] = [("topic", one.topic, READ) for one in topics]
    found[OPERATOR] = [("topic", one.topic, ("Create", "Describe", "DescribeConfigs")) for one in topics]
    return found


def user(name: str, rights_of: Iterable[tuple[str, str, tuple[str, ...]]]) -> dict[str, Any]:
    """Return one user with its rights."""
    acls = [
        {"resource": {"type": kind, "name": resource, "patternType": "literal"}, "operations": list(operations)}
        for kind, resource, operations in rights_of
    ]
    return {
        "apiVersion": KAFKA,
        "kind": "KafkaUser",
        "metadata": {"name": name, "labels": OF_CLUSTER},
        "spec": {
            "authentication": {"type": "scram-sha-512"},
            "authorization": {"type": "simple", "acls": acls},
        },
    }


def database() -> dict[str, Any]:
    """Return the cluster of PostgreSQL: databases and roles as Compose has them, passwords from Secrets."""
    owners = [f"{name}_owner" for name in NAMES]
    member_of = {f"{name}_owner": compose.of_owner(name) for name in NAMES} | {AUDITOR: list(compose.OF_AUDITOR)}
    managed = [
        {
            "name": role,
            "ensure": "present",
            "login": True,
            "createrole": role in owners,
            **({"inRoles": sorted(member_of[role])} if role in member_of else {}),
            "passwordSecret": {"name": secret_of_role(role)},
        }
        for role in (*compose.ROLES, *owners)
    ]
    return {
        "apiVersion": "postgresql.cnpg.io/v1",
        "kind": "Cluster",
        "metadata": {"name": "pathway-database"},
        "spec": {
            "instances": 3,
            "minSyncReplicas": 1,
            "maxSyncReplicas": 1,
            "enableSuperuserAccess": False,
            "bootstrap": {
                "initdb": {
                    "database": "unused",
                    "owner": "unused",
                    "encoding": "UTF8",
                    "localeCollate": "C",
                    "localeCType": "C",
                    "postInitSQL": compose.statements(lambda role: ""),
                }
            },
            "managed": {"roles": managed},
            "postgresql": {
                "parameters": {
                    "max_connections": "300",
                    "timezone": "UTC",
                    # what an error concerns is kept out of the server's log: docs/operations/running.md
                    "log_error_verbosity": "terse",
                    "log_min_error_statement": "panic",
                    "log_parameter_max_length": "0",
                    "log_parameter_max_length_on_error": "0",
                    "log_statement": "none",
                }
            },
            "storage": {"size": "100Gi"},
            "walStorage": {"size": "20Gi"},
            "resources": {"requests": {"cpu": "500m", "memory": "2Gi"}, "limits": {"memory": "2Gi"}},
        },
    }


def secret_of_role(role: str) -> str:
    """Return the name of the Secret that holds a database role's password."""
    return f"database-{role.replace('_', '-')}"


def alerts() -> dict[str, Any]:
    """Return the alert rules as the Prometheus operator takes them."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "pathway"},
        "spec": yaml.safe_load(RULES.read_text()),
    }


def text(documents: Iterable[dict[str, Any]]) -> str:
    """Return documents as YAML."""
    parts = (yaml.safe_dump(document, sort_keys=False, width=120) for document in documents)
    return WRITTEN + "---\n".join(parts)


def written() -> dict[Path, str]:
    """Return every file that this writes."""
    topics = sorted(load_catalogue(ROOT / "schemas" / "topics").values(), key=lambda one: one.topic)
    return {
        PROGRAMMES / "kustomization.yaml": programmes(),
        HERE / "base" / "programmes-worker.yaml": text([mounted("StatefulSet")]),
        HERE / "base" / "programmes-api.yaml": text([mounted("Deployment")]),
        HERE / "components" / "audit" / "programmes.yaml": text([mounted("CronJob")]),
        STRIMZI / "topics.yaml": text(map(topic, topics)),
        STRIMZI / "users.yaml": text(user(name, rights_of) for name, rights_of in rights().items()),
        HERE / "components" / "postgres-cnpg" / "cluster.yaml": text([database()]),
        HERE / "components" / "observability" / "rules.yaml": text([alerts()]),
    }


if __name__ == "__main__":
    for path, content in written().items():
        path.write_text(content)
