"""The demo holds, and leaves nothing behind, whenever and however it is stopped."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import psutil
import pytest

from tests.parts.processes import MARK, eventually, marked

SECONDS = 150.0


class Demo:
    """A demo in a process of its own; killed with the block."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.mark = str(folder)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "services.demo.run", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, MARK: self.mark, "TMPDIR": str(folder)},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def reaches(self, moment: Callable[[str], bool]) -> None:
        """Wait for a moment of its run. Fails when it ends first."""
        eventually(lambda: moment(self.mark) or self.process.poll() is not None, SECONDS)
        assert self.process.returncode is None, self.process.communicate()


def words(mark: str) -> str:
    """The command lines of all that the demo runs, in one text."""
    lines = []
    for process in marked(mark):
        try:
            lines.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return "\n".join(lines)


def running(*needed: str) -> Callable[[str], bool]:
    return lambda mark: all(word in words(mark) for word in needed)


def coached(mark: str) -> bool:
    """Whether coaches are at work: plans have been confirmed."""
    return any("plan.updated" in file.read_text() for file in Path(mark).glob("pathway-demo-*/topics.jsonl"))


TABLES, SERVICES = "while tables are made", "while services start"
MOMENTS: dict[str, Callable[[str], bool]] = {
    "at once": lambda mark: True,
    "while the database starts": running("postgres"),
    TABLES: running("migrate all"),
    SERVICES: running("relay intake"),
    "while people are coached": coached,
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A temporary folder that the database may enter: it may run as another user than root."""
    with tempfile.TemporaryDirectory(prefix="demo-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_everything_holds(folder: Path) -> None:
    with Demo(folder, "--people", "60", "--json") as demo:
        output, errors = demo.process.communicate(timeout=SECONDS)
    report = json.loads(output)
    assert (demo.process.returncode, report["problems"]) == (0, []), errors
    assert report["holds"]
    assert report["reconciliation"]["equal"]
    assert report["reconciliation"]["transactions"] > 50
    assert report["trial_balance"]["total_pence"] == 0
    months = [month for provider in report["statements"] for month in provider["months"]]
    assert all(month["sealed"] for month in months)
    assert sum(month["paid_pence"] for month in months) > 0
    funnel = report["funnel"]
    begotten = funnel["handed over to another programme, and referred there"]
    assert funnel["accepted (201)"] + begotten == funnel["triaged"] >= 55
    assert len(report["explained"]) == 2
    assert {line["topic"] for line in report["timeline"]} == {
        "referral.created", "triage.completed", "plan.updated", "outcome.recorded",
    }  # fmt: skip
    eventually(lambda: not marked(str(folder)))
    assert not list(folder.glob("pathway-*"))


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("number", "moment"),
    [*((signal.SIGINT, moment) for moment in MOMENTS), (signal.SIGTERM, TABLES), (signal.SIGKILL, SERVICES)],
)
def test_nothing_is_left_when_it_is_stopped(number: signal.Signals, moment: str, folder: Path) -> None:
    with Demo(folder, "--people", "60") as demo:
        demo.reaches(MOMENTS[moment])
        demo.process.send_signal(number)
        demo.process.communicate(timeout=SECONDS)
    assert demo.process.returncode in {130, -number}
    eventually(lambda: not marked(str(folder)))


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.timeout(300)
def test_kept_it_runs_until_it_is_stopped_even_twice_in_a_row(folder: Path) -> None:
    with Demo(folder, "--people", "12", "--keep") as demo:
        assert demo.process.stdout is not None
        assert any("/docs" in line for line in demo.process.stdout)
        for _ in range(2):
            demo.process.send_signal(signal.SIGINT)
        demo.process.communicate(timeout=SECONDS)
    assert demo.process.returncode == 130
    eventually(lambda: not marked(str(folder)))
    assert not list(folder.glob("pathway-*"))
