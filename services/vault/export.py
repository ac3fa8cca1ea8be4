"""What the vault holds of a person: that there is a key, and what was done with it; never the key."""

from collections.abc import Mapping, Sequence

from services.kernel.operations.held import Held, kernel_rows, select
from services.kernel.runtime.tables import Connection

OF_PERSON: Mapping[str, str] = {
    "subject_key": "SELECT subject, kid, created_at, destroyed_at FROM subject_key"
    " WHERE subject = ANY($1::text[]) ORDER BY subject",
    "erasure": "SELECT * FROM erasure WHERE subject = ANY($1::text[]) ORDER BY subject",
    "subject_alias": "SELECT * FROM subject_alias WHERE subject = ANY($1::text[]) ORDER BY subject",
    "restriction": "SELECT * FROM restriction WHERE subject = ANY($1::text[]) ORDER BY subject",
    "legal_hold": "SELECT * FROM legal_hold WHERE subject = ANY($1::text[]) ORDER BY placed_at, id",
}


async def export(connection: Connection, person_ids: Sequence[str], referral_ids: Sequence[str]) -> Held:
    """Return every row about the person, by table. The vault knows people alone, no referral."""
    found = {table: await select(connection, sql, list(person_ids)) for table, sql in OF_PERSON.items()}
    return found | await kernel_rows(connection, person_ids, referral_ids)
