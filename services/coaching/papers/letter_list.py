"""Lists of letters: those of a plan, of a caseload, those that await an answer as of a day."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from services.coaching.caseload.reading import Reach
from services.coaching.domain.consents import history
from services.coaching.domain.papers.letters import LetterState
from services.coaching.domain.papers.permitting import View, why_not
from services.coaching.domain.plan import Plan
from services.coaching.papers.letter_bodies import LetterView, Why
from services.coaching.papers.letter_table import awaited_on
from services.kernel.decision import Reason
from services.kernel.operations.audit import Pool
from services.kernel.runtime.tables import Connection


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters. ``unanswered``: those whose answer was still awaited at the end of ``as_of``, the first due first;
    the others come as they were queued.
    """

    as_of: date
    referral_id: str | None = None
    view: View | None = None
    state: LetterState | None = None
    unanswered: bool = False
    after: tuple[date, str] | None = None
    limit: int | None = None


_LIST: Final = f"""
SELECT * FROM (
    SELECT l.*, p.coach, CASE WHEN $6 THEN l.answer_by ELSE l.queued_on END AS place,
        CASE WHEN l.state IN ('queued', 'failed') THEN a.state::text END AS plan,
        {awaited_on("$5")} AS awaited
    FROM letter l JOIN plan p USING (referral_id) JOIN aggregate a ON a.key = l.referral_id
    WHERE ($1::text IS NULL OR p.programme = $1) AND ($2::text IS NULL OR p.provider IS NULL OR p.provider = $2)
      AND ($3::text[] IS NULL OR p.coach = ANY($3) OR ($4 AND p.coach IS NULL))
      AND ($7::text IS NULL OR l.referral_id = $7) AND ($8::text IS NULL OR l.view = $8)
      AND ($9::text IS NULL OR l.state = $9)
) found
WHERE (awaited OR NOT $6) AND ($10::date IS NULL OR (place, letter_id) > ($10, $11))
ORDER BY place, letter_id LIMIT $12
"""  # noqa: S608  our own words


async def letters(source: Pool | Connection, reach: Reach, wanted: Wanted) -> Sequence[Any]:
    """Return the rows of letters within somebody's reach."""
    coaches = None if reach.coaches is None else sorted(reach.coaches)
    return await source.fetch(
        _LIST,
        *(reach.programme, reach.provider, coaches, reach.free, wanted.as_of, wanted.unanswered, wanted.referral_id),
        *(wanted.view, wanted.state, *(wanted.after or (None, None)), wanted.limit),
    )


def letter_view(row: Mapping[str, Any], as_of: date, now: datetime, read: Callable[[str], Any]) -> LetterView:
    """Return a letter as it is shown; ``read`` makes a plan of its stored state."""
    kept = {name: row[name] for name in LetterView.model_fields if name not in {"overdue", "why_not"}}
    overdue = bool(row["awaited"]) and row["answer_by"] < as_of
    plan = None if row["plan"] is None else read(row["plan"])
    reasons: list[Reason] = []
    if isinstance(plan, Plan):
        reasons = why_not(plan, View(row["view"]), as_of, history(plan, now))
    return LetterView(**kept, overdue=overdue, why_not=[Why(code=one.code, message=one.message) for one in reasons])
