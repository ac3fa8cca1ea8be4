"""Partitions side by side share one limit: none forgets what another found meanwhile."""

import pytest

from services.kernel.runtime.failures import MAX_IN_WINDOW, BugLimit, Stop


def side_by_side(limit: BugLimit, at: float, *keys: str, good: int = 0) -> None:
    """Batches that begin together, with one bug each, and commit one after the other."""
    trials = [limit.trial() for _ in keys]
    for trial, key in zip(trials, keys, strict=True):
        trial.failed(key, at)
        for _ in range(good):
            trial.succeeded()
        limit.committed(trial, good, at)


def test_keys_in_a_row_add_up() -> None:
    limit = BugLimit()
    side_by_side(limit, 0, *"abcd")
    side_by_side(limit, 1, "e")
    with pytest.raises(Stop, match="6 keys in a row"):
        side_by_side(limit, 2, "f")


def test_an_event_that_goes_well_anywhere_breaks_the_row() -> None:
    limit = BugLimit()
    side_by_side(limit, 0, *"abcd")
    side_by_side(limit, 1, "e", good=1)
    side_by_side(limit, 2, *"fghij")


def test_bugs_in_five_minutes_add_up() -> None:
    limit = BugLimit()
    for at in range(MAX_IN_WINDOW // 4 - 1):
        side_by_side(limit, at, *(f"{at}{place}" for place in "abcd"), good=1)
    assert len(limit.bugs) == MAX_IN_WINDOW - 4
    side_by_side(limit, 9, "x", "y", "z", good=1)
    with pytest.raises(Stop, match="20 bugs"):
        side_by_side(limit, 9, "last", good=1)


def test_a_batch_that_rolled_back_counts_nothing() -> None:
    limit = BugLimit()
    for _ in range(50):
        limit.trial().failed("a", 0)
    assert not limit.bugs
