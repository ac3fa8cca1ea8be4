"""The questionnaires: every band, caseness and reliable change from both sides (domain facts, section 3)."""

import pytest

from services.contracts.assessment import Gad7, Ons4, Phq9, StartMsk, Wsas
from services.contracts.base import Record
from services.contracts.instruments import (
    GAD7,
    INSTRUMENTS,
    ONS4_RANGE,
    PHQ9,
    PHQ9_MORE_SEVERE,
    START_MSK,
    WSAS,
    Instrument,
    Ons4Item,
    OutOfRange,
    Tool,
)
from tests.spec.people import rules, triage


@pytest.mark.parametrize(
    ("tool", "score", "band"),
    [
        (PHQ9, 0, "minimal"),
        (PHQ9, 4, "minimal"),
        (PHQ9, 5, "mild"),
        (PHQ9, 9, "mild"),
        (PHQ9, 10, "moderate"),
        (PHQ9, 14, "moderate"),
        (PHQ9, 15, "moderately_severe"),
        (PHQ9, 19, "moderately_severe"),
        (PHQ9, 20, "severe"),
        (PHQ9, 27, "severe"),
        (GAD7, 0, "minimal"),
        (GAD7, 4, "minimal"),
        (GAD7, 5, "mild"),
        (GAD7, 9, "mild"),
        (GAD7, 10, "moderate"),
        (GAD7, 14, "moderate"),
        (GAD7, 15, "severe"),
        (GAD7, 21, "severe"),
        (START_MSK, 0, "low"),
        (START_MSK, 4, "low"),
        (START_MSK, 5, "medium"),
        (START_MSK, 8, "medium"),
        (START_MSK, 9, "high"),
        (START_MSK, 12, "high"),
        (WSAS, 0, "subclinical"),
        (WSAS, 9, "subclinical"),
        (WSAS, 10, "significant"),
        (WSAS, 20, "significant"),
        (WSAS, 21, "moderately_severe"),
        (WSAS, 40, "moderately_severe"),
    ],
    ids=lambda value: value.title if isinstance(value, Instrument) else str(value),
)
def test_band(tool: Instrument, score: int, band: str) -> None:
    assert tool.band(score) == band


@pytest.mark.parametrize(("tool", "below", "at"), [(PHQ9, 9, 10), (GAD7, 7, 8)], ids=["PHQ-9 from 10", "GAD-7 from 8"])
def test_caseness(tool: Instrument, below: int, at: int) -> None:
    assert (tool.is_case(below), tool.is_case(at)) == (False, True)


@pytest.mark.parametrize(
    ("title", "tool", "earlier", "later", "better", "worse"),
    [
        ("PHQ-9 down by 6", PHQ9, 16, 10, True, False),
        ("PHQ-9 down by 5", PHQ9, 16, 11, False, False),
        ("PHQ-9 up by 6", PHQ9, 10, 16, False, True),
        ("PHQ-9 up by 5", PHQ9, 10, 15, False, False),
        ("GAD-7 down by 4", GAD7, 12, 8, True, False),
        ("GAD-7 down by 3", GAD7, 12, 9, False, False),
        ("GAD-7 up by 4", GAD7, 8, 12, False, True),
        ("no change", GAD7, 8, 8, False, False),
    ],
)
def test_reliable_change(title: str, tool: Instrument, earlier: int, later: int, *, better: bool, worse: bool) -> None:
    assert tool.reliable_improvement(earlier, later) is better, title
    assert tool.reliable_deterioration(earlier, later) is worse, title


def test_what_is_not_published_for_a_tool_is_not_made_up() -> None:
    for tool in (START_MSK, WSAS):
        assert (tool.is_case(tool.high), tool.reliable_improvement(tool.high, 0)) == (None, None)


@pytest.mark.parametrize("tool", INSTRUMENTS.values(), ids=lambda tool: str(tool.title))
def test_a_score_that_the_tool_cannot_give_is_refused(tool: Instrument) -> None:
    assert tool.score(tool.high) == tool.high
    for score in (-1, tool.high + 1):
        with pytest.raises(OutOfRange, match=f"{tool.title} gives 0 to {tool.high}, not {score}"):
            tool.band(score)


RECORDS: dict[Tool, type[Record]] = {Tool.PHQ9: Phq9, Tool.GAD7: Gad7, Tool.START_MSK: StartMsk, Tool.WSAS: Wsas}


@pytest.mark.parametrize("tool", Tool)
def test_an_event_holds_the_scores_that_a_tool_can_give(tool: Tool) -> None:
    limits = RECORDS[tool].model_json_schema()["properties"]["score"]["anyOf"][0]
    assert (limits["minimum"], limits["maximum"]) == (INSTRUMENTS[tool].low, INSTRUMENTS[tool].high)


def test_the_ons4_are_four_answers_of_0_to_10_and_no_sum() -> None:
    fields = Ons4.model_json_schema()["properties"]
    assert list(fields) == [item.value for item in Ons4Item]
    for limits in (field["anyOf"][0] for field in fields.values()):
        assert (limits["minimum"], limits["maximum"]) == ONS4_RANGE
    assert "ons4" not in {tool.value for tool in INSTRUMENTS}


def test_the_rules_cut_where_the_tools_do() -> None:
    assert "R10" in rules(triage(phq9=PHQ9.caseness))
    assert "R10" in rules(triage(phq9=PHQ9_MORE_SEVERE - 1))
    assert "R11" in rules(triage(phq9=PHQ9_MORE_SEVERE))
    assert "R10" in rules(triage(gad7=GAD7.caseness))
    assert "R11" in rules(triage(gad7=15))
    assert GAD7.band(15) != GAD7.band(14)
    assert "R20" in rules(triage(conditions=["back_pain"], start_msk=4))
    assert "R21" in rules(triage(conditions=["back_pain"], start_msk=5))
    assert START_MSK.band(4) != START_MSK.band(5)
