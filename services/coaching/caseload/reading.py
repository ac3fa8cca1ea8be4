"""Reads what is known of plans and coaches as of a day, and makes the work lists of it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final

from services.coaching.caseload.store import STANDING
from services.coaching.caseload.taking import ENDED
from services.coaching.domain.caseload.work import Awaited, Further, Item, Known, Session, Terms, WorkList, items
from services.coaching.domain.policy import CoachingPolicy
from services.coaching.papers.letter_table import awaited_on
from services.contracts.base import VersionRef
from services.contracts.plan_codes import PlanState
from services.kernel.operations.audit import Pool
from services.kernel.runtime.tables import Connection
from services.programmes.bank_holidays import is_closed


@dataclass(frozen=True, slots=True)
class Reach:
    """Whose plans: a programme's and provider's (None: all); of a coach, theirs, those covered and those of nobody.

    ``coaches`` held them on the day that is asked about; ``today``: only those that one of these, or nobody, holds now.
    """

    programme: str | None = None
    provider: str | None = None
    coaches: frozenset[str] | None = None
    free: bool = True
    today: frozenset[str] | None = None


# The newest version by that day says how a plan stood; then what had happened until then, of plans still open. What was
# taken back since has not happened.
_NEWEST: Final = f"""
SELECT DISTINCT ON (referral_id) * FROM (
    {STANDING} WHERE ($2::text IS NULL OR programme = $2) AND ($3::text IS NULL OR provider IS NULL OR provider = $3)
) h WHERE stood_on <= $1 ORDER BY referral_id, plan_version DESC"""  # noqa: S608  our own words

_KNOWN: Final = f"""
WITH newest AS ({_NEWEST}),
open AS (
    SELECT * FROM newest WHERE state <> ALL($4::text[])
      AND ($5::text[] IS NULL OR coach = ANY($5) OR ($6 AND coach IS NULL))
      AND ($7::text[] IS NULL OR EXISTS (SELECT FROM plan p WHERE p.referral_id = newest.referral_id
        AND (p.coach IS NULL OR p.coach = ANY($7))))),
told AS (
    SELECT referral_id, min(h.recorded_on) AS came_on,
        min(h.occurred_on) FILTER (WHERE h.spoken) AS first_reached,
        max(h.occurred_on) FILTER (WHERE h.spoken) AS last_reached,
        max(h.occurred_on) FILTER (WHERE h.kind = 'proposed' AND h.proposal) AS proposed_on,
        array_agg(h.occurred_on ORDER BY h.occurred_on, h.plan_version)
            FILTER (WHERE h.attendance IN ('attended', 'missed')) AS days,
        array_agg(h.attendance = 'attended' ORDER BY h.occurred_on, h.plan_version)
            FILTER (WHERE h.attendance IN ('attended', 'missed')) AS attended
    FROM open JOIN (
        SELECT *, coalesce(reached OR attendance = 'attended' OR kind = 'assessed', false) AS spoken FROM plan_history v
        WHERE NOT EXISTS (
            SELECT FROM plan_history c WHERE c.referral_id = v.referral_id AND c.refers_to = v.plan_version)
    ) h USING (referral_id) WHERE h.occurred_on <= $1 GROUP BY referral_id),
further AS (
    SELECT a.linked_referral AS referral_id, array_agg(a.referral_id ORDER BY a.referred_on, a.referral_id) AS ids,
        array_agg(a.referred_on ORDER BY a.referred_on, a.referral_id) AS days
    FROM additional_referral a JOIN open ON open.referral_id = a.linked_referral
    LEFT JOIN newest own ON own.referral_id = a.referral_id
    WHERE a.referred_on <= $1 AND (own.state IS NULL OR own.state <> ALL($4::text[])) GROUP BY a.linked_referral),
letters AS (
    SELECT l.referral_id, array_agg(l.letter_id ORDER BY l.letter_id) AS ids,
        array_agg(l.sent_on ORDER BY l.letter_id) AS sent, array_agg(l.answer_by ORDER BY l.letter_id) AS by
    FROM letter l JOIN open USING (referral_id) WHERE l.view = 'gp' AND {awaited_on("$1::date")} GROUP BY l.referral_id)
SELECT open.*, told.came_on, told.first_reached, told.last_reached, told.days, told.attended,
    CASE WHEN open.proposal THEN told.proposed_on END AS proposed_on, further.ids AS further_ids,
    further.days AS further_days, letters.ids AS letter_ids, letters.sent AS letters_sent, letters.by AS letters_by
FROM open JOIN told USING (referral_id) LEFT JOIN further USING (referral_id) LEFT JOIN letters USING (referral_id)
"""  # noqa: S608  our own words

_COVER: Final = """
SELECT coach_id, cover FROM coach_absence WHERE from_on <= $1 AND (until_on IS NULL OR until_on >= $1)"""


@dataclass(frozen=True, slots=True)
class Work:
    """An item with who sees to it. ``away``: its coach is; ``cover``: who stands in, null while nobody does."""

    item: Item
    away: bool
    cover: str | None

    def as_dict(self) -> dict[str, Any]:
        """Return it flat, for a table or JSON."""
        return {**asdict(self.item), "away": self.away, "cover": self.cover}

    @property
    def place(self) -> tuple[str, str, str, str]:
        """Return where it stands in the list: what is due first comes first."""
        item = self.item
        return ((item.due_on or item.since).isoformat(), item.list.value, item.referral_id, item.about or "")


async def work(
    source: Pool | Connection, policy: CoachingPolicy, as_of: date, reach: Reach, wanted: frozenset[WorkList] | None
) -> list[Work]:
    """Return what is to be seen to at the end of a day, what is due first first. ``wanted`` None: every list.

    What was recorded later about that day or an earlier one is counted: the lists tell what was so, as known now.
    """
    found = []
    coaches, today = (None if some is None else sorted(some) for some in (reach.coaches, reach.today))
    rows = await source.fetch(_KNOWN, as_of, reach.programme, reach.provider, ENDED, coaches, reach.free, today)
    away = {row["coach_id"]: row["cover"] for row in await source.fetch(_COVER, as_of)}
    for row in rows:
        made = items(_known(row), as_of, _terms(policy, row), is_closed)
        found += [
            Work(one, one.coach in away, away.get(one.coach or ""))
            for one in made
            if wanted is None or one.list in wanted
        ]
    return sorted(found, key=lambda one: one.place)


def _terms(policy: CoachingPolicy, row: Any) -> Terms:
    ref = VersionRef(id=row["programme"], version=row["programme_version"])
    terms, version = policy.terms(ref), policy.book.version(ref.id, ref.version)
    assert version is not None  # noqa: S101  the terms of the same version were found
    return Terms(version.joining.acknowledge_within_working_days, terms.length_weeks(row["work_status"]))


def _known(row: Any) -> Known:
    return Known(
        referral_id=row["referral_id"],
        state=PlanState(row["state"]),
        coach=row["coach"],
        came_on=row["came_on"],
        first_reached_on=row["first_reached"],
        last_reached_on=row["last_reached"],
        sessions=tuple(Session(*one) for one in _together(row["days"], row["attended"])),
        agreed_on=row["agreed_on"],
        review_on=row["review_on"],
        proposed_on=row["proposed_on"],
        further=tuple(Further(*one) for one in _together(row["further_ids"], row["further_days"])),
        letters=tuple(Awaited(*one) for one in _together(*(row[name] for name in _LETTERS))),
    )


_LETTERS: Final = ("letter_ids", "letters_sent", "letters_by")


def _together(*columns: Sequence[Any] | None) -> list[tuple[Any, ...]]:
    """Return the rows of arrays that belong together; null: there are none."""
    return list(zip(*(column or () for column in columns), strict=True))
