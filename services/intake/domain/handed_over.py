"""A plan was handed over to another programme: the referral that this begets there, linked to the first.

All of it follows from coaching's event, so that a replay makes the same referral, whatever else intake knows of the
person: its id is UUIDv5 of the event's id, its ``causationid`` that event. What that programme requires and the event
does not tell was not asked: a named person there decides, as on any requirement that is not known.
"""

from datetime import datetime
from typing import Any, Final

from services.contracts import types
from services.contracts.base import VersionRef
from services.contracts.codes import AgeBand, EligibilityOutcome, Route
from services.contracts.plan import PlanUpdated
from services.contracts.plan_change import HandedOver
from services.contracts.referral import (
    Consent,
    Consents,
    Eligibility,
    Equality,
    Facts,
    ReferralCreated,
    SealedAssessment,
    UnmetRequirement,
    referrer_of,
)
from services.intake.domain.evaluation import AREA_UNDECIDED
from services.intake.domain.policy import IntakePolicy
from services.kernel.decision import Draft, Received
from services.kernel.ids import event_id
from services.kernel.sealing.content import Digest
from services.programmes.areas import Undecided
from services.programmes.eligibility import ELIGIBILITY_FIELDS, priority_groups, unmet_requirements
from services.programmes.providers import choose_provider

_YOUNGEST: Final = {
    AgeBand.FROM_16: 16,
    AgeBand.AT_18: 18,
    AgeBand.FROM_19: 19,
    AgeBand.FROM_25: 25,
    AgeBand.FROM_35: 35,
    AgeBand.FROM_50: 50,
    AgeBand.FROM_65: 65,
}
"""The first age of each band: all that the event tells of a person's age."""


def linked_referral_id(cause_id: str) -> str:
    """Return the id of the referral that an event begets."""
    return event_id(cause_id, "referral", 0)


def further(cause: Received) -> str | None:
    """Return the id of the referral that an input begets, None where it begets none."""
    data = cause.data
    if isinstance(data, PlanUpdated) and isinstance(data.change, HandedOver):
        return linked_referral_id(cause.id)
    return None


def begets(key: str, cause: Received) -> bool:
    """Tell whether an input came to ``key`` because it begets the referral of that id."""
    return further(cause) == key


def decide(state: Any, cause: Received, *, policy: IntakePolicy, now: datetime) -> list[Draft]:
    """Return the referral, once; nothing of any other input, nor where it is there already.

    Raises NoProgramme where no file covers the day. Of an erased person nothing follows: nothing more can be sealed.
    """
    if state is not None or not begets(cause.key, cause):
        return []
    update, change = cause.data, cause.data.change
    day = change.occurred_on
    programme = policy.book.version_for(change.programme, day)
    choice = choose_provider(
        programme, change.locality, referral_id=cause.key, on=day, named=change.provider, chosen=None
    )
    area = policy.area_on(programme, day, None)
    known = _known(update)
    unmet = unmet_requirements(programme.joining, known, programme.tiers.required(change.locality))
    reasons = [UnmetRequirement(code=one.code, known=one.known) for one in unmet]
    if isinstance(area, Undecided):
        reasons.append(UnmetRequirement(code=AREA_UNDECIDED, known=False))
    outcome = EligibilityOutcome.REVIEW if reasons else EligibilityOutcome.ELIGIBLE
    event = ReferralCreated(
        referral_id=cause.key,
        person_id=update.person_id,
        programme=VersionRef(id=programme.programme, version=programme.version),
        area_code=None if isinstance(area, Undecided) else area,
        locality=change.locality,
        provider=choice.provider if choice else None,
        contract=choice.contract if choice else None,
        route=Route.PROVIDER,
        referred_on=day,
        occurred_on=day,
        age_band=update.age_band,
        work=update.work,
        received_at=now,
        asks=(),
        facts=Facts.model_validate(dict.fromkeys(Facts.model_fields)),
        consents=Consents(
            take_part=Consent(given=True, on=day, channel=change.channel),
            share_with_gp=None,
            share_with_employer=None,
        ),
        eligibility=Eligibility(outcome=outcome, reasons=tuple(reasons)),
        equality=Equality(sex=None, ethnic_group=None, imd_quintile=None),
        language=update.plan.language,
        formats=update.plan.formats,
        priority_groups=priority_groups(programme.joining, known),
        linked_referral=update.referral_id,
        takes_over=update.plan.started_on is None and not update.plan.additional,
        referrer=Digest.of(*referrer_of(update.provider or "")),
        sealed=SealedAssessment(assessment=None),
    )
    return [Draft(types.REFERRAL_CREATED, event, policy=programme.ref)]


def _known(update: PlanUpdated) -> dict[str, Any]:
    """Return what eligibility may rest on: age, work and attendance; the rest was not asked."""
    attendance = update.work.attendance
    return {
        **dict.fromkeys(ELIGIBILITY_FIELDS),
        "age": None if update.age_band is None else _YOUNGEST[update.age_band],
        "work_status": update.work.status.value,
        "attendance": None if attendance is None else attendance.value,
    }
