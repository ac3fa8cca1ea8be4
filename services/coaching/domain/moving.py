"""What barriers, bookings, adjustments, fit notes, reviews and a handover need besides the right state of the plan."""

from services.coaching.domain import fit_notes, progress, reviewing
from services.coaching.domain.commands import PlanCommand
from services.coaching.domain.refusing import IMPOSSIBLE, not_held, open_step, possible, refuse
from services.coaching.domain.support_commands import ChangeBarrier, ChangeBooking, HandOver
from services.coaching.domain.work_commands import ChangeAdjustment, CompleteReview, RecordFitNote
from services.contracts.plan import MAX_OPEN_BARRIERS, PlanSnapshot
from services.contracts.plan_codes import BookingState

_WITH_DAY = frozenset({BookingState.OFFERED, BookingState.BOOKED})
_ON_THE_DAY = frozenset({BookingState.ATTENDED, BookingState.MISSED})


def check(plan: PlanSnapshot, command: PlanCommand) -> None:
    """Raise Refused when ``command``, which the table allows, is not possible on this plan."""
    match command:
        case ChangeBarrier():
            barrier(plan, command)
        case ChangeBooking(booking=to):
            if to in _WITH_DAY:
                not_held(plan)
            booking(plan, command)
        case ChangeAdjustment():
            adjustment(plan, command)
        case RecordFitNote(fit_note=note):
            possible(fit_notes.faults(note.fitness, note.adjustments, note.from_on, note.to_on))
        case CompleteReview(scores=scores, reliable_improvement=judged):
            possible(reviewing.faults(scores, judged))
        case HandOver():
            not_held(plan)


def barrier(plan: PlanSnapshot, command: ChangeBarrier) -> None:
    """Raise Refused when a barrier cannot move so, or is not named once when it appears and never again."""
    known = next((one for one in plan.barriers if one.barrier_id == command.barrier_id), None)
    if known is None and command.barrier_id is not None:
        refuse("barrier_unknown", "there is no such open barrier; one that appears has no id yet", "/barrier_id")
    now = None if known is None else known.state
    progress.refuse_move(progress.BARRIERS, now, command.state, noun="barrier", pointer="/state")
    named = [name for name in ("barrier", "workplace", "health") if getattr(command, name) is not None]
    if known is not None and named:
        refuse("barrier_named_already", "which barrier it is was said when it appeared", f"/{named[0]}", IMPOSSIBLE)
    if known is None and len(named) != 1:
        message = "say which barrier it is, in one of three: barrier, workplace, health"
        refuse("barrier_unnamed", message, f"/{named[1]}" if named else "", IMPOSSIBLE)
    if known is None and len(plan.barriers) >= MAX_OPEN_BARRIERS:
        refuse("too_many_barriers", f"a plan holds at most {MAX_OPEN_BARRIERS} open barriers")


def booking(plan: PlanSnapshot, command: ChangeBooking) -> None:
    """Raise Refused when a step's booking cannot move so, or its day or who cancelled it do not fit."""
    held = open_step(plan, command.step_id).booking
    to, day = command.booking, command.booked_for
    progress.refuse_move(
        progress.BOOKINGS, None if held is None else held.state, to, noun="booking", pointer="/booking"
    )
    if day is None and to is BookingState.BOOKED:
        refuse("booking_without_day", "say for which day it is booked", "/booked_for", IMPOSSIBLE)
    if day is not None and to not in _WITH_DAY:
        refuse("day_known_already", "the booking's day stands in the plan; leave it out", "/booked_for", IMPOSSIBLE)
    if day is not None and day < command.occurred_on:
        refuse("booked_for_earlier_day", "a booking is for its own day or a later one", "/booked_for", IMPOSSIBLE)
    if (command.cancelled_by is None) == (to is BookingState.CANCELLED):
        message = "say who cancelled it, and only of a cancelled booking"
        refuse("cancelled_by_whom", message, "/cancelled_by", IMPOSSIBLE)
    booked_for = None if held is None else held.booked_for
    if to in _ON_THE_DAY and booked_for is not None and command.occurred_on < booked_for:
        refuse("booking_not_yet", f"it is booked for {booked_for}", "/occurred_on", IMPOSSIBLE)


def adjustment(plan: PlanSnapshot, command: ChangeAdjustment) -> None:
    """Raise Refused when an adjustment cannot move so."""
    now = next((one.state for one in plan.adjustments if one.adjustment is command.adjustment), None)
    progress.refuse_move(progress.ADJUSTMENTS, now, command.state, noun="adjustment", pointer="/state")
