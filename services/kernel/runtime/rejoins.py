"""Two live processes with one static member id displace each other every second: one must go."""

import time
from collections import deque
from collections.abc import Callable

MAX_REJOINS = 3
WINDOW_SECONDS = 10.0


class DisplacedRepeatedly(Exception):
    """The process left because another with the same member id kept taking its place."""


class RejoinLimit:
    """Counts joins of the group; more than 3 rejoins in 10 seconds end the process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._joins: deque[float] = deque()

    def joined(self) -> None:
        """Note a join."""
        now = self._clock()
        self._joins.append(now)
        while self._joins[0] < now - WINDOW_SECONDS:
            self._joins.popleft()

    def check(self) -> None:
        """Raise :class:`DisplacedRepeatedly` when the limit is passed (the first join is no rejoin)."""
        if len(self._joins) - 1 > MAX_REJOINS:
            raise DisplacedRepeatedly
