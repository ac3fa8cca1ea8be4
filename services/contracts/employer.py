"""Employers of Working Well *in work*, in topic ``referral.created`` under keys of their own.

No patient and no person is in them, and no name: a sole trader's is a person's, and the others are in intake's table.
Each event holds its whole command in codes, so that a replay can issue it again.
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from services.contracts.base import Actor, Count, Moment, Ordinal, Record, Slug, Uuid
from services.contracts.employer_codes import (
    ActivityFault,
    CharterCommitment,
    EmployerActivity,
    EmployerState,
    LegalForm,
    OccupationalHealth,
    Sector,
    SizeBand,
)

MOST_REACHED = 1_000_000
"""Employees that one activity reaches; above it a number is a slip of the keyboard."""

Reached = Annotated[int, Field(ge=0, le=MOST_REACHED)]
"""How many employees an activity reached: a count of heads, of nobody in particular."""


class EmployerFacts(Record):
    """What an employer is; null where it was not asked."""

    legal_form: LegalForm
    size: SizeBand | None
    sector: Sector | None
    occupational_health: OccupationalHealth | None


class EmployerRegistered(Record):
    """The programme begins to work with an employer. ``named``: a name is in intake's table."""

    kind: Literal["registered"] = "registered"
    by: Actor
    facts: EmployerFacts
    named: bool


class EmployerDescribed(Record):
    """What an employer is was said anew, as a whole."""

    kind: Literal["described"] = "described"
    by: Actor
    facts: EmployerFacts


class EmployerNamed(Record):
    """A name was put into intake's table, or taken out of it."""

    kind: Literal["named"] = "named"
    by: Actor
    named: bool


class CommitmentMade(Record):
    """The employer has committed itself."""

    kind: Literal["commitment_made"] = "commitment_made"
    by: Actor
    commitment: CharterCommitment


class CommitmentEnded(Record):
    """The employer no longer keeps a commitment."""

    kind: Literal["commitment_ended"] = "commitment_ended"
    by: Actor
    commitment: CharterCommitment


class ActivityRecorded(Record):
    """Something was done with the employer. ``number``: the employer's activities, from 1."""

    kind: Literal["activity_recorded"] = "activity_recorded"
    by: Actor
    number: Ordinal
    activity: EmployerActivity
    employees_reached: Reached


class ActivityStruck(Record):
    """An activity was recorded wrongly: it counts no longer."""

    kind: Literal["activity_struck"] = "activity_struck"
    by: Actor
    number: Ordinal
    reason: ActivityFault


class EmployerLeft(Record):
    """The programme works with the employer no longer."""

    kind: Literal["left"] = "left"
    by: Actor


class EmployerReturned(Record):
    """It does again."""

    kind: Literal["returned"] = "returned"
    by: Actor


EmployerChange = Annotated[
    EmployerRegistered
    | EmployerDescribed
    | EmployerNamed
    | CommitmentMade
    | CommitmentEnded
    | ActivityRecorded
    | ActivityStruck
    | EmployerLeft
    | EmployerReturned,
    Field(discriminator="kind"),
]


class EmployerUpdated(Record):
    """Something became known of an employer; ``occurred_on``: the London day of the fact.

    ``facts``, ``commitments``, ``activities`` (how many that stand) are as they are after it.
    """

    employer_id: Uuid
    programme: Slug
    occurred_on: date
    received_at: Moment
    state: EmployerState
    registered_on: date
    left_on: date | None
    facts: EmployerFacts
    commitments: tuple[CharterCommitment, ...]
    activities: Count
    change: EmployerChange
