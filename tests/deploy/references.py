"""What one document says of another: each function returns what points at nothing."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from services.canary.settings import CanarySettings
from services.kernel.settings import Settings
from tests.contract.test_observability import asked_for, exported
from tests.deploy.rendered import Document, containers, of_kind, pods, title

SETTINGS = {
    *(f"PATHWAY_{name.upper()}" for name in Settings.model_fields),
    *(f"PATHWAY_CANARY_{name.upper()}" for name in CanarySettings.model_fields),
    "PATHWAY_SECRETS_DIR",
}
OF_OTHERS = ("strimzi.io/cluster", "strimzi.io/name", "cnpg.io/cluster")
"""Labels of pods that operators make."""

Labels = Mapping[str, str]


def matches(selector: Mapping[str, Any], labels: Labels) -> bool:
    """Tell whether a label selector takes a pod."""
    if any(labels.get(name) != value for name, value in selector.get("matchLabels", {}).items()):
        return False
    for one in selector.get("matchExpressions", ()):
        there = labels.get(one["key"])
        match one["operator"]:
            case "In":
                fine = there in one["values"]
            case "NotIn":
                fine = there not in one["values"]
            case "Exists":
                fine = there is not None
            case _:
                fine = there is None
        if not fine:
            return False
    return True


def _labels(documents: list[Document]) -> list[Labels]:
    return [pod["metadata"]["labels"] for _, pod in pods(documents)]


def selectors(documents: list[Document]) -> list[str]:
    """Selectors that take no pod, and workloads that do not take their own."""
    found, every = [], _labels(documents)
    for one, pod in pods(documents):
        chosen = one["spec"].get("selector")
        if chosen is not None and not matches(chosen, pod["metadata"]["labels"]):
            found.append(f"{title(one)} does not select its own pods")
        spreads = pod["spec"].get("topologySpreadConstraints", ())
        if not all(matches(spread["labelSelector"], pod["metadata"]["labels"]) for spread in spreads):
            found.append(f"{title(one)} spreads other pods than its own")
    for one, chosen in _selecting(documents):
        others = any(name in OF_OTHERS for name in chosen.get("matchLabels", {}))
        if not others and not any(matches(chosen, labels) for labels in every):
            found.append(f"{title(one)} selects no pod: {chosen}")
    return found


def _selecting(documents: list[Document]) -> Iterator[tuple[Document, Mapping[str, Any]]]:
    for one in of_kind(documents, "Service"):
        yield one, {"matchLabels": one["spec"]["selector"]}
    for one in of_kind(documents, "PodDisruptionBudget", "PodMonitor"):
        yield one, one["spec"]["selector"]
    for one in of_kind(documents, "NetworkPolicy"):
        if one["spec"]["podSelector"]:
            yield one, one["spec"]["podSelector"]
        for peer in _peers(one):
            if "podSelector" in peer and "namespaceSelector" not in peer:
                yield one, peer["podSelector"]


def _peers(policy: Document) -> Iterator[Mapping[str, Any]]:
    for rule in policy["spec"].get("ingress", ()):
        yield from rule.get("from", ())
    for rule in policy["spec"].get("egress", ()):
        yield from rule.get("to", ())


def ports(documents: list[Document]) -> list[str]:
    """Ports by name that no container has; names and backends that are none."""
    services: dict[str, Document] = {one["metadata"]["name"]: one for one in of_kind(documents, "Service")}
    return [
        *_probes(documents),
        *_targets(documents, services),
        *_backends(documents, services),
        *(
            f"{title(one)} is named by {one['spec']['serviceName']}, which is none"
            for one in of_kind(documents, "StatefulSet")
            if one["spec"]["serviceName"] not in services
        ),
    ]


def _probes(documents: list[Document]) -> Iterator[str]:
    for one, container in containers(documents):
        mine = {port["name"] for port in container.get("ports", ())}
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            asked = container.get(probe, {}).get("httpGet", {}).get("port")
            if asked is not None and asked not in mine:
                yield f"{title(one)}: {probe} asks the port {asked}"


def _targets(documents: list[Document], services: Mapping[str, Document]) -> Iterator[str]:
    for one in services.values():
        for _, pod in pods(documents):
            if matches({"matchLabels": one["spec"]["selector"]}, pod["metadata"]["labels"]):
                names = {port["name"] for c in pod["spec"]["containers"] for port in c.get("ports", ())}
                targets = [port["targetPort"] for port in one["spec"]["ports"]]
                yield from (f"{title(one)} sends to {target}" for target in targets if target not in names)


def _backends(documents: list[Document], services: Mapping[str, Document]) -> Iterator[str]:
    for one in of_kind(documents, "Ingress"):
        for rule in one["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                backend = path["backend"]["service"]
                service = services.get(backend["name"])
                names = {port["name"] for port in service["spec"]["ports"]} if service else set()
                if backend["port"]["name"] not in names:
                    yield f"{title(one)} sends {rule['host']} to {backend['name']}, which is none"


def config_keys(documents: list[Document]) -> list[str]:
    """Settings that no process reads; ConfigMaps, keys and folders that are none."""
    maps: dict[str, Document] = {one["metadata"]["name"]: one for one in of_kind(documents, "ConfigMap")}
    found = []
    for one in maps.values():
        if one["metadata"]["name"].startswith("pathway-settings"):
            found += [f"{title(one)} sets {name}" for name in one["data"] if name not in SETTINGS]
    for one, container in containers(documents):
        found += [f"{title(one)} sets {env['name']}" for env in container.get("env", ()) if env["name"] not in SETTINGS]
        for source in container.get("envFrom", ()):
            if source["configMapRef"]["name"] not in maps:
                found.append(f"{title(one)} reads {source['configMapRef']['name']}, which is none")
    for one, pod in pods(documents):
        volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes", ())}
        for container in pod["spec"]["containers"]:
            mounts = [mount["name"] for mount in container.get("volumeMounts", ())]
            found += [f"{title(one)} mounts {name}, which is none" for name in mounts if name not in volumes]
            found += [f"{title(one)} has {name} and mounts it nowhere" for name in volumes if name not in mounts]
        for volume in volumes.values():
            if "configMap" in volume:
                keys = maps.get(volume["configMap"]["name"], {}).get("data", {})
                wanted = [item["key"] for item in volume["configMap"].get("items", ())]
                found += [f"{title(one)} mounts {key}, which is none" for key in wanted if key not in keys]
    return found


def secrets(documents: list[Document], given: Collection[str]) -> list[str]:
    """Secrets that nobody makes. ``given``: those that come from outside."""
    made = {*given, *(one["metadata"]["name"] for one in of_kind(documents, "Secret", "KafkaUser"))}
    made |= {f"{one['metadata']['name']}-cluster-ca-cert" for one in of_kind(documents, "Kafka")}
    made |= {f"{one['metadata']['name']}-ca" for one in of_kind(documents, "Cluster")}
    found = []
    for one, pod in pods(documents):
        for volume in pod["spec"].get("volumes", ()):
            names = [volume["secret"]["secretName"]] if "secret" in volume else []
            names += [s["secret"]["name"] for s in volume.get("projected", {}).get("sources", ()) if "secret" in s]
            found += [f"{title(one)} mounts the Secret {name}" for name in names if name not in made]
    for one in of_kind(documents, "Ingress"):
        found += [
            f"{title(one)} needs {tls['secretName']}" for tls in one["spec"]["tls"] if tls["secretName"] not in made
        ]
    for one in of_kind(documents, "Cluster"):
        roles = one["spec"]["managed"]["roles"]
        found += [
            f"{title(one)} needs {r['passwordSecret']['name']}"
            for r in roles
            if r["passwordSecret"]["name"] not in made
        ]
    return found


def accounts(documents: list[Document]) -> list[str]:
    """Workloads whose account is none, or has a token."""
    made = {one["metadata"]["name"]: one for one in of_kind(documents, "ServiceAccount")}
    found = []
    for one, pod in pods(documents):
        account = made.get(pod["spec"].get("serviceAccountName", "default"))
        if account is None:
            found.append(f"{title(one)} runs as an account that is none")
        elif account.get("automountServiceAccountToken", True) or pod["spec"].get("automountServiceAccountToken", True):
            found.append(f"{title(one)} gets a token of the cluster")
    return found


def scalers(documents: list[Document]) -> list[str]:
    """Scalers of what is none, or by metrics that nobody exports; alert rules that ask for such a one."""
    workloads = {(one["kind"], one["metadata"]["name"]) for one in of_kind(documents, "Deployment", "StatefulSet")}
    found = []
    for one in of_kind(documents, "ScaledObject"):
        target = one["spec"]["scaleTargetRef"]
        if (target["kind"], target["name"]) not in workloads:
            found.append(f"{title(one)} scales {target['name']}, which is none")
        for trigger in one["spec"]["triggers"]:
            found += [f"{title(one)} asks for {name}" for name in asked_for(trigger["metadata"]["query"]) - exported()]
    for one in of_kind(documents, "PrometheusRule"):
        for group in one["spec"]["groups"]:
            for rule in group["rules"]:
                found += [f"{rule['alert']} asks for {name}" for name in asked_for(rule["expr"]) - exported()]
    return found
