"""What a review found, from scores: better by more than chance, or not.

Reliable improvement [design, after the Talking Therapies measure of that name]: better by the reliable change on one
questionnaire, and worse by it on none. Questionnaires without a published reliable change say nothing here.
"""

from collections.abc import Sequence

from services.coaching.domain.command_fields import ScoreFields
from services.contracts.instruments import INSTRUMENTS, OutOfRange
from services.kernel.decision import Reason


def faults(scores: Sequence[ScoreFields], judged: bool | None) -> list[Reason]:
    """Return what is wrong with a review's scores (422)."""
    found = []
    if scores and judged is not None:
        message = "the reliable change follows from the scores; leave your own judgement out"
        found.append(Reason("judged_twice", message, "/reliable_improvement"))
    tools = [one.tool for one in scores]
    for place, one in enumerate(scores):
        if one.tool in tools[:place]:
            found.append(Reason("duplicate_tool", "this questionnaire stands there twice", f"/scores/{place}"))
        for name in ("earlier", "later"):
            try:
                INSTRUMENTS[one.tool].score(getattr(one, name))
            except OutOfRange:
                found.append(Reason("score_out_of_range", _range(one), f"/scores/{place}/{name}"))
    return found


def _range(one: ScoreFields) -> str:
    """Say the range without the score: what was sent is pointed at, not repeated."""
    tool = INSTRUMENTS[one.tool]
    return f"{tool.title} gives {tool.low} to {tool.high}; check the sum and which tool it is of"


def reliable_improvement(scores: Sequence[ScoreFields]) -> bool | None:
    """Return whether a review found a reliable improvement; None: no score can tell."""
    better = [INSTRUMENTS[one.tool].reliable_improvement(one.earlier, one.later) for one in scores]
    worse = [INSTRUMENTS[one.tool].reliable_deterioration(one.earlier, one.later) for one in scores]
    if all(said is None for said in better):
        return None
    return any(better) and not any(worse)
