"""Child processes that are started, watched and certainly stopped.

A child runs in a session of its own, so that a Ctrl-C at the terminal reaches only the supervisor,
which stops its children in order; on Linux each child is also on a leash (:mod:`.leash`), so that none
outlives a supervisor that was killed or interrupted at any moment, while starting or stopping too.
"""

import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

LEASH = Path(__file__).with_name("leash.py")
POLL_SECONDS = 0.02
INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class ChildFailedError(RuntimeError):
    """A child ended, or was not ready in time; the message holds the end of its log."""


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold back Ctrl-C and termination; one that came meanwhile is delivered on leaving.

    Python's handlers are swapped, not the thread's signal mask: another thread would take a masked signal
    and the main thread would run its handler all the same.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # handlers run in the main thread only: nothing can interrupt this one
        return
    held: list[int] = []
    before = {int(n): signal.signal(n, lambda got, _: held.append(got)) for n in INTERRUPTS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in held[:1]:
            signal.raise_signal(number)


class Child:
    """One running child process: its output goes to ``log``, appended over restarts."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: str = "-",
        last_signal: signal.Signals = signal.SIGKILL,
    ) -> None:
        """Start it. ``env`` is added to ours; ``user`` is whom root becomes for it (``-``: nobody else).

        ``last_signal`` is what it gets when this process goes without stopping it.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError(f"start {name} from the main thread: the leash ends with the thread that holds it")
        self.name = name
        self.log = log
        leash = [sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), str(int(last_signal)), user]
        with uninterrupted(), log.open("ab") as output:
            self.offset = output.tell()
            self._process = subprocess.Popen(  # noqa: S603  the command comes from our own code
                [*leash, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                cwd=cwd,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id, which is also its process group."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit status (negative: the signal that ended it), None while it runs."""
        return self._process.poll()

    @property
    def alive(self) -> bool:
        """Whether it runs (a paused child does)."""
        return self.returncode is None

    def output(self) -> str:
        """What this start of the child has written so far."""
        with self.log.open("rb") as file:
            file.seek(self.offset)
            return file.read().decode("utf-8", "replace")

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the child's whole group; nothing happens when it has ended."""
        if self.alive:
            os.killpg(self.pid, number)

    def pause(self) -> None:
        """Stop it where it stands (SIGSTOP): its connections stay open, as in a frozen machine."""
        self.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused child go on."""
        self.send(signal.SIGCONT)

    def kill9(self) -> None:
        """Kill it in the middle of whatever it does, and wait until it is gone."""
        self.send(signal.SIGKILL)
        self._process.wait()

    def wait(self, seconds: float) -> int | None:
        """Wait for its end; None when it still runs after ``seconds``."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def stop(self, seconds: float = 10.0, first: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end with ``first``; after ``seconds``, or if interrupted, kill it. Returns its status."""
        try:
            self.send(signal.SIGCONT)
            self.send(first)
            self.wait(seconds)
        finally:
            self.kill9()
        return self._process.returncode

    def wait_until(self, ready: Callable[[], bool], seconds: float = 30.0, what: str = "ready") -> None:
        """Wait for a condition. Raises ChildFailedError when the child ends or the time is up first."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.alive:
                raise ChildFailedError(f"{self.name} ended with {self.returncode}\n{self._tail()}")
            if time.monotonic() > deadline:
                raise ChildFailedError(f"{self.name} was not {what} after {seconds:.0f} s\n{self._tail()}")
            time.sleep(POLL_SECONDS)

    def wait_for_line(self, pattern: str, seconds: float = 30.0) -> re.Match[str]:
        """Wait until a line of its output matches; returns the match."""
        found: list[re.Match[str]] = []

        def seen() -> bool:
            match = re.search(pattern, self.output(), re.MULTILINE)
            if match:
                found.append(match)
            return bool(match)

        self.wait_until(seen, seconds, f"printing {pattern!r}")
        return found[0]

    def wait_for_http(self, url: str, seconds: float = 30.0) -> None:
        """Wait until ``url`` (``/readyz``) answers 2xx."""
        self.wait_until(lambda: answers(url), seconds, f"answering {url}")

    def _tail(self, lines: int = 25) -> str:
        return "\n".join(self.output().splitlines()[-lines:])


def answers(url: str) -> bool:
    """Tell whether a GET of ``url`` is answered with 2xx within a second."""
    try:
        with urllib.request.urlopen(url, timeout=1.0) as response:  # noqa: S310  our own loopback address
            return 200 <= int(response.status) < 300  # noqa: PLR2004  the HTTP success range
    except (urllib.error.URLError, OSError):
        return False


class Supervisor:
    """Starts named children and stops all of them, last started first, when its block is left."""

    def __init__(self, folder: Path, env: Mapping[str, str] | None = None) -> None:
        """``folder`` takes one log a child; ``env`` is added to every child's environment."""
        self.folder = folder
        self.env = dict(env or {})
        self.children: dict[str, Child] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Child:
        """Start a child and return at once. Raises ValueError when one of that name runs."""
        old = self.children.get(name)
        if old is not None and old.alive:
            raise ValueError(f"{name} already runs (pid {old.pid})")
        with uninterrupted():
            child = Child(name, command, log=self.folder / f"{name}.log", env={**self.env, **(env or {})}, cwd=cwd)
            self.children[name] = child
        return child

    def python(self, name: str, *arguments: str, env: Mapping[str, str] | None = None) -> Child:
        """Start a child that runs this interpreter with ``arguments`` (``"-m", "services.cli", ...``)."""
        return self.start(name, [sys.executable, *arguments], env=env)

    def ended(self) -> list[Child]:
        """The children that are not running any more."""
        return [child for child in self.children.values() if not child.alive]

    def check(self) -> None:
        """Raise ChildFailedError, with the end of its log, when a child has ended."""
        for child in self.ended():
            child.wait_until(lambda: False, 0.0)

    def stop(self, seconds: float = 10.0) -> None:
        """Ask all to end, the last started first; after ``seconds`` together the rest are killed."""
        with uninterrupted():
            newest_first = list(reversed(self.children.values()))
            for child in newest_first:
                child.send(signal.SIGCONT)
                child.send(signal.SIGTERM)
            deadline = time.monotonic() + seconds
            for child in newest_first:
                child.wait(max(0.0, deadline - time.monotonic()))
                child.kill9()
