"""Moments as an event's time can hold them: whole milliseconds."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import strategies as st

_ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_FIRST = datetime(1970, 1, 2, tzinfo=UTC)
_YEARS_230 = 230 * 365 * 24 * 3600 * 1000

MOMENTS = st.integers(0, _YEARS_230).map(lambda ms: _FIRST + timedelta(milliseconds=ms))
ANYWHERE = st.builds(lambda moment, zone: moment.astimezone(zone), MOMENTS, st.just(UTC) | _ZONES)
FLOAT_IS_ONE_LESS = datetime(2038, 3, 1, 9, 30, 0, 2000, tzinfo=UTC)
"""Its timestamp times 1,000 is 0.0002 below the whole number of milliseconds."""
