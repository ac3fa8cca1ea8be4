"""The page of Kubernetes, run on a real one: installed by its commands, walked through, pieces killed, reconciled.

Only with PATHWAY_TEST_CLUSTER=1: README.md beside this says what it needs and how long it takes.
"""

import json
import os
import subprocess
import time
from collections.abc import Iterator

import pytest

from services.demo.world import free_ports
from tests.cluster import node, operators, strimzi
from tests.docs.markdown import ROOT, blocks, section, shell_lines
from tests.docs.walk import differences, run, steps

PAGE = (ROOT / "docs" / "operations" / "kubernetes.md").read_text()
WALK = "From a referral to a statement, by hand"
SPACE = ("--namespace", "pathway")
APIS = ("intake", "triage", "coaching", "outcomes")

pytestmark = [pytest.mark.slow, pytest.mark.docker, pytest.mark.timeout(2400)]


def shell(command: str, opened: node.Node, *, wanted: int = 0) -> str:
    """Run a command of the page as it stands; the image's Python is this one."""
    path = f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}"
    environment = {**os.environ, "KUBECONFIG": str(opened.kubeconfig), "PATH": path}
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == wanted, f"{command}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def commands(title: str, *having: str) -> list[str]:
    """The commands of a section that hold one of some words, in order."""
    found = [line for _, line in shell_lines(section(PAGE, title))]
    return [line for line in found if any(word in line for word in having)]


@pytest.fixture(scope="module")
def opened() -> Iterator[node.Node]:
    """A cluster with the operators, and in it what the page's first section installs."""
    if os.environ.get("PATHWAY_TEST_CLUSTER") != "1":
        pytest.skip("starts a Kubernetes node: set PATHWAY_TEST_CLUSTER=1 (tests/cluster/README.md)")
    lacking = node.missing()
    if lacking:
        pytest.fail(f"PATHWAY_TEST_CLUSTER=1, but there is no {', '.join(lacking)}", pytrace=False)
    subprocess.run(["make", "image"], cwd=ROOT, check=True, capture_output=True)
    with node.node() as here:
        operators.install(here)
        here.kubectl("create", "namespace", "pathway")
        for overlay in ("staging", "production"):
            shell(f"kubectl apply --server-side --dry-run=server -k deploy/k8s/overlays/{overlay}", here)
        look, diff = commands("Staging and production", "kubectl kustomize", "kubectl diff")
        assert "kind: StatefulSet" in shell(look, here)
        assert "+kind: StatefulSet" in shell(diff, here, wanted=1)
        here.kubectl("delete", "namespace", "pathway")
        create, secrets, apply, *waits = commands("On one machine", "create", "apply", "wait")
        for command in (create, secrets, apply):
            shell(command, here)
        strimzi.serve(here)
        for wait in waits:
            shell(wait, here)
        for name in APIS:
            rolled_out(here, f"statefulset/{name}-worker")
        yield here


@pytest.fixture
def addresses(opened: node.Node) -> Iterator[dict[str, str]]:
    """The APIs and the issuer on this machine's loopback."""
    ports = dict(zip((*APIS, "issuer"), free_ports(5), strict=True))
    started = []
    for name, port in ports.items():
        service = name if name == "issuer" else f"{name}-api"
        command = ["kubectl", "--kubeconfig", str(opened.kubeconfig), *SPACE, "port-forward", f"service/{service}"]
        started.append(opened.processes.start(f"forward-{name}", [*command, f"{port}:80"]))
    for child in started:
        child.wait_for_line("Forwarding from 127.0.0.1")
    names = {**{name: name.upper() for name in APIS}, "issuer": "TOKENS"}
    yield {names[name]: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    for child in started:
        child.stop()
        del opened.processes.children[child.name]


def walked(addresses: dict[str, str]) -> str:
    """The README's walk, unchanged. Returns whom it referred."""
    found = steps(blocks(section((ROOT / "README.md").read_text(), WALK)))
    told = []
    for step, output in zip(found, run(found, {**os.environ, **addresses}, 240), strict=True):
        if step.shown is not None:
            told.append(json.loads(output.strip().splitlines()[-1]))
            assert list(differences(step.shown, told[-1])) == []
    referral: str = told[0]["referral_id"]
    return referral


def canary(addresses: dict[str, str]) -> None:
    """A synthetic referral goes from end to end, whatever is only just coming back."""
    environment = {
        "PATHWAY_ENVIRONMENT": "development",
        "PATHWAY_CANARY_URLS": json.dumps({name: addresses[name.upper()] for name in APIS}),
        "PATHWAY_CANARY_TOKENS_URL": f"{addresses['TOKENS']}/token",
        "PATHWAY_CANARY_PATIENCE_SECONDS": "150",
    }
    done = subprocess.run(
        [str(ROOT / ".venv" / "bin" / "pathway"), "canary", "run", "--once", "--json"],
        env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def rolled_out(opened: node.Node, what: str) -> None:
    shell(f"kubectl --namespace pathway rollout status {what} --timeout=180s", opened)


def reconciled(opened: node.Node) -> None:
    """The nightly job, by hand as the page says, finds nothing; until then events may still be under way."""
    (create,) = commands("Across services", "cronjob/reconcile")
    deadline = time.monotonic() + 120
    while True:
        shell("kubectl --namespace pathway delete job reconcile-now --ignore-not-found", opened)
        shell(create, opened)
        ended = '{.status.conditions[?(@.status=="True")].type}'
        while True:
            state = shell(f"kubectl --namespace pathway get job reconcile-now -o jsonpath='{ended}'", opened)
            if "Complete" in state:
                for command in commands("Across services", "job/reconcile-now"):
                    shell(command, opened)
                return
            if "Failed" in state or time.monotonic() > deadline:
                break
            time.sleep(0.5)
        assert time.monotonic() < deadline, shell("kubectl --namespace pathway logs job/reconcile-now", opened)


def test_the_walk_of_the_readme_works_unchanged_and_an_auditor_finds_all_of_it(
    opened: node.Node, addresses: dict[str, str]
) -> None:
    referral = walked(addresses)
    reconciled(opened)
    create, wait, replay, claim, delete = commands("Across services", "audit")
    for command in (create, wait, replay):
        shell(command, opened)
    example = next(word for word in claim.split() if word.count("-") == 4)
    pack = json.loads(shell(claim.replace(example, referral).partition(" > ")[0], opened))
    assert [entry["amount_pence"] for entry in pack["entries"]] == [5000]
    assert all(event["on_log"] for event in pack["events"])
    shell(delete, opened)


def test_operators_commands_run_in_a_pod_of_the_service(opened: node.Node) -> None:
    (line,) = (code for code in PAGE.split("`") if code.startswith("kubectl --namespace pathway exec"))
    assert "dead_letters: 0" in shell(line, opened)


def test_no_process_is_root_s_and_nothing_but_tmp_can_be_written(opened: node.Node) -> None:
    tried = "for d in / /opt/pathway /var /etc /usr /run; do touch $d/x 2>/dev/null && echo $d; done"
    script = f"id -u; {tried}; touch /tmp/x"
    told = shell(f"kubectl --namespace pathway exec triage-worker-0 -- sh -c '{script}'", opened)
    assert told.split() == ["10001"]


def test_nobody_reaches_what_is_not_for_them(opened: node.Node) -> None:
    """From another namespace nothing is reached; from a worker database and brokers are, and another's API is not."""
    tried = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)"
    asked = [("pathway-database-rw", 5432), ("pathway-kafka-bootstrap", 9093), ("intake-api", 80)]
    shell("kubectl run stranger --image=pathway:dev --restart=Never --command -- sleep 600", opened)
    shell("kubectl wait --for=condition=Ready pod/stranger --timeout=60s", opened)
    for host, port in asked:
        shell(f"kubectl exec stranger -- python -c '{tried}' {host}.pathway {port}", opened, wanted=1)
    shell(f"kubectl exec stranger -- python -c '{tried}' kubernetes 443", opened)  # it can speak, and to names
    shell("kubectl delete pod stranger --now", opened)
    inside = f"kubectl --namespace pathway exec triage-worker-0 -- python -c '{tried}'"
    for host, port in asked[:2]:
        shell(f"{inside} {host} {port}", opened)
    shell(f"{inside} intake-api 80", opened, wanted=1)


def test_pods_that_are_killed_come_back_and_nothing_is_lost(opened: node.Node, addresses: dict[str, str]) -> None:
    killed = "kubectl --namespace pathway delete pod --grace-period=0 --force"
    for name in APIS:
        shell(f"{killed} {name}-worker-0", opened)
        shell(f"{killed} -l app.kubernetes.io/component=relay,app.kubernetes.io/name={name}", opened)
    canary(addresses)
    shell(f"{killed} pathway-database-1 pathway-node-0", opened)
    rolled_out(opened, "statefulset/pathway-node")
    shell("kubectl --namespace pathway wait --for=condition=Ready cluster/pathway-database --timeout=120s", opened)
    canary(addresses)
    for name in APIS:
        rolled_out(opened, f"statefulset/{name}-worker")
        rolled_out(opened, f"deployment/{name}-relay")
    reconciled(opened)


def test_a_new_release_is_applied_over_the_last(opened: node.Node) -> None:
    delete, apply, wait = commands("Staging and production", "delete job", "apply", "wait")[-3:]
    shell(delete, opened)
    shell(apply.replace("overlays/production", "overlays/local"), opened)
    shell(wait, opened)
    shell("kubectl --namespace pathway rollout restart statefulset/triage-worker deployment/triage-api", opened)
    rolled_out(opened, "statefulset/triage-worker")
    rolled_out(opened, "deployment/triage-api")
    reconciled(opened)


def test_the_page_is_run_whole() -> None:
    """Each command of the page stands in a test of this file."""
    known = ("create namespace", "make_secrets", "apply --server-side", "wait --for", "delete job", "port-forward")
    looks = ("kubectl kustomize", "kubectl diff", "create job", "logs job", "exec job")
    lines = [line for _, line in shell_lines(PAGE) if line and not line.startswith("#")]
    assert [line for line in lines if not any(word in line for word in (*known, *looks))] == []
