"""A referral's state: what every later event repeats, the facts as they stand, and whether a person must decide."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from services.contracts import types
from services.contracts.base import Actor, Common, carry
from services.contracts.codes import EligibilityDecision, EligibilityOutcome, Support
from services.contracts.referral import (
    Correction,
    Eligibility,
    EligibilityContested,
    EligibilityDecided,
    Facts,
    ReferralCreated,
    UnmetRequirement,
)
from services.kernel.decision import Event

WITHDRAWN: Final = "referral_withdrawn"
"""The code of a refusal, because the referral was withdrawn."""


class ReviewCause(StrEnum):
    """Why a named person must decide on eligibility."""

    RULES = "rules"
    CONTEST = "contest"
    CORRECTION = "correction"


class Review(BaseModel):
    """A decision that a named person owes, or has given: ``closed_at``.

    ``opened``: the sequence of the event that asked for it; ``reasons``: what it is about; ``not_by``: who has decided
    before and may not decide a contest of it.
    """

    model_config = ConfigDict(frozen=True)

    opened: int
    cause: ReviewCause
    opened_at: datetime
    reasons: tuple[UnmetRequirement, ...]
    not_by: tuple[Actor, ...] = ()
    closed_at: datetime | None = None


class Referral(BaseModel):
    """The state. ``decided``: the decision on eligibility that stands; ``deciders``: who has ever decided on it;
    ``linked_referral``: the person's other referral to which this one is additional.
    """

    model_config = ConfigDict(frozen=True)

    kind: Literal["referral"] = "referral"
    common: Common
    facts: Facts
    asks: tuple[Support, ...]
    eligibility: Eligibility
    decided: EligibilityDecision | None = None
    deciders: tuple[Actor, ...] = ()
    review: Review | None = None
    withdrawn: bool = False
    linked_referral: str | None = None

    @property
    def awaited(self) -> Review | None:
        """The review that a person has yet to decide, None where nothing is awaited."""
        return self.review if self.review is not None and self.review.closed_at is None else None


def evolve(state: Referral | None, event: Event) -> Referral:
    """Fold one of intake's own events."""
    data: Any = event.data
    if event.type == types.REFERRAL_CREATED:
        return _created(data, event.sequence)
    if state is None:
        raise ValueError(f"{event.type} before {types.REFERRAL_CREATED}")
    if event.type == types.REFERRAL_WITHDRAWN:
        return _closed(state, data.received_at, withdrawn=True)
    change = getattr(data, "change", None)
    linked = getattr(change, "linked_referral", None)
    if linked is not None:
        state = state.model_copy(update={"linked_referral": linked})
    match change:
        case EligibilityDecided() as said:
            deciders = tuple(dict.fromkeys((*state.deciders, said.by)))
            known = {"common": Common(**carry(data)), "decided": said.outcome, "deciders": deciders}
            return _closed(state, data.received_at, **known)
        case EligibilityContested():
            asked = Review(
                opened=event.sequence,
                cause=ReviewCause.CONTEST,
                opened_at=data.received_at,
                reasons=state.eligibility.reasons,
                not_by=state.deciders,
            )
            return state.model_copy(update={"decided": None, "review": asked})
        case Correction() as said:
            return _corrected(state, Common(**carry(data)), said, event.sequence, data.received_at)
    return state


def _created(data: ReferralCreated, sequence: int) -> Referral:
    review = None
    if data.eligibility.outcome is EligibilityOutcome.REVIEW:
        reasons = data.eligibility.reasons
        review = Review(opened=sequence, cause=ReviewCause.RULES, opened_at=data.received_at, reasons=reasons)
    return Referral(
        common=Common(**carry(data)),
        facts=data.facts,
        asks=data.asks,
        eligibility=data.eligibility,
        review=review,
        linked_referral=None if data.takes_over else data.linked_referral,
    )


def _closed(state: Referral, at: datetime, **known: Any) -> Referral:
    review = state.awaited
    if review is not None:
        known["review"] = review.model_copy(update={"closed_at": at})
    return state.model_copy(update=known)


def _corrected(state: Referral, common: Common, said: Correction, sequence: int, at: datetime) -> Referral:
    known: dict[str, Any] = {
        "common": common,
        "facts": said.facts,
        "asks": said.asks,
        "eligibility": said.eligibility,
        "decided": said.eligibility_decided,
    }
    if said.eligibility.outcome is EligibilityOutcome.ELIGIBLE or said.eligibility_decided is not None:
        return _closed(state, at, **known)
    review = state.awaited or Review(opened=sequence, cause=ReviewCause.CORRECTION, opened_at=at, reasons=())
    known["review"] = review.model_copy(update={"reasons": said.eligibility.reasons})
    return state.model_copy(update=known)
