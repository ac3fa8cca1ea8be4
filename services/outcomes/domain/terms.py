"""Rate cards made ready for the hot path: which terms price a contract on a day.

A card is chosen by the date of the fact, never by the date on which it became known. After the last day
of a programme's last version its plans, evidence and payments run off under that version, as far as its
cards reach.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from services.contracts.base import PolicyVersion
from services.contracts.plan_codes import EvidenceKind
from services.contracts.working_days import IsClosed, due_day
from services.kernel.decision import PolicyMissing, PolicyRef
from services.kernel.money import portion
from services.programmes.model import Programme
from services.programmes.rate_card import Acceleration, GroupUplift, Price, RateCard

PARTICIPANT = "participant"
ENGAGEMENT = "engagement"
WORK_OUTCOME = "work_outcome"
HEALTH_OUTCOME = "health_outcome"

ACCELERATED = "accelerated"
UPLIFTED = "uplifted"


@dataclass(frozen=True, slots=True)
class Term:
    """What one milestone pays and when: the card's price with its evidence as kinds. See :class:`Price`."""

    milestone: str
    fact: str
    amount_pence: int
    at_most: int
    gap_days: int
    evidence: frozenset[EvidenceKind]
    nth: int = 0
    weeks: int = 0
    within_weeks: int | None = None
    least_hours: int = 0
    least_earnings_pence: int | None = None
    least_self_employed_days: int | None = None
    within_days: int | None = None
    acceleration: Acceleration | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one rate card. ``card`` and ``ref`` both name it: in an event's data and attributes."""

    card: PolicyVersion
    ref: PolicyRef
    contracts: frozenset[str]
    by_milestone: Mapping[str, Term]
    by_fact: Mapping[str, tuple[Term, ...]]
    uplifts: tuple[GroupUplift, ...] = ()
    acknowledge_within: int | None = None
    is_closed: IsClosed | None = None

    def price_of(self, term: Term, on: date, start: date | None, groups: Iterable[str]) -> tuple[int, tuple[str, ...]]:
        """Return the pence of a milestone reached on a day, and what changed its price, as codes.

        First the earlier price, then the highest uplift of the person's groups, rounded once.
        """
        pence, why = term.amount_pence, []
        sooner = term.acceleration
        if sooner is not None and start is not None and (on - start).days <= sooner.within_days:
            pence, why = sooner.amount_pence, [ACCELERATED]
        held = frozenset(groups)
        points = max((u.basis_points for u in self.uplifts if u.group in held and _of(u, term.milestone)), default=0)
        if points:
            pence, why = pence + portion(pence, points), [*why, UPLIFTED]
        return pence, tuple(why)

    def taken_up(self, referred_on: date, acknowledged_on: date | None) -> bool:
        """Tell whether the provider took a referral up in the working days that the card gives, if it gives any."""
        if self.acknowledge_within is None or self.is_closed is None:
            return True
        due = due_day(referred_on, self.acknowledge_within, self.is_closed)
        return acknowledged_on is not None and acknowledged_on <= due


@dataclass(frozen=True, slots=True)
class _Span:
    starts: date
    ends: date
    terms: Terms


class RateBook:
    """Every rate card of every programme.

    ``is_closed`` tells on which days nobody works, for cards that give working days. Raises ValueError for a kind of
    evidence that does not exist, and for such a card without it.
    """

    def __init__(self, programmes: Iterable[Programme], is_closed: IsClosed | None = None) -> None:
        self._spans: dict[tuple[str, str], list[_Span]] = {}
        self._named: dict[tuple[str, str, str], Terms] = {}
        self._is_closed = is_closed
        by_id: dict[str, list[Programme]] = {}
        for version in programmes:
            by_id.setdefault(version.programme, []).append(version)
        for versions in by_id.values():
            versions.sort(key=lambda v: v.effective_from)
            for version, following in zip(versions, [*versions[1:], None], strict=True):
                last_day = date.max
                if following is not None:
                    last_day = version.effective_to or following.effective_from - timedelta(days=1)
                self._add(version, last_day)

    def _add(self, version: Programme, last_day: date) -> None:
        for card in version.payment.rate_cards:
            starts = max(version.effective_from, card.effective_from)
            terms = _terms(card, self._is_closed)
            self._named[version.programme, card.id, card.version] = terms
            span = _Span(starts, min(last_day, card.effective_to or date.max), terms)
            for contract in card.contracts:
                self._spans.setdefault((version.programme, contract), []).append(span)

    def find(self, programme: str, contract: str, on: date) -> Terms | None:
        """Return the terms that price ``contract`` on a day, or None."""
        for span in self._spans.get((programme, contract), ()):
            if span.starts <= on <= span.ends:
                return span.terms
        return None

    def terms(self, programme: str, contract: str, on: date) -> Terms:
        """Return the terms that price ``contract`` on a day. Raises PolicyMissing when no card does."""
        found = self.find(programme, contract, on)
        if found is None:
            raise PolicyMissing(
                f"no rate card of programme {programme!r} prices contract {contract!r} on {on}; "
                "add the programme file that covers this day and resume"
            )
        return found

    def named(self, programme: str, card: str, version: str) -> Terms | None:
        """Return the terms of a card by its name, whatever days it prices; that of the programme's latest file."""
        return self._named.get((programme, card, version))


def _of(uplift: GroupUplift, milestone: str) -> bool:
    return not uplift.milestones or milestone in uplift.milestones


def _terms(card: RateCard, is_closed: IsClosed | None) -> Terms:
    if card.acknowledge_within_working_days is not None and is_closed is None:
        raise ValueError(f"card {card.id} {card.version} counts working days, and nobody said which these are")
    ref = card.ref
    terms = [_term(price) for price in card.prices]
    by_fact: dict[str, tuple[Term, ...]] = {}
    for term in terms:
        by_fact[term.fact] = (*by_fact.get(term.fact, ()), term)
    return Terms(
        PolicyVersion(id=ref.id, version=ref.version, sha256=ref.sha256),
        ref,
        frozenset(card.contracts),
        {term.milestone: term for term in terms},
        by_fact,
        card.uplifts,
        card.acknowledge_within_working_days,
        is_closed,
    )


def _term(price: Price) -> Term:
    return Term(
        milestone=price.milestone,
        fact=price.paid_for,
        amount_pence=price.amount_pence,
        at_most=price.at_most,
        gap_days=price.gap_days or 0,
        evidence=frozenset(EvidenceKind(kind) for kind in price.evidence),
        nth=price.nth or 0,
        weeks=price.weeks or 0,
        within_weeks=price.within_weeks,
        least_hours=price.least_hours or 0,
        least_earnings_pence=price.least_earnings_pence,
        least_self_employed_days=price.least_self_employed_days,
        within_days=price.within_days,
        acceleration=price.acceleration,
    )
