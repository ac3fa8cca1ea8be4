"""What intake holds of a person: who they are, each referral as it was sent, how it stands; and who a number is."""

from collections.abc import Mapping, Sequence

from services.intake.people import MatchKeys, find_person
from services.kernel.operations.audit import Pool
from services.kernel.operations.held import Held, kernel_rows, select
from services.kernel.runtime.tables import Connection

OF_PERSON: Mapping[str, str] = {
    "person": "SELECT * FROM person WHERE person_id = ANY($1::text[]) ORDER BY person_id",
    "referral": "SELECT * FROM referral WHERE person_id = ANY($1::text[]) ORDER BY received_at, referral_id",
}
OF_REFERRAL: Mapping[str, str] = {
    "referral_details": "SELECT * FROM referral_details WHERE referral_id = ANY($1::text[]) ORDER BY referral_id",
    "referral_status": "SELECT * FROM referral_status WHERE referral_id = ANY($1::text[])"
    " ORDER BY referral_id, on_day, topic, sequence, status",
    "consent_fact": "SELECT * FROM consent_fact WHERE referral_id = ANY($1::text[])"
    " ORDER BY referral_id, consent, on_day, recorded_at, topic, sequence",
}
REFERRALS = "SELECT referral_id FROM referral WHERE person_id = ANY($1::text[]) ORDER BY received_at, referral_id"


async def export(connection: Connection, person_ids: Sequence[str], referral_ids: Sequence[str]) -> Held:
    """Return every row about the person, by table; what is sealed stays so."""
    found = {table: await select(connection, sql, list(person_ids)) for table, sql in OF_PERSON.items()}
    found |= {table: await select(connection, sql, list(referral_ids)) for table, sql in OF_REFERRAL.items()}
    return found | await kernel_rows(connection, referral_ids, person_ids)


async def referrals_of(connection: Connection | Pool, person_ids: Sequence[str]) -> list[str]:
    """Return the person's referrals, the first first: the key of everything about them in every service."""
    return [row["referral_id"] for row in await connection.fetch(REFERRALS, list(person_ids))]


async def person_with(connection: Connection, nhs_number: str) -> str | None:
    """Return the pseudonym of whoever has this NHS number, or None."""
    return await find_person(connection, MatchKeys(nhs_number, None), to_refer=False)
