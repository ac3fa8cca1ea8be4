"""By which day a referrer must have had word: working days in London, England's bank holidays, clock changes."""

from datetime import UTC, date, datetime, timedelta

import pytest

from services.intake.domain.policy import london_day
from services.intake.domain.working_days import due_day, overdue_since_receipt, working_days_between
from services.intake.word_back.bank_holidays import is_closed
from services.programmes.reader import load_book

TWO = 2


@pytest.mark.parametrize(
    ("title", "received", "due"),
    [
        ("Monday: by Wednesday", "2024-11-18", "2024-11-20"),
        ("Thursday: over the weekend, by Monday", "2024-11-21", "2024-11-25"),
        ("Friday: by Tuesday", "2024-11-22", "2024-11-26"),
        ("Saturday: by Tuesday", "2024-11-23", "2024-11-26"),
        ("Sunday: by Tuesday", "2024-11-24", "2024-11-26"),
        ("Maundy Thursday 2025: Good Friday and Easter Monday do not count", "2025-04-17", "2025-04-23"),
        ("Good Friday itself", "2025-04-18", "2025-04-23"),
        ("Friday before the early May bank holiday", "2025-05-02", "2025-05-07"),
        ("Friday before the summer bank holiday", "2025-08-22", "2025-08-27"),
        ("Christmas Eve 2024: by 30 December", "2024-12-24", "2024-12-30"),
        ("New Year's Eve 2024", "2024-12-31", "2025-01-03"),
        ("Christmas Eve 2026: Boxing Day is a Saturday, so Monday is off", "2026-12-24", "2026-12-30"),
        ("Christmas Day 2022 was a Sunday: Tuesday was off too", "2022-12-23", "2022-12-29"),
        ("the jubilee of 2022: Thursday and Friday off", "2022-06-01", "2022-06-07"),
        ("the state funeral of 19 September 2022", "2022-09-16", "2022-09-21"),
        ("the coronation, 8 May 2023", "2023-05-05", "2023-05-10"),
        ("St Andrew's Day is not England's", "2026-11-27", "2026-12-01"),
        ("nor is 2 January", "2026-01-01", "2026-01-05"),
        ("nor is 12 July", "2024-07-11", "2024-07-15"),
    ],
)
def test_two_working_days(title: str, received: str, due: str) -> None:
    assert due_day(date.fromisoformat(received), TWO, is_closed) == date.fromisoformat(due), title


@pytest.mark.parametrize(
    ("title", "moment", "day"),
    [
        ("half past eleven at night in summer, UTC, is the next day", "2025-06-05T23:30", "2025-06-06"),
        ("in winter it is not", "2024-12-05T23:30", "2024-12-05"),
        ("the night in which summer time begins, before", "2025-03-30T00:59", "2025-03-30"),
        ("and after", "2025-03-30T01:00", "2025-03-30"),
        ("the first night of summer time", "2025-03-30T23:00", "2025-03-31"),
        ("the night in which summer time ends, before midnight in London", "2025-10-25T22:59", "2025-10-25"),
        ("after it", "2025-10-25T23:00", "2025-10-26"),
        ("the hour that comes twice, first", "2025-10-26T00:30", "2025-10-26"),
        ("and second", "2025-10-26T01:30", "2025-10-26"),
        ("the first night of winter time", "2025-10-26T23:30", "2025-10-26"),
    ],
)
def test_the_day_of_receipt_is_londons(title: str, moment: str, day: str) -> None:
    assert london_day(datetime.fromisoformat(moment).replace(tzinfo=UTC)) == date.fromisoformat(day), title


@pytest.mark.parametrize(
    ("title", "received_at", "due"),
    [
        ("a Sunday night that is Monday in London", "2025-03-30T23:15", "2025-04-02"),
        ("a Sunday night that is Sunday in London", "2025-10-26T23:15", "2025-10-28"),
    ],
)
def test_clock_changes_move_the_due_day(title: str, received_at: str, due: str) -> None:
    received_on = london_day(datetime.fromisoformat(received_at).replace(tzinfo=UTC))
    assert due_day(received_on, TWO, is_closed) == date.fromisoformat(due), title


def test_what_is_overdue_is_what_was_due_before() -> None:
    """On every day of four years, what came by the day that is looked up is overdue, and what came after it is not."""
    day, end = date(2022, 1, 1), date(2026, 1, 1)
    while day < end:
        for within in (1, TWO, 5):
            latest = overdue_since_receipt(day, within, is_closed)
            assert due_day(latest, within, is_closed) < day
            assert due_day(latest + timedelta(days=1), within, is_closed) >= day
        day += timedelta(days=1)


def test_how_long_something_is_overdue() -> None:
    assert working_days_between(date(2025, 4, 17), date(2025, 4, 22), is_closed) == 1, "Easter does not count"
    assert working_days_between(date(2024, 11, 20), date(2024, 11, 20), is_closed) == 0


def test_the_programmes_say_within_how_long() -> None:
    found = {version.joining.acknowledge_within_working_days for version in load_book()}
    assert found == {TWO}
