"""Accepts a referral: one person at a time, duplicates told to those who may know, and the answer."""

from services.contracts.codes import EligibilityOutcome
from services.intake.access import is_employer
from services.intake.domain.posted import ReferralPosted
from services.intake.domain.referral import CREATE, CreateReferral
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


async def accept(tx: Transaction, posted: ReferralPosted, who: Principal) -> Answer:
    """Make the referral and return the answer. ``posted`` must be without faults.

    Raises Problem 409 for NHS organisations and providers where the person has an open referral, Refused for a
    reference that was used.
    """
    keys = match_keys(posted.person)
    reference = posted.referrer.reference if posted.referrer else None
    await lock(tx.conn, *lock_names(keys, who.organisation_id, reference))
    programmes = tx.policy.book.overlapping(posted.programme, posted.referred_on)
    found = await find_out(tx, posted.person, programmes, told=who.organisation_kind in FULL_VIEW_KINDS)
    known = found.person_id
    opened = await open_referral(tx.conn, known, programmes) if known else None
    if opened is not None and who.organisation_kind in FULL_VIEW_KINDS:
        message = "this person has an open referral to this programme, or to one that funds the same days"
        raise Problem(409, "duplicate_referral", message, extra={"referral_id": opened})
    if await reference_used(tx.conn, who.organisation_id, reference):
        message = "this reference was used for another referral"
        raise Refused(Reason("reference_used", message, "/referrer/reference"), status=422)
    referral_id = uuid7(tx.now)
    person_id = known or new_person_id()
    if known is None:
        await tx.create_keys([person_id])
    data = CreateReferral(
        posted=posted,
        person_id=person_id,
        linked_referral=opened,
        organisation_id=who.organisation_id,
        organisation_kind=who.organisation_kind,
        near=tuple((uuid7(tx.now), near) for near in found.near),
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
