"""Explanations of referrals that a test describes: one for each reader."""

from typing import Any

from services.contracts.codes import (
    RedFlag,
)
from services.triage.explanation.coach import CoachExplanation, RuleTold
from services.triage.explanation.participant import ParticipantExplanation
from services.triage.explanation.readers import (
    CoachReader,
    ParticipantReader,
    Reader,
    ReferrerReader,
)
from services.triage.explanation.referrer import ReferrerExplanation
from services.triage.explanation.tell import Explanation, tell
from tests.spec.people import policy
from tests.unit.triage.test_decide import Triage

COACH, REFERRER, PARTICIPANT = CoachReader(), ReferrerReader(own=False), ParticipantReader()
READERS: tuple[Reader, ...] = (COACH, REFERRER, PARTICIPANT)
OUT = {"work": "unemployed", "attendance": None, "unemployed_since": "2024-05-19"}
MANY = {
    "conditions": ["back_pain", "anxiety_or_depression"],
    "phq9": 12,
    "gad7": None,
    "start_msk": 6,
    "stressors": ["work_stress"],
    "barriers": ["debt"],
    "attendance": "off_sick",
}


def told(who: Reader, **given: Any) -> Explanation:
    state = Triage(**given).state
    assert state is not None
    return tell(who, state, policy())


def coach(**given: Any) -> CoachExplanation:
    found = told(COACH, **given)
    assert isinstance(found, CoachExplanation)
    return found


def referrer(**given: Any) -> ReferrerExplanation:
    found = told(REFERRER, **given)
    assert isinstance(found, ReferrerExplanation)
    return found


def participant(**given: Any) -> ParticipantExplanation:
    found = told(PARTICIPANT, **given)
    assert isinstance(found, ParticipantExplanation)
    return found


def rule(of: CoachExplanation, rule_id: str) -> RuleTold:
    return next(one for one in of.rules if one.rule == rule_id)


HELD: list[tuple[str, dict[str, Any]]] = [
    ("item 9", {"item9": 2}),
    *((flag.value, {"red_flags": {flag.value: True}}) for flag in [*RedFlag][:8]),
    ("both", {"item9": 1, "red_flags": {"chest_pain": True}, "phq9": 20}),
]
