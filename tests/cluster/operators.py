"""What a cluster brings before Pathway comes: names, volumes, kinds of the operators, CloudNativePG itself."""

import json
import platform
import shutil
from pathlib import Path
from typing import Any, Final

import yaml

from tests.cluster.build import CNPG, program
from tests.cluster.node import STATE, Node, image
from tests.deploy.fetch_schemas import CRDS, SCHEMAS, module

MANIFESTS: Final = Path(__file__).parent / "manifests"
VOLUMES: Final = 8
POSTGRESQL: Final = "node/postgresql:16"
OPERATOR: Final = "node/cloudnative-pg:dev"
NAMES: Final = "node/coredns:dev"
LOADED: Final = ("pathway:dev", "apache/kafka:4.3.1", POSTGRESQL, OPERATOR, NAMES)
DATABASE: Final = """FROM postgres:16
RUN usermod --uid 26 postgres
USER 26
"""
"""PostgreSQL as the user that CloudNativePG's images run it as."""


def install(opened: Node) -> None:
    """Bring all of it, and wait until it answers."""
    folder = STATE / "image-coredns"
    folder.mkdir()
    shutil.copy(program("coredns"), folder / "coredns")
    image(NAMES, folder, 'FROM scratch\nCOPY coredns /coredns\nENTRYPOINT ["/coredns"]\n')
    folder = STATE / "image-operator"
    folder.mkdir()
    shutil.copy(program("cnpg"), folder / "manager")
    # it looks for itself by architecture, to give it to the instances
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
    image(OPERATOR, folder, f"FROM scratch\nCOPY manager /manager\nCOPY manager /operator/manager_{machine}\n")
    folder = STATE / "image-postgres"
    folder.mkdir()
    image(POSTGRESQL, folder, DATABASE)
    for each in LOADED:
        opened.load(each)
    opened.apply(_volumes())
    opened.apply(list(yaml.safe_load_all((MANIFESTS / "names.yaml").read_text())))
    opened.apply([*strimzi_kinds(), *_published_kinds()])
    opened.apply(_cloudnative_pg())
    for namespace, name in (("kube-system", "coredns"), ("cnpg-system", "cnpg-controller-manager")):
        opened.kubectl("-n", namespace, "rollout", "status", f"deployment/{name}", "--timeout=120s")


def _volumes() -> list[dict[str, Any]]:
    """Folders of this machine, for who asks for a volume first."""
    found = []
    for number in range(VOLUMES):
        folder = STATE / "volumes" / str(number)
        folder.mkdir(parents=True)
        folder.chmod(0o777)
        spec = {
            "capacity": {"storage": "1Ti"},
            "accessModes": ["ReadWriteOnce"],
            "hostPath": {"path": str(folder)},
            "persistentVolumeReclaimPolicy": "Retain",
        }
        metadata = {"name": f"folder-{number}"}
        found.append({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": spec})
    return found


def _published_kinds() -> list[dict[str, Any]]:
    """Definitions that KEDA and the operator of Prometheus publish."""
    found = []
    for name, (path, pattern, plurals) in CRDS.items():
        if name != "cloudnative-pg":  # its release has them
            found += [yaml.safe_load((module(path) / pattern.format(plural)).read_text()) for plural in plurals]
    return found


def _cloudnative_pg() -> list[dict[str, Any]]:
    """Return its published release, with images that were built here in the place of its own."""
    version = CNPG.rpartition("@v")[2]
    text = (module(CNPG) / "releases" / f"cnpg-{version}.yaml").read_text()
    documents = [one for one in yaml.safe_load_all(text) if one]
    for one in documents:
        if one["kind"] == "Deployment":
            (container,) = one["spec"]["template"]["spec"]["containers"]
            container |= {"image": OPERATOR, "imagePullPolicy": "IfNotPresent", "resources": {}}
            others = [env for env in container["env"] if env["name"] != "OPERATOR_IMAGE_NAME"]
            images = {"OPERATOR_IMAGE_NAME": OPERATOR, "POSTGRES_IMAGE_NAME": POSTGRESQL}
            container["env"] = [*others, *({"name": name, "value": value} for name, value in images.items())]
    return documents


def strimzi_kinds() -> list[dict[str, Any]]:
    """Return definitions of Strimzi's kinds, made from the schemas that the manifests are held against."""
    kinds = json.loads((SCHEMAS / "strimzi.json").read_text())["kinds"]
    return [_definition(kind, schema) for kind, schema in kinds.items()]


def _definition(kind: str, schema: dict[str, Any]) -> dict[str, Any]:
    group, version, name = kind.split("/")
    plural = f"{name.lower()}s"
    known = {"spec": structural(schema["properties"]["spec"]), "status": OPEN}
    described = {
        "name": version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": known}},
        "subresources": {"status": {}},
    }
    names = {"kind": name, "plural": plural, "singular": name.lower(), "listKind": f"{name}List"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [described]},
    }


OPEN: Final[dict[str, Any]] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def structural(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a closed JSON schema as Kubernetes wants it, which closes objects by itself."""
    if "$ref" in schema:
        return OPEN
    if {"oneOf", "anyOf", "allOf", "not"} & set(schema):
        return {"x-kubernetes-preserve-unknown-fields": True}
    found = dict(schema)
    if isinstance(found.get("type"), list):
        found |= {"type": found["type"][0], "nullable": True}
    if "properties" in found:
        found.pop("additionalProperties", None)
        found["properties"] = {name: structural(value) for name, value in found["properties"].items()}
    elif found.get("additionalProperties") is True:
        return OPEN
    for key in ("items", "additionalProperties"):
        if isinstance(found.get(key), dict):
            found[key] = structural(found[key])
    return found
