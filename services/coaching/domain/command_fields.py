"""The fields that commands are made of, strict at the edge and described for the OpenAPI document."""

import re
from datetime import date
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from services.contracts.base import Actor, DocumentReference, Ordinal, Sha256
from services.contracts.codes import Attendance, EarningsBand, Intensity, Support, WorkStatus
from services.contracts.instruments import Tool
from services.contracts.plan_codes import Adjustment, EvidenceKind, Fitness, FitNoteIssuer, GoalTheme, StepOwner
from services.contracts.plan_item import GoalId, ServiceNumber, StepId

_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _iso_date(value: Any) -> Any:
    """Let through a date or ``YYYY-MM-DD``: pydantic alone would read a number as a moment of 1970."""
    if type(value) is date or (isinstance(value, str) and _ISO_DATE.fullmatch(value)):
        return value
    raise ValueError("a date is YYYY-MM-DD")


EARLIEST: Final = date(2000, 1, 1)
LATEST: Final = date(2099, 12, 31)
"""The days that can be said or asked about: for these, bank holidays are known or follow from their rules."""

Day = Annotated[date, BeforeValidator(_iso_date, json_schema_input_type=date), Field(ge=EARLIEST, le=LATEST)]
"""A London calendar day: one from which months can be counted, forwards and back."""

Flag = Annotated[bool, Field(strict=True)]
Revision = Annotated[Ordinal, Field(strict=True, description="The triage revision that you saw.")]
Minutes = Annotated[int, Field(strict=True, ge=0, le=1440, description="Length of the session; 0 unless attended.")]
WeeklyHours = Annotated[Annotated[int, Field(strict=True, ge=0, le=168)] | None, Field(description="Hours a week.")]
PayBand = Annotated[EarningsBand | None, Field(description="Pay in a year; null: not said.")]
NextOn = Annotated[Day | None, Field(description="The day of the next conversation; null: none is planned.")]
Note = Annotated[str, Field(min_length=1, max_length=4000, description="Free text; it goes into no event.")]
OptionalNote = Annotated[Note | None, Field(description="Free text; it goes into no event.")]


class Fields(BaseModel):
    """A frozen value of a command; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CommandBody(Fields):
    """What every command says besides its kind."""

    occurred_on: Annotated[
        Day, Field(description="The day on which it happened: not in the future, not before the referral.")
    ]


class PackageItemFields(Fields):
    """One support of a package."""

    support: Support
    intensity: Intensity | None = None
    after: Annotated[tuple[Support, ...], Field(max_length=10, description="The supports that come first.")] = ()


PackageFields = Annotated[tuple[PackageItemFields, ...], Field(min_length=1, max_length=20)]


class GoalFields(Fields):
    """A goal."""

    goal_id: GoalId
    theme: GoalTheme
    target_on: Day | None = None


class StepFields(Fields):
    """A step: one support in the plan."""

    step_id: StepId
    support: Support
    intensity: Intensity | None = None
    after: Annotated[
        tuple[StepId, ...], Field(max_length=10, description="The steps that must be finished first.")
    ] = ()
    due_on: Annotated[Day | None, Field(description="The target date.")] = None
    owner: Annotated[StepOwner | None, Field(description="Who sees to it.")] = None
    service: Annotated[
        ServiceNumber | None, Field(description="Who gives the support: its number in your directory, not its name.")
    ] = None


class WorkFields(Fields):
    """Where the person stands in work; attendance only where they have work."""

    status: WorkStatus
    attendance: Attendance | None = None


class EvidenceFields(Fields):
    """What shows a fact, and where it is kept."""

    kind: EvidenceKind
    obtained_on: Day
    reference: DocumentReference
    obtained_by: Annotated[Actor | None, Field(description="Who obtained it; null: you.")] = None
    sha256: Annotated[Sha256 | None, Field(description="The SHA-256 of what is kept; null: not taken.")] = None


class FitNoteFields(Fields):
    """What a fit note (Med3) says. ``fitness`` is its wording; only "may be fit" has ticks."""

    fitness: Fitness
    adjustments: Annotated[tuple[Adjustment, ...], Field(max_length=4, description="The ticks.")] = ()
    from_on: Day
    to_on: Day
    issuer: Annotated[FitNoteIssuer, Field(description="The profession of who signed it.")]


class ScoreFields(Fields):
    """Two scores of one questionnaire: the one to compare with, and that of this review."""

    tool: Tool
    earlier: Annotated[int, Field(strict=True, ge=0, le=100)]
    later: Annotated[int, Field(strict=True, ge=0, le=100)]
