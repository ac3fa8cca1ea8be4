"""The code lists of a decision of triage, each equal to ``schemas/codes/<list>.yaml`` (a test says so)."""

from enum import StrEnum


class RunnerUpLoss(StrEnum):
    """Why what came second for a need did not come first."""

    STOPPED = "stopped"
    SUPPRESSED = "suppressed"
    NOT_KNOWN = "not_known"
    NOT_MET = "not_met"
    ALTERNATIVE = "alternative"
