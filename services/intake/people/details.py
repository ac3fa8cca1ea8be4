"""What a referrer said of the person, as a row, and read back for a correction of it."""

import json
from collections.abc import Iterable
from typing import Any, Final

from services.contracts.referral import ReferralCorrected
from services.intake.domain.correction import CorrectReferral
from services.intake.domain.posted import EligibilityFacts, PersonPosted
from services.intake.people.recognising import identity
from services.intake.store import CORRECTED, DETAILS
from services.kernel.decision import Reason, Refused
from services.kernel.runtime.tables import Connection
from services.kernel.service import Row


def row(referral_id: str, person: PersonPosted, answers: EligibilityFacts) -> Row:
    """Return the row of what was said."""
    who = identity(person)
    said = (
        referral_id,
        person.nhs_number,
        person.family_name,
        person.given_name,
        person.birth_date,
        person.sex,
        person.ethnic_category,
        person.postcode,
        person.registered_gp_ods,
        person.contact.model_dump_json(exclude_none=True) if person.contact else None,
        person.language,
        json.dumps(list(person.accessible_needs)),
        who.family_key,
        who.given_key,
        answers.model_dump_json(exclude_none=True),
    )
    return DETAILS, said


def corrected(data: CorrectReferral, event: ReferralCorrected) -> Iterable[Row]:
    """Return the rows of a correction: what was said, and what the person is recognised by."""
    person, answers = data.corrected
    yield row(event.referral_id, person, answers)
    who = identity(person)
    renumbered = "person.nhs_number" in event.change.fields and not data.number_held
    yield CORRECTED, (event.person_id, who.nhs_number, renumbered, who.name_key)


_READ: Final = """
SELECT nhs_number, family_name, given_name, birth_date::text, sex, ethnic_category, postcode, registered_gp_ods,
       contact::text, language, accessible_needs::text, eligibility_facts::text
FROM referral_details WHERE referral_id = $1 FOR UPDATE
"""


async def read(connection: Connection, referral_id: str) -> tuple[PersonPosted, EligibilityFacts]:
    """Return what stands, under lock: of two corrections the second starts from what the first has made, and a person
    who is erased at this moment is scrubbed before or after both. Raises Refused (409) where it is erased.
    """
    found = await connection.fetchrow(_READ, referral_id)
    if found is None:
        raise Refused(Reason("details_erased", "nothing is kept of the person any more; there is nothing to correct"))
    said: dict[str, Any] = dict(found.items())
    answers = said.pop("eligibility_facts")
    for name in ("contact", "accessible_needs"):
        said[name] = None if said[name] is None else json.loads(said[name])
    person = PersonPosted.model_validate_json(json.dumps(said))
    return person, EligibilityFacts.model_validate_json(answers)
