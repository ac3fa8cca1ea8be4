"""`docker compose up` is the whole system: built, started, played in, killed piece by piece, reconciled."""

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.docs.markdown import ROOT, blocks, section
from tests.docs.walk import differences, run, steps
from tests.e2e.compose import Project, docker_answers, project

pytestmark = [pytest.mark.slow, pytest.mark.docker, pytest.mark.timeout(1200)]
WALK = "From a referral to a statement, by hand"
SETTLE_SECONDS = 90.0


@pytest.fixture(scope="module")
def compose() -> Iterator[Project]:
    why = docker_answers()
    if why is not None:
        if os.environ.get("PATHWAY_REQUIRE_DOCKER") == "1":
            pytest.fail(f"PATHWAY_REQUIRE_DOCKER=1, but {why}", pytrace=False)
        pytest.skip(f"no Docker: {why}")
    with project() as opened:
        yield opened


def test_the_walk_of_the_readme_works_unchanged(compose: Project) -> None:
    addresses = {name: compose.url(name) for name in ("INTAKE", "TRIAGE", "COACHING", "OUTCOMES", "TOKENS")}
    found = steps(blocks(section((ROOT / "README.md").read_text(), WALK)))
    for step, output in zip(found, run(found, {**os.environ, **addresses}, 240), strict=True):
        if step.shown is not None:
            assert list(differences(step.shown, json.loads(output.strip().splitlines()[-1]))) == []


def test_no_process_is_root_s_and_nothing_but_tmp_can_be_written(compose: Project) -> None:
    script = (
        "id -u; for d in / /opt/pathway /home /var /etc /usr; do touch $d/x 2>/dev/null && echo $d; done; touch /tmp/x"
    )
    for service in ("intake-api", "triage-worker", "vault-relay"):
        assert compose.run("exec", "-T", service, "sh", "-c", script).split() == ["10001"]


def test_the_image_is_as_large_as_is_said(compose: Project) -> None:
    """As on the page: built by ``make image``, whose layers Compose has built, and measured above its base."""
    page = (ROOT / "docs" / "operations" / "installing.md").read_text()
    said = re.search(r"About (\d+) MB", page)
    assert said
    built = {**os.environ, "IMAGE": "pathway:measured"}
    subprocess.run(["make", "image"], cwd=ROOT, env=built, check=True, capture_output=True, timeout=600)
    assert "docker image inspect pathway:dev --format '{{.Size}}'" in page
    sizes = [
        int(subprocess.check_output(["docker", "image", "inspect", name, "--format", "{{.Size}}"]))
        for name in ("pathway:measured", "python:3.11-slim")
    ]
    assert (sizes[0] - sizes[1]) / 1e6 == pytest.approx(int(said[1]), abs=5)


def test_the_demo_plays_in_it_while_each_container_is_killed_and_all_reconciles(compose: Project) -> None:
    playing = subprocess.Popen(
        ["docker", "compose", "--project-name", compose.name, "run", "--rm", "-T", "demo",
         "--people", "25", "--seed", "77", "--json"],
        cwd=ROOT, env=compose.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        killed = [name for name in compose.services() if name.endswith(("-worker", "-relay"))]
        assert len(killed) == 9
        for name in killed:
            compose.kill(name)
        out, err = playing.communicate(timeout=300)
    finally:
        playing.kill()
    assert playing.returncode in {0, 1}, err[-3000:]  # 1: somebody waited longer than the demo's patience
    assert json.loads(out)["reconciliation"]["lost"] == []
    for name in ("kafka", "postgres", "intake-api", "outcomes-api", "issuer"):
        compose.kill(name)
    compose.run("up", "--wait", "--no-build", seconds=300)
    settled(compose)


def settled(compose: Project) -> None:
    """Wait until the auditor's replay finds log and databases equal."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        done = subprocess.run(
            ["docker", "compose", "--project-name", compose.name, "run", "--rm", "-T", "--no-deps", "audit"],
            cwd=ROOT, env=compose.environment, capture_output=True, text=True, check=False, timeout=120,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if done.returncode == 0:
            return
        assert time.monotonic() < deadline, done.stdout[-4000:] + done.stderr[-3000:]
