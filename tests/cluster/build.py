"""The programs of a Kubernetes node, built by Go from modules of pinned versions: some fifteen minutes, once.

Go checks each module against its checksum database. What is built stays in the user's cache.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.deploy.fetch_schemas import CRDS, module

HERE: Final = Path(__file__).parent
CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "pathway" / "cluster"
KUBERNETES: Final = "1.34.4"
STAGING: Final = (
    *("api", "apiextensions-apiserver", "apimachinery", "apiserver"),
    *("cli-runtime", "client-go", "cloud-provider", "cluster-bootstrap"),
    *("code-generator", "component-base", "component-helpers", "controller-manager"),
    *("cri-api", "cri-client", "csi-translation-lib", "dynamic-resource-allocation"),
    *("endpointslice", "externaljwt", "kms", "kube-aggregator"),
    *("kube-controller-manager", "kube-proxy", "kube-scheduler", "kubectl"),
    *("kubelet", "metrics", "mount-utils", "pod-security-admission"),
    *("sample-apiserver", "sample-cli-plugin", "sample-controller"),
)
"""Modules that Kubernetes publishes beside itself and names without a version."""
CNPG: Final = CRDS["cloudnative-pg"][0]
OTHERS: Final = {
    "coredns": ("github.com/coredns/coredns@v1.12.1", "."),
    "kube-router": ("github.com/k3s-io/kube-router/v2@v2.2.1", "./cmd/kube-router"),
    "cnpg": (CNPG, "./cmd/manager"),
}
"""By name: the module, and what is built of it."""
PAUSE: Final = 'package main\n\nimport "time"\n\nfunc main() { time.Sleep(1 << 62) }\n'
PROGRAMS: Final = ("kubernetes", *OTHERS, "pause")


def program(name: str) -> Path:
    """Return a built program, building it if it is not there. ``kubernetes`` is the five of a node in one."""
    path = CACHE / "bin" / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = CACHE / f"source-{name}"
        shutil.rmtree(folder, ignore_errors=True)
        what = _source(name, folder)
        version = f" -X k8s.io/component-base/version.gitVersion=v{KUBERNETES}" if name == "kubernetes" else ""
        part = path.with_suffix(".part")
        _go(folder, "build", "-buildvcs=false", "-ldflags", f"-s -w{version}", "-o", str(part), what)
        part.rename(path)
        shutil.rmtree(folder)
    return path


def _source(name: str, folder: Path) -> str:
    """Lay out what a program is built of; return its package."""
    if name in OTHERS:
        path, what = OTHERS[name]
        shutil.copytree(module(path), folder)
        subprocess.run(["chmod", "-R", "u+w", folder], check=True)
        return what
    folder.mkdir(parents=True)
    if name == "pause":
        (folder / "main.go").write_text(PAUSE)
        (folder / "go.mod").write_text("module pause\n\ngo 1.24\n")
        return "."
    shutil.copytree(HERE / "kubernetes", folder, dirs_exist_ok=True)
    minor = KUBERNETES.removeprefix("1.")
    with (folder / "go.mod").open("a") as file:
        file.writelines(f"replace k8s.io/{each} => k8s.io/{each} v0.{minor}\n" for each in STAGING)
    _go(folder, "mod", "tidy")
    return "."


def _go(folder: Path, *words: str) -> None:
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod"}
    subprocess.run(["go", *words], cwd=folder, env=environment, check=True)
