"""HTTP: how a person is reached, for the coach who holds their plan; who asks is written down before the answer."""

import json
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field

from services.contracts.base import Uuid
from services.contracts.referral_codes import ContactPurpose
from services.intake.access import is_employer
from services.intake.contact.holders import holdings, record_read
from services.intake.domain.contact import STATUS, UNKNOWN, Asker, Holding, holding_of
from services.intake.domain.policy import london_day
from services.kernel.decision import Reason, Refused
from services.kernel.http import Principal, ReadSession, require
from services.kernel.http.parts import parts_of
from services.kernel.ids import uuid7
from services.kernel.runtime.commands import Transaction
from services.kernel.runtime.fold import ERASED, RESTRICTED
from services.kernel.sealing.content import is_restricted

router = APIRouter(tags=["people"])

Coach = Annotated[Principal, require("coach", "team_lead")]
READ: Final = "read"


class Contact(BaseModel):
    """How a person is reached, as the referrer of the plan's referral said, corrections included."""

    person_id: Uuid
    referral_id: Annotated[Uuid, Field(description="The referral whose plan you hold.")]
    given_name: str
    family_name: str
    postcode: str | None
    contact: Annotated[dict[str, str], Field(description="`phone`, `email`, `preferred`; what was given.")]
    language: str | None
    accessible_needs: list[str]


@router.get("/people/{person_id}/contact", summary="How a person is reached")
async def contact(
    person_id: Annotated[Uuid, Path(description="The person's pseudonym, as it stands in the plan.")],
    purpose: Annotated[ContactPurpose, Query(description="What you need it for; kept with your name.")],
    request: Request,
    _: ReadSession,
    who: Coach,
) -> Contact:
    """Return name and contact details to the coach named in the newest event of the plan, and to nobody else.

    A row says who asked, when and why, answered or not (`contact_read`). Who stands in for an absent coach asks for a
    transfer of the plan first.
    """
    async with parts_of(request).commands.begin() as tx:
        found = await _found(tx, person_id, who)
        await record_read(
            tx.conn,
            person_id,
            uuid7(tx.now),
            None if isinstance(found, Refused) else found.referral_id,
            who.subject,
            who.organisation_id,
            purpose.value,
            found.reasons[0].code if isinstance(found, Refused) else READ,
            tx.now,
        )
    if isinstance(found, Refused):
        raise found
    return found


async def _found(tx: Transaction, person_id: str, who: Principal) -> Contact | Refused:
    """Return the details, or the refusal: a value, so that what is written down of it stays."""
    if is_employer(who):
        return Refused(UNKNOWN, status=STATUS[UNKNOWN])
    asker = Asker(who.subject, who.organisation_id, who.programme)
    held = holding_of(asker, await holdings(tx.conn, person_id), london_day(tx.now))
    if isinstance(held, Reason):
        return Refused(held, status=STATUS[held])
    row = await tx.conn.fetchrow(_DETAILS, held.referral_id)
    subjects = {person_id} if row is None else {person_id, row["person_id"]}
    for subject in sorted(subjects):
        if not await tx.has_key(subject):
            return Refused(ERASED, status=410)
        if is_restricted(tx.held.get(subject)):
            return Refused(RESTRICTED, status=423)
    return Refused(ERASED, status=410) if row is None else _shown(person_id, held, row)


_DETAILS: Final = """
SELECT r.person_id, d.given_name, d.family_name, d.postcode, d.contact::text AS contact, d.language,
    d.accessible_needs::text AS accessible_needs
FROM referral r JOIN referral_details d USING (referral_id) WHERE r.referral_id = $1"""


def _shown(person_id: str, held: Holding, row: Any) -> Contact:
    return Contact(
        person_id=person_id,
        referral_id=held.referral_id,
        given_name=row["given_name"],
        family_name=row["family_name"],
        postcode=row["postcode"],
        contact=json.loads(row["contact"] or "null") or {},
        language=row["language"],
        accessible_needs=json.loads(row["accessible_needs"]),
    )
