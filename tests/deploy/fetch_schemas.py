"""Make tests/deploy/schemas anew: `.venv/bin/python tests/deploy/fetch_schemas.py [kubernetes] [crds] [strimzi]`.

Not part of any test: it needs Go (modules with checksums), and for Strimzi Maven and Java. Sources and licences stand
in tests/deploy/schemas/README.md. What is kept is what a manifest may say: no descriptions, no `status`, every object
closed unless its API takes any key.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

Schema = dict[str, Any]

SCHEMAS = Path(__file__).parent / "schemas"
KUBERNETES = ("1.32.9", "1.34.4", "1.36.3")
KINDS = (
    "v1/ConfigMap",
    "v1/Namespace",
    "v1/PersistentVolumeClaim",
    "v1/Pod",
    "v1/Secret",
    "v1/Service",
    "v1/ServiceAccount",
    "apps/v1/Deployment",
    "apps/v1/StatefulSet",
    "autoscaling/v2/HorizontalPodAutoscaler",
    "batch/v1/CronJob",
    "batch/v1/Job",
    "networking.k8s.io/v1/Ingress",
    "networking.k8s.io/v1/NetworkPolicy",
    "networking.k8s.io/v1/ServiceCIDR",  # from 1.33: that a version has its own kinds is tested with it
    "policy/v1/PodDisruptionBudget",
    "rbac.authorization.k8s.io/v1/Role",
    "rbac.authorization.k8s.io/v1/RoleBinding",
)
CRDS = {
    "cloudnative-pg": (
        "github.com/cloudnative-pg/cloudnative-pg@v1.29.1",
        "config/crd/bases/postgresql.cnpg.io_{}.yaml",
        ("backups", "clusters", "databases", "scheduledbackups"),
    ),
    "keda": (
        "github.com/kedacore/keda/v2@v2.20.2",
        "config/crd/bases/keda.sh_{}.yaml",
        ("scaledobjects", "triggerauthentications"),
    ),
    "prometheus-operator": (
        "github.com/prometheus-operator/prometheus-operator@v0.85.0",
        "example/prometheus-operator-crd/monitoring.coreos.com_{}.yaml",
        ("podmonitors", "servicemonitors", "prometheusrules"),
    ),
}
STRIMZI = "io.strimzi:api:0.51.0"
# its annotations are read by their names; the jar that declares them is not published, these declarations stand for it
ANNOTATIONS = {"Maximum": "int", "Minimum": "int", "Pattern": "String", "PresentInVersions": "String"}
ANNOTATIONS["RequiredInVersions"] = "String"
KEPT = {
    *("additionalProperties", "allOf", "anyOf", "enum", "format", "items", "maxItems", "maxLength", "maximum"),
    *("minItems", "minLength", "minProperties", "minimum", "maxProperties", "not", "nullable", "oneOf", "pattern"),
    *("properties", "required", "type", "uniqueItems", "$ref", "x-kubernetes-int-or-string"),
    *("x-kubernetes-list-map-keys", "x-kubernetes-preserve-unknown-fields"),
}
META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
INTEGERS = {"int32": 31, "int64": 63}
# a decimal number with a decimal or binary suffix, or an exponent: resource.Quantity in k8s.io/apimachinery
QUANTITY = r"^[+-]?([0-9]+|[0-9]+\.[0-9]*|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$"
SCALARS: dict[str, Schema] = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {
        "anyOf": [{"type": "number"}, {"type": "string", "pattern": QUANTITY}]
    },
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
}
# what the server refuses beyond its published description: closed lists of words, names and labels
CORE = "io.k8s.api.core.v1."
WORDS = {
    f"{CORE}Container.imagePullPolicy": ("Always", "IfNotPresent", "Never"),
    f"{CORE}Container.terminationMessagePolicy": ("FallbackToLogsOnError", "File"),
    f"{CORE}ContainerPort.protocol": ("SCTP", "TCP", "UDP"),
    f"{CORE}HTTPGetAction.scheme": ("HTTP", "HTTPS"),
    f"{CORE}PodSpec.dnsPolicy": ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
    f"{CORE}PodSpec.restartPolicy": ("Always", "Never", "OnFailure"),
    f"{CORE}SeccompProfile.type": ("Localhost", "RuntimeDefault", "Unconfined"),
    f"{CORE}ServicePort.protocol": ("SCTP", "TCP", "UDP"),
    f"{CORE}ServiceSpec.sessionAffinity": ("ClientIP", "None"),
    f"{CORE}ServiceSpec.type": ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort"),
    f"{CORE}Toleration.operator": ("Equal", "Exists", "Gt", "Lt"),
    f"{CORE}TopologySpreadConstraint.nodeAffinityPolicy": ("Honor", "Ignore"),
    f"{CORE}TopologySpreadConstraint.nodeTaintsPolicy": ("Honor", "Ignore"),
    f"{CORE}TopologySpreadConstraint.whenUnsatisfiable": ("DoNotSchedule", "ScheduleAnyway"),
    "io.k8s.api.apps.v1.DeploymentStrategy.type": ("Recreate", "RollingUpdate"),
    "io.k8s.api.apps.v1.StatefulSetSpec.podManagementPolicy": ("OrderedReady", "Parallel"),
    "io.k8s.api.apps.v1.StatefulSetUpdateStrategy.type": ("OnDelete", "RollingUpdate"),
    "io.k8s.api.batch.v1.CronJobSpec.concurrencyPolicy": ("Allow", "Forbid", "Replace"),
    "io.k8s.api.batch.v1.JobSpec.completionMode": ("Indexed", "NonIndexed"),
    "io.k8s.api.networking.v1.HTTPIngressPath.pathType": ("Exact", "ImplementationSpecific", "Prefix"),
    "io.k8s.api.networking.v1.NetworkPolicyPort.protocol": ("SCTP", "TCP", "UDP"),
    "io.k8s.api.policy.v1.PodDisruptionBudgetSpec.unhealthyPodEvictionPolicy": ("AlwaysAllow", "IfHealthyBudget"),
    "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelectorRequirement.operator": ("DoesNotExist", "Exists", "In", "NotIn"),
}
LABEL = {"type": "string", "maxLength": 63, "pattern": r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$"}
NAME = {"type": "string", "minLength": 1, "maxLength": 253, "pattern": r"^[a-z0-9]([-a-z0-9.:]*[a-z0-9])?$"}


def tighten(definitions: dict[str, Schema]) -> None:
    """Add what the server refuses beyond its description; a field that is gone is an error of the table above."""
    for field, words in WORDS.items():
        name, _, key = field.rpartition(".")
        definitions[name]["properties"][key]["enum"] = list(words)
    metadata = definitions[META]["properties"]
    metadata["labels"]["additionalProperties"] = LABEL
    metadata["name"] = NAME
    for written_by_the_server in ("managedFields", "selfLink", "uid", "resourceVersion", "generation"):
        del metadata[written_by_the_server]


def module(path: str) -> Path:
    """Return the folder of a Go module, fetched and checked against the checksum database if it is not there."""
    answer = subprocess.run(["go", "mod", "download", "-json", path], check=True, capture_output=True, cwd="/")
    return Path(json.loads(answer.stdout)["Dir"])


def closed(schema: Schema) -> Schema:
    """Return `schema` without prose, with every object of listed properties closed, numbers and quantities bounded."""
    if "x-one-of" in schema:  # a list of whole descriptions, each with its own `type`
        return {"oneOf": [closed(each) for each in schema["x-one-of"]]}
    kept: Schema = {key: value for key, value in schema.items() if key in KEPT}
    for key in ("items", "additionalProperties", "not"):
        if isinstance(kept.get(key), dict):
            kept[key] = closed(kept[key])
    for key in ("anyOf", "oneOf", "allOf"):
        if key in kept:  # alternatives constrain an object described beside them: closing them would refuse it
            kept[key] = [constraint(each) for each in kept[key]]
    if "properties" in kept:
        kept["properties"] = {name: closed(value) for name, value in kept["properties"].items()}
    opened = kept.pop("x-kubernetes-preserve-unknown-fields", False)
    if kept.get("type") == "object" and "properties" in kept and not opened:
        kept.setdefault("additionalProperties", False)
    return value_of(kept)


def value_of(kept: Schema) -> Schema:
    """Return the schema of one value in the words of JSON Schema: bounds for formats of numbers, null as a type."""
    if kept.pop("x-kubernetes-int-or-string", False):
        kept.setdefault("anyOf", [{"type": "integer"}, {"type": "string"}])
    if bits := INTEGERS.get(kept.get("format", "")):
        kept.setdefault("minimum", -(2**bits))
        kept.setdefault("maximum", 2**bits - 1)
    if kept.get("format") in {*INTEGERS, "double", "int-or-string"}:
        del kept["format"]
    if kept.get("pattern", "").startswith("^(?i)"):  # Go takes a flag anywhere, Python only in front
        kept["pattern"] = "(?i)^" + kept["pattern"].removeprefix("^(?i)")
    if kept.pop("nullable", False) and "type" in kept:
        kept["type"] = [kept["type"], "null"]
    return kept


def constraint(schema: Schema) -> Schema:
    """Return an alternative of anyOf, oneOf or allOf as it is, without prose."""
    kept = {key: value for key, value in schema.items() if key in KEPT}
    if "properties" in kept:
        kept["properties"] = {name: constraint(value) for name, value in kept["properties"].items()}
    if isinstance(kept.get("not"), dict):
        kept["not"] = constraint(kept["not"])
    for key in ("anyOf", "oneOf", "allOf"):
        if key in kept:
            kept[key] = [constraint(each) for each in kept[key]]
    return kept


def top_level(schema: Schema, kind: str) -> Schema:
    """Return the schema of a whole document: it says its kind and its name, and has no status."""
    group, _, name = kind.rpartition("/")
    properties = {key: value for key, value in schema["properties"].items() if key != "status"}
    properties["apiVersion"] = {"enum": [group]}
    properties["kind"] = {"enum": [name]}
    properties["metadata"] = {"$ref": f"#/definitions/{META}"}
    required = sorted({*schema.get("required", []), "apiVersion", "kind", "metadata"} - {"status"})
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def used(schema: Any, definitions: dict[str, Schema], seen: dict[str, Schema]) -> None:
    """Put into `seen` every definition that `schema` reaches."""
    if isinstance(schema, list):
        for each in schema:
            used(each, definitions, seen)
    elif isinstance(schema, dict):
        name = str(schema.get("$ref", "")).removeprefix("#/definitions/")
        if name and name not in seen:
            seen[name] = SCALARS.get(name) or closed(definitions[name])
            used(seen[name], definitions, seen)
        for value in schema.values():
            used(value, definitions, seen)


def kubernetes(version: str) -> Schema:
    """Return the kinds of one Kubernetes version from its published API description."""
    folder = module(f"k8s.io/kubernetes@v{version}")
    definitions = json.loads((folder / "api/openapi-spec/swagger.json").read_text())["definitions"]
    tighten(definitions)
    kinds: dict[str, Schema] = {}
    for schema in definitions.values():
        for each in schema.get("x-kubernetes-group-version-kind", []):
            kind = "/".join(filter(None, (each["group"], each["version"], each["kind"])))
            if kind in KINDS:
                kinds[kind] = top_level(closed(schema), kind)
    seen: dict[str, Schema] = {}
    used(kinds, definitions, seen)
    return {"kinds": kinds, "definitions": seen}


def crd(text: str) -> dict[str, Schema]:
    """Return the served versions of a custom resource definition by kind."""
    spec = yaml.safe_load(text)["spec"]
    kinds = {}
    for version in spec["versions"]:
        if version["served"]:
            kind = f"{spec['group']}/{version['name']}/{spec['names']['kind']}"
            kinds[kind] = top_level(closed(version["schema"]["openAPIV3Schema"]), kind)
    return kinds


def strimzi() -> dict[str, Schema]:
    """Return Strimzi's kinds, read from the annotated classes of its API jar: it publishes no description beside."""
    group, artifact, version = STRIMZI.split(":")
    with tempfile.TemporaryDirectory() as folder:
        pom = Path(folder) / "pom.xml"
        pom.write_text(
            "<project><modelVersion>4.0.0</modelVersion><groupId>x</groupId><artifactId>x</artifactId>"
            f"<version>1</version><dependencies><dependency><groupId>{group}</groupId><artifactId>{artifact}"
            f"</artifactId><version>{version}</version></dependency></dependencies></project>"
        )
        copy = ["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={folder}/jars"]
        subprocess.run(copy, check=True)
        sources = [Path(__file__).parent / "StrimziSchemas.java"]
        for annotation, value in ANNOTATIONS.items():
            sources.append(Path(folder) / f"{annotation}.java")
            sources[-1].write_text(
                "package io.strimzi.crdgenerator.annotations; import java.lang.annotation.*;\n"
                f"@Retention(RetentionPolicy.RUNTIME) public @interface {annotation} {{ {value} value(); }}\n"
            )
        jars = f"{folder}/jars/*"
        subprocess.run(["javac", "-cp", jars, "-d", f"{folder}/classes", *map(str, sources)], check=True)
        run = ["java", "-cp", f"{folder}/classes:{jars}", "StrimziSchemas"]
        printed = subprocess.run(run, check=True, capture_output=True)
    return {kind: top_level(closed(schema), kind) for kind, schema in json.loads(printed.stdout).items()}


def keep(name: str, content: Schema) -> None:
    """Write one file, minified and in a stable order."""
    path = SCHEMAS / f"{name}.json"
    path.write_text(json.dumps(content, sort_keys=True, separators=(",", ":")) + "\n")
    print(f"{path.name}: {path.stat().st_size:,} bytes, {', '.join(sorted(content['kinds']))}")


def main(parts: list[str]) -> None:
    """Make the named parts, or all."""
    if not parts or "kubernetes" in parts:
        for version in KUBERNETES:
            keep(f"kubernetes-{version.rpartition('.')[0]}", kubernetes(version))
    if not parts or "crds" in parts:
        for name, (path, pattern, plurals) in CRDS.items():
            folder = module(path)
            kinds: dict[str, Schema] = {}
            for plural in plurals:
                kinds |= crd((folder / pattern.format(plural)).read_text())
            keep(name, {"kinds": kinds})
    if not parts or "strimzi" in parts:
        keep("strimzi", {"kinds": strimzi()})


if __name__ == "__main__":
    main(sys.argv[1:])
