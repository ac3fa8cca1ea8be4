"""Waiting between tries: full jitter, 50 ms to 30 s, for ever."""

import asyncio
import random
from collections.abc import Awaitable, Callable

FIRST_SECONDS = 0.05
LONGEST_SECONDS = 30.0


def delay(attempt: int) -> float:
    """Return seconds to wait after failure number ``attempt`` (from 1)."""
    ceiling = min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** min(attempt, 16))
    return random.uniform(FIRST_SECONDS, ceiling)  # noqa: S311  spreads load, guards nothing


Pause = Callable[[float], Awaitable[None]]

pause: Pause = asyncio.sleep
