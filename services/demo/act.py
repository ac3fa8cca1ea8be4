"""One act of a coach: a day, a kind and its fields."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final

SATURDAY: Final = 5


class Target(StrEnum):
    """Which API an act is sent to."""

    PLAN = "plan"
    ASSESSMENT = "assessment"


@dataclass(frozen=True)
class Act:
    """One act. ``kind`` is the kind of change of a plan, or ``joint_assessment`` for answers sent to intake."""

    on: date
    kind: str
    fields: dict[str, Any] = field(default_factory=dict)
    target: Target = Target.PLAN

    @property
    def body(self) -> dict[str, Any]:
        """The request's body."""
        if self.target is Target.ASSESSMENT:
            return {"assessment": self.fields}
        return {"kind": self.kind, "occurred_on": self.on.isoformat(), **self.fields}


def rng_of(seed: int, number: int, part: str) -> random.Random:
    """The random numbers of one part of one person's story: no other person's story moves them."""
    return random.Random(f"{seed}/{number}/{part}")  # noqa: S311  no secret: reproducible on purpose


def after(day: date, days: int) -> date:
    """The first working day at least ``days`` after ``day`` (Saturday and Sunday are not)."""
    day += timedelta(days=days)
    return day + timedelta(days=max(0, 7 - day.weekday())) if day.weekday() >= SATURDAY else day


def in_order(acts: Iterable[Act]) -> list[Act]:
    """Sort by day; acts of one day keep the order in which they were written."""
    return sorted(acts, key=lambda act: act.on)
