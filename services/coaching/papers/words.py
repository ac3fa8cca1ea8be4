"""Codes in plain English: short words, "you", no jargon. A test holds that no code is without its words."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Final

from services.contracts.codes import Attendance, Barrier, Intensity, Support, WorkStatus
from services.contracts.plan_codes import (
    Adjustment,
    AdjustmentState,
    BookingState,
    Fitness,
    FitNoteIssuer,
    GoalProgress,
    GoalTheme,
    PlanState,
    StepOwner,
    StepState,
    WorkplaceBarrier,
)

Words = Mapping[StrEnum, str]

SUPPORT: Final[Words] = {
    Support.PHYSIOTHERAPY: "Physiotherapy",
    Support.COUNSELLING: "Counselling",
    Support.TALKING_THERAPIES: "NHS Talking Therapies",
    Support.SKILLS: "Training and skills",
    Support.EMPLOYMENT_ADVICE: "Advice about work",
    Support.EMPLOYER_CONVERSATION: "A talk with your employer",
    Support.MSK_SELF_MANAGEMENT: "Exercises and advice for your muscles and joints",
    Support.SUPPORTED_EMPLOYMENT: "Longer support to find and keep work",
    Support.ADAPTIVE_TECHNOLOGY: "Technology that makes work easier",
    Support.CONDITION_SERVICE: "A service for your condition",
    Support.DEBT_ADVICE: "Advice about debt",
    Support.HOUSING_ADVICE: "Advice about housing",
    Support.VOLUNTEERING: "Volunteering",
    Support.MEANINGFUL_ACTIVITY: "Things that you like to do",
    Support.WELLBEING: "Support to feel well",
    Support.COACH_ASSESSMENT: "A first talk about what you need",
    Support.GP: "An appointment with your GP",
    Support.CRISIS: "Urgent help",
}

SUPPORT_FOR_GP: Final[Words] = {
    **SUPPORT,
    Support.EMPLOYER_CONVERSATION: "Conversation with the employer",
    Support.MSK_SELF_MANAGEMENT: "Advice and digital self-management (musculoskeletal)",
    Support.SUPPORTED_EMPLOYMENT: "Supported employment",
    Support.ADAPTIVE_TECHNOLOGY: "Adaptive technology",
    Support.CONDITION_SERVICE: "Condition service",
    Support.MEANINGFUL_ACTIVITY: "Meaningful activity",
    Support.WELLBEING: "Wellbeing support",
    Support.EMPLOYMENT_ADVICE: "Employment advice",
    Support.COACH_ASSESSMENT: "Joint assessment with the coach",
    Support.GP: "GP appointment",
    Support.CRISIS: "Crisis support",
}

INTENSITY: Final[Words] = {
    Intensity.LIGHT_TOUCH: "light touch",
    Intensity.STEP_2: "step 2",
    Intensity.STEP_3: "step 3",
    Intensity.KEY_WORKER: "key worker",
}

ADJUSTMENT: Final[Words] = {
    Adjustment.PHASED_RETURN: "Phased return to work",
    Adjustment.ALTERED_HOURS: "Altered hours",
    Adjustment.AMENDED_DUTIES: "Amended duties",
    Adjustment.WORKPLACE_ADAPTATIONS: "Workplace adaptations",
    Adjustment.FLEXIBLE_WORKING: "Flexible working",
    Adjustment.ADAPTIVE_TECHNOLOGY: "Adaptive technology",
    Adjustment.EQUIPMENT: "Equipment",
    Adjustment.TRAVEL: "Travel to and for work",
}

ADJUSTMENT_MEANS: Final[Words] = {
    Adjustment.PHASED_RETURN: "Coming back step by step, with fewer hours or days at first.",
    Adjustment.ALTERED_HOURS: "Starting or ending at other times, or fewer hours.",
    Adjustment.AMENDED_DUTIES: "Different tasks, or some tasks left out for a time.",
    Adjustment.WORKPLACE_ADAPTATIONS: "Changes to the place of work.",
    Adjustment.FLEXIBLE_WORKING: "A say in when and where the work is done.",
    Adjustment.ADAPTIVE_TECHNOLOGY: "Software or devices that make tasks easier to do.",
    Adjustment.EQUIPMENT: "A tool, a chair, a desk or other equipment.",
    Adjustment.TRAVEL: "Help with the way to work or with journeys for work.",
}

ADJUSTMENT_STATE: Final[Words] = {
    AdjustmentState.PROPOSED: "Proposed",
    AdjustmentState.AGREED: "Agreed",
    AdjustmentState.IN_PLACE: "In place",
    AdjustmentState.REFUSED: "Refused",
    AdjustmentState.ENDED: "Ended",
}

GOAL: Final[Words] = {
    GoalTheme.STAY_IN_WORK: "Stay in work",
    GoalTheme.RETURN_TO_WORK: "Go back to work",
    GoalTheme.FIND_WORK: "Find work",
    GoalTheme.CHANGE_WORK: "Change your work",
    GoalTheme.HEALTH: "Feel better",
    GoalTheme.SKILLS: "Learn something new",
    GoalTheme.SOCIAL: "Sort out things at home or with people around you",
}

GOAL_PROGRESS: Final[Words] = {
    GoalProgress.OPEN: "You are working on it",
    GoalProgress.PARTLY_MET: "You have come part of the way",
    GoalProgress.MET: "You have reached it",
    GoalProgress.DROPPED: "You have decided against it",
}

STEP_STATE: Final[Words] = {
    StepState.PLANNED: "planned",
    StepState.STARTED: "started",
    StepState.FINISHED: "finished",
    StepState.CANCELLED: "cancelled",
}

OWNER: Final[Words] = {
    StepOwner.PERSON: "you",
    StepOwner.COACH: "your coach",
    StepOwner.SERVICE: "the service",
    StepOwner.EMPLOYER: "your employer",
    StepOwner.GP: "your GP",
}

BOOKING: Final[Words] = {
    BookingState.OFFERED: "An appointment is offered",
    BookingState.BOOKED: "Your appointment",
    BookingState.ATTENDED: "You went to an appointment",
    BookingState.MISSED: "An appointment was missed; ask your coach for a new one",
    BookingState.CANCELLED: "An appointment was cancelled; ask your coach for a new one",
}

BARRIER: Final[Words] = {
    Barrier.DEBT: "Debt",
    Barrier.HOUSING: "Housing",
    Barrier.SKILLS: "Skills",
    Barrier.CHILDCARE: "Childcare",
    Barrier.TRANSPORT: "Getting from place to place",
    Barrier.DIGITAL: "Computers and the internet",
    Barrier.CONFIDENCE: "Confidence",
    Barrier.LANGUAGE: "Language",
    Barrier.OTHER: "Something else that we talked about",
}

WORKPLACE: Final[Words] = {
    WorkplaceBarrier.WORKLOAD: "How much work there is",
    WorkplaceBarrier.HOURS: "Working hours",
    WorkplaceBarrier.DUTIES: "What you do at work",
    WorkplaceBarrier.ENVIRONMENT: "The place where you work",
    WorkplaceBarrier.RELATIONSHIPS: "How people get on at work",
    WorkplaceBarrier.JOB_SECURITY: "Whether your job is safe",
    WorkplaceBarrier.OTHER: "Something else at work",
}

WORK: Final[Words] = {
    WorkStatus.EMPLOYED: "Employed",
    WorkStatus.SELF_EMPLOYED: "Self-employed",
    WorkStatus.UNEMPLOYED: "Unemployed",
    WorkStatus.INACTIVE: "Not working and not looking for work",
}

ATTENDANCE: Final[Words] = {
    Attendance.WORKING: "at work",
    Attendance.STRUGGLING: "at work, with difficulty",
    Attendance.OFF_SICK: "off sick",
}

FITNESS: Final[Words] = {
    Fitness.NOT_FIT: "Not fit for work",
    Fitness.MAY_BE_FIT: "May be fit for work",
}

ISSUER: Final[Words] = {
    FitNoteIssuer.DOCTOR: "Doctor",
    FitNoteIssuer.NURSE: "Nurse",
    FitNoteIssuer.OCCUPATIONAL_THERAPIST: "Occupational therapist",
    FitNoteIssuer.PHARMACIST: "Pharmacist",
    FitNoteIssuer.PHYSIOTHERAPIST: "Physiotherapist",
}

PLAN_STATE: Final[Words] = {
    PlanState.PROPOSED: "Proposed",
    PlanState.CONFIRMED: "Confirmed by a coach",
    PlanState.AGREED: "Agreed with the patient",
    PlanState.ACTIVE: "Under way",
    PlanState.PAUSED: "Paused",
    PlanState.IN_REVIEW: "In review",
    PlanState.CLOSED: "Closed",
    PlanState.WITHDRAWN: "Withdrawn",
}

ALL: Final[Mapping[str, Words]] = {
    "support": SUPPORT,
    "support_for_gp": SUPPORT_FOR_GP,
    "intensity": INTENSITY,
    "adjustment": ADJUSTMENT,
    "adjustment_means": ADJUSTMENT_MEANS,
    "adjustment_state": ADJUSTMENT_STATE,
    "goal": GOAL,
    "goal_progress": GOAL_PROGRESS,
    "step_state": STEP_STATE,
    "owner": OWNER,
    "booking": BOOKING,
    "barrier": BARRIER,
    "workplace": WORKPLACE,
    "work": WORK,
    "attendance": ATTENDANCE,
    "fitness": FITNESS,
    "issuer": ISSUER,
    "plan_state": PLAN_STATE,
}

_MONTHS: Final = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)


def day(value: date) -> str:
    """Return a day as people write it: 2 June 2025, whatever the machine's language."""
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"
