"""The code lists of invitations and employers; as those of :mod:`services.contracts.codes`."""

from enum import StrEnum


class InvitationState(StrEnum):
    """How far an invitation has come. That one has expired is seen from its day, when somebody looks."""

    IDENTIFIED = "identified"
    INVITED = "invited"
    ACCEPTED = "accepted"
    DECLINED = "declined"


class DeclineReason(StrEnum):
    """Why a person says no to an invitation; none of them says how they are."""

    NOT_INTERESTED = "not_interested"
    NOT_NOW = "not_now"
    OTHER_SUPPORT = "other_support"
    NO_LONGER_NEEDED = "no_longer_needed"
    MOVED_AWAY = "moved_away"
    INVITED_IN_ERROR = "invited_in_error"
    NOT_STATED = "not_stated"
