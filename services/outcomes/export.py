"""What outcomes holds of a person: what was earned by their referrals, and its evidence."""

from collections.abc import Mapping, Sequence

from services.kernel.operations.held import Held, kernel_rows, select
from services.kernel.runtime.tables import Connection

OF_REFERRAL: Mapping[str, str] = {
    "ledger_transaction": "SELECT * FROM ledger_transaction WHERE referral_id = ANY($1::text[])"
    " ORDER BY referral_id, sequence, id",
    "ledger_line": "SELECT l.* FROM ledger_line l JOIN ledger_transaction t ON t.id = l.transaction_id"
    " WHERE t.referral_id = ANY($1::text[]) ORDER BY t.referral_id, t.sequence, l.transaction_id, l.line",
    **{
        table: f"SELECT l.* FROM {table} l JOIN ledger_transaction t ON t.id = l.entry_id"  # noqa: S608  our own names
        " WHERE t.referral_id = ANY($1::text[]) ORDER BY t.referral_id, t.sequence, l.entry_id"
        for table in ("settlement_line", "payment_line", "audit_finding")
    },
}
OF_PERSON = "SELECT * FROM person_survivor WHERE person_id = ANY($1::text[]) ORDER BY person_id"


async def export(connection: Connection, person_ids: Sequence[str], referral_ids: Sequence[str]) -> Held:
    """Return every row about the person, by table; what is sealed stays so."""
    found = {table: await select(connection, sql, list(referral_ids)) for table, sql in OF_REFERRAL.items()}
    found["person_survivor"] = await select(connection, OF_PERSON, list(person_ids))
    return found | await kernel_rows(connection, referral_ids, person_ids)
