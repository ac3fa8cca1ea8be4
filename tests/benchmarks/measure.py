"""Measuring a stage from outside: how fast its output topic grows, and whose CPU paid for it."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import psutil

POLL_SECONDS = 0.02
WARM_UP = 0.15
"""Share of the events that is not measured: joining, caches, prepared statements."""


@dataclass(frozen=True)
class Measured:
    """One run: events a second, and CPU microseconds an event in Python and in PostgreSQL."""

    per_second: float
    python_us: float
    postgres_us: float


def measure(
    count: int, produced: Callable[[], int], python: Iterable[int], postgres: int, seconds: float = 300.0
) -> Measured:
    """Watch until ``produced()`` reaches ``count``; measure from the first 15 % to the end.

    ``python`` are the stage's processes, ``postgres`` is the server's. Raises TimeoutError.
    """
    pids = list(python)
    deadline = time.monotonic() + seconds
    start = _wait_for(int(count * WARM_UP), produced, deadline)
    began, cpu, server = time.perf_counter(), cpu_seconds(pids), cpu_seconds([postgres])
    end = _wait_for(count, produced, deadline)
    took = time.perf_counter() - began
    events = end - start
    return Measured(
        events / took,
        (cpu_seconds(pids) - cpu) / events * 1e6,
        (cpu_seconds([postgres]) - server) / events * 1e6,
    )


def _wait_for(count: int, produced: Callable[[], int], deadline: float) -> int:
    while (found := produced()) < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{found} of {count} events came")
        time.sleep(POLL_SECONDS)
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the CPU that processes, their children and their ended children have used."""
    total = 0.0
    for pid in pids:
        for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system + times.children_user + times.children_system
    return total
