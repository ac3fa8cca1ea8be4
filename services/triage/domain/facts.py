"""What a rule may ask of a person: the fields, and their values read from a referral and its answers.

Every field is present in the facts; None is *unknown*. Nothing identifies a person, and nothing of
equality (sex, ethnic group, deprivation) is among them: no recommendation may depend on it.
"""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any, Final

from services.contracts.assessment import Assessment
from services.contracts.base import Common
from services.contracts.codes import (
    AgeBand,
    Attendance,
    Barrier,
    Condition,
    EarningsBand,
    RedFlag,
    Stressor,
    Support,
    WorkStatus,
)
from services.contracts.codes import Route as ReferralRoute
from services.contracts.referral import Facts as ReferralFacts
from services.programmes.vocabulary import Code, Codes, Flag, Number, Vocabulary


def _codes(listed: type[StrEnum]) -> frozenset[str]:
    return frozenset(code.value for code in listed)


LOWEST_AGE: Final = {
    AgeBand.FROM_16: 16,
    AgeBand.AT_18: 18,
    AgeBand.FROM_19: 19,
    AgeBand.FROM_25: 25,
    AgeBand.FROM_35: 35,
    AgeBand.FROM_50: 50,
    AgeBand.FROM_65: 65,
}
"""The lowest age of each band. A condition may cut only there."""

_MAX_DAYS = 40_000

FIELDS: Final[Vocabulary] = {
    "age": Number(16, 65, frozenset(LOWEST_AGE.values())),
    "route": Code(_codes(ReferralRoute)),
    "work_status": Code(_codes(WorkStatus)),
    "attendance": Code(_codes(Attendance)),
    "out_of_work_days": Number(0, _MAX_DAYS),
    "off_sick_days": Number(0, _MAX_DAYS),
    "job_at_risk": Flag(),
    "weekly_hours": Number(0, 168),
    "highest_qualification_level": Number(0, 8),
    "earnings_band": Code(_codes(EarningsBand)),
    "local_gp": Flag(),
    "complex_needs": Flag(),
    "asks": Codes(_codes(Support)),
    "conditions": Codes(_codes(Condition)),
    "stressors": Codes(_codes(Stressor)),
    "barriers": Codes(_codes(Barrier)),
    "phq9": Number(0, 27),
    "gad7": Number(0, 21),
    "start_msk": Number(0, 12),
    "wsas": Number(0, 40),
    "secondary_mental_health_care": Flag(),
    "red_flag_answers": Number(0, len(RedFlag)),
}
"""The fields of a rule. ``age`` is the lowest of the person's band (None: under 16, or no birth date known);
``red_flag_answers`` counts the red-flag questions that were answered, yes or no."""

SCOPE: Final = ("area_code", "referred_on")
"""What a rule's areas and days are held against. No condition asks for them: where a rule holds stands beside it."""

PARAMETERS: Final[Vocabulary] = {
    "out_of_work_limit_days": Number(1, 3650),
    "skills_earnings_limit": Flag(),
}
"""What an area's programme file sets for the rules."""

_NOTHING = Assessment()
_OUT_OF_WORK = frozenset({WorkStatus.UNEMPLOYED, WorkStatus.INACTIVE})


def facts_of(
    common: Common, facts: ReferralFacts, asks: tuple[Support, ...], assessment: Assessment | None, on: date
) -> dict[str, Any]:
    """Return the facts on a day: durations are counted up to ``on``, in days, and never negative."""
    answers = assessment or _NOTHING
    phq9, gad7, start_msk, wsas = answers.phq9, answers.gad7, answers.start_msk, answers.wsas
    status = common.work.status
    flags = answers.red_flags
    return {
        "age": None if common.age_band is None else LOWEST_AGE[common.age_band],
        "route": common.route,
        "work_status": status,
        "attendance": common.work.attendance,
        "out_of_work_days": _days(facts.unemployed_since, on) if status in _OUT_OF_WORK else None,
        "off_sick_days": _days(facts.off_sick_since, on),
        "job_at_risk": facts.job_at_risk,
        "weekly_hours": facts.weekly_hours,
        "highest_qualification_level": facts.highest_qualification_level,
        "earnings_band": facts.earnings_band,
        "local_gp": facts.local_gp,
        "complex_needs": facts.complex_needs,
        "asks": asks,
        "conditions": answers.conditions,
        "stressors": answers.stressors,
        "barriers": answers.barriers,
        "phq9": None if phq9 is None else phq9.score,
        "gad7": None if gad7 is None else gad7.score,
        "start_msk": None if start_msk is None else start_msk.score,
        "wsas": None if wsas is None else wsas.score,
        "secondary_mental_health_care": answers.under_secondary_mental_health_care,
        "red_flag_answers": sum(1 for said in flags.values() if said is not None) if flags else 0,
        "area_code": common.area_code,
        "referred_on": common.referred_on,
    }


def applies(field: str, facts: Mapping[str, Any]) -> bool:
    """Tell whether a field means anything for somebody: time out of work for who has work, attendance for who has none.

    Where work itself is not known, both may.
    """
    status = facts.get("work_status")
    if status is None or field not in _ONLY_OUT_OF_WORK | _ONLY_IN_WORK:
        return True
    return field in (_ONLY_OUT_OF_WORK if status in _OUT_OF_WORK else _ONLY_IN_WORK)


_ONLY_OUT_OF_WORK: Final = frozenset({"out_of_work_days"})
_ONLY_IN_WORK: Final = frozenset({"attendance"})


def _days(since: date | None, on: date) -> int | None:
    return None if since is None else max(0, (on - since).days)
