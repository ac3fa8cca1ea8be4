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
from services.kernel.decision import PolicyMissing, PolicyRef
from services.programmes.model import Programme
from services.programmes.rate_card import Price, RateCard

PARTICIPANT = "participant"
ENGAGEMENT = "engagement"
WORK_OUTCOME = "work_outcome"
HEALTH_OUTCOME = "health_outcome"


@dataclass(frozen=True, slots=True)
class Term:
    """What one milestone pays: pence each time, how often, days between two, evidence of which one is needed."""

    milestone: str
    amount_pence: int
    at_most: int
    gap_days: int
    evidence: frozenset[EvidenceKind]


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one rate card. ``card`` and ``ref`` both name it: in an event's data and attributes."""

    card: PolicyVersion
    ref: PolicyRef
    by_milestone: Mapping[str, Term]


@dataclass(frozen=True, slots=True)
class _Span:
    starts: date
    ends: date
    terms: Terms


class RateBook:
    """Every rate card of every programme. Raises ValueError for a kind of evidence that does not exist."""

    def __init__(self, programmes: Iterable[Programme]) -> None:
        self._spans: dict[tuple[str, str], list[_Span]] = {}
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
            span = _Span(starts, min(last_day, card.effective_to or date.max), _terms(card))
            for contract in card.contracts:
                self._spans.setdefault((version.programme, contract), []).append(span)

    def terms(self, programme: str, contract: str, on: date) -> Terms:
        """Return the terms that price ``contract`` on a day. Raises PolicyMissing when no card does."""
        for span in self._spans.get((programme, contract), ()):
            if span.starts <= on <= span.ends:
                return span.terms
        raise PolicyMissing(
            f"no rate card of programme {programme!r} prices contract {contract!r} on {on}; "
            "add the programme file that covers this day and resume"
        )


def _terms(card: RateCard) -> Terms:
    ref = card.ref
    return Terms(
        PolicyVersion(id=ref.id, version=ref.version, sha256=ref.sha256),
        ref,
        {price.milestone: _term(price) for price in card.prices},
    )


def _term(price: Price) -> Term:
    kinds = frozenset(EvidenceKind(kind) for kind in price.evidence)
    return Term(price.milestone, price.amount_pence, price.at_most, price.gap_days or 0, kinds)
