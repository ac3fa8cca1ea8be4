"""Every pod of an overlay would start: its settings and files are held against what a start is refused for."""

from pathlib import Path
from typing import Any

import pytest

from deploy.k8s import make_secrets
from services.composition import NAMES, PLACED
from services.kernel.configuration import Role, missing
from services.kernel.settings import load_settings
from tests.deploy.rendered import OVERLAYS, Document, named, overlay, pods, template, title

SECRETS = {one["metadata"]["name"]: one["stringData"] for one in make_secrets.made()}
ROLES = {"worker": Role.WORKER, "relay": Role.RELAY, "api": Role.API, "migrate": Role.MIGRATE, "topics": Role.TOPICS}
WITHOUT = {"dev-issuer", "canary"}
"""Commands that read no settings of a role."""


def asked(args: list[str]) -> tuple[Role, list[str]]:
    role = ROLES.get(args[0], Role.COMMAND)
    if args[0] == "reconcile":
        return role, list(NAMES)
    services = list(NAMES) if args[1] in {"all", "apply", "check"} else ["vault" if args[0] == "vault" else args[1]]
    return role, services


def refused(documents: list[Document], one: Document, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a workload would be refused for, in a folder of files as its pod has them."""
    pod: dict[str, Any] = template(one)["spec"]
    container = pod["containers"][0]
    settings = next(x for x in documents if x["metadata"]["name"].startswith("pathway-settings"))
    of_pod = {env["name"]: env.get("value", one["metadata"]["name"]) for env in container.get("env", ())}
    environment = {**settings["data"], **of_pod}
    mounts = {mount["name"]: folder / mount["mountPath"].lstrip("/") for mount in container["volumeMounts"]}

    def here(text: str) -> str:
        return text.replace("/run/", f"{folder}/run/").replace("/srv/", f"{folder}/srv/")

    for volume in pod["volumes"]:
        place = mounts[volume["name"]]
        place.mkdir(parents=True)
        if "secret" in volume:
            (place / "ca.crt").write_text("a certificate")
        for source in volume.get("projected", {}).get("sources", ()):
            items = source["secret"].get("items")
            data = SECRETS.get(source["secret"]["name"], {"password": "by the operator of Kafka"})
            for key, path in [(i["key"], i["path"]) for i in items] if items else [(key, key) for key in data]:
                (place / path).write_text(here(data[key]))
        for item in volume.get("configMap", {}).get("items", ()):
            (place / item["path"]).parent.mkdir(exist_ok=True)
            (place / item["path"]).write_text("")
    for name, value in environment.items():
        monkeypatch.setenv(name, here(value))
    role, services = asked(container["args"])
    return [str(fault) for fault in missing(load_settings(), role, services, PLACED)]


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_pod_would_start(name: str, tmp_path: Path) -> None:
    documents = overlay(name)
    found: dict[str, list[str]] = {}
    for one, pod in pods(documents):
        if pod["spec"]["containers"][0]["args"][0] not in WITHOUT:
            with pytest.MonkeyPatch.context() as monkeypatch:
                faults = refused(documents, one, tmp_path / one["metadata"]["name"], monkeypatch)
            found |= {title(one): faults} if faults else {}
    assert found == {}


@pytest.mark.parametrize(
    ("kind", "workload", "volume", "code"),
    [
        ("StatefulSet", "triage-worker", "kafka-certificate", "file_missing"),
        ("Deployment", "intake-api", "places", "places_missing"),
        ("Deployment", "coaching-api", "database-certificate", "file_missing"),
        ("StatefulSet", "triage-worker", "secrets", "kafka_user_missing"),
        ("Job", "migrate", "secrets", "database_not_verified"),
        ("CronJob", "reconcile", "secrets", "kafka_user_missing"),
    ],
)
def test_a_pod_without_one_of_its_files_would_not(
    kind: str, workload: str, volume: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = overlay("production")
    one = named(documents, kind, workload)
    pod = template(one)["spec"]
    pod["volumes"] = [v for v in pod["volumes"] if v["name"] != volume]
    assert any(fault.startswith(code) for fault in refused(documents, one, tmp_path, monkeypatch))
