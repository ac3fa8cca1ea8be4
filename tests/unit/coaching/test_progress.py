"""Barriers, bookings and adjustments: every cell of their tables, and what each move needs besides."""

import itertools
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from services.coaching.domain import lifecycle, progress
from services.contracts.plan_codes import AdjustmentState, BarrierState, BookingState
from tests.unit.coaching.desk import REFERRED_ON, Desk, day, desk, refusal

# From where it stands to where it may go, as a person would write it down.
MAY: dict[str, dict[str, str]] = {
    "barrier": {"": "open", "open": "eased resolved", "eased": "open resolved"},
    "booking": {
        "": "offered booked",
        "offered": "offered booked cancelled",
        "booked": "booked attended missed cancelled",
        "attended": "offered booked",
        "missed": "offered booked",
        "cancelled": "offered booked",
    },
    "adjustment": {
        "": "proposed agreed in_place",
        "proposed": "proposed agreed in_place refused",
        "agreed": "agreed in_place refused ended",
        "in_place": "in_place ended",
        "refused": "proposed agreed",
        "ended": "proposed in_place",
    },
}
WAYS: dict[str, dict[str, tuple[str, ...]]] = {
    "barrier": {"": (), "open": ("open",), "eased": ("open", "eased")},
    "booking": {
        "": (),
        "offered": ("offered",),
        "booked": ("booked",),
        "attended": ("booked", "attended"),
        "missed": ("booked", "missed"),
        "cancelled": ("offered", "cancelled"),
    },
    "adjustment": {
        "": (),
        "proposed": ("proposed",),
        "agreed": ("agreed",),
        "in_place": ("in_place",),
        "refused": ("proposed", "refused"),
        "ended": ("in_place", "ended"),
    },
}
STATES = {"barrier": BarrierState, "booking": BookingState, "adjustment": AdjustmentState}
CELLS = [(noun, now, to.value) for noun, rows in MAY.items() for now, to in itertools.product(rows, STATES[noun])]


def command(noun: str, to: str, *, first: bool) -> tuple[str, dict[str, Any]]:
    if noun == "barrier":
        which = {"barrier": "debt"} if first else {"barrier_id": "barrier-1"}
        return "barrier_changed", {"state": to, **which}
    if noun == "adjustment":
        return "adjustment_changed", {"adjustment": "travel", "state": to}
    booked_for = {"booked_for": REFERRED_ON} if to == "booked" else {}
    by = {"cancelled_by": "service"} if to == "cancelled" else {}
    return "booking_changed", {"step_id": "step-1", "booking": to, **booked_for, **by}


@pytest.mark.parametrize(("noun", "now", "to"), CELLS, ids=[" ".join(filter(None, cell)) for cell in CELLS])
def test_every_cell(noun: str, now: str, to: str) -> None:
    made = desk("active")
    for nth, state in enumerate(WAYS[noun][now]):
        kind, fields = command(noun, state, first=nth == 0)
        made.ask(kind, **fields)
    kind, fields = command(noun, to, first=not now)
    if to in MAY[noun][now].split():
        [event] = made.ask(kind, **fields)
        assert event.data.change.kind == kind
    else:
        pointer = "/booking" if noun == "booking" else "/state"
        assert refusal(made, kind, **fields) == (409, [(f"{noun}_cannot_move", pointer)])


def test_the_readme_shows_the_tables() -> None:
    readme = (Path(lifecycle.__file__).parents[1] / "README.md").read_text()
    for moves in (progress.BARRIERS, progress.BOOKINGS, progress.ADJUSTMENTS):
        assert progress.render(moves) in readme


def booked(made: Desk | None = None) -> Desk:
    found = made or desk("active")
    found.ask("booking_changed", step_id="step-1", booking="booked", booked_for=day(5))
    return found


def barrier(**fields: Any) -> dict[str, Any]:
    return {"state": "open", **fields}


IMPOSSIBLE: list[tuple[str, Any, str, date, dict[str, Any], list[tuple[str, str]]]] = [
    ("a barrier without a name", desk, "barrier_changed", day(0), barrier(), [("barrier_unnamed", "")]),
    (
        "a barrier with two names",
        desk,
        "barrier_changed",
        day(0),
        barrier(barrier="debt", health="cancer"),
        [("barrier_unnamed", "/health")],
    ),
    (
        "a booking for no day",
        desk,
        "booking_changed",
        day(0),
        {"step_id": "step-1", "booking": "booked"},
        [("booking_without_day", "/booked_for")],
    ),
    (
        "a booking for a day before",
        desk,
        "booking_changed",
        day(3),
        {"step_id": "step-1", "booking": "booked", "booked_for": day(2)},
        [("booked_for_earlier_day", "/booked_for")],
    ),
    (
        "missed before its day",
        lambda _: booked(),
        "booking_changed",
        day(4),
        {"step_id": "step-1", "booking": "missed"},
        [("booking_not_yet", "/occurred_on")],
    ),
    (
        "attended on a day that is said again",
        lambda _: booked(),
        "booking_changed",
        day(5),
        {"step_id": "step-1", "booking": "attended", "booked_for": day(5)},
        [("day_known_already", "/booked_for")],
    ),
    (
        "cancelled by nobody",
        lambda _: booked(),
        "booking_changed",
        day(1),
        {"step_id": "step-1", "booking": "cancelled"},
        [("cancelled_by_whom", "/cancelled_by")],
    ),
    (
        "attended, and cancelled by somebody",
        lambda _: booked(),
        "booking_changed",
        day(5),
        {"step_id": "step-1", "booking": "attended", "cancelled_by": "person"},
        [("cancelled_by_whom", "/cancelled_by")],
    ),
    (
        "an adjustment to be looked at on its own day",
        desk,
        "adjustment_changed",
        day(0),
        {"adjustment": "travel", "state": "proposed", "review_on": day(0)},
        [("review_not_later", "/review_on")],
    ),
]


@pytest.mark.parametrize(
    ("make", "kind", "on", "fields", "reasons"), [case[1:] for case in IMPOSSIBLE], ids=[c[0] for c in IMPOSSIBLE]
)
def test_an_impossible_move(
    make: Any, kind: str, on: date, fields: dict[str, Any], reasons: list[tuple[str, str]]
) -> None:
    assert refusal(make("active"), kind, on, **fields) == (422, reasons)


def test_a_barrier_is_named_once() -> None:
    made = desk("active")
    made.ask("barrier_changed", state="open", workplace="hours")
    again = barrier(barrier_id="barrier-1", state="eased", workplace="duties")
    assert refusal(made, "barrier_changed", **again) == (422, [("barrier_named_already", "/workplace")])
    made.ask("barrier_changed", barrier_id="barrier-1", state="resolved")
    assert (made.state.plan.barriers, made.state.plan.counters.barriers_resolved) == ((), 1)
    made.ask("barrier_changed", state="open", barrier="housing")
    assert [(one.barrier_id, one.barrier) for one in made.state.plan.barriers] == [("barrier-2", "housing")]


def test_no_word_of_a_coach_names_a_barrier() -> None:
    made = desk("active")
    named: dict[str, Any] = {"barrier_id": "barrier-1", "state": "open", "health": "severe_mental_illness"}
    assert refusal(made, "barrier_changed", **named) == (409, [("barrier_unknown", "/barrier_id")])
    with pytest.raises(ValidationError, match="barrier_id"):
        made.ask("barrier_changed", **{**named, "barrier_id": "psychosis"})
    for _ in range(2):
        made.ask("barrier_changed", state="open", health="severe_mental_illness")
    made.ask("barrier_changed", barrier_id="barrier-1", state="resolved")
    [event] = made.ask("barrier_changed", state="open", barrier="debt")
    assert [one.barrier_id for one in event.data.plan.barriers] == ["barrier-2", "barrier-3"]


def test_open_barriers_are_limited() -> None:
    made = desk("active")
    for _ in range(20):
        made.ask("barrier_changed", state="open", barrier="other")
    more: dict[str, Any] = {"state": "open", "barrier": "other"}
    assert refusal(made, "barrier_changed", **more) == (409, [("too_many_barriers", "")])


def test_nothing_new_is_booked_on_a_hold_but_what_is_booked_can_happen() -> None:
    made = booked()
    made.triage("held", 2)
    new: dict[str, Any] = {"step_id": "step-2", "booking": "offered"}
    assert refusal(made, "booking_changed", **new) == (409, [("on_hold", "")])
    made.ask("booking_changed", day(5), step_id="step-1", booking="attended")
    booking = made.state.plan.steps[0].booking
    assert booking is not None
    assert (booking.state, booking.on, booking.booked_for) == ("attended", day(5), day(5))


def test_a_missed_booking_is_counted_and_a_booking_is_no_session() -> None:
    made = booked()
    made.ask("booking_changed", day(5), step_id="step-1", booking="missed")
    counters = made.state.plan.counters
    assert (counters.bookings_missed, counters.sessions_missed) == (1, 0)


def test_each_adjustment_stands_once_in_the_plan() -> None:
    made = desk("active")
    for adjustment in ("travel", "phased_return", "equipment"):
        made.ask("adjustment_changed", adjustment=adjustment, state="proposed")
    made.ask("adjustment_changed", day(2), adjustment="travel", state="agreed", review_on=day(30))
    shown = [(one.adjustment, one.state, one.review_on) for one in made.state.plan.adjustments]
    assert shown == [
        ("phased_return", "proposed", None),
        ("equipment", "proposed", None),
        ("travel", "agreed", day(30)),
    ]


@pytest.mark.parametrize("state", ["proposed", "agreed", "in_place"])
def test_the_day_on_which_an_adjustment_is_looked_at_can_move(state: str) -> None:
    made = desk("active")
    for review_on in (day(30), day(60)):
        made.ask("adjustment_changed", day(2), adjustment="travel", state=state, review_on=review_on)
    assert [one.review_on for one in made.state.plan.adjustments] == [day(60)]


def test_an_unlocked_step_is_the_next_one() -> None:
    made = desk("active")
    assert refusal(made, "step_started", step_id="step-2") == (409, [("step_blocked", "/step_id")])
    made.ask("step_finished", step_id="step-1")
    [event] = made.ask("step_started", step_id="step-2")
    assert event.data.change.step_id == "step-2"
