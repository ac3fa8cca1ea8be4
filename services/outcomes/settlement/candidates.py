"""The entries that a closing takes, in the fixed order, as a server-side cursor: memory does not grow with them."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Any, Final

from services.kernel.runtime.tables import Connection
from services.outcomes.domain.settlement import KIND_ORDER, Candidate, Origin
from services.outcomes.settlement.terms import Terms

FETCH: Final = 2000
"""So many rows are fetched at once."""

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
paired AS (
    SELECT c.*, r.id IS NOT NULL OR w.id IS NOT NULL AS annulled, x.refers_to IS NOT NULL AS taken_back_here
    FROM candidate c
    LEFT JOIN candidate r ON r.refers_to = c.id AND r.kind = 'reversal' AND r.amount_pence = -c.amount_pence
    LEFT JOIN candidate w ON w.id = c.refers_to AND c.kind = 'reversal' AND w.amount_pence = -c.amount_pence
    LEFT JOIN (SELECT DISTINCT refers_to FROM candidate WHERE amount_pence < 0 OR kind = 'reversal') x
      ON x.refers_to = c.id),
ranked AS (
    SELECT p.*, row_number() OVER (
        PARTITION BY person, milestone, once AND NOT annulled
        ORDER BY effective_on, known_at, referral_id, sequence, id) AS nth
    FROM paired p)
SELECT c.*, NOT once OR annulled OR (nth = 1 AND NOT EXISTS (
        SELECT FROM ledger_transaction e JOIN settlement_line s ON s.entry_id = e.id
        WHERE once AND NOT annulled AND e.kind = 'earned' AND e.programme = $1 AND e.milestone = c.milestone
          AND e.person_id IN (SELECT c.person UNION ALL SELECT person_id FROM person_survivor WHERE survivor = c.person)
          AND s.treatment NOT IN ('once_per_person', 'annulled') AND s.treatment NOT LIKE 'full%'
          AND NOT EXISTS (SELECT FROM ledger_transaction r WHERE r.refers_to = e.id
                            AND (r.kind = 'reversal' OR r.kind = 'adjustment' AND r.amount_pence < 0)))
    ) AS first_of_person,
    g.payable, g.withheld, g.treatment
FROM ranked c
LEFT JOIN LATERAL (
    SELECT sum(s.payable_pence)::bigint AS payable, sum(s.withheld_pence)::bigint AS withheld,
           max(s.treatment) FILTER (WHERE s.entry_id = c.refers_to) AS treatment
    FROM settlement_line s
    WHERE (c.amount_pence < 0 OR c.kind = 'reversal') AND c.refers_to IS NOT NULL
      AND s.entry_id IN (SELECT c.refers_to UNION ALL SELECT b.id FROM ledger_transaction b
                         WHERE b.refers_to = c.refers_to AND b.amount_pence < 0)) g ON true
ORDER BY {KIND_ORDER}
"""  # noqa: S608  our own words


async def candidates(connection: Connection, terms: Terms, last: date) -> AsyncIterator[tuple[Any, Candidate]]:
    """Yield each entry that no settlement has taken, effective until ``last``, with its row."""
    query = connection.cursor(CANDIDATES, terms.ref.id, last, *terms.once_columns(), prefetch=FETCH)
    async for row in query:
        yield row, candidate_of(row)


def candidate_of(row: Any) -> Candidate:
    """Return a row of :data:`CANDIDATES` as the rules see it."""
    treatment = row["treatment"]
    refers_to = row["refers_to"]
    return Candidate(
        str(row["id"]),
        row["contract"],
        row["kind"],
        row["milestone"],
        row["effective_on"],
        row["amount_pence"],
        str(refers_to) if refers_to else None,
        row["first_of_person"],
        row["annulled"],
        None if treatment is None else Origin(row["payable"], row["withheld"], treatment),
    )
