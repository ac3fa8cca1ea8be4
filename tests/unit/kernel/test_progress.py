"""Liveness is progress: unhealthy only where there is more to read, nothing moves, and nothing explains it."""

import pytest

from services.kernel.runtime.consumption import Consumption
from services.kernel.runtime.progress import Progress
from services.kernel.settings import Environment, Settings
from tests.tally.domain import tally_service

PLACE = ("numbers", 0)

STUCK_SECONDS = Settings().stuck_seconds


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def progress(clock: Clock) -> Progress:
    return Progress(Consumption(tally_service(), Settings(environment=Environment.DEVELOPMENT)), clock)


def after(progress: Progress, clock: Clock, seconds: float, position: int, end: int) -> list[str]:
    clock.now += seconds
    progress.note({PLACE: position}, {PLACE: end})
    return progress.stuck()


def test_more_to_read_and_no_move_for_two_minutes_is_stuck(progress: Progress, clock: Clock) -> None:
    assert after(progress, clock, 0, 5, 9) == []
    assert after(progress, clock, STUCK_SECONDS - 1, 5, 9) == []
    assert after(progress, clock, 1, 5, 9) == ["numbers/0 stands at 5 and there is more to read"]


def test_a_move_begins_again(progress: Progress, clock: Clock) -> None:
    after(progress, clock, 0, 5, 9)
    after(progress, clock, STUCK_SECONDS - 1, 6, 9)
    assert after(progress, clock, 2, 6, 9) == []


def test_nothing_to_read_is_healthy_for_ever(progress: Progress, clock: Clock) -> None:
    after(progress, clock, 0, 9, 9)
    assert after(progress, clock, 10 * STUCK_SECONDS, 9, 9) == []
    assert after(progress, clock, 1, 9, 10) == []


def test_a_known_reason_excuses_and_counts_anew_afterwards(progress: Progress, clock: Clock) -> None:
    after(progress, clock, 0, 5, 9)
    after(progress, clock, STUCK_SECONDS, 5, 9)
    progress.excuse()
    assert progress.stuck() == []
    assert after(progress, clock, 1, 5, 9) == []
    assert after(progress, clock, STUCK_SECONDS, 5, 9) != []


def test_a_partition_that_went_to_another_is_not_ours_to_move(progress: Progress, clock: Clock) -> None:
    after(progress, clock, 0, 5, 9)
    clock.now += STUCK_SECONDS
    progress.note({}, {})
    assert progress.stuck() == []
