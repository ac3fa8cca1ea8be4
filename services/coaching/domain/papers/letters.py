"""A letter as a task: queued, then sent or failed; where an answer is awaited, until it came."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

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


def moved(state: LetterState, move: LetterMove) -> LetterState:
    """Return the state after a move. Raises Refused (409)."""
    found = MOVES[move][state]
    if isinstance(found, Reason):
        raise Refused(found)
    return found
