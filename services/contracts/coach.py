"""Coaches, in topic ``plan.updated`` under keys of their own: what a coach can take on, and each plan they took.

Driven by commands only: no event of another service leads to one, so a caseload never decides inside a plan. Each event
holds its whole command in codes, and what the command saw of other aggregates, so that a replay can issue it again.
No participant is in it but as the id of a referral.
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from services.contracts.base import Actor, Count, Ordinal, Record, Slug, Uuid
from services.contracts.coach_codes import CoachOffer, CoachState
from services.contracts.referral import Language

MAX_CAPACITY = 500
MAX_ABSENCES = 20
"""How many absences that are not over a coach may have."""

Capacity = Annotated[int, Field(ge=0, le=MAX_CAPACITY)]


class CoachProfile(Record):
    """What a coach can take on. ``capacity``: open plans at once. ``localities``: where; none = everywhere."""

    capacity: Capacity
    languages: Annotated[tuple[Language, ...], Field(max_length=20)]
    localities: Annotated[tuple[Slug, ...], Field(max_length=40)]
    offers: Annotated[tuple[CoachOffer, ...], Field(max_length=20)]


class Absence(Record):
    """From the first to the last day away (null: open); who sees to the plans meanwhile (null: nobody yet).

    Why somebody is away is nobody's business here. An absence that was called off ends before it begins.
    """

    from_on: date
    until_on: date | None
    cover: Actor | None


class CoachRegistered(Record):
    """A provider's coach is known from now on."""

    kind: Literal["registered"] = "registered"
    by: Actor
    profile: CoachProfile


class ProfileChanged(Record):
    """What the coach can take on has changed; the whole profile."""

    kind: Literal["profile_changed"] = "profile_changed"
    by: Actor
    profile: CoachProfile


class AbsenceRecorded(Record):
    """The coach will be, is or was away. ``cover_free``: whether the cover was there on all of those days, as seen."""

    kind: Literal["absence_recorded"] = "absence_recorded"
    by: Actor
    absence: Absence
    cover_free: bool | None


class AbsenceChanged(Record):
    """An absence has another last day, or another cover; ``absence`` as it stands now."""

    kind: Literal["absence_changed"] = "absence_changed"
    by: Actor
    absence: Absence
    cover_free: bool | None


class PlanTaken(Record):
    """The coach took a plan. ``previous``: who held it before. ``open_plans``: how many others the coach held, as seen;
    ``programme_ceiling``: the most that the programme's file allows, null where it names none.
    """

    kind: Literal["plan_taken"] = "plan_taken"
    by: Actor
    referral_id: Uuid
    previous: Actor | None
    open_plans: Count
    programme_ceiling: Capacity | None


class CoachLeft(Record):
    """The coach works here no longer."""

    kind: Literal["left"] = "left"
    by: Actor


CoachChange = Annotated[
    CoachRegistered | ProfileChanged | AbsenceRecorded | AbsenceChanged | PlanTaken | CoachLeft,
    Field(discriminator="kind"),
]


class CoachChanged(Record):
    """A coach has changed, or taken a plan. ``occurred_on``: the London day of the fact; ``version`` counts from 1.

    ``absences``: those that were not over on that day.
    """

    coach_id: Actor
    programme: Slug
    provider: Slug
    version: Ordinal
    occurred_on: date
    state: CoachState
    profile: CoachProfile
    absences: Annotated[tuple[Absence, ...], Field(max_length=MAX_ABSENCES)]
    change: CoachChange
