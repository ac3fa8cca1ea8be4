"""A page of docs/operations whose commands are run as they stand, by a shell, on a running system.

A drill names each command by its text on the page, says what stands for the values that the page can only invent, and
what must come of it. Leaving the block fails where a command was not run and does not stand in ``elsewhere.py``.
"""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from services.demo.world import free_ports
from services.embedded.processes import Child
from tests.docs.markdown import ROOT, shell_lines
from tests.e2e.system import Said, System
from tests.operations.elsewhere import where
from tests.operations.exported import scraped

OPERATIONS: Final = ROOT / "docs" / "operations"
SECONDS: Final = 60.0


def commands(text: str) -> list[str]:
    """The commands that a page shows, each once, without comments."""
    found = (re.sub(r"\s+#\s.*$", "", line) for _, line in shell_lines(text))
    return list(dict.fromkeys(line for line in found if line and not line.startswith("#")))


def drilled(name: str) -> list[str]:
    """The commands of a page that its drill must run: those that no other test does."""
    return [line for line in commands((OPERATIONS / f"{name}.md").read_text()) if where(name, line) is None]


@dataclass
class Page:
    """Use with ``async with``."""

    name: str
    system: System
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    left: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.left = drilled(self.name)
        self.shown = set(self.left)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            assert self.left == [], f"{self.name}.md shows commands that its drill does not run"

    async def run(
        self, command: str, *, put: Mapping[str, str] | None = None, code: int | set[int] = 0, given: str = ""
    ) -> Said:
        """Run a command of the page with ``put`` in place of its values; fail unless it ends with (one of) ``code``."""
        process = await asyncio.create_subprocess_exec(
            *("bash", "-euo", "pipefail", "-c", self._line(command, put or {})),
            cwd=self.folder,
            env=self._environment(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = (one.decode() for one in await process.communicate(given.encode()))
        assert process.returncode in (code if isinstance(code, set) else {code}), (
            f"{command}: {process.returncode}\n{out[-3000:]}\n{err[-3000:]}"
        )
        return Said(process.returncode, out, err)

    async def serve(self, command: str, *, put: Mapping[str, str] | None = None) -> str:
        """Run a role of the page until it is ready; returns what it exported."""
        async with self.serving(command, put=put) as port:
            return await scraped(port)

    @asynccontextmanager
    async def serving(self, command: str, *, put: Mapping[str, str] | None = None) -> AsyncIterator[int]:
        """A role of the page, ready on the yielded port; it is ended as its platform would."""
        (port,) = free_ports(1)
        line = re.sub(r"PATHWAY_HTTP_PORT=\d+ ", "", self._line(command, put or {}))
        environment = {**self._environment(), "PATHWAY_HTTP_PORT": str(port)}
        log = self.folder / f"{self.name}-{port}.log"
        child = Child(
            command,
            ["bash", "-c", re.sub(r"\bpathway (?=\w)", "exec pathway ", line, count=1)],
            log=log,
            env=environment,
        )
        try:
            await asyncio.to_thread(child.wait_for_http, f"http://127.0.0.1:{port}/readyz", SECONDS)
            yield port
        finally:
            status = await asyncio.to_thread(child.stop, SECONDS)
        # a web server hands the signal on when it has ended what was in hand
        assert status in {0, -signal.SIGTERM}, f"{command}: {status}\n{child.output()[-3000:]}"

    def _line(self, command: str, put: Mapping[str, str]) -> str:
        assert command in self.shown, f"{self.name}.md does not show: {command}"
        self.left = [line for line in self.left if line != command]
        line = command
        for value, real in put.items():
            assert value in line, f"{command} has no {value}"
            line = line.replace(value, real)
        return line

    def _environment(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        here = {"PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "300"}
        return {**os.environ, **self.system.environment, **here, **self.environment}
