"""The code lists of coaches, each equal to ``schemas/codes/<list>.yaml`` (a test says so)."""

from enum import StrEnum


class CoachState(StrEnum):
    """Whether a coach works here. That one is absent follows from days, when somebody looks."""

    WORKING = "working"
    LEFT = "left"


class CoachOffer(StrEnum):
    """What a coach offers beside the usual: shown to whoever assigns, never matched to a person by a rule."""

    RACIALLY_MINORITISED_COMMUNITIES = "racially_minoritised_communities"
    YOUNG_PEOPLE = "young_people"
    MENTAL_HEALTH = "mental_health"
    MUSCULOSKELETAL = "musculoskeletal"
    NEURODIVERSITY = "neurodiversity"
    SENSORY = "sensory"
    SELF_EMPLOYMENT = "self_employment"
    SIGN_LANGUAGE = "sign_language"
