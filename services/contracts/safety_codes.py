"""The code lists of safety tasks, each equal to ``schemas/codes/<list>.yaml`` (a test says so)."""

from enum import StrEnum


class ResponseTime(StrEnum):
    """How soon a named person must have looked. It says that, and not what was found."""

    IMMEDIATE = "immediate"
    PROMPT = "prompt"
    SOON = "soon"


class SafetyAction(StrEnum):
    """What a person has done about a positive red flag; an attempt that reached nobody is none of them."""

    PERSON_SAFE = "person_safe"
    EMERGENCY_SERVICE_CALLED = "emergency_service_called"
    CRISIS_TEAM_INFORMED = "crisis_team_informed"
    SAFETY_PLAN_AGREED = "safety_plan_agreed"
    GP_INFORMED = "gp_informed"
    IN_CARE_ALREADY = "in_care_already"
    REFERRER_INFORMED = "referrer_informed"
    WELFARE_CHECK_REQUESTED = "welfare_check_requested"
    ANSWERED_IN_ERROR = "answered_in_error"
    DATA_ERASED = "data_erased"
