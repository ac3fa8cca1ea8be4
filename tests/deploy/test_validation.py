"""What the strict validation refuses: each fault once, named with its document and where it stands."""

import copy
from typing import Any

import pytest
import yaml

from tests.deploy.rendered import OVERLAYS, overlay
from tests.deploy.validation import VERSIONS, faults, validators

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: pathway, labels: {app: api}}
spec:
  replicas: 2
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec:
      containers:
        - name: api
          image: pathway:1.0.0
          ports: [{name: http, containerPort: 8080}, {name: probes, containerPort: 8081}]
          env: [{name: PATHWAY_MODE, value: production}]
          resources: {requests: {cpu: 100m, memory: 128Mi}, limits: {memory: 0.5Gi}}
          readinessProbe: {httpGet: {path: /readyz, port: probes}}
      volumes: [{name: tmp, emptyDir: {sizeLimit: 16Mi}}]
"""
SECRET = "{apiVersion: v1, kind: Secret, metadata: {name: keys}, data: {root: cm9vdA==}}"
RANGE = "{apiVersion: networking.k8s.io/v1, kind: ServiceCIDR, metadata: {name: more}, spec: {cidrs: [10.9.0.0/16]}}"


def parsed(text: str) -> list[Any]:
    return list(yaml.safe_load_all(text))


def changed(text: str, pointer: str, value: Any) -> list[Any]:
    """Return the document of `text` with another value at `pointer`; None takes the field away."""
    (document,) = parsed(text)
    *steps, last = pointer.strip("/").split("/")
    place = document
    for step in steps:
        place = place[int(step) if isinstance(place, list) else step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return [document]


def test_there_are_three_versions_to_validate_against() -> None:
    assert len(VERSIONS) >= 3


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("text", [DEPLOYMENT, SECRET], ids=["Deployment", "Secret"])
def test_what_is_right_has_no_fault(text: str, version: str) -> None:
    assert faults(parsed(text), version) == []


CONTAINER = "/spec/template/spec/containers/0"
WRONG = {
    "a misspelt field": (f"{CONTAINER}/imagePullpolicy", "Always", f"{CONTAINER}: .*'imagePullpolicy' was unexpected"),
    "misspelt deep inside a probe": (
        f"{CONTAINER}/readinessProbe/httpGet/pth",
        "/readyz",
        f"{CONTAINER}/readinessProbe/httpGet: .*'pth' was unexpected",
    ),
    "a field of another place": ("/spec/containers", [], "/spec: .*'containers' was unexpected"),
    "text for a number": ("/spec/replicas", "2", "/spec/replicas: '2' is not of type 'integer'"),
    "a number for text": (f"{CONTAINER}/env/0/value", 7, f"{CONTAINER}/env/0/value: 7 is not of type 'string'"),
    "a truth value for a label": ("/metadata/labels/app", True, "/metadata/labels/app: True is not of type 'string'"),
    "a label that is no label": ("/metadata/labels/app", "a b", "/metadata/labels/app: 'a b' does not match"),
    "a name that is no name": ("/metadata/name", "Api_1", "/metadata/name: 'Api_1' does not match"),
    "no name": ("/metadata/name", None, "/metadata: 'name' is missing"),
    "a selector left out": ("/spec/selector", None, "/spec: 'selector' is a required property"),
    "a container without name": (f"{CONTAINER}/name", None, f"{CONTAINER}: 'name' is a required property"),
    "no quantity": (f"{CONTAINER}/resources/limits/memory", "128 MB", f"{CONTAINER}/resources/limits/memory: .*128 MB"),
    "a port neither number nor name": (
        f"{CONTAINER}/readinessProbe/httpGet/port",
        [8080],
        f"{CONTAINER}/readinessProbe/httpGet/port: ",
    ),
    "a word that is none": (
        f"{CONTAINER}/imagePullPolicy",
        "Alway",
        f"{CONTAINER}/imagePullPolicy: 'Alway' is not one",
    ),
    "past an int32": ("/spec/replicas", 2**31, "/spec/replicas: 2147483648 is greater than the maximum"),
    "a status": ("/status", {}, "/: .*'status' was unexpected"),
    "one port twice": (
        f"{CONTAINER}/ports",
        [{"containerPort": 1, "protocol": "TCP"}, {"containerPort": 1}],
        f"{CONTAINER}/ports/1: containerPort 1, protocol TCP is there twice",
    ),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("wrong", WRONG)
def test_each_wrong_thing_is_one_fault_that_says_where(wrong: str, version: str) -> None:
    pointer, value, said = WRONG[wrong]
    (fault,) = faults(changed(DEPLOYMENT, pointer, value), version)
    with pytest.raises(AssertionError, match=f"^Deployment (api|Api_1|without name): {said}"):
        raise AssertionError(fault)


@pytest.mark.parametrize(
    ("field", "value"), [("apiVersion", "apps/v1beta1"), ("kind", "Deploymnt"), ("apiVersion", "extensions/v1")]
)
def test_an_unknown_kind_is_a_fault(field: str, value: str) -> None:
    (fault,) = faults(changed(DEPLOYMENT, field, value), VERSIONS[0])
    assert "is no kind of Kubernetes" in fault


def test_a_kind_is_known_from_its_own_version_on() -> None:
    assert {version: len(faults(parsed(RANGE), version)) for version in ("1.32", "1.34")} == {"1.32": 1, "1.34": 0}


def test_a_secret_in_plain_text_is_no_base64() -> None:
    assert faults(changed(SECRET, "/data/root", "not base64"), VERSIONS[0]) == [
        "Secret keys: /data/root: 'not base64' is not a 'byte'"
    ]


def test_a_config_map_larger_than_the_api_keeps_is_a_fault() -> None:
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "big"}, "data": {"a": "x" * 2**20 + "y"}}
    assert faults([document], VERSIONS[0]) == [
        "ConfigMap big: 1,048,577 bytes of values, more than the 1,048,576 that the API keeps"
    ]


def test_one_document_twice_is_a_fault_and_in_another_namespace_none() -> None:
    (document,) = parsed(DEPLOYMENT)
    elsewhere = copy.deepcopy(document)
    elsewhere["metadata"]["namespace"] = "other"
    assert faults([document, document, elsewhere], VERSIONS[0]) == ["Deployment api: is there twice"]


def test_all_faults_of_all_documents_are_said_at_once() -> None:
    wrong = [*changed(DEPLOYMENT, "/spec/replicas", "2"), *changed(SECRET, "/dta", {}), "text", {"kind": "Pod"}]
    assert [fault.partition(":")[0] for fault in faults(wrong, VERSIONS[0])] == [
        "Deployment api",
        "Secret keys",
        "document 2",
        "Pod without name",
    ]


def test_a_version_without_schemas_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no schemas of Kubernetes 1\.7: there are 1\."):
        faults([], "1.7")


def test_every_kept_schema_is_one() -> None:
    for version in VERSIONS:
        for validator in validators(version).values():
            validator.check_schema(dict(validator.schema))  # type: ignore[arg-type]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", OVERLAYS)
def test_an_overlay_has_no_fault(name: str, version: str) -> None:
    assert faults(overlay(name), version) == []


CUSTOM = {
    "Kafka": "/spec/kafka",
    "KafkaNodePool": "/spec/storage",
    "KafkaTopic": "/spec",
    "KafkaUser": "/spec/authorization",
    "Cluster": "/spec/bootstrap/initdb",
    "ScaledObject": "/spec/triggers/0",
    "PodMonitor": "/spec/selector",
    "PrometheusRule": "/spec/groups/0",
}


@pytest.mark.parametrize("kind", CUSTOM)
def test_an_unknown_field_of_an_operators_kind_is_a_fault(kind: str) -> None:
    document = next(one for one in overlay("production") if one["kind"] == kind)
    (wrong,) = changed(yaml.safe_dump(document), f"{CUSTOM[kind]}/unheardOf", 1)
    (fault,) = faults([wrong], VERSIONS[0])
    assert "unheardOf" in fault
    assert fault.startswith(f"{kind} {document['metadata']['name']}: {CUSTOM[kind]}")
