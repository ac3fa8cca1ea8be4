"""The parts of an assessment, equal to ``schemas/codes/assessment_part.yaml`` (a test says so)."""

from enum import StrEnum


class AssessmentPart(StrEnum):
    """What is asked as one: a questionnaire, or a question of its own. A later one takes the earlier one's place."""

    PHQ9 = "phq9"
    GAD7 = "gad7"
    START_MSK = "start_msk"
    WSAS = "wsas"
    ONS4 = "ons4"
    CONDITIONS = "conditions"
    RED_FLAGS = "red_flags"
    UNDER_SECONDARY_MENTAL_HEALTH_CARE = "under_secondary_mental_health_care"
    STRESSORS = "stressors"
    BARRIERS = "barriers"
