"""The code lists of employers (Working Well in work); as those of :mod:`services.contracts.codes`.

Size bands, sections of industry and the charter's characteristics are common knowledge of the field that was not
checked at its source [common]; the other lists are our own [design].
"""

from enum import StrEnum


class LegalForm(StrEnum):
    """What an employer is in law: it says whether its name is a person's."""

    COMPANY = "company"
    PUBLIC_BODY = "public_body"
    CHARITY = "charity"
    PARTNERSHIP = "partnership"
    SOLE_TRADER = "sole_trader"
    OTHER = "other"


class SizeBand(StrEnum):
    """How many people an employer employs."""

    MICRO = "micro"
    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


class Sector(StrEnum):
    """A section of the Standard Industrial Classification 2007."""

    AGRICULTURE = "A"
    MINING = "B"
    MANUFACTURING = "C"
    ENERGY = "D"
    WATER_AND_WASTE = "E"
    CONSTRUCTION = "F"
    WHOLESALE_AND_RETAIL = "G"
    TRANSPORT_AND_STORAGE = "H"
    ACCOMMODATION_AND_FOOD = "I"
    INFORMATION_AND_COMMUNICATION = "J"
    FINANCE_AND_INSURANCE = "K"
    REAL_ESTATE = "L"
    PROFESSIONAL_AND_SCIENTIFIC = "M"
    ADMINISTRATIVE_AND_SUPPORT = "N"
    PUBLIC_ADMINISTRATION = "O"
    EDUCATION = "P"
    HEALTH_AND_SOCIAL_WORK = "Q"
    ARTS_AND_RECREATION = "R"
    OTHER_SERVICES = "S"
    HOUSEHOLDS = "T"
    EXTRATERRITORIAL = "U"


class CharterCommitment(StrEnum):
    """A characteristic of good employment in Greater Manchester's Good Employment Charter."""

    SECURE_WORK = "secure_work"
    FLEXIBLE_WORK = "flexible_work"
    REAL_LIVING_WAGE = "real_living_wage"
    ENGAGEMENT_AND_VOICE = "engagement_and_voice"
    RECRUITMENT = "recruitment"
    PEOPLE_MANAGEMENT = "people_management"
    HEALTH_AND_WELLBEING = "health_and_wellbeing"


class OccupationalHealth(StrEnum):
    """What occupational health an employer offers to those who work there."""

    NONE = "none"
    HELPLINE = "helpline"
    WHEN_NEEDED = "when_needed"
    CONTRACTED = "contracted"
    IN_HOUSE = "in_house"


class EmployerActivity(StrEnum):
    """What was done with an employer."""

    VISIT = "visit"
    MANAGER_TRAINING = "manager_training"
    WORKSHOP = "workshop"
    POLICY_ADVICE = "policy_advice"
    WELLBEING_EVENT = "wellbeing_event"
    NETWORK_MEETING = "network_meeting"


class ActivityFault(StrEnum):
    """Why an activity is struck out."""

    DID_NOT_HAPPEN = "did_not_happen"
    RECORDED_TWICE = "recorded_twice"
    WRONG_FACTS = "wrong_facts"


class EmployerState(StrEnum):
    """Whether the programme works with an employer."""

    ENGAGED = "engaged"
    LEFT = "left"
