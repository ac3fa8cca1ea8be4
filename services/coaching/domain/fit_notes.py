"""Fit notes: what cannot be, and what a coach should see about several of them.

A note that was seen is a fact: one that is longer than its rule allows is recorded and shown, not refused. The rule: at
most 3 months a note in the first 6 months; the first 7 days of sickness are self-certified (Department for Work and
Pensions, fit note guidance; domain facts, section 3).
"""

from collections.abc import Sequence
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final

from pydantic import BaseModel, ConfigDict

from services.contracts.plan_codes import Adjustment, Fitness
from services.contracts.plan_item import FitNote
from services.kernel.decision import Reason

TICKS: Final = frozenset(tuple(Adjustment)[:4])
"""The four ticks of a fit note."""

FIRST_MONTHS: Final = 6
MOST_MONTHS: Final = 3


class FitNoteFinding(StrEnum):
    """What several fit notes show."""

    GAP = "gap"
    OVERLAP = "overlap"
    LONGER_THAN_THREE_MONTHS = "longer_than_three_months"


class Found(BaseModel):
    """A finding with its first and last day. ``overlap``: days that two notes cover; ``gap``: days between that none
    does; ``longer_than_three_months``: the note's own days."""

    model_config = ConfigDict(frozen=True)

    finding: FitNoteFinding
    from_on: date
    to_on: date


def faults(fitness: Fitness, ticks: Sequence[Adjustment], from_on: date, to_on: date) -> list[Reason]:
    """Return what no fit note can say (422)."""
    found = []
    if to_on < from_on:
        found.append(Reason("ends_before_it_begins", "the last day is before the first one", "/fit_note/to_on"))
    if ticks and fitness is Fitness.NOT_FIT:
        message = "only a note that says 'may be fit for work' has ticks"
        found.append(Reason("ticks_without_may_be_fit", message, "/fit_note/adjustments"))
    found += [
        Reason("not_a_tick", "a fit note has no such tick", f"/fit_note/adjustments/{place}")
        for place, tick in enumerate(ticks)
        if tick not in TICKS
    ]
    return found


def findings(notes: Sequence[FitNote]) -> list[Found]:
    """Return what several notes show, by their first days.

    The first 6 months are counted from the first day of the first note known; after a gap they go on: whether a new
    sickness has begun, the notes do not say [design]. A note counts as of the first 6 months when it begins in them.
    """
    ordered = sorted(notes, key=lambda note: (note.from_on, note.to_on))
    found = [
        Found(finding=FitNoteFinding.LONGER_THAN_THREE_MONTHS, from_on=note.from_on, to_on=note.to_on)
        for note in ordered
        if note.from_on <= last_day(ordered[0].from_on, FIRST_MONTHS)
        and note.to_on > last_day(note.from_on, MOST_MONTHS)
    ]
    covered = ordered[0].to_on if ordered else date.min
    day = timedelta(days=1)
    for _, note in pairwise(ordered):
        if note.from_on <= covered:
            last = min(covered, note.to_on)
            found.append(Found(finding=FitNoteFinding.OVERLAP, from_on=note.from_on, to_on=last))
        elif note.from_on > covered + day:
            found.append(Found(finding=FitNoteFinding.GAP, from_on=covered + day, to_on=note.from_on - day))
        covered = max(covered, note.to_on)
    return sorted(found, key=lambda one: (one.from_on, one.to_on, one.finding))


def last_day(first: date, months: int) -> date:
    """Return the last of so many months that begin with a day.

    It is the day before the same day of a later month: from 4 November, 3 February. At the end of a month that can be
    counted from the day before the first one, too: from 30 November that gives 28 February, not the 27th; from 1 March
    only 28 May, not the 31st. The rule says months and no more, so the later of both counts: a note that keeps to it by
    either count is not shown as too long [design].
    """
    day = timedelta(days=1)
    return max(months_later(first, months) - day, months_later(first - day, months))


def months_later(day: date, months: int) -> date:
    """Return the same day some months later, or the last day of a month that is too short for it."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    first_after = date(year + (month == 11), (month + 1) % 12 + 1, 1)  # noqa: PLR2004  December
    return min(date(year, month + 1, 1) + timedelta(days=day.day - 1), first_after - timedelta(days=1))
