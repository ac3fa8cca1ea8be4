"""Every pod holds the restricted standard of Kubernetes, and writes to nothing that is not its own."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.deploy.rendered import OVERLAYS, Document, named, overlay, pods, title

WRITABLE = {"/tmp"}  # noqa: S108  the one place of a pod that can be written


def faults(documents: list[Document]) -> list[str]:
    """Where a pod is wider than the restricted standard, or than it needs."""
    return [f"{title(one)}: {fault}" for one, pod in pods(documents) for fault in _of_pod(pod["spec"])]


def _of_pod(spec: dict[str, Any]) -> list[str]:
    context = spec["securityContext"]
    found = [name for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    found += ["may be root"] if not context.get("runAsNonRoot") or not context.get("runAsUser") else []
    found += ["no seccomp profile"] if context.get("seccompProfile", {}).get("type") != "RuntimeDefault" else []
    found += [f"mounts the host: {v['name']}" for v in spec.get("volumes", ()) if "hostPath" in v]
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        found += _of_container(container)
    return found


def _of_container(container: dict[str, Any]) -> list[str]:
    context = container["securityContext"]
    found = ["may gain rights"] if context.get("allowPrivilegeEscalation", True) or context.get("privileged") else []
    found += ["keeps capabilities"] if context.get("capabilities") != {"drop": ["ALL"]} else []
    found += ["writes to its image"] if not context.get("readOnlyRootFilesystem") else []
    mounts = container.get("volumeMounts", ())
    found += [f"writes to {m['mountPath']}" for m in mounts if not m.get("readOnly") and m["mountPath"] not in WRITABLE]
    found += ["no limit of memory"] if "memory" not in container["resources"].get("limits", {}) else []
    return found


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_pod_is_restricted(name: str) -> None:
    assert faults(overlay(name)) == []


def _root(spec: dict[str, Any]) -> None:
    spec["securityContext"]["runAsNonRoot"] = False


def _no_profile(spec: dict[str, Any]) -> None:
    del spec["securityContext"]["seccompProfile"]


def _host(spec: dict[str, Any]) -> None:
    spec["volumes"].append({"name": "host", "hostPath": {"path": "/"}})


def _network(spec: dict[str, Any]) -> None:
    spec["hostNetwork"] = True


def _rights(spec: dict[str, Any]) -> None:
    del spec["containers"][0]["securityContext"]["allowPrivilegeEscalation"]


def _capabilities(spec: dict[str, Any]) -> None:
    spec["containers"][0]["securityContext"]["capabilities"]["add"] = ["NET_ADMIN"]


def _image(spec: dict[str, Any]) -> None:
    spec["containers"][0]["securityContext"]["readOnlyRootFilesystem"] = False


def _mount(spec: dict[str, Any]) -> None:
    next(m for m in spec["containers"][0]["volumeMounts"] if m["name"] == "secrets")["readOnly"] = False


def _memory(spec: dict[str, Any]) -> None:
    del spec["containers"][0]["resources"]["limits"]


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (_root, "may be root"),
        (_no_profile, "no seccomp profile"),
        (_host, "mounts the host"),
        (_network, "hostNetwork"),
        (_rights, "may gain rights"),
        (_capabilities, "keeps capabilities"),
        (_image, "writes to its image"),
        (_mount, "writes to /run/secrets/pathway"),
        (_memory, "no limit of memory"),
    ],
)
def test_a_wider_one_is_found(spoil: Callable[[dict[str, Any]], None], fault: str) -> None:
    documents = overlay("production")
    spoil(named(documents, "Deployment", "intake-api")["spec"]["template"]["spec"])
    assert any(fault in found for found in faults(documents))
