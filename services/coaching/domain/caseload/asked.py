"""What may be asked of a coach's aggregate: the commands, and each read back from its event.

A command says what was seen of other aggregates under lock (how many plans the coach holds, whether the cover is free):
``decide`` looks at one coach only, and its event keeps what it was told.
"""

from typing import Final

from pydantic import BaseModel, ConfigDict

from services.contracts.base import Actor, Count, Slug, Uuid
from services.contracts.coach import (
    Absence,
    AbsenceChanged,
    AbsenceRecorded,
    Capacity,
    CoachChanged,
    CoachLeft,
    CoachProfile,
    CoachRegistered,
    PlanTaken,
    ProfileChanged,
)
from services.kernel.decision import Command, Event

REGISTER: Final = "coach.register"
PROFILE: Final = "coach.change_profile"
ABSENT: Final = "coach.record_absence"
ABSENCE: Final = "coach.change_absence"
TAKE: Final = "coach.take_plan"
LEAVE: Final = "coach.leave"


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True)


class RegisterCoach(_Asked):
    """Make a coach known, or known again who had left."""

    programme: Slug
    provider: Slug
    profile: CoachProfile


class ChangeProfile(_Asked):
    """Say anew what the coach can take on."""

    profile: CoachProfile


class RecordAbsence(_Asked):
    """Say when the coach is away, and who covers. ``cover_free``: whether the cover is there throughout, as seen."""

    absence: Absence
    cover_free: bool | None


class ChangeAbsence(_Asked):
    """Give the absence that begins on that day another end or cover; the day before its beginning calls it off."""

    absence: Absence
    cover_free: bool | None


class TakePlan(_Asked):
    """Take a plan. ``open_plans``: how many others the coach holds, counted under the lock of this aggregate."""

    referral_id: Uuid
    previous: Actor | None
    open_plans: Count
    programme_ceiling: Capacity | None


class Leave(_Asked):
    """The coach takes no plan any more."""


def reissue(event: Event, cause_id: str) -> Command:
    """Return the command that led to an event."""
    data: CoachChanged = event.data
    change = data.change
    match change:
        case CoachRegistered(profile=profile):
            asked: BaseModel = RegisterCoach(programme=data.programme, provider=data.provider, profile=profile)
            kind = REGISTER
        case ProfileChanged(profile=profile):
            kind, asked = PROFILE, ChangeProfile(profile=profile)
        case AbsenceRecorded(absence=absence, cover_free=free):
            kind, asked = ABSENT, RecordAbsence(absence=absence, cover_free=free)
        case AbsenceChanged(absence=absence, cover_free=free):
            kind, asked = ABSENCE, ChangeAbsence(absence=absence, cover_free=free)
        case PlanTaken():
            kind, asked = TAKE, TakePlan(**change.model_dump(exclude={"kind", "by"}))
        case CoachLeft():
            kind, asked = LEAVE, Leave()
    return Command(cause_id, kind, event.key, asked, change.by)
