"""What a provider posts of an invitation, and what is wrong with it: the rules of a referral, as far as they apply."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from services.contracts.base import Slug
from services.contracts.codes import Channel, Route, Support
from services.contracts.invitation_codes import DeclineReason
from services.intake.domain.faults import referral_faults
from services.intake.domain.policy import IntakePolicy
from services.intake.domain.posted import (
    AssessmentPosted,
    ConsentsPosted,
    EligibilityFacts,
    PersonPosted,
    Posted,
    Referrer,
    WorkPosted,
)
from services.intake.domain.readable import Known, PersonRead, ProviderRead, Readable, ReferralRead
from services.kernel.decision import Reason

Day = Annotated[date | None, "The London day of the fact; null means today."]


class InvitationPosted(Posted):
    """``POST /invitations``: whom the programme would suit; the provider is the sender's organisation."""

    programme: Slug
    locality: Slug | None = None
    on: Day = None
    person: PersonPosted


class InvitePosted(Posted):
    """``POST /invitations/{id}/invite``: how and when the person was asked."""

    channel: Channel
    on: Day = None


class DeclinePosted(Posted):
    """``POST /invitations/{id}/decline``: the person has said no."""

    reason: DeclineReason
    on: Day = None


class InvitationRead(Readable):
    """A body of ``POST /invitations``, as far as it can be read."""

    programme: Known[Slug] = None
    locality: Known[Slug] = None
    on: Known[date] = None
    person: Known[PersonRead] = None


class AcceptancePosted(Posted):
    """``POST /invitations/{id}/accept``: a referral but for what follows from the invitation.

    ``referred_on`` is the day on which the person said yes.
    """

    referred_on: date
    referrer: Referrer | None = None
    work: WorkPosted
    eligibility_facts: EligibilityFacts = EligibilityFacts()
    assessment: AssessmentPosted | None = None
    asks: Annotated[tuple[Support, ...], Field(max_length=18)] = ()
    consents: ConsentsPosted = ConsentsPosted()
    additional_information: Annotated[str, StringConstraints(max_length=4000)] | None = None


_HERE: Final = {
    "programme": "/programme",
    "route": "/programme",
    "locality": "/locality",
    "provider": "/locality",
    "referred_on": "/on",
}
"""Where a fault of a referral's part stands here; the person is the same in both, and the other parts come later."""


def identify_faults(
    seen: InvitationRead, *, provider: str, on: date, policy: IntakePolicy, now: datetime
) -> list[Reason]:
    """Return every reason against identifying a person ``on`` a day, in the order of the fields."""
    referral = ReferralRead(
        programme=seen.programme,
        locality=seen.locality,
        provider=ProviderRead(named=provider),
        route=Route.PROVIDER,
        referred_on=on,
        referrer={},
        person=seen.person,
    )
    faults = referral_faults(referral, organisation_kind="provider", policy=policy, now=now, invited=True)
    told = list(_told(faults))
    if referral.provider is not None and referral.provider.named is None:  # no id that a programme file can hold
        told = [fault for fault in told if fault.pointer != _HERE["provider"]]
        told.append(Reason("provider_not_offered", "your organisation is no provider of the programme", "/locality"))
    return told


def _told(faults: list[Reason]) -> Iterator[Reason]:
    for fault in faults:
        part = fault.pointer.split("/")[1] if fault.pointer else ""
        if part == "person":
            yield fault
        elif part in _HERE:
            yield Reason(fault.code, fault.message, _HERE[part])
