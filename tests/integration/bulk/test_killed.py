"""An import that is killed at any point, and an API that is, end with every row in once."""

import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.integration.bulk.world import FIXED, World, row, sheet

ROWS = 1_500
pytestmark = [pytest.mark.faults, pytest.mark.slow]


def start(world: World, file: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        world.command(file, *FIXED, "--json"),
        env=world.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_for(world: World, count: int, running: subprocess.Popen[bytes]) -> None:
    """Wait until so many rows are in, or the import has ended."""
    deadline = time.monotonic() + 60
    while int(world.ask("SELECT count(*) FROM referral")) < count and running.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def assert_once(world: World) -> None:
    assert world.accepted() == {f"REF-{n}": 1 for n in range(ROWS)}
    assert world.ask("SELECT count(*), count(DISTINCT key) FROM outbox") == f"{ROWS}|{ROWS}"
    assert world.ask("SELECT count(DISTINCT person_id) FROM person") == str(ROWS)


@pytest.mark.parametrize("seed", range(3))
def test_the_import_killed_again_and_again_ends_with_each_row_once(world: World, file: Path, seed: int) -> None:
    file.write_text(sheet(*(row(n) for n in range(ROWS))))
    chance = random.Random(seed)  # noqa: S311  a test that can be repeated
    killed = 0
    for _ in range(4):
        running = start(world, file)
        here = int(world.ask("SELECT count(*) FROM referral"))
        wait_for(world, min(ROWS, here + chance.randrange(1, 500)), running)
        killed += running.poll() is None
        running.kill()
        running.wait()
    assert killed > 1
    done = world.run(file)
    assert done.status == 0, done.errors
    assert sum(done.told["counts"].values()) == ROWS
    assert_once(world)


def test_the_api_killed_under_an_import_that_goes_on_when_it_is_back(world: World, file: Path) -> None:
    file.write_text(sheet(*(row(n) for n in range(ROWS))))
    running = subprocess.Popen(
        world.command(file, *FIXED, "--json"),
        env=world.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    for target in (150, 700, 1_200):
        wait_for(world, target, running)
        assert running.poll() is None
        world.processes.children["api"].send(signal.SIGKILL)
        world.processes.children["api"].wait(10)
        world.start_api()
    output, _ = running.communicate(timeout=120)
    assert running.returncode == 0, output
    assert_once(world)
