"""Which failure takes which path: poison, rejection, transient, bug; and the latched stop."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

import asyncpg

from services.kernel.runtime.tables import TransactionTooOld

_TRANSIENT_CLASSES = ("08", "40", "53", "57", "58")
_TRANSIENT_STATES = frozenset({"25006", "55000", "55P03", "25P02", "25P03"})
# what asyncpg says of a connection on which the server said good-bye a moment ago
_LOST_UNAWARES = ("cannot switch to state", "not connected")
# what asyncpg says when it is used on a connection, or for the sake of a pool, that has just ended; the same class
# of error is everything that it was asked wrongly: too few arguments, two statements at a time on one connection
_ENDED = ("connection is closed", "has been released back to the pool", "pool is closing", "pool is closed")

DATABASE_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What asyncpg raises besides OSError; :func:`is_transient` tells what may pass."""

LATCHED = "latched"
"""The reason of a :class:`Stop` that only found another one latched: it is never latched itself."""

MAX_KEYS_IN_A_ROW = 5
MAX_IN_WINDOW = 20
WINDOW_SECONDS = 300.0
MAX_SHARE = 0.01


class Stop(Exception):
    """The consumer must stop and stay stopped until an operator resumes it. ``reason`` is a stable code."""

    def __init__(self, reason: str, detail: str, topic: str | None = None, partition: int | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.topic = topic
        self.partition = partition


def is_transient(error: BaseException) -> bool:
    """Tell whether trying the same transaction again may succeed: a closed list.

    Connection lost or refused, serialisation, deadlock, time-out, resources (a full disk included),
    a server that is going down or not yet up, a database that accepts no connections while it is put back, a standby
    that is not yet primary, a statement that was prepared before a migration (asyncpg forgets it then, and prepares
    it anew).
    """
    if isinstance(error, asyncpg.InvalidCachedStatementError | asyncpg.OutdatedSchemaCacheError):
        return True
    if isinstance(error, asyncpg.InternalClientError):
        return str(error).startswith(_LOST_UNAWARES)
    if isinstance(error, TransactionTooOld | OSError | TimeoutError):
        return True
    if isinstance(error, asyncpg.InterfaceError):
        return str(error).endswith(_ENDED)
    state = getattr(error, "sqlstate", None) or ""
    return state[:2] in _TRANSIENT_CLASSES or state in _TRANSIENT_STATES


def end_if_cancelled(error: Exception) -> None:
    """End a task that was cancelled: a rollback that fails on a lost connection hides that it was."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError from error


@dataclass(slots=True)
class BugLimit:
    """Decides when bugs are no longer single records but the release: then the consumer stops.

    More than 5 distinct keys in a row, or 20 in 5 minutes and over 1 % of what was handled in them.
    """

    keys_in_a_row: set[str] = field(default_factory=set)
    bugs: deque[float] = field(default_factory=deque)
    handled: deque[tuple[float, int]] = field(default_factory=deque)
    new: list[float] = field(default_factory=list)
    row_broken: bool = False

    def trial(self) -> "BugLimit":
        """Return a copy for one attempt at a batch; see :meth:`committed`."""
        return BugLimit(set(self.keys_in_a_row), self.bugs.copy(), self.handled)

    def committed(self, trial: "BugLimit", handled: int, at: float) -> None:
        """Take over what a batch found, and how many events it handled, once it has committed.

        Other partitions' batches may have committed since the copy was made: theirs stays.
        """
        self.bugs.extend(trial.new)
        others = set() if trial.row_broken else self.keys_in_a_row
        self.keys_in_a_row = others | trial.keys_in_a_row
        self.batch(handled, at)

    def succeeded(self) -> None:
        """Note a handled event: the row of bugs is broken."""
        self.row_broken = True
        if self.keys_in_a_row:
            self.keys_in_a_row = set()

    def failed(self, key: str, at: float) -> None:
        """Note a bug at ``at`` (monotonic seconds). Raises :class:`Stop` when a limit is passed."""
        self.keys_in_a_row.add(key)
        self.bugs.append(at)
        self.new.append(at)
        self._forget(at)
        if len(self.keys_in_a_row) > MAX_KEYS_IN_A_ROW:
            raise Stop("too_many_bugs", f"bugs on {len(self.keys_in_a_row)} keys in a row")
        total = sum(count for _, count in self.handled) + len(self.bugs)
        if len(self.bugs) >= MAX_IN_WINDOW and len(self.bugs) > MAX_SHARE * total:
            raise Stop("too_many_bugs", f"{len(self.bugs)} bugs among {total} events in 5 minutes")

    def batch(self, handled: int, at: float) -> None:
        """Note how many events a committed batch handled."""
        self.handled.append((at, handled))
        self._forget(at)

    def _forget(self, at: float) -> None:
        while self.bugs and self.bugs[0] < at - WINDOW_SECONDS:
            self.bugs.popleft()
        while self.handled and self.handled[0][0] < at - WINDOW_SECONDS:
            self.handled.popleft()
