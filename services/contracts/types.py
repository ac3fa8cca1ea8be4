"""The names of the event types (CloudEvents ``type``): reverse DNS, subject, past participle, major."""

from typing import Final

REFERRAL_CREATED: Final = "uk.workhealth.referral.created.v1"
REFERRAL_ASSESSED: Final = "uk.workhealth.referral.assessed.v1"
REFERRAL_CONSENT_CHANGED: Final = "uk.workhealth.referral.consent_changed.v1"
REFERRAL_ELIGIBILITY_DECIDED: Final = "uk.workhealth.referral.eligibility_decided.v1"
REFERRAL_ELIGIBILITY_CONTESTED: Final = "uk.workhealth.referral.eligibility_contested.v1"
REFERRAL_CORRECTED: Final = "uk.workhealth.referral.corrected.v1"
REFERRAL_WITHDRAWN: Final = "uk.workhealth.referral.withdrawn.v1"
INVITATION_UPDATED: Final = "uk.workhealth.invitation.updated.v1"
EMPLOYER_UPDATED: Final = "uk.workhealth.employer.updated.v1"

TRIAGE_COMPLETED: Final = "uk.workhealth.triage.completed.v1"
TRIAGE_ACKNOWLEDGED: Final = "uk.workhealth.triage.acknowledged.v1"
TRIAGE_RELAYED: Final = "uk.workhealth.triage.relayed.v1"

PLAN_UPDATED: Final = "uk.workhealth.plan.updated.v1"
COACH_CHANGED: Final = "uk.workhealth.coach.changed.v1"

OUTCOME_RECORDED: Final = "uk.workhealth.outcome.recorded.v1"
STATEMENT_SETTLED: Final = "uk.workhealth.statement.settled.v1"
STATEMENT_SEALED: Final = "uk.workhealth.statement.sealed.v1"
STATEMENT_SUBMITTED: Final = "uk.workhealth.statement.submitted.v1"
STATEMENT_APPROVED: Final = "uk.workhealth.statement.approved.v1"
STATEMENT_QUERIED: Final = "uk.workhealth.statement.queried.v1"
STATEMENT_RELEASED: Final = "uk.workhealth.statement.released.v1"
STATEMENT_EXPORTED: Final = "uk.workhealth.statement.exported.v1"

PERSON_ERASED: Final = "uk.workhealth.person.erased.v1"
PERSON_RESTRICTED: Final = "uk.workhealth.person.restricted.v1"
PERSON_UNRESTRICTED: Final = "uk.workhealth.person.unrestricted.v1"
PERSON_MERGED: Final = "uk.workhealth.person.merged.v1"

TOPIC_REFERRAL: Final = "referral.created"
TOPIC_TRIAGE: Final = "triage.completed"
TOPIC_PLAN: Final = "plan.updated"
TOPIC_OUTCOME: Final = "outcome.recorded"
TOPIC_PERSON: Final = "person.changed"
