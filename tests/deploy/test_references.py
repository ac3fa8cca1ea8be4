"""Nothing in an overlay points at what is not there; each kind of pointer is seen to fail once."""

from collections.abc import Callable
from typing import Any

import pytest

from deploy.k8s import make_secrets
from tests.deploy import references
from tests.deploy.rendered import OVERLAYS, Document, named, overlay

GIVEN = {one["metadata"]["name"] for one in make_secrets.made()} | {"pathway-tls", "canary-secrets"}
"""What `deploy/k8s/make_secrets.py` prints; the certificate of the hosts; the canary's client of the issuer."""

Check = Callable[[list[Document]], list[str]]
CHECKS: dict[str, Check] = {
    "selectors": references.selectors,
    "ports": references.ports,
    "config keys": references.config_keys,
    "secrets": lambda documents: references.secrets(documents, GIVEN),
    "accounts": references.accounts,
    "scalers": references.scalers,
}


@pytest.mark.parametrize("name", OVERLAYS)
@pytest.mark.parametrize("check", CHECKS)
def test_an_overlay_points_at_nothing_that_is_not_there(name: str, check: str) -> None:
    assert CHECKS[check](overlay(name)) == []


def _pod(documents: list[Document], kind: str, name: str) -> Any:
    return named(documents, kind, name)["spec"]["template"]["spec"]


def _service_of_nobody(d: list[Document]) -> None:
    named(d, "Service", "intake-api")["spec"]["selector"]["app.kubernetes.io/name"] = "intakes"


def _not_its_own(d: list[Document]) -> None:
    named(d, "StatefulSet", "triage-worker")["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"] = "coaching"


def _budget_of_nobody(d: list[Document]) -> None:
    named(d, "PodDisruptionBudget", "vault-relay")["spec"]["selector"]["matchLabels"] = {"app": "vault"}


def _hole_for_nobody(d: list[Document]) -> None:
    hole = named(d, "NetworkPolicy", "contact-answered")["spec"]["ingress"][0]["from"][0]
    hole["podSelector"]["matchLabels"]["app.kubernetes.io/component"] = "apis"


def _monitor_of_nobody(d: list[Document]) -> None:
    named(d, "PodMonitor", "pathway")["spec"]["selector"]["matchLabels"] = {"app": "pathway"}


def _probe_of_no_port(d: list[Document]) -> None:
    _pod(d, "Deployment", "intake-api")["containers"][0]["readinessProbe"]["httpGet"]["port"] = "https"


def _service_to_no_port(d: list[Document]) -> None:
    named(d, "Service", "intake-api")["spec"]["ports"][0]["targetPort"] = "web"


def _host_of_no_service(d: list[Document]) -> None:
    path = named(d, "Ingress", "pathway")["spec"]["rules"][0]["http"]["paths"][0]
    path["backend"]["service"]["name"] = "intake"


def _unknown_setting(d: list[Document]) -> None:
    next(x for x in d if x["metadata"]["name"].startswith("pathway-settings"))["data"]["PATHWAY_KAFKA_CA"] = "/x"


def _unknown_variable(d: list[Document]) -> None:
    _pod(d, "Deployment", "intake-api")["containers"][0]["env"].append({"name": "PATHWAY_USER", "value": "x"})


def _no_such_map(d: list[Document]) -> None:
    _pod(d, "Job", "migrate")["containers"][0]["envFrom"][0]["configMapRef"]["name"] = "settings"


def _no_such_programme(d: list[Document]) -> None:
    volumes = _pod(d, "StatefulSet", "triage-worker")["volumes"]
    next(x for x in volumes if x["name"] == "programmes")["configMap"]["items"][0]["key"] = "area.yaml"


def _no_such_volume(d: list[Document]) -> None:
    _pod(d, "StatefulSet", "triage-worker")["containers"][0]["volumeMounts"][0]["name"] = "temp"


def _no_such_secret(d: list[Document]) -> None:
    sources = next(x for x in _pod(d, "Job", "migrate")["volumes"] if x["name"] == "secrets")["projected"]["sources"]
    sources[0]["secret"]["name"] = "migration-secrets"


def _no_such_user(d: list[Document]) -> None:
    named(d, "KafkaUser", "triage")["metadata"]["name"] = "triage-service"


def _no_such_authority(d: list[Document]) -> None:
    named(d, "Cluster", "pathway-database")["metadata"]["name"] = "database"


def _no_such_account(d: list[Document]) -> None:
    _pod(d, "Deployment", "outcomes-relay")["serviceAccountName"] = "outcomes"


def _account_with_token(d: list[Document]) -> None:
    del named(d, "ServiceAccount", "outcomes-pathway")["automountServiceAccountToken"]


def _scaler_of_nobody(d: list[Document]) -> None:
    named(d, "ScaledObject", "intake-worker")["spec"]["scaleTargetRef"]["name"] = "intake"


def _alert_of_nothing(d: list[Document]) -> None:
    rule = named(d, "PrometheusRule", "pathway")["spec"]["groups"][0]["rules"][0]
    rule["expr"] = "pathway_nothing_total > 0"


WRONG: list[tuple[str, Callable[[list[Document]], None], str]] = [
    ("selectors", _service_of_nobody, "Service intake-api selects no pod"),
    ("selectors", _not_its_own, "StatefulSet triage-worker does not select its own pods"),
    ("selectors", _budget_of_nobody, "PodDisruptionBudget vault-relay selects no pod"),
    ("selectors", _hole_for_nobody, "NetworkPolicy contact-answered selects no pod"),
    ("selectors", _monitor_of_nobody, "PodMonitor pathway selects no pod"),
    ("ports", _probe_of_no_port, "Deployment intake-api: readinessProbe asks the port https"),
    ("ports", _service_to_no_port, "Service intake-api sends to web"),
    ("ports", _host_of_no_service, "Ingress pathway sends intake.pathway.example to intake, which is none"),
    ("config keys", _unknown_setting, "sets PATHWAY_KAFKA_CA"),
    ("config keys", _unknown_variable, "Deployment intake-api sets PATHWAY_USER"),
    ("config keys", _no_such_map, "Job migrate reads settings, which is none"),
    ("config keys", _no_such_programme, "StatefulSet triage-worker mounts area.yaml, which is none"),
    ("config keys", _no_such_volume, "StatefulSet triage-worker mounts temp, which is none"),
    ("secrets", _no_such_secret, "Job migrate mounts the Secret migration-secrets"),
    ("secrets", _no_such_user, "StatefulSet triage-worker mounts the Secret triage"),
    ("secrets", _no_such_authority, "Job migrate mounts the Secret pathway-database-ca"),
    ("accounts", _no_such_account, "Deployment outcomes-relay runs as an account that is none"),
    ("accounts", _account_with_token, "Deployment outcomes-relay gets a token of the cluster"),
    ("scalers", _scaler_of_nobody, "ScaledObject intake-worker scales intake, which is none"),
    ("scalers", _alert_of_nothing, "asks for pathway_nothing_total"),
]


@pytest.mark.parametrize(("check", "spoil", "fault"), WRONG, ids=[spoil.__name__.strip("_") for _, spoil, _ in WRONG])
def test_what_points_at_nothing_is_found(check: str, spoil: Callable[[list[Document]], None], fault: str) -> None:
    documents = overlay("production")
    spoil(documents)
    assert any(fault in found for found in CHECKS[check](documents)), CHECKS[check](documents)
