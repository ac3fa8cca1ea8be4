"""Times as text: one spelling a moment, and nothing without a time zone."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.kernel.clock import from_unix_ms, parse_rfc3339, rfc3339, system_clock, unix_ms
from tests.unit.kernel.moments import ANYWHERE, FLOAT_IS_ONE_LESS


@given(ANYWHERE)
def test_writing_and_reading_give_the_same_moment(moment: datetime) -> None:
    again = parse_rfc3339(rfc3339(moment))
    assert again == moment
    assert again.tzinfo is UTC


@given(ANYWHERE, ANYWHERE)
def test_equal_moments_are_equal_text_and_later_ones_sort_behind(one: datetime, two: datetime) -> None:
    assert (rfc3339(one) == rfc3339(two)) == (one == two)
    assert (rfc3339(one) < rfc3339(two)) == (one < two)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2024, 11, 18, 9, 30, tzinfo=UTC), "2024-11-18T09:30:00.000Z"),
        (datetime(2024, 11, 18, 9, 30, 0, 999, tzinfo=UTC), "2024-11-18T09:30:00.000Z"),
        (datetime(2024, 7, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))), "2024-06-30T23:30:00.000Z"),
    ],
)
def test_the_spelling(moment: datetime, text: str) -> None:
    assert rfc3339(moment) == text


@pytest.mark.parametrize("text", ["2024-11-18T09:30:00", "2024-11-18", "yesterday", ""])
def test_a_time_without_an_offset_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_rfc3339(text)


def test_a_moment_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        rfc3339(datetime(2024, 11, 18))  # noqa: DTZ001  the fault that is meant


@example(FLOAT_IS_ONE_LESS, 0)
@given(ANYWHERE, st.integers(0, 999))
def test_milliseconds_are_exact_and_cut_off_below(moment: datetime, micros: int) -> None:
    assert from_unix_ms(unix_ms(moment)) == moment
    assert unix_ms(moment + timedelta(microseconds=micros)) == unix_ms(moment)
    assert unix_ms(moment + timedelta(milliseconds=1)) == unix_ms(moment) + 1


def test_the_clock_gives_what_a_time_can_hold() -> None:
    now = system_clock()
    assert now.tzinfo is UTC
    assert now.microsecond % 1000 == 0
    assert parse_rfc3339(rfc3339(now)) == now
