"""Accepts a referral: one person at a time, duplicates told to those who may know, and the answer."""

from dataclasses import dataclass
from datetime import date

from services.contracts.codes import EligibilityOutcome
from services.intake.access import is_employer
from services.intake.domain.posted import PersonPosted, ReferralPosted
from services.intake.domain.referral import CREATE, CreateReferral
from services.intake.domain.same_person import Recognised
from services.intake.domain.status import FULL_VIEW_KINDS
from services.intake.people import (
    find_out,
    lock,
    lock_names,
    match_keys,
    new_person_id,
    open_referral,
    reference_used,
)
from services.kernel.decision import Command, Reason, Refused
from services.kernel.http import Answer, Principal, Problem
from services.kernel.ids import uuid7
from services.kernel.runtime.commands import Transaction


@dataclass(frozen=True, slots=True)
class Invited:
    """A referral that follows from an invitation: its id, and the pseudonym under which the person was invited."""

    referral_id: str
    person_id: str


@dataclass(frozen=True, slots=True)
class Met:
    """Who somebody is, and their open referral: shown to those who may know of it, joined by the others."""

    found: Recognised
    person_id: str | None
    opened: str | None


async def meet(
    tx: Transaction,
    person: PersonPosted,
    programme: str,
    on: date,
    who: Principal,
    *,
    reference: str | None = None,
    meant: str | None = None,
) -> Met:
    """Lock a person and find out who they are; ``meant`` is their pseudonym where it is known.

    Raises Problem 409 for NHS organisations and providers where the person has an open referral.
    """
    await lock(tx.conn, *lock_names(match_keys(person), who.organisation_id, reference))
    programmes = tx.policy.book.overlapping(programme, on)
    told = who.organisation_kind in FULL_VIEW_KINDS
    found = await find_out(tx, person, programmes, told=told)
    person_id = meant or found.person_id
    opened = await open_referral(tx.conn, person_id, programmes) if person_id else None
    if opened is not None and told:
        message = "this person has an open referral to this programme, or to one that funds the same days"
        raise Problem(409, "duplicate_referral", message, extra={"referral_id": opened})
    return Met(found, person_id, opened)


async def accept(tx: Transaction, posted: ReferralPosted, who: Principal, *, invited: Invited | None = None) -> Answer:
    """Make the referral and return the answer. ``posted`` must be without faults.

    Raises Problem 409 for NHS organisations and providers where the person has an open referral, Refused for a
    reference that was used.
    """
    reference = posted.referrer.reference if posted.referrer else None
    meant = invited.person_id if invited else None
    met = await meet(tx, posted.person, posted.programme, posted.referred_on, who, reference=reference, meant=meant)
    found = met.found
    if await reference_used(tx.conn, who.organisation_id, reference):
        message = "this reference was used for another referral"
        raise Refused(Reason("reference_used", message, "/referrer/reference"), status=422)
    referral_id = invited.referral_id if invited else uuid7(tx.now)
    person_id = met.person_id or new_person_id()
    if met.person_id is None:
        await tx.create_keys([person_id])
    data = CreateReferral(
        posted=posted,
        person_id=person_id,
        linked_referral=met.opened,
        organisation_id=who.organisation_id,
        organisation_kind=who.organisation_kind,
        near=tuple((uuid7(tx.now), near) for near in found.near if near.person_id != person_id),
        number_taken=found.number_taken,
    )
    done = await tx.execute(Command(id=tx.command_id, type=CREATE, key=referral_id, data=data, actor=who.subject))
    event = done.events[0].data
    # what becomes of a referral, an employer learns under the third consent only, and not here
    review = event.eligibility.outcome is EligibilityOutcome.REVIEW and not is_employer(who)
    programme = tx.policy.book.version_for(posted.programme, posted.referred_on)
    here = f"/referrals/{referral_id}"
    answer = {
        "referral_id": referral_id,
        "status": "eligibility_review" if review else "accepted",
        "programme": event.programme.model_dump(),
        "alternatives": [a.code for a in programme.joining.alternatives] if review else [],
        "links": {"self": here, **{name: f"{here}/{name}" for name in ("assessments", "consents", "withdrawal")}},
    }
    return Answer(201, answer, location=here)
