"""The plain words for what rules ask and what they give. About somebody, or to them: ``{They}`` is They or You.

Verbs stand in the plural, so that one sentence serves both. A test holds that every field and every code has words.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from services.contracts import red_flags
from services.contracts.codes import Intensity, RedFlag, Support


class Voice(StrEnum):
    """Whom a sentence speaks to."""

    ABOUT = "about"  # staff read about somebody
    TO = "to"  # the person reads about themselves

    def says(self, text: str) -> str:
        """Return a sentence with its pronouns filled in."""
        you = self is Voice.TO
        they, their = ("you", "your") if you else ("they", "their")
        return text.format(they=they, They=they.capitalize(), their=their, Their=their.capitalize())


@dataclass(frozen=True, slots=True)
class NumberWords:
    """A number: ``name`` as the subject of a sentence, ``unit`` behind it."""

    name: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class FlagWords:
    """A yes or no, each as a clause; ``name`` is what was asked about."""

    name: str
    yes: str
    no: str


@dataclass(frozen=True, slots=True)
class CodeWords:
    """One code of a list, each as a clause; ``groups``: several of them that one clause says better."""

    name: str
    clauses: Mapping[str, str]
    groups: Mapping[frozenset[str], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CodesWords:
    """Any codes of a list; ``has`` goes before the codes, ``has_not`` too, ``none`` stands for an empty list."""

    name: str
    has: str
    has_not: str
    none: str
    codes: Mapping[str, str]


Words = NumberWords | FlagWords | CodeWords | CodesWords

AGES: Final = {
    16: "16 or 17",
    18: "18",
    19: "19 to 24",
    25: "25 to 34",
    35: "35 to 49",
    50: "50 to 64",
    65: "65 or over",
}
"""The band of which a fact holds the lowest age."""

SUPPORTS: Final[Mapping[Support, str]] = {
    Support.PHYSIOTHERAPY: "physiotherapy",
    Support.COUNSELLING: "counselling",
    Support.TALKING_THERAPIES: "NHS Talking Therapies",
    Support.SKILLS: "help with skills and courses",
    Support.EMPLOYMENT_ADVICE: "advice about work",
    Support.EMPLOYER_CONVERSATION: "a talk with the employer",
    Support.MSK_SELF_MANAGEMENT: "advice and an app for joints, muscles or back",
    Support.SUPPORTED_EMPLOYMENT: "a job programme with a key worker",
    Support.ADAPTIVE_TECHNOLOGY: "changes and tools that make work easier",
    Support.CONDITION_SERVICE: "a service for the health condition",
    Support.DEBT_ADVICE: "advice about debt",
    Support.HOUSING_ADVICE: "advice about housing",
    Support.VOLUNTEERING: "volunteering",
    Support.MEANINGFUL_ACTIVITY: "something good to do in the week",
    Support.WELLBEING: "help to feel well",
    Support.COACH_ASSESSMENT: "a first talk with a coach",
    Support.GP: "the GP",
    Support.CRISIS: "urgent help from a named person",
}

INTENSITIES: Final[Mapping[Intensity, str]] = {
    Intensity.LIGHT_TOUCH: "light touch",
    Intensity.STEP_2: "step 2 likely, mostly guided self-help",
    Intensity.STEP_3: "step 3 likely, mostly one to one",
    Intensity.KEY_WORKER: "with a key worker",
}

CONDITIONS: Final = {
    "musculoskeletal": "trouble with joints or muscles",
    "back_pain": "back pain",
    "anxiety_or_depression": "anxiety or depression",
    "severe_mental_illness": "severe mental illness",
    "ptsd": "post-traumatic stress",
    "social_anxiety": "social anxiety",
    "autism": "autism",
    "learning_difficulty": "a learning difficulty",
    "cardiovascular": "a heart condition",
    "respiratory": "a lung condition",
    "neurological": "a nerve or brain condition",
    "cancer": "cancer",
    "sensory": "trouble with sight or hearing",
    "other": "another condition",
}

FIELDS: Final[Mapping[str, Words]] = {
    "age": NumberWords("{their} age"),
    "route": CodeWords(
        "how {they} came to the programme",
        {
            "self": "{they} came by themselves",
            "gp": "a GP referred them",
            "pharmacist": "a pharmacist referred them",
            "employer": "an employer referred them",
            "jobcentre_plus": "the Jobcentre referred them",
            "community": "a community group referred them",
            "hospital": "a hospital referred them",
            "provider": "a provider invited them",
        },
    ),
    "work_status": CodeWords(
        "whether {they} have work",
        {
            "employed": "{they} have a job",
            "self_employed": "{they} work for themselves",
            "unemployed": "{they} have no work and look for it",
            "inactive": "{they} have no work and do not look for it now",
        },
        {
            frozenset({"employed", "self_employed"}): "{they} have work",
            frozenset({"unemployed", "inactive"}): "{they} have no work",
        },
    ),
    "attendance": CodeWords(
        "how work goes",
        {
            "working": "{they} are at work as usual",
            "struggling": "{they} find it hard to stay at work",
            "off_sick": "{they} are off sick",
        },
    ),
    "out_of_work_days": NumberWords("{their} time out of work", "days"),
    "off_sick_days": NumberWords("{their} time off sick", "days"),
    "job_at_risk": FlagWords("whether {their} job is at risk", "{their} job is at risk", "{their} job is not at risk"),
    "weekly_hours": NumberWords("{their} working week", "hours"),
    "highest_qualification_level": NumberWords("the level of {their} highest qualification"),
    "earnings_band": CodeWords(
        "what {they} earn",
        {
            "under_15k": "{they} earn under £15,000 a year",
            "from_15k": "{they} earn £15,000 to £25,000 a year",
            "from_25k": "{they} earn £25,000 to £35,000 a year",
            "from_35k": "{they} earn £35,000 a year or more",
        },
    ),
    "local_gp": FlagWords("{their} GP", "{they} are with a local GP", "{they} are not with a local GP"),
    "complex_needs": FlagWords("complex needs", "{they} have complex needs", "{they} do not have complex needs"),
    "asks": CodesWords(
        "what {they} asked for",
        "{they} asked for",
        "{they} did not ask for",
        "{they} asked for nothing in particular",
        {support.value: words for support, words in SUPPORTS.items()},
    ),
    "conditions": CodesWords(
        "health conditions",
        "the health conditions include",
        "the health conditions do not include",
        "no health condition was named",
        CONDITIONS,
    ),
    "stressors": CodesWords(
        "hard times in life",
        "{they} are going through",
        "{they} are not going through",
        "no hard time in life was named",
        {
            "bereavement": "the loss of somebody",
            "work_stress": "stress at work",
            "relationship": "trouble in a relationship",
            "caring": "caring for somebody",
            "other": "something else that is hard",
        },
    ),
    "barriers": CodesWords(
        "what stands in the way of work",
        "these stand in the way of work:",
        "these do not stand in the way of work:",
        "nothing else stands in the way of work",
        {
            "debt": "debt",
            "housing": "housing",
            "skills": "skills",
            "childcare": "childcare",
            "transport": "transport",
            "digital": "getting online",
            "confidence": "confidence",
            "language": "English",
            "other": "something else",
        },
    ),
    "phq9": NumberWords("{their} PHQ-9 score (low mood)"),
    "gad7": NumberWords("{their} GAD-7 score (worry)"),
    "start_msk": NumberWords("{their} STarT MSK score (how pain holds back)"),
    "wsas": NumberWords("{their} WSAS score (how hard daily life is)"),
    "secondary_mental_health_care": FlagWords(
        "care from a specialist mental health team",
        "{they} are under a specialist mental health team",
        "{they} are not under a specialist mental health team",
    ),
    "red_flag_answers": NumberWords("the number of safety questions that were answered"),
    "area_code": CodeWords("the area", {}),
    "referred_on": CodeWords("the day of the referral", {}),
    red_flags.PHQ9_ITEM9: NumberWords("{their} answer to PHQ-9 item 9 (thoughts of self-harm)"),
}
"""Every field that a rule may ask, but for the red-flag questions; ``{they}`` and ``{their}`` are filled in last."""

RED_FLAGS: Final[Mapping[RedFlag, str]] = {
    RedFlag.BLADDER_OR_BOWEL_CHANGE: "loss of control of bladder or bowels",
    RedFlag.URINATION_DIFFICULTY: "trouble passing urine",
    RedFlag.SADDLE_NUMBNESS: "numbness round the genitals or bottom",
    RedFlag.BOTH_LEG_SYMPTOMS: "pain, weakness or numbness in both legs",
    RedFlag.SEXUAL_FUNCTION_CHANGE: "a new change in sexual function",
    RedFlag.CHEST_PAIN: "chest pain",
    RedFlag.SERIOUS_ACCIDENT: "a serious accident",
    RedFlag.SELF_HARM_DISCLOSURE: "talk of suicide or self-harm",
    RedFlag.FEVER: "a high temperature",
    RedFlag.WEIGHT_LOSS: "weight loss that was not meant",
    RedFlag.LUMP_OR_SHAPE_CHANGE: "a lump or a changed shape",
    RedFlag.NIGHT_PAIN: "pain that rest does not ease or that is worse at night",
    RedFlag.COUGH_OR_STRAIN_PAIN: "pain that is worse with a sneeze, a cough or on the toilet",
    RedFlag.UPPER_BACK_PAIN: "pain from the upper back",
}

PARAMETERS: Final[Mapping[str, tuple[str, str]]] = {
    "skills_earnings_limit": (
        "this area has a limit of earnings for skills",
        "this area has no limit of earnings for skills",
    ),
}
"""Of a yes or no that a programme's file sets: what it says when it is yes, and when no."""


def words_of(field: str) -> Words:
    """Return a field's words. Raises KeyError for what no rule may ask."""
    found = FIELDS.get(field)
    if found is not None:
        return found
    item = RED_FLAGS[RedFlag(field)]
    return FlagWords(item, f"there is {item}", f"there is no {item.removeprefix('a ')}")


def supports_in_words(supports: tuple[Support, ...] | list[Support]) -> str:
    """Return supports as a list within a sentence."""
    return listed([SUPPORTS[support] for support in supports])


def listed(names: list[str], last: str = "and") -> str:
    """Return names joined as a sentence joins them."""
    if len(names) < 2:  # noqa: PLR2004  one name, or none
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"
