"""What triage holds of a person: its case of each referral, the decisions and what led to them."""

from collections.abc import Sequence

from services.kernel.operations.held import Held, kernel_rows, select
from services.kernel.runtime.tables import Connection

CASES = "SELECT * FROM triage_case WHERE referral_id = ANY($1::text[]) ORDER BY referral_id"


async def export(connection: Connection, person_ids: Sequence[str], referral_ids: Sequence[str]) -> Held:
    """Return every row about the person, by table; what is sealed stays so."""
    cases = await select(connection, CASES, list(referral_ids))
    return {"triage_case": cases} | await kernel_rows(connection, referral_ids, person_ids)
