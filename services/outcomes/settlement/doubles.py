"""What a person was paid for twice, because two pseudonyms turned out to be one person: taken back, once.

The later entry is taken back by an adjustment of its whole amount in the month that is about to be closed. It is no
reversal: a reversal would free the milestone, and the referral's next session would earn it again.
"""

from datetime import date
from typing import Final

from services.contracts.outcome import OutcomeRecorded, ReferralOutcome
from services.contracts.plan_codes import OutcomeKind
from services.kernel.decision import Command
from services.kernel.runtime.commands import Commands, Transaction
from services.outcomes.domain.months import month_of
from services.outcomes.domain.settlement_asked import TakeBack
from services.outcomes.domain.settlement_commands import TAKE_BACK

PERSON_MERGED: Final = "person_merged"
DOUBLES: Final = """
WITH person AS (
    SELECT person_id, survivor FROM person_survivor UNION SELECT survivor, survivor FROM person_survivor),
paid AS (
    SELECT e.id, e.referral_id, e.amount_pence, row_number() OVER (
        PARTITION BY p.survivor, e.milestone
        ORDER BY e.effective_on, e.known_at, e.referral_id COLLATE "C", e.sequence, e.id) AS nth
    FROM person p JOIN ledger_transaction e ON e.person_id = p.person_id AND e.kind = 'earned'
    JOIN settlement_line s ON s.entry_id = e.id
    WHERE e.programme = $1 AND s.treatment NOT IN ('once_per_person', 'annulled') AND s.treatment NOT LIKE 'full%'
      AND e.milestone = ANY(SELECT milestone FROM unnest($2::text[], $3::text[], $4::text[])
                            AS o (card_id, card_version, milestone)
                            WHERE o.card_id = e.card_id AND o.card_version = e.card_version)
      AND NOT EXISTS (SELECT FROM ledger_transaction r WHERE r.refers_to = e.id
                        AND (r.kind = 'reversal' OR r.kind = 'adjustment' AND r.amount_pence < 0)))
SELECT p.id, p.referral_id, p.amount_pence, o.value
FROM paid p JOIN outbox o ON o.key = p.referral_id AND o.event_id = p.id::text
WHERE p.nth > 1 ORDER BY p.id
"""

TAKEN_BACK: Final = """
SELECT EXISTS (SELECT FROM ledger_transaction WHERE refers_to = $1 AND kind = 'adjustment' AND amount_pence < 0)
"""


async def take_back_doubles(commands: Commands, programme: str, month: str, once: list[list[str]]) -> int:
    """Take back what merged people were paid for twice; return how many entries there were. Again: none."""
    async with commands.pool.acquire() as connection:
        found = await connection.fetch(DOUBLES, programme, *once)
    first, _ = month_of(month)
    for row in found:
        async with commands.begin() as tx:
            await _take_back(tx, str(row["id"]), bytes(row["value"]), first)
    return len(found)


async def _take_back(tx: Transaction, entry_id: str, value: bytes, on: date) -> None:
    earned = OutcomeRecorded.model_validate_json(value).root
    assert isinstance(earned, ReferralOutcome)  # noqa: S101  the query finds entries of referrals alone
    await tx.lock([earned.referral_id])
    if await tx.conn.fetchval(TAKEN_BACK, entry_id):
        return
    outcome = earned.model_copy(
        update={
            "kind": OutcomeKind.ADJUSTMENT,
            "plan_version": None,
            "effective_on": on,
            "occurred_on": on,
            "amount_pence": -earned.amount_pence,
            "evidence": (),
            "reasons": (PERSON_MERGED,),
            "refers_to": entry_id,
            "command": None,
        }
    )
    command = Command(tx.command_id, TAKE_BACK, outcome.referral_id, TakeBack(outcome=outcome), actor="settlement")
    await tx.execute(command)
