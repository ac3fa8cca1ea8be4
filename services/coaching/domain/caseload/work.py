"""Work lists: what a coach has to see to as of a day. Pure: what is known of a plan, a day and the terms in, items out.

Nothing is stored and no timer runs: each list is true for any day that is asked about. How near is near is our own
choice [design]; the working days and weeks are the programme's.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from services.contracts.plan_codes import PlanState
from services.contracts.working_days import IsClosed, due_day

REVIEW_AHEAD: Final = timedelta(days=7)
"""A review stands in the list from so many days before its day [design]."""
SUPPORT_AHEAD: Final = timedelta(days=14)
"""A plan stands in the list from so many days before its support ends [design]."""
MISSED_IN_A_ROW: Final = 2

ENDED: Final = frozenset({PlanState.CLOSED, PlanState.WITHDRAWN})
_SUPPORTED: Final = frozenset({PlanState.AGREED, PlanState.ACTIVE, PlanState.PAUSED, PlanState.IN_REVIEW})


class WorkList(StrEnum):
    """The lists, in the order in which they are shown."""

    TO_CONTACT = "to_contact"
    MISSED_TWICE = "missed_twice"
    REVIEW = "review"
    SUPPORT_ENDING = "support_ending"
    NEW_PROPOSAL = "new_proposal"
    ADDITIONAL_REFERRAL = "additional_referral"
    LETTER_UNANSWERED = "letter_unanswered"


@dataclass(frozen=True, slots=True)
class Session:
    """A session that was attended or missed; one that was called off counts neither way."""

    on: date
    attended: bool


@dataclass(frozen=True, slots=True)
class Further:
    """A further referral of the same person, which has not ended."""

    referral_id: str
    referred_on: date


@dataclass(frozen=True, slots=True)
class Awaited:
    """A letter that was sent and has not been answered; ``answer_by``: the day until which the answer is in time."""

    letter_id: str
    sent_on: date
    answer_by: date


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a plan as of a day.

    ``came_on``: the day on which its first recommendation came. ``reached_on``: the days on which somebody first and
    last spoke to the person. ``sessions``: in the order of their days. ``proposed_on``: since when a recommendation
    waits.
    """

    referral_id: str
    state: PlanState
    coach: str | None
    came_on: date
    first_reached_on: date | None = None
    last_reached_on: date | None = None
    sessions: tuple[Session, ...] = ()
    agreed_on: date | None = None
    review_on: date | None = None
    proposed_on: date | None = None
    further: tuple[Further, ...] = ()
    letters: tuple[Awaited, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """A programme's terms for one plan: working days to contact, weeks of support."""

    contact_within: int
    support_weeks: int


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to see to. ``due_on``: the last day on which it is in time; null: there is none.

    ``since``: the day from which it had to be seen to. ``about``: the further referral or letter, if it is about one.
    """

    list: WorkList
    referral_id: str
    coach: str | None
    since: date
    due_on: date | None
    overdue: bool
    about: str | None = None


def support_until(agreed_on: date, weeks: int) -> date:
    """Return the last day of support that was agreed on a day."""
    return agreed_on + timedelta(weeks=weeks)


def items(known: Known, as_of: date, terms: Terms, is_closed: IsClosed) -> list[Item]:
    """Return what is to be seen to in one plan at a day. An ended plan needs nothing."""
    if known.state in ENDED:
        return []

    def made(list_: WorkList, since: date, due_on: date | None, about: str | None = None) -> Item:
        late = due_on is not None and as_of > due_on
        return Item(list_, known.referral_id, known.coach, since, due_on, late, about)

    found: list[Item] = []
    for rule in (_to_contact, _missed_twice, _review, _support_ending, _new_proposal, _additional, _letters):
        found += rule(known, as_of, terms, is_closed, made)
    return found


_Made = Callable[..., Item]


def _to_contact(known: Known, _: date, terms: Terms, is_closed: IsClosed, made: _Made) -> Iterator[Item]:
    """Nobody has spoken to the person yet; attempts do not count."""
    if known.first_reached_on is None:
        due = due_day(known.came_on, terms.contact_within, is_closed)
        yield made(WorkList.TO_CONTACT, known.came_on, due)


def _missed_twice(known: Known, _: date, __: Terms, ___: IsClosed, made: _Made) -> Iterator[Item]:
    """The last two sessions were missed, and nobody has spoken to the person since."""
    last = known.sessions[-MISSED_IN_A_ROW:]
    if known.state is PlanState.PAUSED or len(last) < MISSED_IN_A_ROW or any(one.attended for one in last):
        return
    since = last[-1].on
    if known.last_reached_on is None or known.last_reached_on < since:
        yield made(WorkList.MISSED_TWICE, since, None)


def _review(known: Known, as_of: date, _: Terms, __: IsClosed, made: _Made) -> Iterator[Item]:
    """A review is near or its day is over; a paused plan is reviewed when it goes on."""
    due = known.review_on
    if due is not None and known.state in _SUPPORTED - {PlanState.PAUSED} and as_of >= due - REVIEW_AHEAD:
        yield made(WorkList.REVIEW, due - REVIEW_AHEAD, due)


def _support_ending(known: Known, as_of: date, terms: Terms, __: IsClosed, made: _Made) -> Iterator[Item]:
    """The weeks of support are nearly or quite over; a pause does not make them longer."""
    if known.agreed_on is not None and known.state in _SUPPORTED:
        last = support_until(known.agreed_on, terms.support_weeks)
        if as_of >= last - SUPPORT_AHEAD:
            yield made(WorkList.SUPPORT_ENDING, last - SUPPORT_AHEAD, last)


def _new_proposal(known: Known, _: date, __: Terms, ___: IsClosed, made: _Made) -> Iterator[Item]:
    """A recommendation waits to be confirmed or overridden: the first one, or a later one on a confirmed plan."""
    if known.proposed_on is not None:
        yield made(WorkList.NEW_PROPOSAL, known.proposed_on, None)


def _additional(known: Known, _: date, __: Terms, ___: IsClosed, made: _Made) -> Iterator[Item]:
    """Somebody referred the person again while the plan is open."""
    for one in known.further:
        yield made(WorkList.ADDITIONAL_REFERRAL, one.referred_on, None, one.referral_id)


def _letters(known: Known, as_of: date, _: Terms, __: IsClosed, made: _Made) -> Iterator[Item]:
    """The GP should have answered a letter by now: it is shown from the day after the one that was asked for."""
    for one in known.letters:
        if as_of > one.answer_by:
            yield made(WorkList.LETTER_UNANSWERED, one.sent_on, one.answer_by, one.letter_id)
