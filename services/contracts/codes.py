"""The code lists of the published language, each equal to ``schemas/codes/<list>.yaml`` (a test says so).

Meanings and sources stand in those files. Lists that a programme file defines (eligibility reasons,
priority groups, milestones) are not here: they travel as a plain ``Code``.
"""

from enum import StrEnum


class Route(StrEnum):
    """How a person came to the programme."""

    SELF = "self"
    GP = "gp"
    PHARMACIST = "pharmacist"
    EMPLOYER = "employer"
    JOBCENTRE_PLUS = "jobcentre_plus"
    COMMUNITY = "community"
    HOSPITAL = "hospital"
    PROVIDER = "provider"


class WorkStatus(StrEnum):
    """Where a person stands in work; the national employment codes are derived from it."""

    EMPLOYED = "employed"
    SELF_EMPLOYED = "self_employed"
    UNEMPLOYED = "unemployed"
    INACTIVE = "inactive"


class Attendance(StrEnum):
    """How a person who has work is doing in it."""

    WORKING = "working"
    STRUGGLING = "struggling"
    OFF_SICK = "off_sick"


class AgeBand(StrEnum):
    """Age in completed years on the day of the referral; events never carry a birth date."""

    FROM_16 = "16-17"
    AT_18 = "18"
    FROM_19 = "19-24"
    FROM_25 = "25-34"
    FROM_35 = "35-49"
    FROM_50 = "50-64"
    FROM_65 = "65+"


class EarningsBand(StrEnum):
    """Annual earnings; one edge is the national skills limit of £25,000."""

    UNDER_15K = "under_15k"
    FROM_15K = "from_15k"
    FROM_25K = "from_25k"
    FROM_35K = "from_35k"


class Condition(StrEnum):
    """A health condition or disability as the person or referrer names it."""

    MUSCULOSKELETAL = "musculoskeletal"
    BACK_PAIN = "back_pain"
    ANXIETY_OR_DEPRESSION = "anxiety_or_depression"
    SEVERE_MENTAL_ILLNESS = "severe_mental_illness"
    PTSD = "ptsd"
    SOCIAL_ANXIETY = "social_anxiety"
    AUTISM = "autism"
    LEARNING_DIFFICULTY = "learning_difficulty"
    CARDIOVASCULAR = "cardiovascular"
    RESPIRATORY = "respiratory"
    NEUROLOGICAL = "neurological"
    CANCER = "cancer"
    SENSORY = "sensory"
    OTHER = "other"


class Stressor(StrEnum):
    """A psychosocial stressor."""

    BEREAVEMENT = "bereavement"
    WORK_STRESS = "work_stress"
    RELATIONSHIP = "relationship"
    CARING = "caring"
    OTHER = "other"


class Barrier(StrEnum):
    """What besides health stands between a person and work."""

    DEBT = "debt"
    HOUSING = "housing"
    SKILLS = "skills"
    CHILDCARE = "childcare"
    TRANSPORT = "transport"
    DIGITAL = "digital"
    CONFIDENCE = "confidence"
    LANGUAGE = "language"
    OTHER = "other"


class RedFlag(StrEnum):
    """A question whose positive answer comes before everything else."""

    BLADDER_OR_BOWEL_CHANGE = "bladder_or_bowel_change"
    URINATION_DIFFICULTY = "urination_difficulty"
    SADDLE_NUMBNESS = "saddle_numbness"
    BOTH_LEG_SYMPTOMS = "both_leg_symptoms"
    SEXUAL_FUNCTION_CHANGE = "sexual_function_change"
    CHEST_PAIN = "chest_pain"
    SERIOUS_ACCIDENT = "serious_accident"
    SELF_HARM_DISCLOSURE = "self_harm_disclosure"
    FEVER = "fever"
    WEIGHT_LOSS = "weight_loss"
    LUMP_OR_SHAPE_CHANGE = "lump_or_shape_change"
    NIGHT_PAIN = "night_pain"
    COUGH_OR_STRAIN_PAIN = "cough_or_strain_pain"
    UPPER_BACK_PAIN = "upper_back_pain"


class SafetyLevel(StrEnum):
    """How serious a red flag is, the most serious first."""

    EMERGENCY = "emergency"
    HOLD = "hold"
    URGENT = "urgent"


class Urgency(StrEnum):
    """How soon a person must be seen: the level of the highest red flag, or routine."""

    EMERGENCY = "emergency"
    HOLD = "hold"
    URGENT = "urgent"
    ROUTINE = "routine"


class HoldCause(StrEnum):
    """Why triage holds a referral until a named person has acknowledged it."""

    EMERGENCY_RED_FLAG = "emergency_red_flag"
    SELF_HARM_RISK = "self_harm_risk"
    ELIGIBILITY_REVIEW = "eligibility_review"


class Support(StrEnum):
    """A kind of support that triage recommends and a plan holds."""

    PHYSIOTHERAPY = "physiotherapy"
    COUNSELLING = "counselling"
    TALKING_THERAPIES = "talking_therapies"
    SKILLS = "skills"
    EMPLOYMENT_ADVICE = "employment_advice"
    EMPLOYER_CONVERSATION = "employer_conversation"
    MSK_SELF_MANAGEMENT = "msk_self_management"
    SUPPORTED_EMPLOYMENT = "supported_employment"
    ADAPTIVE_TECHNOLOGY = "adaptive_technology"
    CONDITION_SERVICE = "condition_service"
    DEBT_ADVICE = "debt_advice"
    HOUSING_ADVICE = "housing_advice"
    VOLUNTEERING = "volunteering"
    MEANINGFUL_ACTIVITY = "meaningful_activity"
    WELLBEING = "wellbeing"
    COACH_ASSESSMENT = "coach_assessment"
    GP = "gp"
    CRISIS = "crisis"


class Intensity(StrEnum):
    """How much of a support is meant; null where the support has no grades."""

    LIGHT_TOUCH = "light_touch"
    STEP_2 = "step_2"
    STEP_3 = "step_3"
    KEY_WORKER = "key_worker"


class Sex(StrEnum):
    """Sex as stated, for equality monitoring."""

    FEMALE = "female"
    MALE = "male"
    INDETERMINATE = "indeterminate"
    NOT_KNOWN = "not_known"


class EthnicCategory(StrEnum):
    """NHS ethnic category codes (2001)."""

    WHITE_BRITISH = "A"
    WHITE_IRISH = "B"
    OTHER_WHITE = "C"
    WHITE_AND_BLACK_CARIBBEAN = "D"
    WHITE_AND_BLACK_AFRICAN = "E"
    WHITE_AND_ASIAN = "F"
    OTHER_MIXED = "G"
    INDIAN = "H"
    PAKISTANI = "J"
    BANGLADESHI = "K"
    OTHER_ASIAN = "L"
    CARIBBEAN = "M"
    AFRICAN = "N"
    OTHER_BLACK = "P"
    CHINESE = "R"
    ANY_OTHER = "S"
    NOT_STATED = "Z"
    NOT_KNOWN = "99"


class EthnicGroup(StrEnum):
    """The group of an ethnic category: all that an event carries of it."""

    WHITE = "white"
    MIXED = "mixed"
    ASIAN = "asian"
    BLACK = "black"
    OTHER = "other"
    NOT_STATED = "not_stated"
    NOT_KNOWN = "not_known"


class AccessibleFormat(StrEnum):
    """What a person needs in order to read, hear or take part."""

    LARGE_PRINT = "large_print"
    EASY_READ = "easy_read"
    BRAILLE = "braille"
    AUDIO = "audio"
    SIGN_LANGUAGE = "sign_language"
    HEARING_LOOP = "hearing_loop"
    INTERPRETER = "interpreter"
    STEP_FREE_ACCESS = "step_free_access"


class ConsentKind(StrEnum):
    """The three consents: separate facts, each withdrawable by itself."""

    TAKE_PART = "take_part"
    SHARE_WITH_GP = "share_with_gp"
    SHARE_WITH_EMPLOYER = "share_with_employer"


class Channel(StrEnum):
    """How a person was met or how something was said."""

    IN_PERSON = "in_person"
    PHONE = "phone"
    VIDEO = "video"
    ONLINE = "online"
    LETTER = "letter"


class EligibilityOutcome(StrEnum):
    """What the rules say of eligibility; no rule alone refuses anybody."""

    ELIGIBLE = "eligible"
    REVIEW = "review"


class EligibilityDecision(StrEnum):
    """What a named person decided of eligibility."""

    ELIGIBLE = "eligible"
    NOT_ELIGIBLE = "not_eligible"


class WithdrawalReason(StrEnum):
    """Why a referral or a plan ends at the person's wish or without them."""

    CHANGED_MIND = "changed_mind"
    OTHER_SUPPORT = "other_support"
    NO_LONGER_NEEDED = "no_longer_needed"
    MOVED_AWAY = "moved_away"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    NO_CONTACT = "no_contact"
    MADE_IN_ERROR = "made_in_error"
    DIED = "died"
    NOT_STATED = "not_stated"


class TriageOutcome(StrEnum):
    """What triage came to: it recommends, or holds for a person."""

    RECOMMENDED = "recommended"
    HELD = "held"
    NOT_ELIGIBLE = "not_eligible"
