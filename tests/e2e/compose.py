"""A Compose project of the repository under a name and ports of its own."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from services.demo.world import free_ports

ROOT = Path(__file__).parents[2]
PORTS = ("INTAKE", "TRIAGE", "COACHING", "OUTCOMES", "TOKENS")


class ComposeFailedError(RuntimeError):
    """A command of Compose failed; the message is what it wrote."""


@dataclass
class Project:
    """What runs under one name."""

    name: str
    environment: dict[str, str]

    def run(self, *words: str, seconds: float = 120.0) -> str:
        """Run ``docker compose`` and return what it printed. Raises ComposeFailedError."""
        done = subprocess.run(
            ["docker", "compose", "--project-name", self.name, *words],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False, timeout=seconds,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if done.returncode != 0:
            raise ComposeFailedError(f"{' '.join(words)}: {done.stdout[-4000:]}\n{done.stderr[-4000:]}")
        return done.stdout

    def kill(self, service: str) -> None:
        """Kill a container as a crash would, and start it again, whatever state the others are in.

        Compose itself would wait, before it starts one, until all that this one depends on is healthy again.
        """
        for words in (("kill", "--signal", "KILL"), ("start",)):
            done = subprocess.run(
                ["docker", *words, f"{self.name}-{service}-1"], capture_output=True, text=True, check=False, timeout=60
            )
            if done.returncode != 0:
                raise ComposeFailedError(f"{' '.join(words)} {service}: {done.stderr[-4000:]}")

    def services(self) -> list[str]:
        """The containers that run."""
        lines = self.run("ps", "--format", "json", "--status", "running").splitlines()
        return sorted(json.loads(line)["Service"] for line in lines)

    def url(self, name: str) -> str:
        """The address of an API, or of the tokens."""
        return f"http://127.0.0.1:{self.environment[f'PATHWAY_{name.upper()}_PORT']}"


def docker_answers() -> str | None:
    """Return why Compose cannot be used, or None."""
    for words in (["docker", "compose", "version"], ["docker", "info"]):
        try:
            done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=20)
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"{' '.join(words)}: {type(error).__name__}"
        if done.returncode != 0:
            return f"{' '.join(words)}: {done.stderr.strip()[-200:]}"
    return None


@contextmanager
def project() -> Iterator[Project]:
    """Build and start it all; take it away afterwards, data too."""
    ports = dict(zip((f"PATHWAY_{name}_PORT" for name in PORTS), map(str, free_ports(len(PORTS))), strict=True))
    opened = Project(f"pathway-test-{os.getpid()}", {**os.environ, **ports, "PATHWAY_IMAGE": "pathway:test"})
    try:
        opened.run("up", "--build", "--wait", "--quiet-pull", seconds=600)
        yield opened
    finally:
        opened.run("--profile", "demo", "down", "--volumes", "--timeout", "2", seconds=180)
