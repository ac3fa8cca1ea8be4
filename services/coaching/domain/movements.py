"""What barriers, bookings, adjustments, employers and fit notes leave in the plan's snapshot."""

from typing import Any

from services.contracts.plan import Booking, LatestEmployer, OpenBarrier, PlanAdjustment, PlanSnapshot
from services.contracts.plan_change import (
    AdjustmentChanged,
    BarrierChanged,
    BookingChanged,
    EmployerContacted,
    FitNoteRecorded,
)
from services.contracts.plan_codes import Adjustment, BarrierState, BookingState

Movement = BarrierChanged | BookingChanged | AdjustmentChanged | EmployerContacted | FitNoteRecorded
_ORDER = {adjustment: place for place, adjustment in enumerate(Adjustment)}


def updates(plan: PlanSnapshot, change: Movement) -> dict[str, Any]:
    """Return the fields that a change sets. Nothing sealed is opened, and nothing of it is copied here."""
    match change:
        case BarrierChanged():
            return _barrier(plan, change)
        case BookingChanged():
            return _booking(plan, change)
        case AdjustmentChanged():
            return _adjustment(plan, change)
        case EmployerContacted():
            said = LatestEmployer(
                on=change.occurred_on, employer=change.employer, size=change.size, next_on=change.next_on
            )
            return {**_counted(plan, "employer_contacts"), "latest": plan.latest.model_copy(update={"employer": said})}
        case FitNoteRecorded():
            day = {"fit_note_on": change.occurred_on}
            return {**_counted(plan, "fit_notes"), "latest": plan.latest.model_copy(update=day)}


def _barrier(plan: PlanSnapshot, change: BarrierChanged) -> dict[str, Any]:
    name = change.barrier_id
    if change.state is BarrierState.RESOLVED:
        left = tuple(one for one in plan.barriers if one.barrier_id != name)
        return {"barriers": left, **_counted(plan, "barriers_resolved")}
    if all(one.barrier_id != name for one in plan.barriers):
        new = OpenBarrier(
            barrier_id=name,
            area=change.area,
            barrier=change.barrier,
            workplace=change.workplace,
            state=change.state,
            opened_on=change.occurred_on,
        )
        return {"barriers": (*plan.barriers, new)}
    moved = {"state": change.state}
    return {"barriers": tuple(one.model_copy(update=moved) if one.barrier_id == name else one for one in plan.barriers)}


def _booking(plan: PlanSnapshot, change: BookingChanged) -> dict[str, Any]:
    held = next((step.booking for step in plan.steps if step.step_id == change.step_id), None)
    day = change.booked_for
    if day is None and held is not None and change.booking is not BookingState.OFFERED:
        day = held.booked_for
    booking = Booking(state=change.booking, on=change.occurred_on, booked_for=day, cancelled_by=change.cancelled_by)
    steps = tuple(
        step.model_copy(update={"booking": booking}) if step.step_id == change.step_id else step for step in plan.steps
    )
    return {"steps": steps, **(_counted(plan, "bookings_missed") if change.booking is BookingState.MISSED else {})}


def _adjustment(plan: PlanSnapshot, change: AdjustmentChanged) -> dict[str, Any]:
    moved = PlanAdjustment(
        adjustment=change.adjustment, state=change.state, on=change.occurred_on, review_on=change.review_on
    )
    others = (one for one in plan.adjustments if one.adjustment is not change.adjustment)
    return {"adjustments": tuple(sorted((*others, moved), key=lambda one: _ORDER[one.adjustment]))}


def _counted(plan: PlanSnapshot, name: str) -> dict[str, Any]:
    return {"counters": plan.counters.model_copy(update={name: getattr(plan.counters, name) + 1})}
