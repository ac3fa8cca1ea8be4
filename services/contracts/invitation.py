"""Invitations, in topic ``referral.created`` under keys of their own: a provider asks a person whether they will come.

A referral exists only once the person has accepted: until then nothing but pseudonym, place and dates is in a topic.
Each event holds its whole command in codes, so that a replay can issue it again.
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from services.contracts.base import Actor, Moment, Ordinal, Record, Slug, Uuid, VersionRef
from services.contracts.codes import Channel
from services.contracts.invitation_codes import DeclineReason, InvitationState


class Identified(Record):
    """A provider thinks that the programme would suit a person."""

    kind: Literal["identified"] = "identified"
    by: Actor


class Invited(Record):
    """The person was asked; ``number`` counts the times."""

    kind: Literal["invited"] = "invited"
    by: Actor
    channel: Channel
    number: Ordinal


class InvitationAccepted(Record):
    """The person has said yes: a referral was made in the same transaction."""

    kind: Literal["accepted"] = "accepted"
    by: Actor
    referral_id: Uuid


class InvitationDeclined(Record):
    """The person has said no."""

    kind: Literal["declined"] = "declined"
    by: Actor
    reason: DeclineReason


InvitationChange = Annotated[
    Identified | Invited | InvitationAccepted | InvitationDeclined, Field(discriminator="kind")
]


class InvitationUpdated(Record):
    """An invitation came into being or went on. ``occurred_on``: the London day of the fact.

    ``provider`` is who invites. ``invited_on`` is the day of the latest invitation, ``respond_by`` the last day on
    which it can be answered; both null before the first.
    """

    invitation_id: Uuid
    person_id: Uuid
    programme: VersionRef
    locality: Slug | None
    provider: Slug
    occurred_on: date
    received_at: Moment
    state: InvitationState
    identified_on: date
    invited_on: date | None
    respond_by: date | None
    change: InvitationChange
