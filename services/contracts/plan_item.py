"""What the changes and the snapshot of a plan are made of: goals, steps, fit notes, the change itself."""

from datetime import date
from typing import Annotated

from pydantic import Field

from services.contracts.base import Actor, Record
from services.contracts.codes import (
    Condition,
    Intensity,
    Support,
)
from services.contracts.plan_codes import (
    Adjustment,
    Fitness,
    FitNoteIssuer,
    GoalTheme,
    StepOwner,
)
from services.kernel.sealing.content import Sealed, SealedAs

GoalId = Annotated[str, Field(pattern=r"^goal-[1-9][0-9]{0,3}$")]
"""Which goal of the plan. A number, as everything that a coach names here: a word would stand in clear in the log, and
could say what somebody is ill with."""

StepId = Annotated[str, Field(pattern=r"^step-[1-9][0-9]{0,3}$")]
"""Which step of the plan."""

BarrierId = Annotated[str, Field(pattern=r"^barrier-[1-9][0-9]{0,3}$")]
"""Which barrier of the plan; coaching numbers them."""

SessionId = Annotated[str, Field(pattern=r"^session-[1-9][0-9]{0,8}$")]
"""Which session of the plan: named after the plan version that recorded it."""

EmployerNumber = Annotated[str, Field(pattern=r"^employer-[1-9][0-9]?$")]
"""Which of a person's employers; a word for one could be its name."""

ServiceNumber = Annotated[str, Field(pattern=r"^service-[1-9][0-9]{0,5}$")]
"""A service by its number in the provider's directory; its name may say what somebody is ill with."""

WeeklyHours = Annotated[int, Field(ge=0, le=168)]


class Goal(Record):
    """A goal of a plan; ``target_on`` null = no day was set."""

    goal_id: GoalId
    theme: GoalTheme
    target_on: date | None


class StepSpec(Record):
    """A step as agreed; ``after`` are the ids of the steps that must be finished first, ``due_on`` is its target date.

    ``owner`` sees to it, ``service`` is who gives the support.
    """

    step_id: StepId
    support: Support
    intensity: Intensity | None
    after: Annotated[tuple[StepId, ...], Field(max_length=10)]
    due_on: date | None
    owner: StepOwner | None = None
    service: ServiceNumber | None = None


class FitNote(Record):
    """What a fit note (Med3) says; travels sealed."""

    fitness: Fitness
    adjustments: tuple[Adjustment, ...]
    from_on: date
    to_on: date
    issuer: FitNoteIssuer


class SealedFitNote(Record):
    """The sealed part of a recorded fit note."""

    fit_note: Annotated[Sealed[FitNote], SealedAs("fit_note")]


class HealthBarrier(Record):
    """Which condition stands between a person and work; travels sealed."""

    condition: Condition


class SealedBarrier(Record):
    """The sealed part of a barrier in health."""

    health_barrier: Annotated[Sealed[HealthBarrier], SealedAs("health_barrier")]


class Change(Record):
    """What all changes say: who did it and on which London day it happened."""

    by: Actor | None
    occurred_on: date
