"""Cursors as nobody is given them: well formed, of moments, days and ids at and beyond every edge."""

import base64
import itertools
import json
from collections.abc import Iterator

from hypothesis import strategies as st

MOMENTS = (
    *("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59.999999-14:00"),
    *("9999-12-31T23:59:59.999999+00:00", "2024-01-01T00:00:00+23:59", "2024-01-01T00:00:00", "2024-01-01T00:00:00Z"),
    *("0001-01-01", "9999-12-31", "20240101", "2024-W01-1", "24:00", "", "infinity", "-infinity", "now", "0", "x"),
)
IDS = ("", "x", "\x00", "a\x00b", "\ud800", "é", "\x7f", "\u202e", "'", "%", "0192f3a1-5c77-4b0e-9d43-6a1f0c2e7b11")
texts = st.sampled_from(MOMENTS + IDS) | st.datetimes(timezones=st.timezones()).map(lambda m: m.isoformat()) | st.text()
values = texts | st.none() | st.integers() | st.booleans() | st.lists(st.none(), max_size=2)


def encoded(text: str) -> str:
    """A cursor that says ``text``."""
    return base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode()


def of_parts(*parts: object) -> str:
    """A cursor of intake's and triage's kind."""
    return encoded(json.dumps(parts))


def of_line(*parts: object) -> str:
    """A cursor of coaching's kind."""
    return encoded("/".join(map(str, parts)))


def at_the_edges() -> Iterator[tuple[str, ...]]:
    """Every first part with every second, and each alone."""
    yield from itertools.product(MOMENTS, IDS)
    yield from ((one,) for one in MOMENTS + IDS)


any_parts = st.lists(values, min_size=1, max_size=3)
