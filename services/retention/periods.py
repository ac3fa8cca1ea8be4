"""The periods of an installation: the catalogue's defaults, or what the settings say instead."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from services.kernel.retention import RetentionClass
from services.kernel.settings import Settings

KEY_BACKUPS = "key_backups"
"""The class whose period is one of the kernel's settings."""

FOR_EVER = "for ever"
MOST = 36_500
"""The most days or years that a setting can say."""


@dataclass(frozen=True, slots=True)
class Period:
    """A class's period as it is applied. ``setting`` names what would change it."""

    setting: str | None
    years: int | None = None
    days: int | None = None
    until_age: int | None = None

    def due_on(self, last_day: date, born: date | None = None) -> date:
        """Return the last day on which something has to be kept that began its time on ``last_day``."""
        due = last_day + timedelta(days=self.days or 0)
        if self.years is not None:
            due = _years_later(due, self.years)
        if self.until_age is not None and born is not None:
            due = max(due, _years_later(born, self.until_age))
        return due

    def before(self, now: datetime) -> datetime:
        """Return the moment before which things are too old."""
        return now - timedelta(days=self.days or 0)

    def words(self) -> str:
        """Return it as a person reads it."""
        if self.years is None and self.days is None:
            return FOR_EVER
        span = f"{self.years} years" if self.years is not None else f"{self.days} days"
        return span if self.until_age is None else f"{span}, at least until the age of {self.until_age}"


def periods(
    classes: Mapping[str, RetentionClass], settings: Settings, environment: Mapping[str, str] = os.environ
) -> dict[str, Period]:
    """Return the period of each class. Raises ValueError for a setting that is no number or too small."""
    return {name: _period(name, entry, settings, environment) for name, entry in classes.items()}


def setting_names(classes: Mapping[str, RetentionClass]) -> set[str]:
    """Return the names of all settings of periods that are not the kernel's own."""
    names = set()
    for name, entry in classes.items():
        if entry.setting is None and _unit(entry):
            names.add(_setting(name, _unit(entry)))
        if entry.until_age is not None:
            names.add(_setting(name, "UNTIL_AGE"))
    return names


def _period(name: str, entry: RetentionClass, settings: Settings, environment: Mapping[str, str]) -> Period:
    unit = _unit(entry)
    if not unit:
        return Period(None)
    if name == KEY_BACKUPS:
        return Period(entry.setting, days=settings.key_backup_days)
    setting = entry.setting or _setting(name, unit)
    if entry.years is not None:
        years = _number(setting, entry.years, 1, environment)
        age = entry.until_age
        return Period(
            setting,
            years=years,
            until_age=None if age is None else _number(_setting(name, "UNTIL_AGE"), age, 1, environment),
        )
    assert entry.days is not None  # noqa: S101  a period is in years or in days
    return Period(setting, days=_number(setting, entry.days, entry.at_least_days, environment))


def _unit(entry: RetentionClass) -> str:
    return "YEARS" if entry.years is not None else "DAYS" if entry.days is not None else ""


def _setting(name: str, unit: str) -> str:
    return f"PATHWAY_RETENTION_{name.upper()}_{unit}"


def _number(setting: str, default: int, least: int, environment: Mapping[str, str]) -> int:
    given = environment.get(setting)
    if given is None:
        return default
    if not given.isascii() or not given.isdigit() or not least <= int(given) <= MOST:
        raise ValueError(f"{setting} is a whole number from {least} to {MOST}")
    return int(given)


def _years_later(day: date, years: int) -> date:
    """Return the same day years later; after 29 February that is 1 March, so that nothing goes too early."""
    if day.year + years > date.max.year:
        return date.max
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)
