"""How barriers, bookings and adjustments move: three tables, each from where it stands to where it may go.

``None`` is what is not there yet. The README shows the tables, tests walk every cell.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from services.contracts.plan_codes import AdjustmentState, BarrierState, BookingState
from services.kernel.decision import Reason, Refused

Moves = Mapping[StrEnum | None, tuple[StrEnum, ...]]

BARRIERS: Final[Moves] = {
    None: (BarrierState.OPEN,),
    BarrierState.OPEN: (BarrierState.EASED, BarrierState.RESOLVED),
    BarrierState.EASED: (BarrierState.OPEN, BarrierState.RESOLVED),
}
"""A resolved barrier leaves the plan; if it appears again it is another one."""

_ANEW: Final = (BookingState.OFFERED, BookingState.BOOKED)

BOOKINGS: Final[Moves] = {
    None: _ANEW,
    BookingState.OFFERED: (*_ANEW, BookingState.CANCELLED),
    BookingState.BOOKED: (BookingState.BOOKED, BookingState.ATTENDED, BookingState.MISSED, BookingState.CANCELLED),
    BookingState.ATTENDED: _ANEW,
    BookingState.MISSED: _ANEW,
    BookingState.CANCELLED: _ANEW,
}
"""Offered or booked again: another day."""

ADJUSTMENTS: Final[Moves] = {
    None: (AdjustmentState.PROPOSED, AdjustmentState.AGREED, AdjustmentState.IN_PLACE),
    AdjustmentState.PROPOSED: (
        *(AdjustmentState.PROPOSED, AdjustmentState.AGREED, AdjustmentState.IN_PLACE, AdjustmentState.REFUSED),
    ),
    AdjustmentState.AGREED: (
        *(AdjustmentState.AGREED, AdjustmentState.IN_PLACE, AdjustmentState.REFUSED, AdjustmentState.ENDED),
    ),
    AdjustmentState.IN_PLACE: (AdjustmentState.IN_PLACE, AdjustmentState.ENDED),
    AdjustmentState.REFUSED: (AdjustmentState.PROPOSED, AdjustmentState.AGREED),
    AdjustmentState.ENDED: (AdjustmentState.PROPOSED, AdjustmentState.IN_PLACE),
}
"""The same again while it is wanted: another day to look at it."""


def refuse_move(moves: Moves, now: StrEnum | None, to: StrEnum, *, noun: str, pointer: str) -> None:
    """Raise Refused 409 ``<noun>_cannot_move`` where the table does not lead from ``now`` to ``to``."""
    allowed = moves.get(now, ())
    if to not in allowed:
        here = f"this {noun} is {now.value}" if now is not None else f"there is no such {noun} yet"
        next_ones = ", ".join(state.value for state in allowed)
        raise Refused(Reason(f"{noun}_cannot_move", f"{here}: it can become {next_ones}", pointer))


def render(moves: Moves) -> str:
    """Return a table as Markdown."""
    rows = [
        f"| {'*none*' if now is None else f'`{now.value}`'} | {', '.join(f'`{state.value}`' for state in allowed)} |"
        for now, allowed in moves.items()
    ]
    return "\n".join(["| from | to |", "|---|---|", *rows])
