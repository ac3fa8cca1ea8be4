"""Garbage collection for a process that makes many short-lived objects without cycles.

Models and records are freed by their reference counts. With Python's own thresholds the collector walks
all live objects several times a batch to find nothing: a third of a batch's CPU.
"""

import gc

YOUNG = 200_000


def collect_rarely() -> None:
    """Leave what exists at start out of collection, and collect the young every 200,000 allocations."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 100)
