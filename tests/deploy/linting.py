"""A security linter over Kubernetes documents, kube-score, with every exception named and explained.

It is built once from sources pinned by checksum in tests/deploy/linter (go.mod, go.sum) into the user's cache folder.
"""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml

SOURCE = Path(__file__).parent / "linter"
PACKAGE = "github.com/zegl/kube-score/cmd/kube-score"
FINE = 10  # kube-score's grades: 1 critical, 5 warning, 7 nearly, 10 fine


@dataclass(frozen=True)
class Allowed:
    """A check that need not hold for some objects, and why."""

    check: str
    object: str  # `Deployment intake-api`; `*` stands for anything
    reason: str
    said: str = "*"  # what the linter says, where only that is allowed


@dataclass(frozen=True)
class Finding:
    """What the linter found in an object, named as `Deployment intake-api`."""

    check: str
    object: str
    said: str


class NoLinterError(Exception):
    """The linter cannot be had here; the message says what is missing."""


def built() -> Path:
    """Return the linter's program, built on first use (about 45 s of one core, with network); or raise `NoLinterError`.

    The folder's name holds a digest of the pins: other pins are another program.
    """
    pins = hashlib.sha256((SOURCE / "go.mod").read_bytes() + (SOURCE / "go.sum").read_bytes()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pathway" / f"kube-score-{pins}"
    program = cache / "kube-score"
    if program.exists():
        return program
    if shutil.which("go") is None:
        raise NoLinterError("Go is missing, with which the linter is built")
    cache.mkdir(parents=True, exist_ok=True)
    new = cache / f"kube-score.{os.getpid()}"
    environment = {**os.environ, "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local"}
    build = ["go", "build", "-o", str(new), PACKAGE]
    done = subprocess.run(build, cwd=SOURCE, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoLinterError(f"the linter cannot be built: {done.stderr.strip()[-600:]}")
    new.replace(program)  # two that build at once end with one whole program
    return program


def linter() -> Path:
    """Return the linter's program; skip the test where it cannot be had, fail it if PATHWAY_REQUIRE_KUBE is 1."""
    try:
        return built()
    except NoLinterError as missing:
        if os.environ.get("PATHWAY_REQUIRE_KUBE") == "1":
            pytest.fail(str(missing), pytrace=False)
        pytest.skip(str(missing))


def findings(documents: Iterable[dict[str, Any]], program: Path) -> list[Finding]:
    """Return what the linter finds in `documents`, whatever they ask it to ignore."""
    text = yaml.safe_dump_all(documents)
    # the seccomp profile alone of the optional checks is about security; ignoring by annotation would hide a finding
    options = ["--disable-ignore-checks-annotations", "--enable-optional-test", "container-seccomp-profile"]
    command = [str(program), "score", "--output-format", "json", "--kubernetes-version", "v1.32", *options, "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if not done.stdout.lstrip().startswith("["):
        raise ValueError(f"the linter did not read the documents: {(done.stderr or done.stdout).strip()}")
    found = []
    for scored in json.loads(done.stdout):
        name = f"{scored['type_meta']['kind']} {scored['object_meta']['name']}"
        for check in scored["checks"]:
            if check["grade"] < FINE and not check["skipped"]:
                said = [each["summary"] for each in check["comments"] or []] or [check["check"]["comment"]]
                found += [Finding(check["check"]["id"], name, each) for each in said]
    return found


def allows(exception: Allowed, finding: Finding) -> bool:
    """Whether an exception names the check, the object and the words of a finding."""
    pairs = ((finding.check, exception.check), (finding.object, exception.object), (finding.said, exception.said))
    return all(fnmatchcase(text, pattern) for text, pattern in pairs)


def judged(found: Sequence[Finding], exceptions: Sequence[Allowed]) -> list[str]:
    """Return the findings that no exception allows, and the exceptions that allow nothing or give no reason."""
    faults = []
    used: set[Allowed] = set()
    for finding in found:
        allowing = {each for each in exceptions if allows(each, finding)}
        used |= allowing
        if not allowing:
            faults.append(f"{finding.object}: {finding.check}: {finding.said}")
    for each in exceptions:
        if each not in used:
            faults.append(f"the exception of {each.check} for {each.object} allows nothing: take it away")
        if not each.reason.strip():
            faults.append(f"the exception of {each.check} for {each.object} gives no reason")
    return faults


def run_linter(documents: Iterable[dict[str, Any]], exceptions: Sequence[Allowed]) -> list[str]:
    """Return what the linter has against `documents`, unless an exception allows it; skips where there is no linter."""
    return judged(findings(documents, linter()), exceptions)
