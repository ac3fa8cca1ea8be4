"""What triage holds of a person: its case of each referral, the decisions, what led to them, what a candidate said."""

from collections.abc import Sequence

from services.kernel.operations.held import Held, kernel_rows, select
from services.kernel.runtime.tables import Connection

CASES = "SELECT * FROM triage_case WHERE referral_id = ANY($1::text[]) ORDER BY referral_id"
SAFETY_TASKS = "SELECT * FROM safety_task WHERE referral_id = ANY($1::text[]) ORDER BY raised_at, task_id"
SHADOW = "SELECT * FROM triage_shadow_difference WHERE referral_id = ANY($1::text[]) ORDER BY referral_id, revision"


async def export(connection: Connection, person_ids: Sequence[str], referral_ids: Sequence[str]) -> Held:
    """Return every row about the person, by table; what is sealed stays so."""
    cases = await select(connection, CASES, list(referral_ids))
    tasks = await select(connection, SAFETY_TASKS, list(referral_ids))
    found = {"triage_case": cases, "safety_task": tasks}
    found["triage_shadow_difference"] = await select(connection, SHADOW, list(referral_ids))
    return found | await kernel_rows(connection, referral_ids, person_ids)
