"""The code lists of topic ``person.changed``; as those of :mod:`services.contracts.codes`."""

from enum import StrEnum


class ErasureReason(StrEnum):
    """Why a person's key was destroyed."""

    PERSON_ASKED = "person_asked"
    RETENTION_ENDED = "retention_ended"
    HELD_UNLAWFULLY = "held_unlawfully"
    LEGAL_OBLIGATION = "legal_obligation"
    MADE_IN_ERROR = "made_in_error"


class RestrictionReason(StrEnum):
    """Why what is held of a person may not be used: UK GDPR Article 18(1)."""

    ACCURACY_CONTESTED = "accuracy_contested"
    UNLAWFUL_NOT_ERASED = "unlawful_not_erased"
    NEEDED_FOR_CLAIM = "needed_for_claim"
    OBJECTION_PENDING = "objection_pending"
