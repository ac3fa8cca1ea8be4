"""The rest of the model: barriers, bookings, adjustments, employers, fit notes, a handover."""

from datetime import date
from typing import Any

BARRIER = {None: {"open"}, "open": {"eased", "resolved"}, "eased": {"open", "resolved"}}
BOOKING = {None: {"offered", "booked"}, "offered": {"offered", "booked", "cancelled"}} | {
    "booked": {"booked", "attended", "missed", "cancelled"},
    **{ended: {"offered", "booked"} for ended in ("attended", "missed", "cancelled")},
}
ADJUSTMENT = {None: {"proposed", "agreed", "in_place"}, "proposed": {"proposed", "agreed", "in_place", "refused"}} | {
    "agreed": {"agreed", "in_place", "refused", "ended"},
    "in_place": {"in_place", "ended"},
    "refused": {"proposed", "agreed"},
    "ended": {"proposed", "in_place"},
}
PROGRAMMES = {"working-well-early-help", "workwell-surrey-heartlands"}


class AtWork:
    """What a model of a plan knows besides steps and goals."""

    held: int | None
    steps: dict[str, dict[str, Any]]
    barriers: dict[str, str]
    appeared: int
    adjustments: dict[str, str]
    employer: list[tuple[date, int, bool]]
    handed_over: str | None
    closed_on: date | None
    state: str
    fit_notes: int

    def _on_barrier_changed(self, *, barrier_id: str | None, state: str, **fields: Any) -> str | None:
        now = self.barriers.get(barrier_id or "")
        if barrier_id is not None and now is None:
            return "barrier_unknown"
        if state not in BARRIER[now]:
            return "barrier_cannot_move"
        names = [name for name in ("barrier", "workplace", "health") if fields.get(name)]
        if now is not None and names:
            return "barrier_named_already"
        if now is None and len(names) != 1:
            return "barrier_unnamed"
        if barrier_id is None:
            self.appeared += 1
            barrier_id = f"barrier-{self.appeared}"
        self.barriers[barrier_id] = state
        if state == "resolved":
            del self.barriers[barrier_id]
        return None

    def _on_booking_changed(  # noqa: PLR0911  one answer a reason
        self, *, step_id: str, booking: str, on: date, booked_for: date | None, cancelled_by: str | None, **_: Any
    ) -> str | None:
        if booking in {"offered", "booked"} and self.held is not None:
            return "on_hold"
        step = self.steps.get(step_id)
        if step is None:
            return "step_unknown"
        now, day = step.get("booking", (None, None))
        if booking not in BOOKING[now]:
            return "booking_cannot_move"
        if booking == "booked" and booked_for is None:
            return "booking_without_day"
        if booked_for is not None and booking not in {"offered", "booked"}:
            return "day_known_already"
        if booked_for is not None and booked_for < on:
            return "booked_for_earlier_day"
        if bool(cancelled_by) != (booking == "cancelled"):
            return "cancelled_by_whom"
        if booking in {"attended", "missed"} and day is not None and on < day:
            return "booking_not_yet"
        step["booking"] = (booking, booked_for if booking in {"offered", "booked"} else day)
        return None

    def _on_adjustment_changed(self, *, adjustment: str, state: str, **_: Any) -> str | None:
        if state not in ADJUSTMENT[self.adjustments.get(adjustment)]:
            return "adjustment_cannot_move"
        self.adjustments[adjustment] = state
        return None

    def _employer_consent(self, given: bool, on: date) -> None:
        self.employer.append((on, len(self.employer), given))

    def _on_employer_contacted(self, *, on: date, **_: Any) -> str | None:
        """Nothing after a withdrawal; else only since the last word that is not yes, or surely since the last yes."""
        said = sorted(self.employer)
        if not said or not said[-1][2]:
            return "employer_consent_missing"
        since = self._employer_since()
        return "employer_consent_missing" if on < since else None

    def _employer_since(self) -> date:
        """Return the day from which the last yes is known to stand when only it, its first day and the last no are."""
        first = last = refused = date.min
        now: bool | None = None
        for on, _, given in sorted(self.employer, key=lambda one: one[1]):
            if now is None or (given is not now and on >= last):
                refused = last if now is not None else refused
                first = last = on
                now = given
            elif given is now:
                first = min(first, on) if on >= refused else first
                last = max(last, on)
            else:
                first = last if on >= first else first
                refused = max(refused, on)
        return first

    def _on_fit_note_recorded(self, *, fit_note: dict[str, Any], **_: Any) -> str | None:
        if fit_note["to_on"] < fit_note["from_on"]:
            return "ends_before_it_begins"
        if fit_note["adjustments"] and fit_note["fitness"] == "not_fit":
            return "ticks_without_may_be_fit"
        self.fit_notes += 1
        return None

    def _on_handed_over(self, *, programme: str, on: date, **_: Any) -> str | None:
        if self.held is not None:
            return "on_hold"
        if programme not in PROGRAMMES:
            return "same_programme" if programme == "workwell-greater-manchester" else "programme_not_open"
        self.state, self.closed_on, self.handed_over = "closed", on, programme
        return None
