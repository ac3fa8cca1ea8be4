"""An employer as intake holds it (Working Well *in work*): ``decide`` and ``evolve``.

It is about organisations, not patients: no person is in it and nothing of it is about anybody's health.
"""

from datetime import date, datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from services.contracts import types
from services.contracts.base import Slug
from services.contracts.employer import (
    ActivityRecorded,
    ActivityStruck,
    CommitmentEnded,
    CommitmentMade,
    EmployerChange,
    EmployerDescribed,
    EmployerFacts,
    EmployerLeft,
    EmployerNamed,
    EmployerRegistered,
    EmployerReturned,
    EmployerUpdated,
)
from services.contracts.employer_codes import CharterCommitment, EmployerState
from services.intake.domain.employer_asked import (
    NAMELESS,
    Describe,
    EmployerCommand,
    EndCommitment,
    FactsPosted,
    Leave,
    MakeCommitment,
    RecordActivity,
    RegisterEmployer,
    Rename,
    Return,
    StrikeActivity,
)
from services.intake.domain.policy import IntakePolicy, london_day
from services.kernel.decision import Command, Draft, Event, Reason, Refused
from services.programmes.model import EmployerProgramme

MENDING: Final = Rename | StrikeActivity
"""What mends the record: it may be said also when the programme has ended."""

WHILE_GONE: Final = MENDING | Return
"""What may be said of an employer that has left; and what was done until that day."""


class Employer(BaseModel):
    """The state. ``last``: the number of the last activity; ``struck``: those that count no longer."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["employer"] = "employer"
    programme: Slug
    state: EmployerState
    registered_on: date
    left_on: date | None = None
    facts: EmployerFacts
    named: bool
    commitments: tuple[CharterCommitment, ...] = ()
    last: int = 0
    struck: tuple[int, ...] = ()


def decide(state: Employer | None, cause: Command, *, policy: IntakePolicy, now: datetime) -> list[Draft]:
    """Return the event of a command. Raises Refused: 422 for what cannot be, 404 or 409 for an illegal move."""
    data = cause.data
    day = (data.posted if isinstance(data, RegisterEmployer) else data).occurred_on or london_day(now)
    if day > london_day(now):
        raise Refused(Reason("date_in_future", "this day has not come yet", "/occurred_on"), status=422)
    if isinstance(data, RegisterEmployer):
        registered = _register(state, cause.actor, data, policy)
        change: EmployerChange = registered
        version: EmployerProgramme | None = _in_effect(policy, data.programme, day)
        after = _registered(data.programme, registered, day)
    else:
        found = _known(state)
        if day < found.registered_on:
            message = f"the employer was registered as of {found.registered_on}; nothing can have happened before"
            raise Refused(Reason("before_registered", message, "/occurred_on"), status=422)
        change = _change(found, data, day, cause.actor)
        version = None if isinstance(data, MENDING) else _in_effect(policy, found.programme, day)
        if version is not None:
            _refuse_unoffered(change, version)
        after = _moved(found, change, day)
    event = EmployerUpdated(
        employer_id=cause.key,
        programme=after.programme,
        occurred_on=day,
        received_at=now,
        state=after.state,
        registered_on=after.registered_on,
        left_on=after.left_on,
        facts=after.facts,
        commitments=after.commitments,
        activities=after.last - len(after.struck),
        change=change,
    )
    return [Draft(types.EMPLOYER_UPDATED, event, policy=None if version is None else version.ref)]


def _in_effect(policy: IntakePolicy, programme: str, day: date) -> EmployerProgramme:
    """Return the programme's version of a day. Raises Refused 422 where it does not run."""
    version = policy.book.for_employers(programme, day)
    if version is None or not version.tiers.area.takes_referrals_on(day):
        raise Refused(
            Reason("programme_not_open", "the programme does not run on that day", "/occurred_on"), status=422
        )
    return version


def _refuse_unoffered(change: EmployerChange, version: EmployerProgramme) -> None:
    """Raise Refused 422 for a commitment or an activity that the programme's file does not name."""
    offer = version.promotion
    match change:
        case CommitmentMade(commitment=code) if code not in {one.code for one in offer.charter_commitments}:
            message = f"{version.programme} {version.version} has no such commitment"
            raise Refused(Reason("commitment_not_offered", message, "/commitment"), status=422)
        case ActivityRecorded(activity=code) if code not in {one.code for one in offer.activities}:
            message = f"{version.programme} {version.version} has no such activity"
            raise Refused(Reason("activity_not_offered", message, "/activity"), status=422)


def _register(state: Employer | None, by: str, data: RegisterEmployer, policy: IntakePolicy) -> EmployerRegistered:
    if state is not None:
        raise Refused(Reason("employer_exists", "this employer exists already"))
    theirs = policy.book.employer_programmes()
    if data.programme not in theirs:
        message = f"a programme about employers is needed: {', '.join(theirs) or 'there is none'}"
        raise Refused(Reason("programme_not_for_employers", message), status=403)
    facts = _facts(data.posted.facts)
    _refuse_name(facts, named=data.posted.name is not None)
    return EmployerRegistered(by=by, facts=facts, named=data.posted.name is not None)


def _known(state: Employer | None) -> Employer:
    if state is None:
        raise Refused(Reason("employer_unknown", "there is no such employer within your reach"), status=404)
    return state


def _refuse_name(facts: EmployerFacts, *, named: bool) -> None:
    if named and facts.legal_form in NAMELESS:
        message = "the name of a sole trader or a partnership is a person's: leave it out, keep it in your own records"
        raise Refused(Reason("name_not_accepted", message, "/name"), status=422)


def _change(found: Employer, data: EmployerCommand, day: date, by: str) -> EmployerChange:
    gone = found.left_on is not None and not (isinstance(data, RecordActivity) and day <= found.left_on)
    if gone and not isinstance(data, WHILE_GONE):
        raise Refused(Reason("employer_left", "the programme no longer works with this employer; record its return"))
    match data:
        case Describe():
            return _describe(found, data, by)
        case Rename():
            _refuse_name(found.facts, named=data.name is not None)
            return EmployerNamed(by=by, named=data.name is not None)
        case MakeCommitment() | EndCommitment():
            return _commit(found, data, by)
        case RecordActivity() | StrikeActivity():
            return _act(found, data, by)
        case Leave() | Return():
            return _move(found, data, by)


def _move(found: Employer, data: Leave | Return, by: str) -> EmployerLeft | EmployerReturned:
    if isinstance(data, Leave):
        return EmployerLeft(by=by)
    if found.state is EmployerState.ENGAGED:
        raise Refused(Reason("employer_engaged", "the programme works with this employer"))
    return EmployerReturned(by=by)


def _describe(found: Employer, data: Describe, by: str) -> EmployerDescribed:
    facts = _facts(data.facts)
    if facts == found.facts:
        raise Refused(Reason("nothing_changed", "this is what is known already", "/facts"))
    if found.named and facts.legal_form in NAMELESS:
        message = "its name would be a person's; take the name out first: kind named, name null"
        raise Refused(Reason("name_not_accepted", message, "/facts/legal_form"))
    return EmployerDescribed(by=by, facts=facts)


def _commit(found: Employer, data: MakeCommitment | EndCommitment, by: str) -> CommitmentMade | CommitmentEnded:
    stands = data.commitment in found.commitments
    if isinstance(data, MakeCommitment):
        if stands:
            raise Refused(Reason("commitment_stands", "the employer has made this commitment", "/commitment"))
        return CommitmentMade(by=by, commitment=data.commitment)
    if not stands:
        raise Refused(Reason("no_such_commitment", "the employer has not made this commitment", "/commitment"))
    return CommitmentEnded(by=by, commitment=data.commitment)


def _act(found: Employer, data: RecordActivity | StrikeActivity, by: str) -> ActivityRecorded | ActivityStruck:
    if isinstance(data, RecordActivity):
        number = found.last + 1
        return ActivityRecorded(by=by, number=number, activity=data.activity, employees_reached=data.employees_reached)
    if data.number > found.last:
        raise Refused(Reason("activity_unknown", "the employer has no activity of that number", "/number"))
    if data.number in found.struck:
        raise Refused(Reason("activity_struck_already", "that activity is struck out", "/number"))
    return ActivityStruck(by=by, number=data.number, reason=data.reason)


def _facts(posted: FactsPosted) -> EmployerFacts:
    return EmployerFacts(**posted.__dict__)


def _registered(programme: str, change: EmployerRegistered, day: date) -> Employer:
    return Employer(
        programme=programme, state=EmployerState.ENGAGED, registered_on=day, facts=change.facts, named=change.named
    )


def _moved(found: Employer, change: EmployerChange, day: date) -> Employer:
    match change:
        case EmployerRegistered(facts=facts) | EmployerDescribed(facts=facts):
            update: dict[str, Any] = {"facts": facts}
        case EmployerNamed(named=named):
            update = {"named": named}
        case CommitmentMade(commitment=one):
            update = {"commitments": tuple(c for c in CharterCommitment if c in {*found.commitments, one})}
        case CommitmentEnded(commitment=one):
            update = {"commitments": tuple(c for c in found.commitments if c is not one)}
        case ActivityRecorded(number=number):
            update = {"last": number}
        case ActivityStruck(number=number):
            update = {"struck": tuple(sorted({*found.struck, number}))}
        case EmployerLeft():
            update = {"state": EmployerState.LEFT, "left_on": day}
        case EmployerReturned():
            update = {"state": EmployerState.ENGAGED, "left_on": None}
    return found.model_copy(update=update)


def evolve(state: Employer | None, event: Event) -> Employer:
    """Fold an event. Raises ValueError for one that cannot come in this state: a replay tells of it."""
    data: EmployerUpdated = event.data
    if isinstance(data.change, EmployerRegistered):
        if state is not None:
            raise ValueError("registered twice")
        return _registered(data.programme, data.change, data.occurred_on)
    if state is None:
        raise ValueError(f"{data.change.kind} before registered")
    return _moved(state, data.change, data.occurred_on)
