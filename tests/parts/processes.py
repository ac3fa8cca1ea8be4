"""What tests ask about processes: which carry a mark, and whether a condition comes to hold."""

import time
from collections.abc import Callable

import psutil

MARK = "PATHWAY_TEST_MARK"
"""An environment variable that children inherit, so that all descendants of a process can be found."""


def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until the condition holds. Fails when it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition never held"
        time.sleep(0.01)


def marked(mark: str) -> list[psutil.Process]:
    """The running processes that carry this mark."""
    found = []
    for process in psutil.process_iter(["environ", "status"]):
        environ = process.info["environ"] or {}
        if environ.get(MARK) == mark and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found
