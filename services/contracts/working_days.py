"""Working days in London: by which day a referrer must have had word.

The day of receipt does not count [design]: of two working days, what comes on a Monday is due by the end of Wednesday,
what comes on the Saturday or Sunday before by the end of Tuesday. Days are London's, so a referral that comes at 23:30
UTC in summer has come on the next day.
"""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Final

ONE_DAY: Final = timedelta(days=1)
IsClosed = Callable[[date], bool]
"""Tells whether nobody works on a day: a weekend, or a bank holiday."""


def due_day(received_on: date, within: int, is_closed: IsClosed) -> date:
    """Return the last day for an answer that is due ``within`` working days after the day of receipt."""
    day = received_on
    while within:
        day += ONE_DAY
        within -= not is_closed(day)
    return day


def overdue_since_receipt(as_of: date, within: int, is_closed: IsClosed) -> date:
    """Return the latest day of receipt whose due day is over on ``as_of``: what came by then and waits is overdue."""
    day = as_of - ONE_DAY
    while due_day(day, within, is_closed) >= as_of:
        day -= ONE_DAY
    return day


def working_days_between(after: date, until: date, is_closed: IsClosed) -> int:
    """Return how many working days lie after one day, up to and with another."""
    return sum(not is_closed(after + timedelta(days=number)) for number in range(1, (until - after).days + 1))
