"""What intake holds of a person: who they are, each referral as it was sent, how it stands; and who a number is."""

from collections.abc import Mapping, Sequence

from services.intake.people.recognising import find_number
from services.kernel.operations.audit import Pool
from services.kernel.operations.held import Held, kernel_rows, select
from services.kernel.runtime.tables import Connection

OF_PERSON: Mapping[str, str] = {
    "person": "SELECT * FROM person WHERE person_id = ANY($1::text[]) ORDER BY person_id",
    "near_match": "SELECT * FROM near_match WHERE one_person = ANY($1::text[]) OR other_person = ANY($1::text[])"
    " ORDER BY near_match_id",
    "invitation": "SELECT * FROM invitation WHERE person_id = ANY($1::text[]) ORDER BY identified_on, invitation_id",
    "safety_task": "SELECT * FROM safety_task WHERE person_id = ANY($1::text[]) ORDER BY raised_at, task_id",
    "contact_read": "SELECT * FROM contact_read WHERE person_id = ANY($1::text[]) ORDER BY asked_at, request_id",
    "referral": "SELECT * FROM referral WHERE person_id = ANY($1::text[]) ORDER BY received_at, referral_id",
}
OF_KEY: Mapping[str, str] = {
    "invitation_details": "SELECT * FROM invitation_details WHERE invitation_id = ANY($1::text[])"
    " ORDER BY invitation_id",
    "referral_details": "SELECT * FROM referral_details WHERE referral_id = ANY($1::text[]) ORDER BY referral_id",
    "referral_status": "SELECT * FROM referral_status WHERE referral_id = ANY($1::text[])"
    " ORDER BY referral_id, on_day, topic, sequence, status",
    "plan_holder": "SELECT * FROM plan_holder WHERE referral_id = ANY($1::text[]) ORDER BY referral_id",
    "eligibility_review": "SELECT * FROM eligibility_review WHERE referral_id = ANY($1::text[])"
    " ORDER BY referral_id, opened",
    "word_back": "SELECT * FROM word_back WHERE referral_id = ANY($1::text[]) ORDER BY referral_id, opened",
    "consent_fact": "SELECT * FROM consent_fact WHERE referral_id = ANY($1::text[])"
    " ORDER BY referral_id, consent, on_day, recorded_at, topic, sequence",
}
REFERRALS = "SELECT referral_id FROM referral WHERE person_id = ANY($1::text[]) ORDER BY received_at, referral_id"

INVITATIONS = "SELECT invitation_id FROM invitation WHERE person_id = ANY($1::text[]) ORDER BY invitation_id"


async def export(connection: Connection, person_ids: Sequence[str], keys: Sequence[str]) -> Held:
    """Return every row about the person, by table; what is sealed stays so. ``keys``: those of :func:`keys_of`."""
    found = {table: await select(connection, sql, list(person_ids)) for table, sql in OF_PERSON.items()}
    found |= {table: await select(connection, sql, list(keys)) for table, sql in OF_KEY.items()}
    return found | await kernel_rows(connection, keys, person_ids)


async def referrals_of(connection: Connection | Pool, person_ids: Sequence[str]) -> list[str]:
    """Return the person's referrals, the first first."""
    return [row["referral_id"] for row in await connection.fetch(REFERRALS, list(person_ids))]


async def keys_of(connection: Connection | Pool, person_ids: Sequence[str]) -> list[str]:
    """Return the keys of everything about the person in every service: their referrals, then their invitations."""
    invited = await connection.fetch(INVITATIONS, list(person_ids))
    return [*await referrals_of(connection, person_ids), *(row["invitation_id"] for row in invited)]


async def person_with(connection: Connection, nhs_number: str) -> str | None:
    """Return the pseudonym of whoever has this NHS number, or None."""
    return await find_number(connection, nhs_number)
