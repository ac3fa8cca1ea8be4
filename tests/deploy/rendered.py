"""What Kustomize makes of a folder, and short ways to what is in it."""

import functools
import os
import shutil
import subprocess
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
K8S = ROOT / "deploy" / "k8s"
OVERLAYS = sorted(path.parent.name for path in (K8S / "overlays").glob("*/kustomization.yaml"))
WORKLOADS = ("Deployment", "StatefulSet", "Job", "CronJob")

Document = dict[str, Any]


@functools.cache
def _text(folder: Path) -> str:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        missing = "there is no kubectl: apt install kubernetes-client"
        if os.environ.get("PATHWAY_REQUIRE_KUBE") == "1":
            pytest.fail(f"PATHWAY_REQUIRE_KUBE=1, but {missing}", pytrace=False)
        pytest.skip(missing)
    done = subprocess.run([kubectl, "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@functools.cache
def _documents(folder: Path) -> tuple[Document, ...]:
    return tuple(yaml.load_all(_text(folder), getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


def overlay(name: str) -> list[Document]:
    """Return an overlay's documents, to be changed as one likes."""
    return deepcopy(list(_documents(K8S / "overlays" / name)))


def of_kind(documents: list[Document], *kinds: str) -> Iterator[Document]:
    return (one for one in documents if one["kind"] in kinds)


def named(documents: list[Document], kind: str, name: str) -> Document:
    return next(one for one in of_kind(documents, kind) if one["metadata"]["name"] == name)


def title(document: Document) -> str:
    return f"{document['kind']} {document['metadata']['name']}"


def template(workload: Document) -> Document:
    """What a workload's pods are made of."""
    spec: Document = workload["spec"]
    found: Document = spec.get("jobTemplate", workload)["spec"]["template"]
    return found


def pods(documents: list[Document]) -> Iterator[tuple[Document, Document]]:
    """Each workload with its pod's template."""
    for one in of_kind(documents, *WORKLOADS):
        yield one, template(one)


def containers(documents: list[Document]) -> Iterator[tuple[Document, Document]]:
    for one, pod in pods(documents):
        for container in (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]):
            yield one, container
