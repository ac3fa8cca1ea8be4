"""Consents after the referral: given or withdrawn, one or several at once; and the facts that intake keeps of them.

Who withdraws the consent to take part takes the referral back with it. Withdrawing is as easy as giving: nothing but an
impossible day stands against it. Giving is the person's: an employer, who has a stake in it, passes on none.
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

from services.contracts import types
from services.contracts.base import Common, carry
from services.contracts.codes import ConsentKind, WithdrawalReason
from services.contracts.consent import ConsentFact, first_words
from services.contracts.plan import PlanUpdated
from services.contracts.plan_change import ConsentChanged
from services.contracts.referral import (
    Consent,
    ConsentChange,
    ReferralConsentChanged,
    ReferralCreated,
    ReferralWithdrawn,
    Withdrawal,
)
from services.intake.domain.audience import Employer, audience
from services.intake.domain.policy import london_day
from services.intake.domain.posted import ConsentsPosted, Posted
from services.intake.domain.readable import ConsentsRead, Known, Readable
from services.kernel.decision import Draft, Reason, Refused

GIVE: Final = "referral.give_consents"
WITHDRAW: Final = "referral.withdraw_consents"


def _said(consents: ConsentsPosted) -> ConsentsPosted:
    if not any(spoken(consents)):
        raise PydanticCustomError("consents_empty", "nothing was said of any consent")
    return consents


class ConsentsChangedPosted(Posted):
    """``POST /referrals/{id}/consents``: those that changed; ``on`` null means today."""

    consents: Annotated[ConsentsPosted, AfterValidator(_said)]


class ConsentsChangedRead(Readable):
    """The same, as far as it can be read."""

    consents: Known[ConsentsRead] = None


class ChangeConsents(BaseModel):
    """Consents that changed, told by an organisation of that kind.

    ``takes_part_since``: the day of the latest consent to take part that the edge has found standing, None for none.
    """

    model_config = ConfigDict(frozen=True)

    posted: ConsentsChangedPosted
    organisation_kind: str
    takes_part_since: date | None = None

    @property
    def command(self) -> str:
        """The command's type: a person's restriction stops what gives, never what only withdraws."""
        return GIVE if any(said.given for _, said in spoken(self.posted.consents)) else WITHDRAW


def spoken(consents: ConsentsPosted) -> Iterator[tuple[ConsentKind, Consent]]:
    """Yield what was said of each consent."""
    for kind in ConsentKind:
        said = getattr(consents, kind.value)
        if said is not None:
            yield kind, Consent(given=said.given, on=said.on, channel=said.channel)


def consent_faults(
    seen: ConsentsChangedRead, *, organisation_kind: str, referred_on: date, now: datetime
) -> list[Reason]:
    """Return every reason against a change of consents, in the order of its fields."""
    consents = seen.consents
    if consents is None:
        return []
    reasons = []
    for kind in ConsentKind:
        said = getattr(consents, kind.value)
        if said is None:
            continue
        if said.given and isinstance(audience(organisation_kind), Employer):
            message = "an employer passes on a withdrawal, never a consent: ask the person"
            reasons.append(Reason("consent_not_accepted", message, f"/consents/{kind}/given"))
        if said.on is not None and said.on > london_day(now):
            reasons.append(Reason("date_in_future", "this day has not come yet", f"/consents/{kind}/on"))
        if said.on is not None and said.on < referred_on:
            reasons.append(Reason("before_referral", "this is before the referral", f"/consents/{kind}/on"))
    return reasons


def change(common: Common, data: ChangeConsents, *, withdrawn: bool, actor: str, now: datetime) -> list[Draft]:
    """Return an event for each consent that changed, and the withdrawal that follows from the consent to take part.

    A withdrawal that comes late takes nothing back when consent was given again on a later day. Raises Refused: 422
    for what cannot be, 409 for a consent to what has ended. What ends the plan comes last, so that the other changes
    still find it.
    """
    seen = ConsentsChangedRead.model_validate(data.posted.model_dump(exclude_none=True))
    kind_of = data.organisation_kind
    faults = consent_faults(seen, organisation_kind=kind_of, referred_on=common.referred_on, now=now)
    if faults:
        raise Refused(*faults, status=422)
    if withdrawn and data.command == GIVE:
        raise Refused(Reason("referral_withdrawn", "the referral was withdrawn"))
    drafts = []
    for kind, said in sorted(spoken(data.posted.consents), key=_ends):
        on = said.on or london_day(now)
        word = ConsentChange(by=actor or None, consent=kind, given=said.given, channel=said.channel)
        event = ReferralConsentChanged(**carry(common, occurred_on=on), received_at=now, change=word)
        drafts.append(Draft(types.REFERRAL_CONSENT_CHANGED, event))
        overtaken = data.takes_part_since is not None and on < data.takes_part_since
        if _ends((kind, said)) and not withdrawn and not overtaken:
            why = WithdrawalReason.CONSENT_WITHDRAWN
            end = Withdrawal(by=actor or None, reason=why, channel=said.channel)
            gone = ReferralWithdrawn(**carry(common, occurred_on=on), received_at=now, change=end)
            drafts.append(Draft(types.REFERRAL_WITHDRAWN, gone))
    return drafts


def _ends(spoken: tuple[ConsentKind, Consent]) -> bool:
    kind, said = spoken
    return kind is ConsentKind.TAKE_PART and not said.given


def consent_facts(event_id: str, recorded_at: datetime, data: object) -> list[ConsentFact]:
    """Return what an event of intake or coaching says of consents.

    ``recorded_at``: the event's time; intake's own say themselves when they were received. What coaching repeats of
    intake's is no fact of its own.
    """
    match data:
        case ReferralCreated():
            return first_words(data.consents, data.referred_on, data.received_at, event_id)
        case ReferralConsentChanged(change=said):
            at = data.received_at
        case PlanUpdated(change=ConsentChanged(event_id=None) as said):
            at = recorded_at
        case _:
            return []
    fact = ConsentFact(
        kind=said.consent,
        given=said.given,
        on=data.occurred_on,
        channel=said.channel,
        by=said.by,
        recorded_at=at,
        source=event_id,
    )
    return [fact]
