"""Periods: what the settings say instead of the catalogue, and the day on which a period is over."""

from datetime import date

import pytest

from services.kernel.retention import load_retention
from services.kernel.settings import Settings
from services.retention.periods import Period, periods, setting_names

CLASSES = load_retention().classes


def test_defaults_are_the_catalogue_s() -> None:
    found = periods(CLASSES, Settings(), {})
    assert found["health_record"] == Period("PATHWAY_RETENTION_HEALTH_RECORD_YEARS", years=8, until_age=25)
    assert found["request_answers"].days == 7
    assert found["erasure_list"].words() == "for ever"


def test_the_environment_decides() -> None:
    given = {
        "PATHWAY_RETENTION_HEALTH_RECORD_YEARS": "20",
        "PATHWAY_RETENTION_HEALTH_RECORD_UNTIL_AGE": "26",
        "PATHWAY_RETENTION_DEAD_LETTERS_DAYS": "400",
    }
    found = periods(CLASSES, Settings(), given)
    assert found["health_record"].words() == "20 years, at least until the age of 26"
    assert found["dead_letters"].days == 400
    assert periods(CLASSES, Settings(key_backup_days=9), {})["key_backups"].days == 9


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PATHWAY_RETENTION_HEALTH_RECORD_YEARS", "0"),
        ("PATHWAY_RETENTION_HEALTH_RECORD_YEARS", "-1"),
        ("PATHWAY_RETENTION_HEALTH_RECORD_YEARS", "8 years"),
        ("PATHWAY_RETENTION_HEALTH_RECORD_YEARS", ""),
        ("PATHWAY_RETENTION_HEALTH_RECORD_YEARS", "²"),
        ("PATHWAY_RETENTION_HEALTH_RECORD_UNTIL_AGE", "x"),
        ("PATHWAY_RETENTION_REQUEST_ANSWERS_DAYS", "6"),
        ("PATHWAY_RETENTION_TAX_YEARS", "1e3"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name):
        periods(CLASSES, Settings(), {name: value})


def test_every_period_has_a_setting() -> None:
    assert setting_names(CLASSES) == {
        "PATHWAY_RETENTION_HEALTH_RECORD_YEARS",
        "PATHWAY_RETENTION_HEALTH_RECORD_UNTIL_AGE",
        "PATHWAY_RETENTION_PROGRAMME_AUDIT_YEARS",
        "PATHWAY_RETENTION_TAX_YEARS",
        "PATHWAY_RETENTION_REQUEST_ANSWERS_DAYS",
        "PATHWAY_RETENTION_DEAD_LETTERS_DAYS",
        "PATHWAY_RETENTION_OPERATORS_ACTS_YEARS",
    }


@pytest.mark.parametrize(
    ("last", "born", "due"),
    [
        (date(2024, 11, 18), None, date(2032, 11, 18)),
        (date(2024, 2, 29), None, date(2032, 2, 29)),
        (date(2023, 3, 1), date(1980, 1, 1), date(2031, 3, 1)),
        (date(2024, 11, 18), date(2008, 6, 1), date(2033, 6, 1)),
        (date(2028, 2, 29), None, date(2036, 2, 29)),
    ],
    ids=["an adult", "a leap day", "an old birth", "sixteen at the end: until 25", "again"],
)
def test_when_a_health_record_is_over(last: date, born: date | None, due: date) -> None:
    assert Period(None, years=8, until_age=25).due_on(last, born) == due


def test_nothing_goes_a_day_too_early_after_a_leap_day() -> None:
    assert Period(None, years=1).due_on(date(2024, 2, 29)) == date(2025, 3, 1)


def test_a_period_that_ends_after_the_calendar_does_never_ends() -> None:
    assert Period(None, years=36_500).due_on(date(2024, 2, 29)) == date.max
