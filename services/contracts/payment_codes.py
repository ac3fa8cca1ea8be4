"""The code lists of finance's commands."""

from enum import StrEnum


class ClawbackReason(StrEnum):
    """Why what was earned is taken back from a provider."""

    AUDIT_FINDING = "audit_finding"
    EVIDENCE_WITHDRAWN = "evidence_withdrawn"
    PAID_IN_ERROR = "paid_in_error"
    AGREED_WITH_PROVIDER = "agreed_with_provider"


class ReRatingReason(StrEnum):
    """Why what was earned is priced anew."""

    WRONG_CARD = "wrong_card"
    CARD_CORRECTED = "card_corrected"
    CONTRACT_VARIED = "contract_varied"
