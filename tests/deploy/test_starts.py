"""Every pod of an overlay would start: its settings and files are held against what a start is refused for."""

from pathlib import Path
from typing import Any

import pytest

from deploy.k8s import make_secrets
from services.cli import WITH_PROGRAMMES
from services.composition import NAMES, PLACED
from services.kernel.configuration import Role, missing
from services.kernel.settings import load_settings
from services.programmes.reader import check_folder
from tests.deploy.rendered import OVERLAYS, Document, named, of_kind, overlay, pods, template, title

SECRETS = {one["metadata"]["name"]: one["stringData"] for one in make_secrets.made()}
ROLES = {"worker": Role.WORKER, "relay": Role.RELAY, "api": Role.API, "migrate": Role.MIGRATE, "topics": Role.TOPICS}
PROGRAMMES = "pathway-programmes"
WITHOUT = {"dev-issuer", "canary"}
"""Commands that read no settings of a role."""
ACROSS = {"reconcile", "replay"}
"""Commands that read all services."""


def arguments(container: dict[str, Any]) -> list[str]:
    """What a pod runs; the auditor's waits for what is asked of it, of which a replay needs most."""
    found: list[str] = container.get("args", ["replay"])
    return found


def asked(args: list[str]) -> tuple[Role, list[str]]:
    role = ROLES.get(args[0], Role.COMMAND)
    if args[0] in ACROSS:
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
        files: dict[str, str] = {"ca.crt": "a certificate"} if "secret" in volume else {}
        for source in volume.get("projected", {}).get("sources", ()):
            items = source["secret"].get("items")
            data = SECRETS.get(source["secret"]["name"], {"password": "by the operator of Kafka"})
            for key, path in [(i["key"], i["path"]) for i in items] if items else [(key, key) for key in data]:
                files[path] = here(data[key])
        if "configMap" in volume:
            (held,) = (one for one in of_kind(documents, "ConfigMap") if one["metadata"]["name"].startswith(PROGRAMMES))
            files |= {item["path"]: held["data"][item["key"]] for item in volume["configMap"]["items"]}
        mounted(mounts[volume["name"]], files)
    for name, value in environment.items():
        monkeypatch.setenv(name, here(value))
    args = arguments(container)
    role, services = asked(args)
    found = load_settings()
    folder_read = found.programmes_dir if args[0] in WITH_PROGRAMMES else None
    wrong = check_folder(folder_read) if folder_read else []
    return [str(fault) for fault in (*missing(found, role, services, PLACED), *wrong)]


def mounted(place: Path, files: dict[str, str]) -> None:
    """Lay files out as a kubelet does: in a folder named by a date, with links to it from where they are read."""
    whole = place / "..2026_11_23_12_00_00.123456789"
    whole.mkdir(parents=True)
    for path, text in files.items():
        (whole / path).parent.mkdir(exist_ok=True)
        (whole / path).write_text(text)
        top = place / Path(path).parts[0]
        if not top.is_symlink():
            top.symlink_to(Path("..data") / top.name)
    (place / "..data").symlink_to(whole.name)


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_pod_would_start(name: str, tmp_path: Path) -> None:
    documents = overlay(name)
    found: dict[str, list[str]] = {}
    for one, pod in pods(documents):
        if arguments(pod["spec"]["containers"][0])[0] not in WITHOUT:
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
        ("CronJob", "auditor", "secrets", "kafka_user_missing"),
        ("CronJob", "auditor", "programmes", "no_programmes"),
    ],
)
def test_a_pod_without_one_of_its_files_would_not(
    kind: str, workload: str, volume: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = overlay("production")
    one = named(documents, kind, workload)
    pod = template(one)["spec"]
    pod["volumes"] = [v for v in pod["volumes"] if v["name"] != volume]
    assert any(f"{code}: " in fault for fault in refused(documents, one, tmp_path, monkeypatch))
