"""The entries that a closing takes, in the fixed order, as a server-side cursor: memory does not grow with them."""

from datetime import date
from typing import Any, Final

from services.kernel.runtime.tables import Connection, Cursor
from services.outcomes.domain.settlement import KIND_ORDER, MOMENT_ORDER, Candidate, Origin
from services.outcomes.settlement.terms import Terms

FETCH: Final = 2000
"""So many rows are fetched at once."""

ROOM_TO_SORT: Final = "SELECT set_config('work_mem', '64MB', true), set_config('jit', 'off', true)"
"""For one transaction: the entries of a month are sorted in memory, and a plan of one run is not compiled."""

CANDIDATES: Final = f"""
WITH candidate AS MATERIALIZED (
    SELECT t.id, t.contract, t.kind, t.milestone, t.occurrence, t.effective_on, t.amount_pence, t.refers_to,
           t.known_at, t.referral_id, t.sequence, coalesce(m.survivor, t.person_id) AS person,
           o.milestone IS NOT NULL AND t.kind = 'earned' AS once
    FROM ledger_transaction t
    LEFT JOIN settlement_line s ON s.entry_id = t.id
    LEFT JOIN person_survivor m ON m.person_id = t.person_id
    LEFT JOIN unnest($3::text[], $4::text[], $5::text[]) AS o (card_id, card_version, milestone)
      ON o.card_id = t.card_id AND o.card_version = t.card_version AND o.milestone = t.milestone
    WHERE t.programme = $1 AND t.effective_on <= $2 AND s.entry_id IS NULL
      AND t.kind IN ('earned', 'claimable', 'reversal', 'clawback', 'adjustment', 'paid')),
taking AS MATERIALIZED (
    SELECT id, kind, amount_pence, refers_to FROM candidate
    WHERE (amount_pence < 0 OR kind = 'reversal') AND refers_to IS NOT NULL),
annulled AS (
    SELECT c.id, r.id AS by FROM candidate c
    JOIN taking r ON r.refers_to = c.id AND r.kind = 'reversal' AND r.amount_pence = -c.amount_pence),
paired AS MATERIALIZED (
    SELECT c.*, a.id IS NOT NULL AS annulled, x.refers_to IS NOT NULL AS taken_back_here
    FROM candidate c
    LEFT JOIN (SELECT id FROM annulled UNION SELECT by FROM annulled) a ON a.id = c.id
    LEFT JOIN (SELECT DISTINCT refers_to FROM taking) x ON x.refers_to = c.id),
repeated AS (
    SELECT person, milestone FROM paired WHERE once AND NOT annulled GROUP BY 1, 2 HAVING count(*) > 1),
ranked AS (
    SELECT id, row_number() OVER (PARTITION BY person, milestone ORDER BY {MOMENT_ORDER}) AS nth
    FROM paired JOIN repeated USING (person, milestone) WHERE once AND NOT annulled),
origin AS (
    SELECT t.refers_to, g.* FROM (SELECT DISTINCT refers_to FROM taking) t, LATERAL (
        SELECT sum(s.payable_pence)::bigint AS payable, sum(s.withheld_pence)::bigint AS withheld,
               max(s.treatment) FILTER (WHERE s.entry_id = t.refers_to) AS treatment
        FROM settlement_line s
        WHERE s.entry_id IN (SELECT t.refers_to UNION ALL SELECT b.id FROM ledger_transaction b
                             WHERE b.refers_to = t.refers_to AND b.amount_pence < 0)) g)
SELECT c.id::text, contract, kind, milestone, effective_on, amount_pence, c.refers_to::text,
    NOT once OR annulled OR (coalesce(nth, 1) = 1 AND NOT EXISTS (
        SELECT FROM ledger_transaction e JOIN settlement_line s ON s.entry_id = e.id
        WHERE once AND NOT annulled AND e.kind = 'earned' AND e.programme = $1 AND e.milestone = c.milestone
          AND e.person_id IN (SELECT c.person UNION ALL SELECT person_id FROM person_survivor WHERE survivor = c.person)
          AND s.treatment NOT IN ('once_per_person', 'annulled') AND s.treatment NOT LIKE 'full%'
          AND NOT EXISTS (SELECT FROM ledger_transaction r WHERE r.refers_to = e.id
                            AND (r.kind = 'reversal' OR r.kind = 'adjustment' AND r.amount_pence < 0)))
    ) AS first_of_person,
    annulled, payable, withheld, treatment, referral_id, occurrence, taken_back_here
FROM paired c
LEFT JOIN ranked ON ranked.id = c.id
LEFT JOIN origin g ON g.refers_to = c.refers_to AND (c.amount_pence < 0 OR c.kind = 'reversal')
ORDER BY {KIND_ORDER.replace(" id", " c.id")}
"""  # noqa: S608  our own words


async def candidates(connection: Connection, terms: Terms, last: date) -> Cursor:
    """Open what yields each entry that no settlement has taken, effective until ``last``; see :func:`read`."""
    await connection.execute(ROOM_TO_SORT)
    cursor: Cursor = await connection.cursor(CANDIDATES, terms.ref.id, last, *terms.once_columns())
    return cursor


def read(row: Any) -> tuple[Candidate, str | None, int | None, bool]:
    """Return a row of :data:`CANDIDATES` as the rules see it, its referral, its occurrence, ``taken_back_here``."""
    payable, withheld, treatment, referral, occurrence, taken_back_here = row[9:]
    origin = None if treatment is None else Origin(payable, withheld, treatment)
    return Candidate._make((*row[:9], origin)), referral, occurrence, taken_back_here
