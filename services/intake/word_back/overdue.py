"""Referrals whose referrer should have had word and has not, as of a day. Nothing is stored: no clock moves a row."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Final

from services.contracts.working_days import due_day, overdue_since_receipt, working_days_between
from services.intake.domain.policy import london_day
from services.kernel.operations.audit import Pool
from services.programmes.bank_holidays import is_closed
from services.programmes.book import ProgrammeBook

EARLIEST: Final = date(2000, 1, 1)
LATEST: Final = date(2099, 12, 31)
"""Days for which bank holidays are known or follow from their rules."""


@dataclass(frozen=True, slots=True)
class Overdue:
    """One referral. ``waits_since``: the day of its receipt, or of the decision that opened it again.

    ``answered_on``: when word came after all, later than ``as_of``; None: not yet.
    """

    referral_id: str
    programme: str
    programme_version: str
    route: str
    received_on: date
    waits_since: date
    due_on: date
    working_days_over: int
    answered_on: date | None


# Two looks into two indexes: what waits, and what was answered only after the day that is asked about.
_OVERDUE = """
WITH term AS (SELECT * FROM unnest($1::text[], $2::text[], $3::date[]) AS n(programme, version, since)),
late AS (
    SELECT w.* FROM term t JOIN word_back w
      ON w.programme = t.programme AND w.programme_version = t.version AND w.waits_since <= t.since
    WHERE w.answered_on IS NULL
    UNION ALL
    SELECT w.* FROM term t JOIN word_back w
      ON w.programme = t.programme AND w.programme_version = t.version AND w.waits_since <= t.since
    WHERE w.answered_on > $4
)
SELECT late.*, r.route, r.received_at FROM late JOIN referral r USING (referral_id)
WHERE $5::date IS NULL OR (late.waits_since, late.referral_id) > ($5, $6)
ORDER BY late.waits_since, late.referral_id LIMIT $7
"""


async def overdue(
    pool: Pool,
    book: ProgrammeBook,
    as_of: date,
    *,
    programmes: Iterable[str] | None,
    after: tuple[date, str] | None = None,
    limit: int | None = None,
) -> Sequence[Overdue]:
    """Return what is overdue at the end of ``as_of``, the longest waiting first. ``programmes`` None: all of them."""
    wanted = None if programmes is None else set(programmes)
    terms = {(v.programme, v.version): v.joining.acknowledge_within_working_days for v in book if not v.synthetic}
    asked = [key for key in terms if wanted is None or key[0] in wanted]
    rows = await pool.fetch(
        _OVERDUE,
        [programme for programme, _ in asked],
        [version for _, version in asked],
        [overdue_since_receipt(as_of, terms[key], is_closed) for key in asked],
        as_of,
        *(after or (None, None)),
        limit,
    )

    @cache
    def due_and_over(since: date, within: int) -> tuple[date, int]:
        due = due_day(since, within, is_closed)
        return due, working_days_between(due, as_of, is_closed)

    return [
        Overdue(
            row["referral_id"],
            row["programme"],
            row["programme_version"],
            row["route"],
            london_day(row["received_at"]),
            row["waits_since"],
            *due_and_over(row["waits_since"], terms[row["programme"], row["programme_version"]]),
            row["answered_on"],
        )
        for row in rows
    ]
