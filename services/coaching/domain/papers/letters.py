"""A letter as a task: queued, then sent or failed; where an answer is awaited, until it came."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from services.coaching.domain.papers.permitting import NEEDS, View, consent_missing
from services.coaching.domain.plan import Plan
from services.contracts.consent import ConsentFact, ConsentHistory
from services.kernel.decision import Reason, Refused


class LetterState(StrEnum):
    """Where a letter stands."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    ANSWERED = "answered"
    CANCELLED = "cancelled"


class LetterMove(StrEnum):
    """What becomes of a letter."""

    SENT = "sent"
    FAILED = "failed"
    ANSWERED = "answered"
    CANCELLED = "cancelled"


class SentBy(StrEnum):
    """How a letter went."""

    POST = "post"
    SECURE_EMAIL = "secure_email"
    BY_HAND = "by_hand"


class LetterFailure(StrEnum):
    """Why a letter did not arrive."""

    ADDRESS_MISSING = "address_missing"
    NOT_DELIVERED = "not_delivered"
    RETURNED = "returned"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    OTHER = "other"


_GONE: Final = Reason("letter_sent", "the letter is gone; say instead that it failed or was answered")
_NOT_SENT: Final = Reason("letter_not_sent", "only a letter that was sent is answered; record that it was sent first")
_ANSWERED: Final = Reason("letter_answered", "the letter is answered; queue another one")
_CANCELLED: Final = Reason("letter_cancelled", "the letter was called off; queue another one")

MOVES: Final[Mapping[LetterMove, Mapping[LetterState, LetterState | Reason]]] = {
    LetterMove.SENT: {
        LetterState.QUEUED: LetterState.SENT,
        LetterState.FAILED: LetterState.SENT,
        LetterState.SENT: _GONE,
        LetterState.ANSWERED: _ANSWERED,
        LetterState.CANCELLED: _CANCELLED,
    },
    LetterMove.FAILED: {
        LetterState.QUEUED: LetterState.FAILED,
        LetterState.FAILED: LetterState.FAILED,
        LetterState.SENT: LetterState.FAILED,
        LetterState.ANSWERED: _ANSWERED,
        LetterState.CANCELLED: _CANCELLED,
    },
    LetterMove.ANSWERED: {
        LetterState.QUEUED: _NOT_SENT,
        LetterState.FAILED: _NOT_SENT,
        LetterState.SENT: LetterState.ANSWERED,
        LetterState.ANSWERED: _ANSWERED,
        LetterState.CANCELLED: _CANCELLED,
    },
    LetterMove.CANCELLED: {
        LetterState.QUEUED: LetterState.CANCELLED,
        LetterState.FAILED: LetterState.CANCELLED,
        LetterState.SENT: _GONE,
        LetterState.ANSWERED: _ANSWERED,
        LetterState.CANCELLED: _CANCELLED,
    },
}
"""Move x state -> the new state, or why not. The document's table is held equal to it."""


MOST_WAITING: Final = 20
"""How many letters of a plan may be queued or failed at a time [design]."""


def moved(state: LetterState, move: LetterMove) -> LetterState:
    """Return the state after a move. Raises Refused (409)."""
    found = MOVES[move][state]
    if isinstance(found, Reason):
        raise Refused(found)
    return found


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter as it stands. ``consented_on``: the day of the consent under which it was queued; null: none is needed.

    ``answer_by`` is null where no answer is awaited, ``sent_version`` the version of the plan that the letter tells of.
    Dates of an earlier attempt stay until a later one replaces them.
    """

    letter_id: str
    referral_id: str
    view: View
    state: LetterState
    answer_by: date | None
    consented_on: date | None
    queued_at: datetime
    queued_on: date
    attempts: int = 0
    sent_on: date | None = None
    sent_how: str | None = None
    sent_version: int | None = None
    failed_on: date | None = None
    failure: str | None = None
    answered_on: date | None = None

    def known_consents(self) -> list[ConsentFact]:
        """Return the consent that it was queued under: one withdrawn later does not undo what was sent before."""
        kind = NEEDS.get(self.view)
        if kind is None or self.consented_on is None:
            return []
        given = ConsentFact(
            kind=kind,
            given=True,
            on=self.consented_on,
            channel=None,
            by=None,
            recorded_at=self.queued_at,
            source=self.letter_id,
        )
        return [given]


def printable(letter: Letter) -> None:
    """Raise Refused (409) for a letter that was called off; one that is gone can be printed again."""
    if letter.state is LetterState.CANCELLED:
        raise Refused(_CANCELLED)


def queueable(answer_by: date | None, waiting: int, today: date) -> None:
    """Raise Refused: 422 for a day of answer that has come, 409 where ``waiting`` letters of the plan are too many."""
    if waiting >= MOST_WAITING:
        message = f"{waiting} letters of this plan wait to be sent; send them, or call them off"
        raise Refused(Reason("too_many_letters", message))
    if answer_by is not None and answer_by <= today:
        raise Refused(
            Reason("answer_by_not_later", "an answer is awaited by a later day than today", "/answer_by"), status=422
        )


def sent(
    letter: Letter, plan: Plan, *, on: date, how: SentBy, version: int, consents: ConsentHistory, today: date
) -> Letter:
    """Return the letter as sent. Raises Refused: 422 for a day or version that cannot be, 409 without consent then."""
    state = moved(letter.state, LetterMove.SENT)
    wrong = list(_day(on, letter.queued_on, today, "queued"))
    if version > plan.plan_version:
        wrong.append(Reason("plan_version_unknown", f"the plan has {plan.plan_version} versions", "/plan_version"))
    if wrong:
        raise Refused(*wrong, status=422)
    missing = consent_missing(letter.view, on, consents)
    if missing is not None:
        raise Refused(missing)
    return replace(
        letter, state=state, attempts=letter.attempts + 1, sent_on=on, sent_how=how.value, sent_version=version
    )


def failed(letter: Letter, *, on: date, failure: LetterFailure, today: date) -> Letter:
    """Return the letter as failed; one that was sent came back. Raises Refused."""
    state = moved(letter.state, LetterMove.FAILED)
    back = letter.state is LetterState.SENT
    _refuse(_day(on, (letter.sent_on if back else None) or letter.queued_on, today, "sent" if back else "queued"))
    attempts = letter.attempts if back else letter.attempts + 1
    return replace(letter, state=state, attempts=attempts, failed_on=on, failure=failure.value)


def answered(letter: Letter, *, on: date, today: date) -> Letter:
    """Return the letter as answered. Raises Refused."""
    state = moved(letter.state, LetterMove.ANSWERED)
    _refuse(_day(on, letter.sent_on or letter.queued_on, today, "sent"))
    return replace(letter, state=state, answered_on=on)


def cancelled(letter: Letter) -> Letter:
    """Return the letter as called off. Raises Refused."""
    return replace(letter, state=moved(letter.state, LetterMove.CANCELLED))


def _refuse(reasons: Iterable[Reason]) -> None:
    found = list(reasons)
    if found:
        raise Refused(*found, status=422)


def _day(on: date, first: date, today: date, since: str) -> Iterator[Reason]:
    if on > today:
        yield Reason("occurred_in_future", "this day has not come yet in London", "/on")
    elif on < first:
        yield Reason(f"before_{since}", f"the letter was {since} on {first}", "/on")
