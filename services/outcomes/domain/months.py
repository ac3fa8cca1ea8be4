"""Months and financial years: a month as ``2024-11``, a financial year by the year of its 1 April."""

import re
from calendar import monthrange
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

MONTH_PATTERN = r"^20[0-9]{2}-(0[1-9]|1[0-2])$"
APRIL: Final = 4
DECEMBER: Final = 12
_LONDON: Final = ZoneInfo("Europe/London")


def month_of(text: str) -> tuple[date, date]:
    """Return the first and the last day of ``2024-11``. Raises ValueError for anything else."""
    if not re.fullmatch(MONTH_PATTERN, text):
        raise ValueError(f"{text!r} is no month; write it as 2024-11")
    year, month = int(text[:4]), int(text[5:])
    return date(year, month, 1), date(year, month, monthrange(year, month)[1])


def month_with(day: date) -> str:
    """Return the month of a day."""
    return f"{day:%Y-%m}"


def month_after(month: str) -> str:
    """Return the month that follows. Raises ValueError for what is no month."""
    first, _ = month_of(month)
    december = first.month == DECEMBER
    return month_with(date(first.year + december, 1 if december else first.month + 1, 1))


def financial_year(day: date) -> int:
    """Return the year of the 1 April on or before a day."""
    return day.year if day.month >= APRIL else day.year - 1


def london_day(moment: datetime) -> date:
    """Return the day of a moment in London."""
    return moment.astimezone(_LONDON).date()
