"""The supervisor leaves no process behind, whatever happens to it and whenever."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from services.embedded.processes import ChildFailedError, Supervisor, uninterrupted
from tests.parts.processes import MARK, eventually, marked

SLEEPER = ("-c", "import time; print('up', flush=True); time.sleep(600)")
DEAF = (
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
)
PARENT = """
    import sys
    from pathlib import Path
    from services.embedded.processes import Supervisor
    with Supervisor(Path(sys.argv[1])) as children:
        for number in range(1000):
            children.python(f"child-{number}", "-c", "import time; time.sleep(600)")
            print(children.children[f"child-{number}"].pid, flush=True)
"""


def start_parent(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PARENT), str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, MARK: str(folder)},
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("after", [0, 1, 3])
def test_no_child_outlives_a_supervisor_hit_while_starting(tmp_path: Path, number: signal.Signals, after: int) -> None:
    parent = start_parent(tmp_path)
    assert parent.stdout is not None
    for _ in range(after + 1):
        assert parent.stdout.readline()
    assert len(marked(str(tmp_path))) > 1
    parent.send_signal(number)
    parent.stdout.close()
    parent.wait(15)
    eventually(lambda: not marked(str(tmp_path)))


def test_stop_ends_the_willing_and_kills_the_deaf_and_the_frozen(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as children:
        willing = children.python("willing", *SLEEPER)
        deaf = children.python("deaf", *DEAF)
        frozen = children.python("frozen", *SLEEPER)
        for child in (willing, deaf, frozen):
            child.wait_for_line("^up$")
        frozen.pause()
        children.stop(seconds=0.5)
    assert (willing.returncode, deaf.returncode, frozen.returncode) == (
        -signal.SIGTERM,
        -signal.SIGKILL,
        -signal.SIGTERM,
    )


def test_a_child_that_ends_before_it_is_ready_is_reported_with_its_log(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as children:
        child = children.python("broken", "-c", "raise SystemExit('no such database')")
        with pytest.raises(ChildFailedError, match="broken ended with 1\nno such database"):
            child.wait_for_line("^up$")
        with pytest.raises(ChildFailedError):
            children.check()


def test_a_child_that_is_never_ready_is_reported_when_the_time_is_up(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as children:
        child = children.python("slow", *SLEEPER)
        with pytest.raises(ChildFailedError, match="slow was not answering"):
            child.wait_for_http("http://127.0.0.1:1/readyz", seconds=0.2)


def test_a_restarted_child_reports_only_its_own_output(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as children:
        first = children.python("worker", "-c", "print('first')")
        first.wait(10)
        second = children.python("worker", "-c", "print('second')")
        second.wait(10)
        assert second.output() == "second\n"
        assert (tmp_path / "worker.log").read_text() == "first\nsecond\n"


def test_pause_and_resume(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as children:
        child = children.python("zombie", *SLEEPER)
        child.wait_for_line("^up$")
        child.pause()
        eventually(lambda: psutil.Process(child.pid).status() == psutil.STATUS_STOPPED)
        child.resume()
        eventually(lambda: psutil.Process(child.pid).status() != psutil.STATUS_STOPPED)


def test_an_interruption_is_held_back_and_then_delivered() -> None:
    reached = False
    with pytest.raises(KeyboardInterrupt), uninterrupted():  # noqa: PT012  where it comes is the point
        with uninterrupted():
            os.kill(os.getpid(), signal.SIGINT)
        reached = True
    assert reached
