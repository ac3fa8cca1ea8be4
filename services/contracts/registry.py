"""Every event type with its model, topic and producer."""

from typing import Final

from services.contracts import types
from services.contracts.classes import field_classes
from services.contracts.coach import CoachChanged
from services.contracts.employer import EmployerUpdated
from services.contracts.invitation import InvitationUpdated
from services.contracts.outcome import OutcomeRecorded
from services.contracts.person import PersonErased, PersonMerged, PersonRestricted, PersonUnrestricted
from services.contracts.plan import PlanUpdated
from services.contracts.referral import (
    ReferralAssessed,
    ReferralConsentChanged,
    ReferralCorrected,
    ReferralCreated,
    ReferralEligibilityContested,
    ReferralEligibilityDecided,
    ReferralWithdrawn,
)
from services.contracts.statement import (
    StatementApproved,
    StatementExported,
    StatementQueried,
    StatementReleased,
    StatementSealed,
    StatementSettled,
    StatementSubmitted,
)
from services.contracts.triage import TriageAcknowledged, TriageCompleted, TriageRelayed
from services.kernel.registry import Contract, Registry

EVENTS: Final = Registry(
    (
        Contract(types.REFERRAL_CREATED, ReferralCreated, types.TOPIC_REFERRAL, "intake"),
        Contract(types.REFERRAL_ASSESSED, ReferralAssessed, types.TOPIC_REFERRAL, "intake"),
        Contract(types.REFERRAL_CONSENT_CHANGED, ReferralConsentChanged, types.TOPIC_REFERRAL, "intake"),
        Contract(types.REFERRAL_ELIGIBILITY_DECIDED, ReferralEligibilityDecided, types.TOPIC_REFERRAL, "intake"),
        Contract(types.REFERRAL_ELIGIBILITY_CONTESTED, ReferralEligibilityContested, types.TOPIC_REFERRAL, "intake"),
        Contract(types.REFERRAL_CORRECTED, ReferralCorrected, types.TOPIC_REFERRAL, "intake"),
        Contract(types.REFERRAL_WITHDRAWN, ReferralWithdrawn, types.TOPIC_REFERRAL, "intake"),
        Contract(types.INVITATION_UPDATED, InvitationUpdated, types.TOPIC_REFERRAL, "intake"),
        Contract(types.EMPLOYER_UPDATED, EmployerUpdated, types.TOPIC_REFERRAL, "intake"),
        Contract(types.TRIAGE_COMPLETED, TriageCompleted, types.TOPIC_TRIAGE, "triage"),
        Contract(types.TRIAGE_ACKNOWLEDGED, TriageAcknowledged, types.TOPIC_TRIAGE, "triage"),
        Contract(types.TRIAGE_RELAYED, TriageRelayed, types.TOPIC_TRIAGE, "triage"),
        Contract(types.PLAN_UPDATED, PlanUpdated, types.TOPIC_PLAN, "coaching"),
        Contract(types.COACH_CHANGED, CoachChanged, types.TOPIC_PLAN, "coaching"),
        Contract(types.OUTCOME_RECORDED, OutcomeRecorded, types.TOPIC_OUTCOME, "outcomes"),
        Contract(types.STATEMENT_SETTLED, StatementSettled, types.TOPIC_OUTCOME, "outcomes"),
        Contract(types.STATEMENT_SEALED, StatementSealed, types.TOPIC_OUTCOME, "outcomes"),
        Contract(types.STATEMENT_SUBMITTED, StatementSubmitted, types.TOPIC_OUTCOME, "outcomes"),
        Contract(types.STATEMENT_APPROVED, StatementApproved, types.TOPIC_OUTCOME, "outcomes"),
        Contract(types.STATEMENT_QUERIED, StatementQueried, types.TOPIC_OUTCOME, "outcomes"),
        Contract(types.STATEMENT_RELEASED, StatementReleased, types.TOPIC_OUTCOME, "outcomes"),
        Contract(types.STATEMENT_EXPORTED, StatementExported, types.TOPIC_OUTCOME, "outcomes"),
        Contract(types.PERSON_ERASED, PersonErased, types.TOPIC_PERSON, "vault"),
        Contract(types.PERSON_RESTRICTED, PersonRestricted, types.TOPIC_PERSON, "vault"),
        Contract(types.PERSON_UNRESTRICTED, PersonUnrestricted, types.TOPIC_PERSON, "vault"),
        Contract(types.PERSON_MERGED, PersonMerged, types.TOPIC_PERSON, "vault"),
    ),
    field_classes,
)
"""The published language, by type; with the class of every field, as the topic catalogue says."""
