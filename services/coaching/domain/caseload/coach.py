"""A coach as an aggregate of its own: ``decide`` and ``evolve``.

It holds what a coach can take on and when they are away. How many plans a coach holds follows from the plans, and is
seen under the lock of this aggregate: so two plans never take the last place. That an absence has begun or ended
follows from its days when somebody looks; no timer moves anything.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from services.coaching.domain.caseload.asked import (
    ChangeAbsence,
    ChangeProfile,
    Leave,
    RecordAbsence,
    RegisterCoach,
    TakePlan,
)
from services.coaching.domain.dates import london_day
from services.contracts import types
from services.contracts.base import Actor, Ordinal, Slug
from services.contracts.coach import (
    MAX_ABSENCES,
    Absence,
    AbsenceChanged,
    AbsenceRecorded,
    CoachChange,
    CoachChanged,
    CoachLeft,
    CoachProfile,
    CoachRegistered,
    PlanTaken,
    ProfileChanged,
)
from services.contracts.coach_codes import CoachState
from services.kernel.decision import Command, Draft, Event, Reason, Refused

ONE_DAY: Final = timedelta(days=1)


class Coach(BaseModel):
    """The state: what the newest event says. ``absences``: those that were not over on the day of that event."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["coach"] = "coach"
    coach_id: Actor
    programme: Slug
    provider: Slug
    version: Ordinal
    state: CoachState
    profile: CoachProfile
    absences: tuple[Absence, ...] = ()


def absent_on(absences: Iterable[Absence], day: date) -> Absence | None:
    """Return the absence that a day lies in; first and last day count."""
    return next((a for a in absences if a.from_on <= day and (a.until_on is None or day <= a.until_on)), None)


def overlaps(one: Absence, other: Absence) -> bool:
    """Tell whether two absences share a day; an absence that was called off has none."""
    days = [
        (a.from_on, date.max if a.until_on is None else a.until_on)
        for a in (one, other)
        if a.until_on is None or a.until_on >= a.from_on
    ]
    return len(days) == len((one, other)) and max(d[0] for d in days) <= min(d[1] for d in days)


def gone(known: object) -> bool:
    """Tell whether somebody is a coach who has left: any provider may register them now."""
    return isinstance(known, Coach) and known.state is CoachState.LEFT


def lower(capacity: int, programme_ceiling: int | None) -> int:
    """Return how many open plans a coach may hold: their own capacity, or the programme's ceiling where it is lower."""
    return capacity if programme_ceiling is None else min(capacity, programme_ceiling)


def decide(state: Coach | None, cause: Command, *, now: datetime) -> list[Draft]:
    """Return the event of a command. Raises Refused: 404, 409 for an illegal move, 422 for impossible days."""
    today, by, data = london_day(now), cause.actor, cause.data
    change: CoachChange
    fields: dict[str, Any]
    if isinstance(data, RegisterCoach):
        return [_registered(state, cause.key, data, by, today)]
    found = _working(state)
    match data:
        case ChangeProfile(profile=profile):
            change, fields = ProfileChanged(by=by, profile=profile), {"profile": profile}
        case RecordAbsence(absence=absence, cover_free=free):
            _refuse(_against_absence(found, absence, free, found.absences))
            change = AbsenceRecorded(by=by, absence=absence, cover_free=free)
            fields = {"absences": (*found.absences, absence)}
        case ChangeAbsence(absence=absence, cover_free=free):
            others = tuple(a for a in found.absences if a.from_on != absence.from_on)
            if len(others) == len(found.absences):
                message = "no absence that is not over begins on that day"
                raise Refused(Reason("absence_unknown", message, "/from_on"), status=404)
            _refuse(_against_absence(found, absence, free, others, may_call_off=True))
            change = AbsenceChanged(by=by, absence=absence, cover_free=free)
            fields = {"absences": (*others, absence)}
        case TakePlan():
            _refuse(_against_taking(found, data, today))
            change, fields = PlanTaken(by=by, **data.model_dump()), {}
        case Leave():
            change, fields = CoachLeft(by=by), {"state": CoachState.LEFT}
        case _:
            raise TypeError(f"coaching knows no command {cause.type}")
    return [_draft(found, change, fields, today)]


def _registered(state: Coach | None, key: str, data: RegisterCoach, by: str, today: date) -> Draft:
    if state is not None and state.state is CoachState.WORKING:
        raise Refused(Reason("coach_exists", "this coach is registered already; change the profile instead"))
    made = Coach(
        coach_id=key,
        programme=data.programme,
        provider=data.provider,
        version=1,
        state=CoachState.WORKING,
        profile=data.profile,
        absences=() if state is None else state.absences,
    )
    change = CoachRegistered(by=by, profile=data.profile)
    return _draft(made, change, {"version": 1 if state is None else state.version + 1}, today)


def _working(state: Coach | None) -> Coach:
    if state is None:
        raise Refused(Reason("coach_unknown", "there is no such coach; register them first"), status=404)
    if state.state is CoachState.LEFT:
        raise Refused(Reason("coach_left", "this coach has left; register them again, or choose another"))
    return state


def _against_absence(
    found: Coach, absence: Absence, cover_free: bool | None, others: tuple[Absence, ...], *, may_call_off: bool = False
) -> list[tuple[int, Reason]]:
    """Return all that is wrong with an absence, each with its status."""
    wrong = []
    earliest = absence.from_on - ONE_DAY if may_call_off else absence.from_on
    if absence.until_on is not None and absence.until_on < earliest:
        wrong.append((422, Reason("ends_before_it_begins", "the last day is before the first", "/until_on")))
    if absence.cover == found.coach_id:
        wrong.append((422, Reason("cover_is_self", "somebody else must cover", "/cover")))
    if any(overlaps(absence, other) for other in others):
        message = "the coach is away on some of these days already; change that absence instead"
        wrong.append((409, Reason("absence_overlaps", message, "/from_on")))
    if absence.cover is not None and cover_free is False:
        message = "the cover is away on some of these days; name another, or none and see to it later"
        wrong.append((409, Reason("cover_absent", message, "/cover")))
    if len(others) >= MAX_ABSENCES:
        wrong.append(
            (409, Reason("too_many_absences", f"a coach has at most {MAX_ABSENCES} absences that are not over"))
        )
    return wrong


def _against_taking(found: Coach, data: TakePlan, today: date) -> list[tuple[int, Reason]]:
    away = absent_on(found.absences, today)
    if away is not None:
        cover = "nobody covers" if away.cover is None else f"{away.cover} covers"
        until = "until further notice" if away.until_on is None else f"until {away.until_on}"
        return [(409, Reason("coach_absent", f"the coach is away {until}; {cover}", "/coach"))]
    most = lower(found.profile.capacity, data.programme_ceiling)
    if data.open_plans >= most:
        message = (
            f"the coach holds {data.open_plans} open plans of at most {most}; choose another, or transfer one first"
        )
        return [(409, Reason("caseload_full", message, "/coach"))]
    return []


def _refuse(wrong: list[tuple[int, Reason]]) -> None:
    """Raise Refused with every reason; impossible values (422) come before illegal moves."""
    if wrong:
        raise Refused(*(reason for _, reason in wrong), status=max(status for status, _ in wrong))


def _draft(found: Coach, change: CoachChange, fields: dict[str, Any], today: date) -> Draft:
    version = {"version": found.version + 1}
    after = found.model_copy(update={**version, **fields})
    return Draft(
        types.COACH_CHANGED,
        CoachChanged(
            coach_id=after.coach_id,
            programme=after.programme,
            provider=after.provider,
            version=after.version,
            occurred_on=today,
            state=after.state,
            profile=after.profile,
            absences=_kept(after.absences, today),
            change=change,
        ),
    )


def _kept(absences: Iterable[Absence], today: date) -> tuple[Absence, ...]:
    """Return the absences that are not over and not called off, the first first: the rest is in the log."""
    ahead = [a for a in absences if a.until_on is None or a.until_on >= max(today, a.from_on)]
    return tuple(sorted(ahead, key=lambda a: a.from_on))


_FIELDS: Final = ("coach_id", "programme", "provider", "version", "state", "profile", "absences")


def evolve(_: Coach | None, event: Event) -> Coach:
    """Fold one ``coach.changed``: the newest event says all that there is to know of a coach."""
    data: CoachChanged = event.data
    return Coach.model_construct(**{name: getattr(data, name) for name in _FIELDS})
