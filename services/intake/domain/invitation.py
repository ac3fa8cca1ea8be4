"""An invitation as intake holds it: ``decide`` and ``evolve``.

A provider identifies a person, invites them, and the person accepts, declines, or lets 28 days pass. No timer says that
an invitation has expired: it follows from its day and the day of the answer. What counts is the day on which the person
answered, not when somebody wrote it down [design].
"""

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from services.contracts import types
from services.contracts.base import Slug, Uuid, VersionRef
from services.contracts.invitation import (
    Identified,
    InvitationAccepted,
    InvitationChange,
    InvitationDeclined,
    InvitationUpdated,
    Invited,
)
from services.contracts.invitation_codes import InvitationState
from services.intake.domain.identifying import InvitationRead, identify_faults
from services.intake.domain.invitation_asked import AcceptInvitation, DeclineInvitation, IdentifyPerson, InvitePerson
from services.intake.domain.policy import IntakePolicy, london_day
from services.intake.domain.posted import PersonPosted
from services.kernel.decision import Command, Draft, Event, Reason, Refused

ANSWER_WITHIN: Final = timedelta(days=28)
"""From the day of the invitation; the 28th day after it is the last."""


class Standing(StrEnum):
    """How an invitation stands on a day: its state, or that nobody answered in time."""

    IDENTIFIED = "identified"
    INVITED = "invited"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"


class Invitation(BaseModel):
    """The state: who, where, by whom, and its days. ``number``: how often the person was invited."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["invitation"] = "invitation"
    invitation_id: Uuid
    person_id: Uuid
    programme: VersionRef
    locality: Slug | None
    provider: Slug
    state: InvitationState
    identified_on: date
    invited_on: date | None = None
    respond_by: date | None = None
    number: int = 0
    referral_id: Uuid | None = None


def standing(state: InvitationState, respond_by: date | None, day: date) -> Standing:
    """Return how an invitation stands on a day."""
    if state is InvitationState.INVITED and respond_by is not None and day > respond_by:
        return Standing.EXPIRED
    return Standing(state.value)


def decide(state: Invitation | None, cause: Command, *, policy: IntakePolicy, now: datetime) -> list[Draft]:
    """Return the event of a command. Raises Refused: 422 for an impossible day, 404 or 409 for an illegal move."""
    data = cause.data
    if isinstance(data, IdentifyPerson):
        return _identify(state, cause, data, policy, now)
    found = _known(state)
    _refuse_day(found, data.on, now, answers=not isinstance(data, InvitePerson))
    match data:
        case InvitePerson():
            _refuse(_against_inviting(found, data.on))
            change: InvitationChange = Invited(by=cause.actor, channel=data.channel, number=found.number + 1)
        case AcceptInvitation():
            _refuse(_against_answering(found, data.on))
            change = InvitationAccepted(by=cause.actor, referral_id=data.referral_id)
        case DeclineInvitation():
            _refuse(_against_answering(found, data.on))
            change = InvitationDeclined(by=cause.actor, reason=data.reason)
        case _:
            raise TypeError(f"intake knows no command {cause.type}")
    return [Draft(types.INVITATION_UPDATED, _event(_moved(found, change, data.on), change, data.on, now))]


def _identify(
    state: Invitation | None, cause: Command, data: IdentifyPerson, policy: IntakePolicy, now: datetime
) -> list[Draft]:
    if state is not None:
        raise Refused(Reason("invitation_exists", "this invitation exists already"))
    seen = InvitationRead.model_validate({**data.model_dump(include=_ASKED), "person": _plain(data.details)})
    faults = identify_faults(seen, provider=data.provider, on=data.on, policy=policy, now=now)
    if faults:
        raise Refused(*faults, status=422)
    programme = policy.book.version_for(data.programme, data.on)
    made = Invitation(
        invitation_id=cause.key,
        person_id=data.person_id,
        programme=VersionRef(id=programme.programme, version=programme.version),
        locality=data.locality,
        provider=data.provider,
        state=InvitationState.IDENTIFIED,
        identified_on=data.on,
    )
    return [
        Draft(types.INVITATION_UPDATED, _event(made, Identified(by=cause.actor), data.on, now), policy=programme.ref)
    ]


_ASKED: Final = {"programme", "locality", "on"}


def _plain(details: PersonPosted | None) -> dict[str, Any] | None:
    return None if details is None else details.model_dump()


def _known(state: Invitation | None) -> Invitation:
    if state is None:
        raise Refused(Reason("invitation_unknown", "there is no such invitation"), status=404)
    return state


def _refuse_day(found: Invitation, day: date, now: datetime, *, answers: bool) -> None:
    if day > london_day(now):
        raise Refused(Reason("date_in_future", "this day has not come yet", "/on"), status=422)
    if day < found.identified_on:
        message = f"the person was identified on {found.identified_on}; nothing can have happened before"
        raise Refused(Reason("before_identified", message, "/on"), status=422)
    invited_on = found.invited_on if answers and found.state is InvitationState.INVITED else None
    if invited_on is not None and day < invited_on:
        message = f"the person was invited on {invited_on}; an answer cannot have come before"
        raise Refused(Reason("before_invited", message, "/on"), status=422)


def _refuse(reason: Reason | None) -> None:
    if reason is not None:
        raise Refused(reason)


def _against_inviting(found: Invitation, day: date) -> Reason | None:
    match standing(found.state, found.respond_by, day):
        case Standing.INVITED:
            message = f"the person can answer until {found.respond_by}; invite them again after that day"
            return Reason("invitation_open", message)
        case Standing.ACCEPTED | Standing.DECLINED:
            return _answered(found)
    return None


def _against_answering(found: Invitation, day: date) -> Reason | None:
    match standing(found.state, found.respond_by, day):
        case Standing.IDENTIFIED:
            return Reason("not_invited", "the person was not invited yet; record the invitation first")
        case Standing.EXPIRED:
            message = f"the invitation could be answered until {found.respond_by}; invite the person again"
            return Reason("invitation_expired", message)
        case Standing.ACCEPTED | Standing.DECLINED:
            return _answered(found)
    return None


def _answered(found: Invitation) -> Reason:
    if found.state is InvitationState.ACCEPTED:
        return Reason("invitation_accepted", "the person has accepted; go on with the referral")
    return Reason("invitation_declined", "the person has declined; who wants to come after all can refer themselves")


def _moved(found: Invitation, change: InvitationChange, day: date) -> Invitation:
    match change:
        case Invited():
            update: dict[str, Any] = {
                "state": InvitationState.INVITED,
                "invited_on": day,
                "respond_by": day + ANSWER_WITHIN,
                "number": change.number,
            }
        case InvitationAccepted():
            update = {"state": InvitationState.ACCEPTED, "referral_id": change.referral_id}
        case InvitationDeclined():
            update = {"state": InvitationState.DECLINED}
        case Identified():
            update = {}
    return found.model_copy(update=update)


def _event(after: Invitation, change: InvitationChange, day: date, now: datetime) -> InvitationUpdated:
    return InvitationUpdated(
        invitation_id=after.invitation_id,
        person_id=after.person_id,
        programme=after.programme,
        locality=after.locality,
        provider=after.provider,
        occurred_on=day,
        received_at=now,
        state=after.state,
        identified_on=after.identified_on,
        invited_on=after.invited_on,
        respond_by=after.respond_by,
        change=change,
    )


def evolve(state: Invitation | None, event: Event) -> Invitation:
    """Fold an event. Raises ValueError for one that cannot come in this state: a replay tells of it."""
    data: InvitationUpdated = event.data
    if isinstance(data.change, Identified):
        if state is not None:
            raise ValueError("identified twice")
        fields = {name: getattr(data, name) for name in _FIELDS}
        return Invitation(**fields)
    if state is None:
        raise ValueError(f"{data.change.kind} before identified")
    legal = _against_inviting if isinstance(data.change, Invited) else _against_answering
    reason = legal(state, data.occurred_on)
    if reason is not None:
        raise ValueError(f"{data.change.kind}: {reason.code}")
    return _moved(state, data.change, data.occurred_on)


_FIELDS = ("invitation_id", "person_id", "programme", "locality", "provider", "state", "identified_on")


def subject(found: Any) -> str | None:
    """Return whose key seals what is held: of a state, of the first command, of an event."""
    return found.person_id if isinstance(found, Invitation | IdentifyPerson | InvitationUpdated) else None
