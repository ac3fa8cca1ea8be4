"""What may be asked of an invitation: the commands, and each read back from its event."""

from datetime import date
from typing import Final

from pydantic import BaseModel, ConfigDict

from services.contracts.base import Slug, Uuid
from services.contracts.codes import Channel
from services.contracts.invitation import (
    Identified,
    InvitationAccepted,
    InvitationDeclined,
    InvitationUpdated,
    Invited,
)
from services.contracts.invitation_codes import DeclineReason
from services.intake.domain.posted import PersonPosted
from services.kernel.decision import Command, Event

IDENTIFY: Final = "invitation.identify"
INVITE: Final = "invitation.invite"
ACCEPT: Final = "invitation.accept"
DECLINE: Final = "invitation.decline"


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True)

    on: date


class IdentifyPerson(_Asked):
    """A person whom the programme would suit. What follows ``provider`` is for intake's tables alone.

    ``number_taken``: the NHS number stands for somebody else already.
    """

    person_id: Uuid
    programme: Slug
    locality: Slug | None
    provider: Slug
    details: PersonPosted | None
    number_taken: bool = False


class InvitePerson(_Asked):
    """The person was asked."""

    channel: Channel


class AcceptInvitation(_Asked):
    """The person has said yes; the referral that is made with it."""

    referral_id: Uuid


class DeclineInvitation(_Asked):
    """The person has said no."""

    reason: DeclineReason


def reissue(event: Event, cause_id: str) -> Command:
    """Return the command that led to an event; the person's details, by which nothing is decided, are not in it."""
    data: InvitationUpdated = event.data
    on, by = data.occurred_on, data.change.by
    match data.change:
        case Identified():
            who = {name: getattr(data, name) for name in ("person_id", "locality", "provider")}
            asked: BaseModel = IdentifyPerson(on=on, programme=data.programme.id, details=None, **who)
            kind = IDENTIFY
        case Invited(channel=channel):
            kind, asked = INVITE, InvitePerson(on=on, channel=channel)
        case InvitationAccepted(referral_id=referral_id):
            kind, asked = ACCEPT, AcceptInvitation(on=on, referral_id=referral_id)
        case InvitationDeclined(reason=reason):
            kind, asked = DECLINE, DeclineInvitation(on=on, reason=reason)
    return Command(cause_id, kind, event.key, asked, by)
