"""The code lists of plans and of payment; the rest stand in :mod:`services.contracts.codes`."""

from enum import StrEnum


class PlanState(StrEnum):
    """Where a plan stands."""

    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    AGREED = "agreed"
    ACTIVE = "active"
    PAUSED = "paused"
    IN_REVIEW = "in_review"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


class ChangeKind(StrEnum):
    """What happened to a plan."""

    PROPOSED = "proposed"
    RECOMMENDATION_CONFIRMED = "recommendation_confirmed"
    RECOMMENDATION_OVERRIDDEN = "recommendation_overridden"
    HOLD_RELEASED = "hold_released"
    COACH_ASSIGNED = "coach_assigned"
    ACKNOWLEDGED = "acknowledged"
    CONTACTED = "contacted"
    ASSESSED = "assessed"
    PLAN_AGREED = "plan_agreed"
    GOAL_SET = "goal_set"
    GOAL_PROGRESSED = "goal_progressed"
    BARRIER_CHANGED = "barrier_changed"
    STEP_ADDED = "step_added"
    STEP_STARTED = "step_started"
    STEP_FINISHED = "step_finished"
    STEP_CANCELLED = "step_cancelled"
    BOOKING_CHANGED = "booking_changed"
    SESSION_RECORDED = "session_recorded"
    ADJUSTMENT_CHANGED = "adjustment_changed"
    EMPLOYER_CONTACTED = "employer_contacted"
    FIT_NOTE_RECORDED = "fit_note_recorded"
    REVIEW_COMPLETED = "review_completed"
    WORK_STATUS_CHANGED = "work_status_changed"
    WORK_STATUS_CONFIRMED = "work_status_confirmed"
    EVIDENCE_RECORDED = "evidence_recorded"
    CONSENT_CHANGED = "consent_changed"
    NOTE_RECORDED = "note_recorded"
    PAUSED = "paused"
    RESUMED = "resumed"
    HANDED_OVER = "handed_over"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"
    REOPENED = "reopened"
    CORRECTED = "corrected"


class OverrideReason(StrEnum):
    """Why a coach departs from the recommendation."""

    PERSON_PREFERS = "person_prefers"
    NEEDS_CHANGED = "needs_changed"
    ALREADY_RECEIVING = "already_receiving"
    NOT_AVAILABLE = "not_available"
    CLINICAL_ADVICE = "clinical_advice"
    OTHER = "other"


class GoalTheme(StrEnum):
    """What a goal is about."""

    STAY_IN_WORK = "stay_in_work"
    RETURN_TO_WORK = "return_to_work"
    FIND_WORK = "find_work"
    CHANGE_WORK = "change_work"
    HEALTH = "health"
    SKILLS = "skills"
    SOCIAL = "social"


class GoalProgress(StrEnum):
    """How a goal stands."""

    OPEN = "open"
    PARTLY_MET = "partly_met"
    MET = "met"
    DROPPED = "dropped"


class BarrierState(StrEnum):
    """How a barrier stands."""

    OPEN = "open"
    EASED = "eased"
    RESOLVED = "resolved"


class BarrierArea(StrEnum):
    """Where a barrier lies; which health condition it is travels sealed."""

    HEALTH = "health"
    WORKPLACE = "workplace"
    SOCIAL = "social"


class WorkplaceBarrier(StrEnum):
    """What at the workplace stands between a person and their work."""

    WORKLOAD = "workload"
    HOURS = "hours"
    DUTIES = "duties"
    ENVIRONMENT = "environment"
    RELATIONSHIPS = "relationships"
    JOB_SECURITY = "job_security"
    OTHER = "other"


class StepOwner(StrEnum):
    """Who sees to a step."""

    PERSON = "person"
    COACH = "coach"
    SERVICE = "service"
    EMPLOYER = "employer"
    GP = "gp"


class StepState(StrEnum):
    """Where a step of a plan stands."""

    PLANNED = "planned"
    STARTED = "started"
    FINISHED = "finished"
    CANCELLED = "cancelled"


class StepCancellation(StrEnum):
    """Why a step will not be done."""

    PERSON_DECLINED = "person_declined"
    NOT_AVAILABLE = "not_available"
    NOT_SUITABLE = "not_suitable"
    REPLACED = "replaced"
    PLAN_ENDED = "plan_ended"


class SessionAttendance(StrEnum):
    """What became of a session."""

    ATTENDED = "attended"
    MISSED = "missed"
    CANCELLED = "cancelled"


class BookingState(StrEnum):
    """Where a booking with a service stands."""

    OFFERED = "offered"
    BOOKED = "booked"
    ATTENDED = "attended"
    MISSED = "missed"
    CANCELLED = "cancelled"


class CancelledBy(StrEnum):
    """Who called a booking off."""

    PERSON = "person"
    SERVICE = "service"
    COACH = "coach"


class Adjustment(StrEnum):
    """A workplace adjustment; the first four are the ticks of a fit note."""

    PHASED_RETURN = "phased_return"
    ALTERED_HOURS = "altered_hours"
    AMENDED_DUTIES = "amended_duties"
    WORKPLACE_ADAPTATIONS = "workplace_adaptations"
    FLEXIBLE_WORKING = "flexible_working"
    ADAPTIVE_TECHNOLOGY = "adaptive_technology"
    EQUIPMENT = "equipment"
    TRAVEL = "travel"


class AdjustmentState(StrEnum):
    """Where a workplace adjustment stands."""

    PROPOSED = "proposed"
    AGREED = "agreed"
    IN_PLACE = "in_place"
    REFUSED = "refused"
    ENDED = "ended"


class EmployerRole(StrEnum):
    """Who at an employer was spoken to; ``own_business``: somebody self-employed, about their own."""

    OWNER = "owner"
    LINE_MANAGER = "line_manager"
    HUMAN_RESOURCES = "human_resources"
    OCCUPATIONAL_HEALTH = "occupational_health"
    OWN_BUSINESS = "own_business"
    OTHER = "other"


class Fitness(StrEnum):
    """What a fit note says."""

    NOT_FIT = "not_fit"
    MAY_BE_FIT = "may_be_fit"


class FitNoteIssuer(StrEnum):
    """Who may issue a fit note."""

    DOCTOR = "doctor"
    NURSE = "nurse"
    OCCUPATIONAL_THERAPIST = "occupational_therapist"
    PHARMACIST = "pharmacist"
    PHYSIOTHERAPIST = "physiotherapist"


class PauseReason(StrEnum):
    """Why a plan rests."""

    PERSON_ASKED = "person_asked"
    TREATMENT = "treatment"
    WAITING_FOR_SERVICE = "waiting_for_service"
    CARING = "caring"
    AWAY = "away"
    OTHER = "other"


class ReopenReason(StrEnum):
    """Why a closed plan is opened again."""

    CLOSED_IN_ERROR = "closed_in_error"
    PERSON_RETURNED = "person_returned"
    NEEDS_CHANGED = "needs_changed"


class CorrectionReason(StrEnum):
    """Why an earlier entry is corrected."""

    WRONG_DATE = "wrong_date"
    WRONG_PERSON = "wrong_person"
    WRONG_VALUE = "wrong_value"
    ENTERED_TWICE = "entered_twice"


class ClosureCode(StrEnum):
    """End of support, in the codes of the Talking Therapies data set."""

    NOT_SUITABLE_BACK_TO_REFERRER = "10"
    NOT_SUITABLE_SIGNPOSTED = "11"
    DISCHARGED_AFTER_ADVICE = "12"
    REFERRED_ELSEWHERE = "13"
    DECLINED = "14"
    DROPPED_OUT_OF_ASSESSMENT = "16"
    DIED_BEFORE_SUPPORT = "17"
    COMPLETED_BY_AGREEMENT = "46"
    ENDED_EARLIER_THAN_PLANNED = "47"
    ENDED_EARLIER_THAN_WANTED = "48"
    DIED_DURING_SUPPORT = "49"
    NOT_ASSESSED = "50"


class EvidenceKind(StrEnum):
    """What shows that something happened."""

    ATTENDANCE_RECORD = "attendance_record"
    STEP_RECORD = "step_record"
    REVIEW_RECORD = "review_record"
    PLAN_RECORD = "plan_record"
    PAYSLIP = "payslip"
    EMPLOYER_CONFIRMATION = "employer_confirmation"
    EMPLOYMENT_CONTRACT = "employment_contract"
    TAX_RECORD = "tax_record"
    SELF_DECLARATION = "self_declaration"


class OutcomeKind(StrEnum):
    """What an entry of ``outcome.recorded`` does to money."""

    EARNED = "earned"
    CLAIMABLE = "claimable"
    REVERSAL = "reversal"
    CLAWBACK = "clawback"
    ADJUSTMENT = "adjustment"
    FEE = "fee"
    PAID = "paid"
