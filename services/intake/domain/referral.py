"""What follows from a command about a referral; its state and ``evolve`` are in :mod:`.standing`."""

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from services.contracts import types
from services.contracts.base import Common, carry
from services.contracts.referral import ReferralAssessed, ReferralWithdrawn, SealedAssessment, Withdrawal, referrer_of
from services.intake.domain.audience import Employer, audience
from services.intake.domain.consent import ChangeConsents, change
from services.intake.domain.correction import CorrectReferral, corrected
from services.intake.domain.derive import created
from services.intake.domain.eligibility import ContestEligibility, DecideEligibility, contested, day_faults, decided
from services.intake.domain.faults import referral_faults
from services.intake.domain.policy import IntakePolicy, london_day
from services.intake.domain.posted import AssessmentAdded, ReferralPosted, WithdrawalPosted
from services.intake.domain.readable import ReferralRead
from services.intake.domain.same_person import Near
from services.intake.domain.standing import WITHDRAWN, Referral
from services.intake.domain.status import FULL_VIEW_KINDS
from services.kernel.decision import Cause, Command, Draft, Reason, Refused
from services.kernel.sealing.content import Digest, Sealed

CREATE = "referral.create"
ASSESS = "referral.assess"
WITHDRAW = "referral.withdraw"


class CreateReferral(BaseModel):
    """A referral with what the edge has found out: whose it is, and the open referral that it joins.

    ``near``: an id for each near match, and who else may be the same person. ``number_taken``: the NHS number given
    stands for somebody else, from whom this person is kept apart. ``invited``: the person accepted an invitation.
    """

    model_config = ConfigDict(frozen=True)

    posted: ReferralPosted
    person_id: str
    linked_referral: str | None
    organisation_id: str
    organisation_kind: str
    near: tuple[tuple[str, Near], ...] = ()
    number_taken: bool = False
    invited: bool = False
    content_digest: str | None = None


class AddAssessment(BaseModel):
    """Further answers, from an organisation of that kind."""

    model_config = ConfigDict(frozen=True)

    posted: AssessmentAdded
    organisation_kind: str


def decide(state: Referral | None, cause: Cause, *, policy: IntakePolicy, now: datetime) -> list[Draft]:
    """Return what follows. What other services say of a referral changes nothing here: it is only shown."""
    if not isinstance(cause, Command):
        return []
    if isinstance(cause.data, CreateReferral):
        return _create(state, cause.key, cause.data, policy, now)
    return _later(_known(state), cause, policy, now)


def _later(state: Referral, cause: Command, policy: IntakePolicy, now: datetime) -> list[Draft]:
    actor = cause.actor
    match cause.data:
        case AddAssessment() as data:
            drafts = _assess(state, actor, data, now)
        case ChangeConsents() as data:
            drafts = change(state.common, data, withdrawn=state.withdrawn, actor=actor, now=now)
        case DecideEligibility() as data:
            drafts = decided(state, data, actor=actor, policy=policy, now=now)
        case ContestEligibility() as data:
            drafts = contested(state, data, actor=actor, now=now)
        case CorrectReferral() as data:
            drafts = corrected(state, data, actor=actor, policy=policy, now=now)
        case WithdrawalPosted() as data:
            drafts = _withdraw(state, actor, data, now)
        case _:
            raise TypeError(f"intake knows no command {cause.type}")
    return drafts


def _create(state: Referral | None, key: str, data: CreateReferral, policy: IntakePolicy, now: datetime) -> list[Draft]:
    if state is not None:
        raise Refused(Reason("referral_exists", "this referral exists already"))
    posted = data.posted
    seen = ReferralRead.model_validate(posted.model_dump())
    kind = data.organisation_kind
    reasons = referral_faults(seen, organisation_kind=kind, policy=policy, now=now, invited=data.invited)
    if reasons:
        raise Refused(*reasons, status=422)
    programme = policy.book.version_for(posted.programme, posted.referred_on)
    event = created(
        posted,
        programme,
        policy,
        referral_id=key,
        person_id=data.person_id,
        linked_referral=data.linked_referral,
        now=now,
        referrer=Digest.of(*referrer_of(data.organisation_id)) if data.organisation_kind in FULL_VIEW_KINDS else None,
    )
    return [Draft(types.REFERRAL_CREATED, event, policy=programme.ref)]


def _known(state: Referral | None) -> Referral:
    if state is None:
        raise Refused(Reason("referral_unknown", "there is no such referral"), status=404)
    return state


def _standing(state: Referral | None) -> Referral:
    found = _known(state)
    if found.withdrawn:
        raise Refused(Reason(WITHDRAWN, "the referral was withdrawn"))
    return found


def _assess(state: Referral, actor: str, data: AddAssessment, now: datetime) -> list[Draft]:
    given, today = data.posted.assessment, london_day(now)
    reasons = []
    if isinstance(audience(data.organisation_kind), Employer):
        message = "an employer may send no health detail"
        reasons.append(Reason("health_detail_not_accepted", message, "/assessment"))
    if given.taken_on is not None and given.taken_on > today:
        reasons.append(Reason("date_in_future", "this day has not come yet", "/assessment/taken_on"))
    late = (pointer for pointer, day in given.days().items() if day is not None and day > today)
    reasons += [Reason("date_in_future", "this day has not come yet", pointer) for pointer in late]
    phq9 = given.phq9
    if phq9 and phq9.score is not None and phq9.item9 is not None and phq9.item9 > phq9.score:
        reasons.append(Reason("item9_exceeds_score", "item 9 is part of the score", "/assessment/phq9/item9"))
    if not given.model_dump(exclude={"taken_on", "parts"}, exclude_none=True):
        reasons.append(Reason("assessment_empty", "nothing was answered", "/assessment"))
    if reasons:  # before anything is said of how the referral stands: an employer is refused in any case
        raise Refused(*reasons, status=422)
    _standing(state)
    event = ReferralAssessed(
        **carry(state.common, occurred_on=_not_before(given.taken_on or today, state)),
        received_at=now,
        by=actor or None,
        sealed=SealedAssessment(assessment=Sealed.of(given.plain(today))),
    )
    return [Draft(types.REFERRAL_ASSESSED, event)]


def _withdraw(state: Referral, actor: str, data: WithdrawalPosted, now: datetime) -> list[Draft]:
    reasons = day_faults(data.occurred_on, state, now)
    if reasons:  # before anything is said of how the referral stands: not everybody is told that it was withdrawn
        raise Refused(*reasons, status=422)
    _standing(state)
    change = Withdrawal(by=actor or None, reason=data.reason, channel=data.channel)
    common = carry(state.common, occurred_on=data.occurred_on or london_day(now))
    event = ReferralWithdrawn(**common, received_at=now, change=change)
    return [Draft(types.REFERRAL_WITHDRAWN, event)]


def _not_before(day: date, state: Referral) -> date:
    """An answer can be older than the referral; as a fact about the referral it begins with it."""
    return max(day, state.common.referred_on)


def subject(found: Any) -> str | None:
    """Return whose key seals a referral: of its state, of a command that makes one, of an event about one."""
    match found:
        case Referral(common=common):
            return common.person_id
        case CreateReferral() | Common():
            return found.person_id
    return None
