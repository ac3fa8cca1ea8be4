"""Reads what a provider posts of an invitation: the model, or every reason against it at once."""

import json
from datetime import date, datetime
from typing import Any, Final

from pydantic import ValidationError

from services.contracts.codes import Route
from services.intake.domain.faults import referral_faults
from services.intake.domain.identifying import AcceptancePosted, InvitationPosted, InvitationRead, identify_faults
from services.intake.domain.invitation import Invitation
from services.intake.domain.policy import IntakePolicy, london_day
from services.intake.domain.posted import PersonPosted, ReferralPosted
from services.intake.domain.readable import read_leniently
from services.intake.referrals.reading import read_strictly, told_at_once, tried
from services.kernel.decision import Reason
from services.kernel.http.codes import UNKNOWN_FIELD

OF_INVITATION: Final = ("programme", "locality", "provider", "route", "person")
"""What a referral takes from its invitation: it is not told twice."""


def read_invitation(
    body: bytes, *, provider: str, policy: IntakePolicy, now: datetime
) -> tuple[InvitationPosted, date]:
    """Return whom a provider names, and since which day. Raises Refused (422) with all that is wrong."""
    found = tried(body, InvitationPosted)
    try:
        seen = InvitationRead.model_validate_json(body)
    except ValidationError:
        seen = InvitationRead()
    on = seen.on or london_day(now)
    faults = identify_faults(seen, provider=provider, on=on, policy=policy, now=now)
    return told_at_once(*found, faults), on


def read_acceptance(
    body: bytes, invitation: Invitation, person: PersonPosted, *, policy: IntakePolicy, now: datetime
) -> ReferralPosted:
    """Return the referral that follows from an invitation. Raises Refused (422) with all that is wrong."""
    given: Any = json.loads(body)
    if not isinstance(given, dict):
        read_strictly(body, AcceptancePosted)
    twice = [
        Reason(UNKNOWN_FIELD, "this follows from the invitation; leave it out", f"/{name}")
        for name in OF_INVITATION
        if name in given
    ]
    whole = {
        **given,
        "referrer": {} if given.get("referrer") is None else given["referrer"],
        "programme": invitation.programme.id,
        "locality": invitation.locality,
        "provider": {"named": invitation.provider},
        "route": Route.PROVIDER.value,
        "person": person.model_dump(mode="json"),
    }
    text = json.dumps(whole).encode()
    faults = referral_faults(read_leniently(text), organisation_kind="provider", policy=policy, now=now, invited=True)
    posted, reasons = tried(text, ReferralPosted)
    return told_at_once(posted, twice + reasons, [_in_body(fault) for fault in faults])


def _in_body(fault: Reason) -> Reason:
    """Return a fault of what the invitation said as one of the day on which it was accepted."""
    part = fault.pointer.split("/")[1] if fault.pointer else ""
    told = part in OF_INVITATION and part != "person"
    return Reason(fault.code, fault.message, "/referred_on") if told else fault
