"""Code lists of what persons say about eligibility, and of why contact details are read."""

from enum import StrEnum


class EligibilityGround(StrEnum):
    """Why a named person decided on eligibility as they did."""

    REQUIREMENT_CONFIRMED = "requirement_confirmed"
    FACTS_ESTABLISHED = "facts_established"
    AREA_ESTABLISHED = "area_established"
    LOCAL_DISCRETION = "local_discretion"
    BETTER_SERVED_ELSEWHERE = "better_served_elsewhere"
    OTHER = "other"


class ContestGround(StrEnum):
    """Why somebody contests that they are not eligible."""

    FACTS_WRONG = "facts_wrong"
    FACTS_MISSING = "facts_missing"
    RULE_MISREAD = "rule_misread"
    CIRCUMSTANCES_CHANGED = "circumstances_changed"
    NOT_STATED = "not_stated"


class ContactPurpose(StrEnum):
    """What a coach needs a person's name and contact details for; kept with who read them."""

    CALL = "call"
    LETTER = "letter"
    APPOINTMENT = "appointment"
    PRINTED_PLAN = "printed_plan"
    WELFARE_CHECK = "welfare_check"
