"""What follows from what was said of a person: area, bands, groups, and whether the programme's rule is met.

The rule proposes and a person decides: what is not met, or was not asked, is a reason for a review. The same follows
when facts are corrected, so this is computed from what stands, whoever said it when.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from services.contracts.codes import AgeBand, Attendance, EligibilityOutcome
from services.contracts.identifiers import age_band, age_on, earnings_band, ethnic_group
from services.contracts.referral import Eligibility, Equality, Facts, UnmetRequirement
from services.intake.domain.places import Place
from services.intake.domain.policy import IntakePolicy
from services.intake.domain.posted import EligibilityFacts, PersonPosted, ReferralPosted, WorkPosted
from services.programmes.areas import Undecided
from services.programmes.eligibility import priority_groups, unmet_requirements
from services.programmes.model import Programme

AREA_UNDECIDED: Final = "area_undecided"
"""The reason for a review where several area codes may be meant and a person must say which."""


@dataclass(frozen=True, slots=True)
class Said:
    """What stands: who the person is, their work, the answers to what eligibility asks."""

    person: PersonPosted
    work: WorkPosted
    answers: EligibilityFacts
    locality: str | None
    referred_on: date


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What follows, in codes. ``area_code`` None: undecided."""

    area_code: str | None
    age_band: AgeBand | None
    facts: Facts
    equality: Equality
    eligibility: Eligibility
    priority_groups: tuple[str, ...]


def standing_answers(posted: ReferralPosted) -> EligibilityFacts:
    """Return the answers that eligibility rests on: a condition that the assessment names was said, too [design]."""
    answers, assessment = posted.eligibility_facts, posted.assessment
    if answers.health_condition is None and assessment is not None and assessment.conditions:
        return answers.model_copy(update={"health_condition": True})
    return answers


def evaluate(said: Said, programme: Programme, policy: IntakePolicy, *, area_code: str | None = None) -> Evaluation:
    """Return what follows. ``area_code``: the area that is established already, whatever the tables say."""
    person, work = said.person, said.work
    area, places = programme.tiers.area.ods_code, policy.places
    place = places.postcodes.find(person.postcode)
    local_gp = places.local_gp(person.registered_gp_ods, area, policy.areas)
    known = {
        "age": age_on(person.birth_date, said.referred_on),
        "right_to_work": said.answers.right_to_work,
        "wants_to_work": said.answers.wants_to_work,
        "health_condition": _health_condition(said),
        "condition_affects_work": said.answers.condition_affects_work,
        "resident_in_area": places.resident(person.postcode, area, policy.areas),
        "gp_in_area": local_gp,
        "jobcentre_in_area": places.local_jobcentre(said.answers.jobcentre_office, area, policy.areas),
        "work_status": work.status.value,
        "attendance": work.attendance.value if work.attendance else None,
        "out_of_work_days": _days_since(work.unemployed_since, said.referred_on),
        "job_at_risk": work.job_at_risk,
        "complex_needs": said.answers.complex_needs,
        "ethnic_category": person.ethnic_category.value if person.ethnic_category else None,
    }
    code = area_code or _code(programme, policy, said.referred_on, place)
    return Evaluation(
        area_code=code,
        age_band=age_band(person.birth_date, said.referred_on),
        facts=_facts(said, local_gp=local_gp),
        equality=_equality(person, place),
        eligibility=_eligibility(programme, said, known, undecided=code is None),
        priority_groups=priority_groups(programme.joining, known),
    )


def _code(programme: Programme, policy: IntakePolicy, day: date, place: Place) -> str | None:
    found = policy.area_on(programme, day, place.local_authority)
    return None if isinstance(found, Undecided) else found


def _eligibility(programme: Programme, said: Said, known: dict[str, Any], *, undecided: bool) -> Eligibility:
    unmet = unmet_requirements(programme.joining, known, programme.tiers.required(said.locality))
    reasons = [UnmetRequirement(code=one.code, known=one.known) for one in unmet]
    if undecided:
        reasons.append(UnmetRequirement(code=AREA_UNDECIDED, known=False))
    outcome = EligibilityOutcome.REVIEW if reasons else EligibilityOutcome.ELIGIBLE
    return Eligibility(outcome=outcome, reasons=tuple(reasons))


def _health_condition(said: Said) -> bool | None:
    """Tell whether the person has one: as said, or as follows from other answers [design]; else not asked."""
    if said.answers.health_condition is not None:
        return said.answers.health_condition
    follows = said.answers.condition_affects_work or said.work.attendance is Attendance.OFF_SICK
    return True if follows else None


def _days_since(start: date | None, day: date) -> int | None:
    return None if start is None else max(0, (day - start).days)


def _facts(said: Said, *, local_gp: bool | None) -> Facts:
    work = said.work
    earnings = work.annual_earnings_pence
    return Facts(
        job_at_risk=work.job_at_risk,
        off_sick_since=work.off_sick_since,
        unemployed_since=work.unemployed_since,
        weekly_hours=work.weekly_hours,
        highest_qualification_level=work.highest_qualification_level,
        earnings_band=None if earnings is None else earnings_band(earnings),
        local_gp=local_gp,
        complex_needs=said.answers.complex_needs,
    )


def _equality(person: PersonPosted, place: Place) -> Equality:
    """Equality facts, for reports on fairness only; the deprivation fifth is the postcode's."""
    category = person.ethnic_category
    return Equality(
        sex=person.sex,
        ethnic_group=None if category is None else ethnic_group(category),
        imd_quintile=place.imd_quintile,
    )
