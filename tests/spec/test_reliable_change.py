"""What a review found, from two scores of each questionnaire."""

from typing import Any

import pytest

from tests.unit.coaching.desk import desk, refusal

CASES: list[tuple[str, dict[str, tuple[int, int]], bool | None]] = [
    ("PHQ-9 down by 6", {"phq9": (16, 10)}, True),
    ("PHQ-9 down by 5: may be chance", {"phq9": (16, 11)}, False),
    ("GAD-7 down by 4", {"gad7": (12, 8)}, True),
    ("GAD-7 down by 3", {"gad7": (12, 9)}, False),
    ("better on one, the other as it was", {"phq9": (16, 10), "gad7": (12, 12)}, True),
    ("better on one, worse by less than the reliable change on the other", {"phq9": (16, 10), "gad7": (9, 12)}, True),
    ("better on one, worse on the other", {"phq9": (16, 10), "gad7": (8, 12)}, False),
    ("worse", {"phq9": (10, 16)}, False),
    ("no reliable change is published for WSAS", {"wsas": (30, 5)}, None),
    ("WSAS says nothing beside PHQ-9", {"wsas": (5, 30), "phq9": (16, 10)}, True),
    ("nothing was measured", {}, None),
]


def scores(pairs: dict[str, tuple[int, int]]) -> list[dict[str, Any]]:
    return [{"tool": tool, "earlier": earlier, "later": later} for tool, (earlier, later) in pairs.items()]


@pytest.mark.parametrize(("pairs", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_reliable_improvement(pairs: dict[str, tuple[int, int]], expected: bool | None) -> None:
    made = desk("active")
    [event] = made.ask("review_completed", scores=scores(pairs))
    assert event.data.change.reliable_improvement is expected
    assert not any(tool.encode() in made.bytes[-1] for tool in pairs), "no score leaves coaching, nor of which tool"
    assert [name for name, _ in made.rows].count("plan_score") == (1 if pairs else 0)


@pytest.mark.parametrize(
    ("fields", "reasons"),
    [
        ({"scores": scores({"phq9": (28, 3)})}, [("score_out_of_range", "/scores/0/earlier")]),
        ({"scores": scores({"gad7": (3, 22)})}, [("score_out_of_range", "/scores/0/later")]),
        ({"scores": scores({"phq9": (9, 3)}) * 2}, [("duplicate_tool", "/scores/1")]),
        (
            {"scores": scores({"phq9": (9, 3)}), "reliable_improvement": True},
            [("judged_twice", "/reliable_improvement")],
        ),
    ],
)
def test_scores_that_cannot_be(fields: dict[str, Any], reasons: list[tuple[str, str]]) -> None:
    assert refusal(desk("active"), "review_completed", **fields) == (422, reasons)
