"""A forecast: earned so far, expected from open plans, what is left under each ceiling, when it is reached.

The method is plain, and said with every answer. *Open* is a referral whose participant's milestone is not older than
the programme's support. Of those whose support is over, the mean number of engagements is taken; an open one is
expected to come to it, at the price of the card, less what it has had. Where nobody's support is over, it is expected
to have one more engagement in each gap of the card that is left. The *pace* is the mean of what was earned, less what
was taken back, in the last three whole months. A ceiling is reached in the month in which the pace has used it up.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from services.kernel.operations.audit import OperationRefused
from services.kernel.runtime.tables import Connection
from services.outcomes.domain.months import month_after, month_of, month_with
from services.outcomes.domain.settlement import Tier
from services.outcomes.settlement.terms import tiers_above
from services.programmes.book import ProgrammeBook

PACE_MONTHS: Final = 3
MOST_MONTHS: Final = 600
NET: Final = """
SELECT t.contract, to_char(t.effective_on, 'YYYY-MM') AS month,
       sum(coalesce(s.payable_pence, t.amount_pence))::bigint AS pence
FROM ledger_transaction t LEFT JOIN settlement_line s ON s.entry_id = t.id
WHERE t.effective_on <= $1 AND t.kind IN ('earned', 'reversal', 'clawback', 'adjustment', 'fee') GROUP BY 1, 2
"""
PEOPLE: Final = """
SELECT t.contract, t.referral_id, min(t.effective_on) FILTER (WHERE t.milestone = 'participant') AS began,
       count(*) FILTER (WHERE t.milestone = 'engagement') AS engagements
FROM ledger_transaction t
WHERE t.programme = $1 AND t.kind = 'earned' AND t.effective_on <= $2
  AND NOT EXISTS (SELECT FROM ledger_transaction r WHERE r.refers_to = t.id AND r.kind = 'reversal')
GROUP BY 1, 2
"""
METHOD: Final = (
    "expected: open plans come to the mean engagements of finished ones, at the card's price; "
    "pace: mean net earnings of the last three whole months"
)


@dataclass(frozen=True, slots=True)
class Person:
    """A referral as the forecast sees it."""

    contract: str
    began: date
    engagements: int


def expected_engagements(people: Sequence[Person], as_of: date, weeks: int, at_most: int, gap_days: int) -> list[float]:
    """Return how many more engagements each open plan is expected to have."""
    length = timedelta(weeks=weeks)
    finished = [one.engagements for one in people if one.began + length <= as_of]
    more = []
    for one in people:
        end = one.began + length
        if end <= as_of:
            continue
        left = (end - as_of).days // max(1, gap_days)
        wanted = sum(finished) / len(finished) - one.engagements if finished else left
        more.append(max(0.0, min(wanted, at_most - one.engagements)))
    return more


def reached(left_pence: int, pace_pence: int, month: str) -> str | None:
    """Return the month in which a ceiling is used up at a pace, from ``month`` on; None: not within fifty years."""
    for _ in range(MOST_MONTHS if pace_pence > 0 else 1):
        left_pence -= max(0, pace_pence) if left_pence > 0 else 0
        if left_pence <= 0:
            return month
        month = month_after(month)
    return None


async def forecast(connection: Connection, book: ProgrammeBook, programme: str, as_of: date) -> dict[str, Any]:
    """Return the forecast of a programme as of a day. Raises OperationRefused for an unknown one."""
    if book.is_synthetic(programme):
        raise OperationRefused("programme_synthetic", f"{programme} is synthetic: nothing of it is ever paid")
    version = next((v for v in reversed([*book]) if v.programme == programme and v.effective_from <= as_of), None)
    if version is None:
        raise OperationRefused("programme_unknown", f"there is no programme {programme} on {as_of}")
    net = await connection.fetch(NET, as_of)
    rows = await connection.fetch(PEOPLE, programme, as_of)
    people = [Person(row["contract"], row["began"], row["engagements"]) for row in rows if row["began"]]
    contracts = {contract.id for _, contract in version.tiers.contracts()}
    expected = 0.0
    for contract in sorted(contracts):
        card = version.payment.card_for(contract, as_of)
        price = card.price("engagement") if card else None
        if price is not None:
            mine = [one for one in people if one.contract == contract]
            weeks = version.support.length_weeks
            more = expected_engagements(mine, as_of, weeks, price.at_most, price.gap_days or 1)
            expected += sum(more) * price.amount_pence
    above = tiers_above(book, as_of)
    tiers = {tier.name: tier for contract in sorted(contracts) for tier in above.get(contract, ())}
    return {
        "programme": programme,
        "as_of": as_of.isoformat(),
        "earned_pence": sum(row["pence"] for row in net if row["contract"] in contracts),
        "expected_from_open_plans_pence": round(expected),
        "tiers": [_tier(tier, net, above, as_of) for tier in tiers.values() if tier.ceiling_pence is not None],
        "method": METHOD,
    }


def _tier(tier: Tier, net: Iterable[Any], above: Mapping[str, Sequence[Tier]], as_of: date) -> dict[str, Any]:
    under = [row for row in net if any(one.name == tier.name for one in above.get(row["contract"], ()))]
    used = sum(row["pence"] for row in under)
    months = _last_months(as_of)
    pace = sum(row["pence"] for row in under if row["month"] in months) // PACE_MONTHS
    left = (tier.ceiling_pence or 0) - used
    return {
        "tier": tier.name,
        "ceiling_pence": tier.ceiling_pence,
        "used_pence": used,
        "left_pence": left,
        "pace_pence_a_month": pace,
        "reached_in": reached(left, pace, month_with(as_of)),
    }


def _last_months(as_of: date) -> frozenset[str]:
    found, day = [], month_of(month_with(as_of))[0]
    for _ in range(PACE_MONTHS):
        day = (day - timedelta(days=1)).replace(day=1)
        found.append(month_with(day))
    return frozenset(found)
