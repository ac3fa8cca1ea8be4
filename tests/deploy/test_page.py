"""Each command of docs/operations/kubernetes.md names only what is there, as far as a page tells without a cluster."""

import importlib.util
import re
import shlex
from collections.abc import Iterator

import pytest

from tests.deploy.rendered import OVERLAYS, ROOT, Document, of_kind, overlay
from tests.docs.markdown import inline_code, shell_lines
from tests.docs.test_commands import fault

PAGE = ROOT / "docs" / "operations" / "kubernetes.md"
KINDS = {
    "job": "Job",
    "cronjob": "CronJob",
    "deployment": "Deployment",
    "statefulset": "StatefulSet",
    "service": "Service",
}
OF_ALL: list[Document] = [one for name in OVERLAYS for one in overlay(name)]
NAMED = {(kind, one["metadata"]["name"]) for kind in KINDS.values() for one in of_kind(OF_ALL, kind)}
REPLICAS = {one["metadata"]["name"]: one["spec"].get("replicas", 1) for one in of_kind(OF_ALL, "StatefulSet")}


def commands() -> list[str]:
    """Every command of the page: those of its blocks, and those in its sentences; of a pipe each part."""
    text = PAGE.read_text()
    said = [*shell_lines(text), *((line, code) for line, code in inline_code(text) if code.startswith("kubectl "))]
    return [part.partition(" > ")[0].strip() for _, line in said if line for part in line.split(" | ")]


def made() -> set[tuple[str, str]]:
    """The jobs that commands of the page make of a CronJob."""
    words = [command.split() for command in commands()]
    return {("Job", one[-1]) for one in words if "create" in one and "--from" in " ".join(one)}


def faults(command: str) -> list[str]:
    """What a command names that is not there. An unknown program is one."""
    words = shlex.split(command)
    match words:
        case ["python", "-m", module]:
            return [] if importlib.util.find_spec(module) else [f"no module {module}"]
        case ["kubectl", *_]:
            return list(_of_kubectl(words))
        case ["less"]:
            return []
        case _:
            return [f"no drill for {words[0]}"]


def _of_kubectl(words: list[str]) -> Iterator[str]:
    folders = [word for word in words if word.startswith("deploy/")]
    yield from (f"no overlay {folder}" for folder in folders if folder.rpartition("/")[2] not in OVERLAYS)
    verb = next((word for word in words[1:] if not word.startswith("-") and word != "pathway"), "")
    if verb in {"apply", "diff", "kustomize"} and not folders:
        yield f"{verb} of nothing"
    if verb == "apply" and "--server-side" not in words:
        yield "the programmes are larger than what a client may note on a ConfigMap"
    of_namespace = verb not in {"apply", "diff", "kustomize", "create"}
    if of_namespace and "pathway" not in (words[words.index("--namespace") + 1] if "--namespace" in words else ""):
        yield f"{verb} in no namespace of ours"
    yield from (f"no {name}" for name in _names(words, verb) if name not in {f"{k}/{n}" for k, n in NAMED | made()})
    if verb == "exec":
        pod = words[words.index("exec") + 1]
        owner, _, ordinal = pod.rpartition("-")
        if "/" not in pod and (not ordinal.isdigit() or int(ordinal) >= REPLICAS.get(owner, 0)):
            yield f"no pod {pod}"
        if (wrong := fault(words[words.index("pathway", words.index("--")) + 1 :])) is not None:
            yield wrong


def _names(words: list[str], verb: str) -> Iterator[str]:
    """What is named as kind/name, or after a kind, as ``Kind/name``."""
    for word in words:
        found = re.fullmatch(r"([a-z]+)/([a-z][a-z0-9-]*)", word)
        if found and found[1] in KINDS:
            yield f"{KINDS[found[1]]}/{found[2]}"
    if verb == "delete":
        kind, *rest = words[words.index(verb) + 1 :]
        yield from (f"{KINDS.get(kind, kind)}/{name}" for name in rest if not name.startswith("-"))


def test_every_command_of_the_page_names_what_is_there() -> None:
    found = commands()
    assert len(found) >= 10
    assert {command: wrong for command in found if (wrong := faults(command))} == {}


@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        ("kubectl apply --server-side -k deploy/k8s/overlays/prod", "no overlay deploy/k8s/overlays/prod"),
        (
            "kubectl apply -k deploy/k8s/overlays/local",
            "the programmes are larger than what a client may note on a ConfigMap",
        ),
        ("kubectl apply --server-side", "apply of nothing"),
        ("kubectl --namespace pathway delete job migration", "no Job/migration"),
        ("kubectl --namespace pathway wait --for=condition=Complete job/migration", "no Job/migration"),
        ("kubectl --namespace pathway port-forward service/intake 8081:80", "no Service/intake"),
        ("kubectl port-forward service/intake-api 8081:80", "port-forward in no namespace of ours"),
        ("kubectl --namespace pathway exec job/auditor -- pathway replay --from-kafka", "no Job/auditor"),
        ("kubectl --namespace pathway exec triage-0 -- pathway consumer status triage", "no pod triage-0"),
        (
            "kubectl --namespace pathway exec triage-worker-0 -- pathway consumer look triage",
            "there is no command 'look'",
        ),
        ("python -m deploy.k8s.secrets", "no module deploy.k8s.secrets"),
        ("helm install pathway", "no drill for helm"),
    ],
)
def test_a_command_that_names_what_is_not_there_is_found(command: str, wrong: str) -> None:
    assert wrong in faults(command)
