"""What follows from a posted referral: the event's codes, bands and proposal of eligibility.

Nothing here can identify a person: a birth date becomes a band, a postcode whether it lies in the area, an
ethnic category its group.
"""

from datetime import date, datetime
from typing import Any

from services.contracts.base import VersionRef, Work
from services.contracts.codes import Attendance, EligibilityOutcome
from services.contracts.identifiers import age_band, age_on, earnings_band, ethnic_group
from services.contracts.referral import (
    Consent,
    Consents,
    Eligibility,
    Equality,
    Facts,
    ReferralCreated,
    SealedAssessment,
    UnmetRequirement,
)
from services.intake.domain.policy import NOWHERE, IntakePolicy, Place
from services.intake.domain.posted import ConsentPosted, ReferralPosted
from services.kernel.sealing.content import Sealed
from services.programmes.eligibility import priority_groups, unmet_requirements
from services.programmes.model import Programme
from services.programmes.providers import choose_provider


def created(
    posted: ReferralPosted,
    programme: Programme,
    policy: IntakePolicy,
    *,
    referral_id: str,
    person_id: str,
    linked_referral: str | None,
    now: datetime,
) -> ReferralCreated:
    """Return the event of an accepted referral. ``posted`` must be without faults."""
    place = policy.places.get(programme.tiers.area.ods_code, NOWHERE)
    known = _known(posted, place)
    unmet = unmet_requirements(programme.joining, known, programme.tiers.required(posted.locality))
    choice = choose_provider(
        programme,
        posted.locality,
        referral_id=referral_id,
        on=posted.referred_on,
        named=posted.provider.named,
        chosen=posted.provider.chosen,
    )
    return ReferralCreated(
        referral_id=referral_id,
        person_id=person_id,
        programme=VersionRef(id=programme.programme, version=programme.version),
        area_code=programme.tiers.area.ods_code,
        locality=posted.locality,
        provider=choice.provider if choice else None,
        contract=choice.contract if choice else None,
        route=posted.route,
        referred_on=posted.referred_on,
        occurred_on=posted.referred_on,
        age_band=age_band(posted.person.birth_date, posted.referred_on),
        work=Work(status=posted.work.status, attendance=posted.work.attendance),
        received_at=now,
        asks=_once(posted.asks),
        facts=_facts(posted, place),
        consents=_consents(posted),
        eligibility=Eligibility(
            outcome=EligibilityOutcome.REVIEW if unmet else EligibilityOutcome.ELIGIBLE,
            reasons=tuple(UnmetRequirement(code=one.code, known=one.known) for one in unmet),
        ),
        equality=_equality(posted),
        language=posted.person.language,
        formats=_once(posted.person.accessible_needs),
        priority_groups=priority_groups(programme.joining, known),
        linked_referral=linked_referral,
        sealed=SealedAssessment(
            assessment=Sealed.of(posted.assessment.plain(posted.referred_on)) if posted.assessment else None
        ),
    )


def _known(posted: ReferralPosted, place: Place) -> dict[str, Any]:
    """Return what eligibility and priority may ask; a question that was not asked is None."""
    facts, work, person = posted.eligibility_facts, posted.work, posted.person
    return {
        "age": age_on(person.birth_date, posted.referred_on),
        "right_to_work": facts.right_to_work,
        "wants_to_work": facts.wants_to_work,
        "health_condition": _health_condition(posted),
        "condition_affects_work": facts.condition_affects_work,
        "resident_in_area": place.resident(person.postcode),
        "gp_in_area": place.local_gp(person.registered_gp_ods),
        "jobcentre_in_area": place.local_jobcentre(facts.jobcentre_office),
        "work_status": work.status.value,
        "attendance": work.attendance.value if work.attendance else None,
        "out_of_work_days": _days_since(work.unemployed_since, posted.referred_on),
        "job_at_risk": work.job_at_risk,
        "complex_needs": facts.complex_needs,
        "ethnic_category": person.ethnic_category.value if person.ethnic_category else None,
    }


def _health_condition(posted: ReferralPosted) -> bool | None:
    """Tell whether the person has one: as said, or as follows from other answers [design]; else not asked."""
    facts, assessment = posted.eligibility_facts, posted.assessment
    if facts.health_condition is not None:
        return facts.health_condition
    follows = facts.condition_affects_work or (assessment is not None and assessment.conditions)
    return True if follows or posted.work.attendance is Attendance.OFF_SICK else None


def _days_since(start: date | None, day: date) -> int | None:
    return None if start is None else max(0, (day - start).days)


def _facts(posted: ReferralPosted, place: Place) -> Facts:
    work = posted.work
    earnings = work.annual_earnings_pence
    return Facts(
        job_at_risk=work.job_at_risk,
        off_sick_since=work.off_sick_since,
        unemployed_since=work.unemployed_since,
        weekly_hours=work.weekly_hours,
        highest_qualification_level=work.highest_qualification_level,
        earnings_band=None if earnings is None else earnings_band(earnings),
        local_gp=place.local_gp(posted.person.registered_gp_ods),
        complex_needs=posted.eligibility_facts.complex_needs,
    )


def _consents(posted: ReferralPosted) -> Consents:
    def one(given: ConsentPosted | None) -> Consent | None:
        return None if given is None else Consent(given=given.given, on=given.on, channel=given.channel)

    said = posted.consents
    return Consents(
        take_part=one(said.take_part),
        share_with_gp=one(said.share_with_gp),
        share_with_employer=one(said.share_with_employer),
    )


def _equality(posted: ReferralPosted) -> Equality:
    """Equality facts; the deprivation fifth needs a postcode directory that is not here yet: null."""
    category = posted.person.ethnic_category
    return Equality(
        sex=posted.person.sex,
        ethnic_group=None if category is None else ethnic_group(category),
        imd_quintile=None,
    )


def _once(items: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(items))
