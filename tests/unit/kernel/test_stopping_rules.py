"""When to try again, when to go, and when to stop: the limits at their boundaries."""

import random

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.runtime.backoff import FIRST_SECONDS, LONGEST_SECONDS, delay
from services.kernel.runtime.failures import BugLimit, Stop, is_transient
from services.kernel.runtime.rejoins import DisplacedRepeatedly, RejoinLimit
from services.kernel.runtime.tables import TransactionTooOld

# bugs


def stops(limit: BugLimit, key: str, at: float = 0.0) -> bool:
    try:
        limit.failed(key, at)
    except Stop as stop:
        return stop.reason == "too_many_bugs"
    return False


def test_five_keys_in_a_row_go_on_and_the_sixth_stops() -> None:
    limit = BugLimit()
    assert [stops(limit, f"k{n}") for n in range(6)] == [False] * 5 + [True]


def test_one_key_that_fails_again_and_again_is_one_key() -> None:
    limit = BugLimit()
    assert not any(stops(limit, f"k{n % 5}") for n in range(19))


def test_one_event_that_succeeds_breaks_the_row() -> None:
    limit = BugLimit()
    for _ in range(3):
        assert not any(stops(limit, f"k{n}") for n in range(5))
        limit.succeeded()


def twenty(handled: int, bugs: int = 20, apart: float = 0.0) -> bool:
    """Tell whether the last of some bugs stops, ``apart`` seconds between them, after so many handled events."""
    limit = BugLimit()
    limit.batch(handled, 0.0)
    found = [stops(limit, "one", n * apart) for n in range(bugs)]
    assert not any(found[:-1])
    return found[-1]


def test_twenty_bugs_stop_only_above_one_percent_of_what_was_handled() -> None:
    assert twenty(handled=1979), "20 of 1,999 are more than 1 %"
    assert not twenty(handled=1980), "20 of 2,000 are 1 %, and not more"


def test_nineteen_bugs_are_too_few_whatever_their_share() -> None:
    assert not twenty(handled=0, bugs=19)
    assert twenty(handled=0, bugs=20)


def test_bugs_and_events_of_five_minutes_ago_are_forgotten() -> None:
    assert twenty(handled=0, apart=300 / 19), "the first is 300 seconds old and still counts"
    assert not twenty(handled=0, apart=301 / 19)
    assert twenty(handled=100_000, apart=0.0) is False
    limit = BugLimit()
    limit.batch(100_000, 0.0)
    assert [stops(limit, "one", 301.0) for _ in range(20)][-1], "what was handled before no longer excuses them"


def test_a_batch_that_is_rolled_back_counts_for_nothing() -> None:
    limit = BugLimit()
    for n in range(5):
        assert not stops(limit.trial(), f"k{n}")
    trial = limit.trial()
    assert [stops(trial, f"k{n}") for n in range(6)][-1]
    assert not stops(limit, "k9")


def test_bugs_of_two_partitions_count_together_whichever_commits_last() -> None:
    limit = BugLimit()
    batches = [limit.trial(), limit.trial()]
    for number, batch in enumerate(batches):
        assert not any(stops(batch, f"p{number}") for _ in range(10))
    for batch in batches:
        limit.committed(batch, 0, 0.0)
    assert len(limit.bugs) == 20
    assert len(limit.keys_in_a_row) == 2
    assert stops(limit.trial(), "p3"), "the 21st of 5 minutes"


def test_a_partition_that_goes_well_breaks_the_row_of_its_neighbours() -> None:
    limit = BugLimit()
    bad, good = limit.trial(), limit.trial()
    assert not any(stops(bad, f"k{n}") for n in range(5))
    good.succeeded()
    limit.committed(bad, 5, 0.0)
    limit.committed(good, 1, 0.0)
    assert limit.keys_in_a_row == set()
    assert not stops(limit.trial(), "k6")


# errors of the database


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.SerializationError(),
        asyncpg.DeadlockDetectedError(),
        asyncpg.ConnectionDoesNotExistError(),
        asyncpg.TooManyConnectionsError(),
        asyncpg.DiskFullError(),
        asyncpg.AdminShutdownError(),
        asyncpg.CannotConnectNowError(),
        asyncpg.QueryCanceledError(),
        asyncpg.LockNotAvailableError(),
        asyncpg.ReadOnlySQLTransactionError(),
        asyncpg.IdleInTransactionSessionTimeoutError(),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
        asyncpg.InvalidCachedStatementError(),
        ConnectionRefusedError(),
        TimeoutError(),
        TransactionTooOld(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_may_pass_is_tried_again(error: Exception) -> None:
    assert is_transient(error)


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.UniqueViolationError(),
        asyncpg.CheckViolationError(),
        asyncpg.NotNullViolationError(),
        asyncpg.UndefinedTableError(),
        asyncpg.InsufficientPrivilegeError(),
        asyncpg.UntranslatableCharacterError(),
        asyncpg.DataError("a value that cannot be encoded"),
        asyncpg.InternalClientError("a bug of asyncpg's"),
        asyncpg.InterfaceError("cannot perform operation: another operation is in progress"),
        asyncpg.InterfaceError("the server expects 2 arguments for this query, 1 was passed"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_the_database_refuses_will_be_refused_again(error: Exception) -> None:
    assert not is_transient(error)


@pytest.mark.parametrize("error", [ZeroDivisionError(), KeyError(), ValueError(), Stop("x", "y")], ids=repr)
def test_an_error_of_our_own_is_not_tried_again(error: Exception) -> None:
    assert not is_transient(error)


# waiting


@given(st.integers(1, 10_000))
def test_a_wait_lies_between_fifty_milliseconds_and_thirty_seconds(attempt: int) -> None:
    assert FIRST_SECONDS <= delay(attempt) <= LONGEST_SECONDS


def test_waits_grow_to_their_limit_and_are_spread() -> None:
    random.seed(7)
    waits = {attempt: [delay(attempt) for _ in range(300)] for attempt in (1, 4, 12, 40)}
    assert max(waits[1]) <= 2 * FIRST_SECONDS
    assert max(waits[1]) < max(waits[4]) < max(waits[12]) <= LONGEST_SECONDS
    assert max(waits[40]) > 0.9 * LONGEST_SECONDS
    assert min(waits[40]) < 0.1 * LONGEST_SECONDS, "full jitter"


# rejoining


class Joins:
    """A limit whose clock is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.members = 0
        self.limit = RejoinLimit(lambda: self.now)

    def join(self, after: float) -> bool:
        """Join as a stranger so much later; tell whether that was once too often."""
        self.now += after
        self.members += 1
        self.limit.joined(f"member-{self.members}")
        try:
            self.limit.check()
        except DisplacedRepeatedly:
            return True
        return False


def test_three_rejoins_in_ten_seconds_are_borne_and_a_fourth_is_not() -> None:
    joins = Joins()
    assert [joins.join(after) for after in (0, 1, 1, 1, 1)] == [False] * 4 + [True]


def test_rejoins_that_are_further_apart_are_borne_for_ever() -> None:
    joins = Joins()
    assert not any(joins.join(2.6) for _ in range(50))


def test_the_window_ends_after_ten_seconds() -> None:
    assert _last_of_five(apart=2.5), "four rejoins within ten seconds and no more"
    assert not _last_of_five(apart=2.51)


def _last_of_five(apart: float) -> bool:
    joins = Joins()
    return [joins.join(apart) for _ in range(5)][-1]


def test_a_rebalance_under_the_same_member_id_is_no_rejoin() -> None:
    joins = Joins()
    joins.join(0)
    for _ in range(20):
        joins.limit.joined("member-1")
        joins.limit.check()
