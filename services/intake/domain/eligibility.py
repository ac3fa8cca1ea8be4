"""A named person decides on eligibility; the person can contest it, and then somebody else decides.

No rule refuses anybody: it only asks for this decision. *Not eligible* confirms what the rule proposes, *eligible*
overrides it.
"""

from datetime import date, datetime
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from services.contracts import types
from services.contracts.base import AreaCode, Code, Uuid, carry
from services.contracts.codes import Channel, EligibilityDecision
from services.contracts.referral import (
    EligibilityContested,
    EligibilityDecided,
    ReferralEligibilityContested,
    ReferralEligibilityDecided,
)
from services.contracts.referral_codes import ContestGround, EligibilityGround
from services.intake.domain.policy import IntakePolicy, london_day
from services.intake.domain.posted import Posted
from services.intake.domain.standing import Referral, Review, ReviewCause
from services.kernel.decision import Draft, Reason, Refused
from services.programmes.areas import Undecided
from services.programmes.model import Programme

DECIDE: Final = "referral.decide_eligibility"
CONTEST: Final = "referral.contest_eligibility"
NOTHING_TO_CONTEST: Final = "nothing_to_contest"
MOST: Final = 20


class DecisionPosted(Posted):
    """``POST /referrals/{id}/eligibility-decision``.

    ``unmet``: the codes of the reasons that the decider saw (null: whatever they are now); ``alternatives``: where the
    person was told they may turn, codes of the programme's file; ``area_code``: where the area was undecided;
    ``occurred_on`` null means today.
    """

    outcome: EligibilityDecision
    reasons: Annotated[tuple[EligibilityGround, ...], Field(min_length=1, max_length=MOST)]
    alternatives: Annotated[tuple[Code, ...], Field(max_length=MOST)] = ()
    area_code: AreaCode | None = None
    unmet: Annotated[tuple[Code, ...], Field(max_length=100)] | None = None
    occurred_on: date | None = None


class ContestPosted(Posted):
    """``POST /referrals/{id}/contest``; no reason is needed. ``occurred_on`` null means today."""

    reasons: Annotated[tuple[ContestGround, ...], Field(max_length=MOST)] = ()
    channel: Channel | None = None
    occurred_on: date | None = None


class DecideEligibility(BaseModel):
    """The decision of a named person, who is the command's actor. ``beside``: the person's other open referral."""

    model_config = ConfigDict(frozen=True)

    posted: DecisionPosted
    beside: Uuid | None = None


class ContestEligibility(BaseModel):
    """The person contests the decision; the actor passes it on. ``beside``: the person's other open referral."""

    model_config = ConfigDict(frozen=True)

    posted: ContestPosted
    beside: Uuid | None = None


def decided(
    state: Referral, data: DecideEligibility, *, actor: str, policy: IntakePolicy, now: datetime
) -> list[Draft]:
    """Return the decision. Raises Refused: 409 where nobody, or somebody else, is asked; 422 for what cannot be."""
    posted, review = data.posted, _awaited(state)
    if review.cause is ReviewCause.CONTEST and actor in review.not_by:
        message = "who has decided before does not decide on the contest: another named person must"
        raise Refused(Reason("another_person_needed", message))
    if posted.unmet is not None and {*posted.unmet} != {one.code for one in review.reasons}:
        message = "the reasons have changed since; read them, then decide on those"
        raise Refused(Reason("reasons_changed", message, "/unmet"))
    programme = policy.book.version_for(state.common.programme.id, state.common.referred_on)
    day = posted.occurred_on or london_day(now)
    reasons = [
        *day_faults(posted.occurred_on, state, now),
        *_alternative_faults(posted, programme),
        *_area_faults(posted, state, candidates(state, programme, policy)),
    ]
    if reasons:
        raise Refused(*reasons, status=422)
    common = carry(state.common, occurred_on=day, area_code=posted.area_code or state.common.area_code)
    change = EligibilityDecided(
        by=actor,
        outcome=posted.outcome,
        reasons=tuple(dict.fromkeys(posted.reasons)),
        unmet=review.reasons,
        alternatives=tuple(dict.fromkeys(posted.alternatives)),
        area_code=posted.area_code,
        contested=review.cause is ReviewCause.CONTEST,
        linked_referral=additional_to(state, data.beside) if posted.outcome is EligibilityDecision.ELIGIBLE else None,
    )
    event = ReferralEligibilityDecided(**common, received_at=now, change=change)
    return [Draft(types.REFERRAL_ELIGIBILITY_DECIDED, event, policy=programme.ref)]


def contested(state: Referral, data: ContestEligibility, *, actor: str, now: datetime) -> list[Draft]:
    """Return the contest. Raises Refused: 409 where no decision stands against the person."""
    posted = data.posted
    reasons = day_faults(posted.occurred_on, state, now)
    if reasons:  # before anything is said of how the referral stands: not everybody is told
        raise Refused(*reasons, status=422)
    if not contestable(state):
        message = "nobody has decided that the person is not eligible, or it is contested already"
        raise Refused(Reason(NOTHING_TO_CONTEST, message))
    change = EligibilityContested(
        by=actor or None,
        reasons=tuple(dict.fromkeys(posted.reasons)) or (ContestGround.NOT_STATED,),
        unmet=state.eligibility.reasons,
        channel=posted.channel,
        linked_referral=additional_to(state, data.beside),
    )
    common = carry(state.common, occurred_on=posted.occurred_on or london_day(now))
    event = ReferralEligibilityContested(**common, received_at=now, change=change)
    return [Draft(types.REFERRAL_ELIGIBILITY_CONTESTED, event)]


def additional_to(state: Referral, beside: str | None) -> str | None:
    """Return the other referral of the person to which one that goes on is additional from here on.

    While a referral was over the person may have been referred anew. Nobody is funded twice for the same days: the
    one that is open already is paid for. None: there is none, or this one was additional before.
    """
    return beside if state.linked_referral is None else None


def contestable(state: Referral) -> bool:
    """Tell whether a decision stands against the person."""
    return state.decided is EligibilityDecision.NOT_ELIGIBLE and not state.withdrawn


def candidates(state: Referral, programme: Programme, policy: IntakePolicy) -> tuple[str, ...]:
    """Return the area codes of which a person must say one; none: the area is established."""
    if state.common.area_code is not None:
        return ()
    found = policy.area_on(programme, state.common.referred_on, None)
    return found.candidates if isinstance(found, Undecided) else (found,)


def _awaited(state: Referral) -> Review:
    if state.withdrawn:
        raise Refused(Reason("referral_withdrawn", "the referral was withdrawn"))
    if state.awaited is None:
        message = "no decision on eligibility is awaited; a decision against the person can be contested first"
        raise Refused(Reason("nothing_to_decide", message))
    return state.awaited


def day_faults(day: date | None, state: Referral, now: datetime) -> list[Reason]:
    """Return what is wrong with the day of a later fact."""
    if day is not None and day > london_day(now):
        return [Reason("date_in_future", "this day has not come yet", "/occurred_on")]
    if day is not None and day < state.common.referred_on:
        return [Reason("before_referral", "this is before the referral", "/occurred_on")]
    return []


def _alternative_faults(posted: DecisionPosted, programme: Programme) -> list[Reason]:
    known = {one.code for one in programme.joining.alternatives}
    found = [
        Reason("alternative_unknown", "the programme's file has no such alternative", f"/alternatives/{index}")
        for index, code in enumerate(posted.alternatives)
        if code not in known
    ]
    if posted.outcome is EligibilityDecision.NOT_ELIGIBLE and known and not posted.alternatives:
        message = "say where the person was told they may turn: nobody is sent away with nothing"
        found.append(Reason("alternative_required", message, "/alternatives"))
    return found


def _area_faults(posted: DecisionPosted, state: Referral, offered: tuple[str, ...]) -> list[Reason]:
    if posted.area_code is None:
        if offered and posted.outcome is EligibilityDecision.ELIGIBLE:
            message = f"the area is undecided: say which of {', '.join(offered)}"
            return [Reason("area_required", message, "/area_code")]
    elif not offered and posted.area_code != state.common.area_code:
        return [Reason("area_established", "the area is not undecided; correct the postcode instead", "/area_code")]
    elif offered and posted.area_code not in offered:
        return [Reason("area_not_offered", f"not one of {', '.join(offered)}", "/area_code")]
    return []
