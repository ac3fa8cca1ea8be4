"""Small counts are hidden, and no total gives one away."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.small_numbers import HIDDEN_BELOW, column, printed, rounded, shown

COLUMNS = st.dictionaries(st.text(min_size=1, max_size=3), st.integers(0, 60), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("count", "expected"), [(0, None), (4, None), (5, 5), (7, 5), (8, 10), (12, 10), (13, 15), (1002, 1000)]
)
def test_a_count_by_itself(count: int, expected: int | None) -> None:
    assert shown(count) == expected


@pytest.mark.parametrize(
    ("title", "counts", "hidden"),
    [
        ("nothing is small", {"a": 20, "b": 31}, set()),
        ("one is small: another goes with it, the smallest", {"a": 2, "b": 30, "c": 12}, {"a", "c"}),
        ("two small ones that come to 5 hide each other", {"a": 2, "b": 3, "c": 12}, {"a", "b"}),
        ("two that come to less than 5 take a third", {"a": 1, "b": 2, "c": 12, "d": 40}, {"a", "b", "c"}),
        ("none at all is small too", {"a": 0, "b": 30, "c": 12}, {"a", "c"}),
        ("the only row", {"a": 3}, {"a"}),
        ("all are small", {"a": 3, "b": 1}, {"a", "b"}),
        ("everywhere nobody", {"a": 0, "b": 0}, set()),
    ],
)
def test_a_column_beside_its_total(title: str, counts: dict[str, int], hidden: set[str]) -> None:
    found = column(counts)
    assert {row for row, count in found.items() if count is None} == hidden, title
    assert all(count == rounded(counts[row]) for row, count in found.items() if count is not None)


@given(COLUMNS)
def test_the_total_less_what_is_shown_is_no_small_number_of_one_row(counts: dict[str, int]) -> None:
    found = column(counts)
    hidden = [row for row, count in found.items() if count is None]
    assert all(count >= HIDDEN_BELOW for row, count in counts.items() if row not in hidden) or not any(counts.values())
    if hidden and len(hidden) < len(counts):
        assert len(hidden) > 1
        assert sum(counts[row] for row in hidden) >= HIDDEN_BELOW


def test_how_it_is_printed() -> None:
    assert [printed(count) for count in (None, 0, 1234)] == ["*", "0", "1,234"]
