"""Red flags: what they are, how serious, what a person must be told. Read before anything else.

Items, levels and advice follow the domain facts, section 3. Used by intake (every answer carries the
advice) and by triage (matching stops).
"""

from dataclasses import dataclass
from typing import Final

from services.contracts.assessment import Assessment
from services.contracts.codes import Condition, RedFlag, SafetyLevel

EMERGENCY_ITEMS: Final = frozenset(
    {
        RedFlag.BLADDER_OR_BOWEL_CHANGE,
        RedFlag.URINATION_DIFFICULTY,
        RedFlag.SADDLE_NUMBNESS,
        RedFlag.BOTH_LEG_SYMPTOMS,
        RedFlag.SEXUAL_FUNCTION_CHANGE,
        RedFlag.CHEST_PAIN,
        RedFlag.SERIOUS_ACCIDENT,
    }
)
HOLD_ITEMS: Final = frozenset({RedFlag.SELF_HARM_DISCLOSURE})
URGENT_ITEMS: Final = frozenset(
    {
        RedFlag.FEVER,
        RedFlag.WEIGHT_LOSS,
        RedFlag.LUMP_OR_SHAPE_CHANGE,
        RedFlag.NIGHT_PAIN,
        RedFlag.COUGH_OR_STRAIN_PAIN,
        RedFlag.UPPER_BACK_PAIN,
    }
)

ADVICE: Final = {
    SafetyLevel.EMERGENCY: (
        "This may be an emergency. Call 999 or go to A&E now. Do not wait for this service to contact you."
    ),
    SafetyLevel.HOLD: (
        "You do not have to face this alone. If your life or someone else's is at risk, call 999 or go to "
        "A&E now. Otherwise call NHS 111 and choose option 2 for mental health, day or night. This service "
        "and NHS Talking Therapies are not crisis services. A person will contact you."
    ),
    SafetyLevel.URGENT: (
        "Ask for an urgent GP appointment or call NHS 111 about your back pain. Call 999 or go to A&E if it "
        "gets worse quickly."
    ),
}
"""What a person is told at each level; the wording is ours, the content the domain facts'."""

PHQ9_ITEM9: Final = "phq9_item9"
"""The positive item that is a score, not a red-flag code."""

_RANK: Final = {flag: rank for rank, flag in enumerate(RedFlag)}


@dataclass(frozen=True, slots=True)
class Safety:
    """What the positive items come to: the highest level, and the items, most serious first.

    ``advice`` is the text of every level that has an item, the most serious first: whoever has chest pain
    and thoughts of self-harm is told about both.
    """

    level: SafetyLevel
    advice: str
    items: tuple[str, ...]


def check(assessment: Assessment | None) -> Safety | None:
    """Return the highest safety level of ``assessment`` with its advice, None when nothing is positive.

    Emergency items count with or without back pain (rule R01); item 9 of the PHQ-9 of 1 or more and any
    disclosure of self-harm are a hold (R02); urgent items count with back pain only (R03), also with back pain that
    an earlier list of conditions named. A question that was not asked is neither positive nor negative.
    """
    if assessment is None:
        return None
    flags = assessment.red_flags
    item9 = assessment.phq9.item9 if assessment.phq9 is not None else None
    at_risk = item9 is not None and item9 >= 1
    if not flags and not at_risk:
        return None
    positive = sorted((flag for flag, said in (flags or {}).items() if said), key=_RANK.__getitem__)
    if not positive and not at_risk:
        return None
    emergency = [flag.value for flag in positive if flag in EMERGENCY_ITEMS]
    hold = [flag.value for flag in positive if flag in HOLD_ITEMS] + ([PHQ9_ITEM9] if at_risk else [])
    back_pain = Condition.BACK_PAIN in (*(assessment.conditions or ()), *(assessment.named_before or ()))
    urgent = [flag.value for flag in positive if flag in URGENT_ITEMS] if back_pain else []
    found = [
        level
        for level, items in (
            (SafetyLevel.EMERGENCY, emergency),
            (SafetyLevel.HOLD, hold),
            (SafetyLevel.URGENT, urgent),
        )
        if items
    ]
    if not found:
        return None
    return Safety(found[0], " ".join(ADVICE[level] for level in found), (*emergency, *hold, *urgent))
