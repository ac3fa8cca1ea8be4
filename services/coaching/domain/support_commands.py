"""What a coach may ask of a plan besides its steps: barriers, bookings, a handover to another programme."""

from typing import Annotated, Literal

from pydantic import Field

from services.coaching.domain.command_fields import CommandBody, Day
from services.contracts.base import Slug
from services.contracts.codes import Barrier, Channel, Condition
from services.contracts.plan_codes import BarrierState, BookingState, CancelledBy, ChangeKind, WorkplaceBarrier
from services.contracts.plan_item import BarrierId, StepId


class ChangeBarrier(CommandBody):
    """Say how a barrier stands. When it appears, name it: by ``barrier`` (social), ``workplace`` or ``health``.

    Which health condition it is leaves sealed and is shown to coaches only. So coaching numbers barriers: a word of the
    coach's for one would stand in clear in the log.
    """

    kind: Literal[ChangeKind.BARRIER_CHANGED]
    barrier_id: Annotated[
        BarrierId | None, Field(description="Of one in the plan; null: it appears, and is numbered.")
    ] = None
    state: BarrierState
    barrier: Barrier | None = None
    workplace: WorkplaceBarrier | None = None
    health: Condition | None = None


class ChangeBooking(CommandBody):
    """Say how the booking of an open step stands."""

    kind: Literal[ChangeKind.BOOKING_CHANGED]
    step_id: StepId
    booking: BookingState
    booked_for: Annotated[Day | None, Field(description="The day offered or booked; only then.")] = None
    cancelled_by: Annotated[CancelledBy | None, Field(description="Of a cancelled one: who called it off.")] = None


class HandOver(CommandBody):
    """Let another programme take the person over, who wants to take part in it: this plan closes (code 13).

    A linked referral is made there; a named person decides on what that programme requires and is not known.
    """

    kind: Literal[ChangeKind.HANDED_OVER]
    programme: Slug
    locality: Slug | None = None
    provider: Annotated[Slug | None, Field(description="Null: by that programme's list.")] = None
    channel: Annotated[Channel, Field(description="How the person said that they want to take part in it.")]
