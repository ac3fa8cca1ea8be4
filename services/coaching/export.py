"""What coaching holds of a person: plans, what was recommended and why, letters, the coaches' notes."""

from collections.abc import Mapping, Sequence

from services.kernel.operations.held import Held, kernel_rows, select
from services.kernel.runtime.tables import Connection

OF_REFERRAL: Mapping[str, str] = {
    "plan": "SELECT * FROM plan WHERE referral_id = ANY($1::text[]) ORDER BY referral_id",
    "additional_referral": "SELECT * FROM additional_referral WHERE referral_id = ANY($1::text[]) ORDER BY referral_id",
    "plan_history": "SELECT * FROM plan_history WHERE referral_id = ANY($1::text[]) ORDER BY referral_id, plan_version",
    "plan_recommendation": "SELECT * FROM plan_recommendation WHERE referral_id = ANY($1::text[])"
    " ORDER BY referral_id, revision",
    "letter": "SELECT * FROM letter WHERE referral_id = ANY($1::text[]) ORDER BY queued_at, letter_id",
    "plan_record": "SELECT * FROM plan_record WHERE referral_id = ANY($1::text[]) ORDER BY referral_id, plan_version",
    "plan_score": "SELECT * FROM plan_score WHERE referral_id = ANY($1::text[]) ORDER BY referral_id, plan_version",
    "plan_note": "SELECT * FROM plan_note WHERE referral_id = ANY($1::text[]) ORDER BY referral_id, plan_version",
}


async def export(connection: Connection, person_ids: Sequence[str], referral_ids: Sequence[str]) -> Held:
    """Return every row about the person, by table; what is sealed stays so."""
    found = {table: await select(connection, sql, list(referral_ids)) for table, sql in OF_REFERRAL.items()}
    return found | await kernel_rows(connection, referral_ids, person_ids)
