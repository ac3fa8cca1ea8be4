"""What the red-flag rules look at: the items of each level with their answers, and whether all were asked."""

from typing import Any, Final

from services.contracts import red_flags
from services.contracts.assessment import Assessment
from services.contracts.codes import Condition, RedFlag, SafetyLevel

_ITEMS: Final = {
    SafetyLevel.EMERGENCY: red_flags.EMERGENCY_ITEMS,
    SafetyLevel.HOLD: red_flags.HOLD_ITEMS,
    SafetyLevel.URGENT: red_flags.URGENT_ITEMS,
}


def red_flag_facts(level: SafetyLevel, answers: Assessment | None) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return the fields that a level's rule looks at, and their values."""
    known = answers or Assessment()
    said = known.red_flags or {}
    facts: dict[str, Any] = {flag.value: said.get(flag) for flag in RedFlag if flag in _ITEMS[level]}
    if level is SafetyLevel.HOLD:
        facts[red_flags.PHQ9_ITEM9] = None if known.phq9 is None else known.phq9.item9
    if level is SafetyLevel.URGENT:
        facts["conditions"] = _ever_named(known)
    return tuple(facts), facts


def _ever_named(answers: Assessment) -> tuple[Condition, ...] | None:
    if answers.named_before is None:
        return answers.conditions
    return (*(answers.conditions or ()), *answers.named_before)


def asked_of(level: SafetyLevel, answers: Assessment | None) -> bool | None:
    """Return False where every item of a level that is not positive was asked, None where one was not."""
    _, facts = red_flag_facts(level, answers)
    if level is SafetyLevel.URGENT:
        conditions = facts.pop("conditions")
        if conditions is not None and Condition.BACK_PAIN not in conditions:
            return False
    return None if None in facts.values() else False
