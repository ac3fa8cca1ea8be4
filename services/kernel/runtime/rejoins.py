"""Two live processes with one static instance id displace each other every second: one must go.

Who is displaced is a stranger to the group and joins it under a new member id. A rebalance because
others come and go leaves the member id as it is, and may happen any number of times.
"""

import time
from collections import deque
from collections.abc import Callable

MAX_REJOINS = 3
WINDOW_SECONDS = 10.0


class DisplacedRepeatedly(Exception):
    """The process left because another with the same member id kept taking its place."""


class RejoinLimit:
    """Counts joins under a new member id; more than 3 after the first within 10 seconds end the process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._joins: deque[float] = deque()
        self._member = ""

    def joined(self, member: str) -> None:
        """Note that the group gave us partitions as ``member`` (the broker's id for us)."""
        if member == self._member:
            return
        self._member = member
        now = self._clock()
        self._joins.append(now)
        while self._joins[0] < now - WINDOW_SECONDS:
            self._joins.popleft()

    def check(self) -> None:
        """Raise :class:`DisplacedRepeatedly` when the limit is passed (the first join is no rejoin)."""
        if len(self._joins) - 1 > MAX_REJOINS:
            raise DisplacedRepeatedly
