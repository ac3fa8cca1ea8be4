"""Coaches as of a day: what they can take on, what they hold, who stands in; and who has held a plan."""

import json
from datetime import date
from typing import Annotated, Any, Final

from pydantic import BaseModel, Field

from services.coaching.caseload.store import STANDING
from services.coaching.caseload.taking import ENDED
from services.coaching.domain.caseload.coach import Coach, lower, overlaps
from services.coaching.domain.policy import CoachingPolicy
from services.contracts.base import Actor, Slug
from services.contracts.coach import Absence
from services.contracts.coach_codes import CoachOffer, CoachState
from services.contracts.referral import Language
from services.kernel.decision import Reason, Refused
from services.kernel.http import Principal
from services.kernel.operations.audit import Pool
from services.kernel.runtime.commands import Transaction
from services.kernel.runtime.tables import Connection


class CoachView(BaseModel):
    """A coach on a day. Who holds plans and was never registered has no profile and no ceiling."""

    coach_id: Actor
    registered: bool
    version: Annotated[int | None, Field(description="For If-Match of a command about the coach.")]
    state: CoachState | None
    open_plans: int
    ceiling: Annotated[
        int | None, Field(description="The most open plans: capacity, or less where the programme says.")
    ]
    free_places: Annotated[int | None, Field(description="0 while away, full or gone. Null: no ceiling is known.")]
    languages: list[Language]
    localities: list[Slug]
    offers: list[CoachOffer]
    away: bool
    away_until: date | None
    cover: Actor | None

    def offers_what(self, language: str | None, locality: str | None, offer: CoachOffer | None) -> bool:
        """Tell whether the coach speaks, works and offers what is asked for; no locality: everywhere."""
        return (
            (language is None or language in self.languages)
            and (locality is None or not self.localities or locality in self.localities)
            and (offer is None or offer in self.offers)
        )


class Holder(BaseModel):
    """A coach who held a plan; ``until_on`` null: still does. ``by``: who gave it to them."""

    coach: Actor | None
    since_on: date
    until_on: date | None
    plan_version: int
    by: Actor | None


_COACHES: Final = f"""
WITH newest AS (
    SELECT DISTINCT ON (referral_id) coach, state, programme, provider FROM ({STANDING}) s
    WHERE stood_on <= $1 ORDER BY referral_id, plan_version DESC),
held AS (
    SELECT coach AS coach_id, count(*) AS open_plans,
        bool_or(($2::text IS NULL OR programme = $2) AND ($3::text IS NULL OR provider = $3)) AS here
    FROM newest WHERE coach IS NOT NULL AND state <> ALL($4::text[]) GROUP BY coach),
known AS (
    SELECT c.*, a.from_on IS NOT NULL AS away, a.until_on, a.cover FROM coach c
    LEFT JOIN LATERAL (
        SELECT from_on, until_on, cover FROM coach_absence
        WHERE coach_id = c.coach_id AND from_on <= $1 AND (until_on IS NULL OR until_on >= $1)
        ORDER BY from_on DESC LIMIT 1) a ON true
    WHERE $3::text IS NULL OR c.provider = $3)
SELECT coalesce(known.coach_id, held.coach_id) AS coach_id, known.programme, known.state, known.capacity,
    known.version, known.languages::text AS languages,
    known.localities::text AS localities, known.offers::text AS offers,
    coalesce(known.away, false) AS away, known.until_on, known.cover, coalesce(held.open_plans, 0) AS open_plans
FROM known FULL JOIN held USING (coach_id)
WHERE held.here OR (known.coach_id IS NOT NULL AND ($2::text IS NULL OR known.programme = $2)) ORDER BY 1
"""  # noqa: S608  our own words


async def coaches(
    source: Pool | Connection, policy: CoachingPolicy, as_of: date, programme: str | None, provider: str | None
) -> list[CoachView]:
    """Return the coaches of a programme and provider (None: all), those with the most free places first.

    Profiles are today's, plans and absences those of the day. All open plans of a coach count, as they do when one is
    taken: also those that no provider has yet, and of other programmes.
    """
    rows = await source.fetch(_COACHES, as_of, programme, provider, list(ENDED))
    found = [_view(row, policy, as_of) for row in rows]
    return sorted(found, key=lambda one: (-(one.free_places or 0), one.coach_id))


def _view(row: Any, policy: CoachingPolicy, as_of: date) -> CoachView:
    registered, open_plans = row["capacity"] is not None, row["open_plans"]
    most = None
    if registered:
        version = policy.book.find(row["programme"], as_of)
        most = lower(row["capacity"], version.support.caseload_ceiling if version is not None else None)
    takes = not row["away"] and row["state"] == CoachState.WORKING
    return CoachView(
        coach_id=row["coach_id"],
        registered=registered,
        version=row["version"],
        state=CoachState(row["state"]) if registered else None,
        open_plans=open_plans,
        ceiling=most,
        free_places=None if most is None else max(0, most - open_plans) if takes else 0,
        **{name: json.loads(row[name] or "[]") for name in ("languages", "localities", "offers")},
        away=row["away"],
        away_until=row["until_on"],
        cover=row["cover"],
    )


# A version that names another coach than the one before it, and until when that one held it.
_HOLDERS: Final = """
WITH told AS (
    SELECT plan_version, occurred_on, coach, actor, lag(coach) OVER versions AS before FROM plan_history
    WHERE referral_id = $1 WINDOW versions AS (ORDER BY plan_version)),
moved AS (SELECT * FROM told WHERE coach IS DISTINCT FROM before)
SELECT coach, occurred_on AS since_on, plan_version, actor AS by,
    lead(occurred_on) OVER (ORDER BY plan_version) AS until_on
FROM moved ORDER BY plan_version
"""


async def holders(source: Pool | Connection, referral_id: str) -> list[Holder]:
    """Return who has held a plan, the first first."""
    return [Holder.model_validate(dict(row)) for row in await source.fetch(_HOLDERS, referral_id)]


async def cover_free(tx: Transaction, absence: Absence, coach_id: str, who: Principal) -> bool | None:
    """Tell whether the cover is there throughout an absence, seen under the cover's lock; None: nobody covers.

    Raises Refused 422 ``cover_unknown`` for whoever is no working coach of the sender's organisation.
    """
    if absence.cover is None:
        return None
    if absence.cover == coach_id:
        return True  # refused by the coach's own decision
    await tx.lock([absence.cover, coach_id])
    cover = await tx.load(absence.cover)
    at_home = isinstance(cover, Coach) and cover.provider == who.organisation_id
    if not at_home or cover.state is not CoachState.WORKING:
        message = "no coach of this name works at your organisation; register them first"
        raise Refused(Reason("cover_unknown", message, "/cover"), status=422)
    return not any(overlaps(absence, other) for other in cover.absences)
