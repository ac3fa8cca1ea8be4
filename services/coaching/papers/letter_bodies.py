"""What is posted and shown of letters: bodies with examples, answers."""

from datetime import date
from typing import Annotated, Any, Final, Literal

from fastapi.openapi.models import Example
from pydantic import BaseModel, Field

from services.coaching.domain.command_fields import Day, Fields
from services.coaching.domain.papers.letters import LetterFailure, LetterState, SentBy
from services.coaching.domain.papers.permitting import View
from services.contracts.base import Actor, Uuid

On = Annotated[Day, Field(description="The London day on which it was so.")]
PlanVersion = Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)]


class QueueLetter(Fields):
    """A letter to be sent."""

    view: Annotated[View, Field(description="To whom: the person, their GP, their employer.")]
    answer_by: Annotated[Day | None, Field(description="By when an answer is awaited; null: none is.")] = None


class LetterSent(Fields):
    """It was sent. ``plan_version`` stands in the `ETag` of the page."""

    kind: Literal["sent"]
    on: On
    how: SentBy
    plan_version: Annotated[PlanVersion, Field(description="The version of the plan that it tells of.")]


class LetterFailed(Fields):
    """It could not be sent, or came back."""

    kind: Literal["failed"]
    on: On
    failure: LetterFailure


class LetterAnswered(Fields):
    """An answer came."""

    kind: Literal["answered"]
    on: On


class LetterCancelled(Fields):
    """It is not to be sent any more."""

    kind: Literal["cancelled"]


LetterChange = Annotated[LetterSent | LetterFailed | LetterAnswered | LetterCancelled, Field(discriminator="kind")]


class Why(BaseModel):
    """A code, and what to do."""

    code: str
    message: str


class PageStanding(BaseModel):
    """Whether a page can be made today, and if not, why; ``heed``: what to think of when it is handed over."""

    view: View
    available: bool
    why_not: list[Why]
    heed: list[Why]


class LetterView(BaseModel):
    """A letter."""

    letter_id: Uuid
    referral_id: Uuid
    coach: Actor | None
    view: View
    state: LetterState
    queued_on: date
    answer_by: date | None
    attempts: int
    sent_on: date | None
    sent_how: SentBy | None
    sent_version: int | None
    failed_on: date | None
    failure: LetterFailure | None
    answered_on: date | None
    overdue: Annotated[bool, Field(description="The answer is awaited, and its day is over.")]
    why_not: Annotated[list[Why], Field(description="Of one that waits to be sent: what keeps it.")]


class LetterDone(BaseModel):
    """What became of a letter."""

    letter_id: Uuid
    state: LetterState


QUEUE_EXAMPLES: Final[dict[str, Example]] = {
    "gp": {"summary": "To the GP, who is asked for an answer", "value": {"view": "gp", "answer_by": "2099-01-15"}},
    "participant": {"summary": "The plan, to the person", "value": {"view": "participant"}},
}
_SENT: Final[dict[str, Any]] = {"kind": "sent", "on": "2025-06-02", "how": "post", "plan_version": 3}
CHANGE_EXAMPLES: Final[dict[str, Example]] = {
    "sent": {"summary": "It was posted", "value": _SENT},
    "failed": {"summary": "It came back", "value": {"kind": "failed", "on": "2025-06-02", "failure": "returned"}},
    "answered": {"summary": "The GP has answered", "value": {"kind": "answered", "on": "2025-06-02"}},
    "cancelled": {"summary": "It is not needed any more", "value": {"kind": "cancelled"}},
}
