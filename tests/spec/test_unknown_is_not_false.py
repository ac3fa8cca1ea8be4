"""Three-valued logic: what was not asked is unknown; every operator, and every way to combine."""

from typing import Any

import pytest
from pydantic import TypeAdapter

from services.programmes.conditions import Condition
from services.programmes.logic import Truth, compile_condition
from tests.spec.people import PROGRAMME, TODAY, policy

_CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)

YES = {"parameter": "on", "is": True}
NO = {"parameter": "on", "is": False}
UNKNOWN = {"field": "never_asked", "is": True}


def truth(condition: dict[str, Any], **facts: Any) -> Truth:
    compiled = compile_condition(_CONDITION.validate_python(condition), {}, {"on": True, "limit": 10})
    return compiled(facts)


@pytest.mark.parametrize(
    ("condition", "true_for", "false_for"),
    [
        ({"field": "x", "at_least": 10}, 10, 9),
        ({"field": "x", "at_most": 10}, 10, 11),
        ({"field": "x", "above": 10}, 11, 10),
        ({"field": "x", "below": 10}, 9, 10),
        ({"field": "x", "equals": 10}, 10, 9),
        ({"field": "x", "at_least": {"parameter": "limit"}}, 10, 9),
        ({"field": "x", "is": True}, True, False),
        ({"field": "x", "is": False}, False, True),
        ({"field": "x", "is": "red"}, "red", "blue"),
        ({"field": "x", "in": ("red", "blue")}, "blue", "green"),
        ({"field": "x", "includes": "red"}, ("red", "blue"), ("blue",)),
        ({"field": "x", "includes": "red"}, ("red",), ()),
        ({"field": "x", "includes_any": ("red", "blue")}, ("blue",), ("green",)),
        ({"field": "x", "includes_any": ("red", "blue")}, ("blue",), ()),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else None,
)
def test_each_operator_is_true_false_or_unknown(condition: dict[str, Any], true_for: Any, false_for: Any) -> None:
    assert truth(condition, x=true_for) is True
    assert truth(condition, x=false_for) is False
    assert truth(condition, x=None) is None
    assert truth(condition) is None
    assert truth({"not": condition}, x=true_for) is False
    assert truth({"not": condition}, x=false_for) is True
    assert truth({"not": condition}, x=None) is None, "not unknown is unknown"


def test_known_and_undecided_are_never_unknown() -> None:
    known = {"field": "x", "known": True}
    assert (truth(known, x=0), truth(known, x=None)) == (True, False)
    not_known = {"field": "x", "known": False}
    assert (truth(not_known, x=False), truth(not_known)) == (False, True)
    assert truth({"undecided": UNKNOWN}) is True
    assert truth({"undecided": YES}) is False
    assert truth({"undecided": NO}) is False


@pytest.mark.parametrize(
    ("parts", "all_of", "any_of"),
    [
        ([YES], True, True),
        ([NO], False, False),
        ([UNKNOWN], None, None),
        ([YES, YES], True, True),
        ([YES, NO], False, True),
        ([NO, YES], False, True),
        ([NO, NO], False, False),
        ([YES, UNKNOWN], None, True),
        ([UNKNOWN, YES], None, True),
        ([NO, UNKNOWN], False, None),
        ([UNKNOWN, NO], False, None),
        ([UNKNOWN, UNKNOWN], None, None),
        ([UNKNOWN, UNKNOWN, NO], False, None),
        ([UNKNOWN, NO, YES], False, True),
    ],
)
def test_all_and_any(parts: list[dict[str, Any]], all_of: Truth, any_of: Truth) -> None:
    assert truth({"all": tuple(parts)}) is all_of
    assert truth({"any": tuple(parts)}) is any_of


def test_a_definition_is_its_condition() -> None:
    inner = _CONDITION.validate_python({"field": "x", "at_least": 3})
    compiled = compile_condition(_CONDITION.validate_python({"definition": "enough"}), {"enough": inner}, {})
    assert [compiled({"x": value}) for value in (2, 3, None)] == [False, True, None]


@pytest.mark.parametrize(
    ("rule_or_definition", "facts", "expected"),
    [
        ("moderate_score", {"phq9": 9, "gad7": 7}, False),
        ("moderate_score", {"phq9": 10, "gad7": 7}, True),
        ("moderate_score", {"phq9": 15, "gad7": 7}, True),
        ("moderate_score", {"phq9": 16, "gad7": 7}, False),
        ("moderate_score", {"phq9": 9, "gad7": 8}, True),
        ("moderate_score", {"phq9": 9, "gad7": 14}, True),
        ("moderate_score", {"phq9": 9, "gad7": 15}, False),
        ("moderate_score", {"phq9": 9}, None),
        ("severe_score", {"phq9": 15, "gad7": 14}, False),
        ("severe_score", {"phq9": 16}, True),
        ("severe_score", {"gad7": 15}, True),
        ("severe_score", {"phq9": 15}, None),
        ("R20", {"conditions": ("back_pain",), "start_msk": 4}, True),
        ("R20", {"conditions": ("back_pain",), "start_msk": 5}, False),
        ("R20", {"conditions": ("back_pain",)}, None),
        ("R21", {"conditions": ("back_pain",), "start_msk": 4}, False),
        ("R21", {"conditions": ("back_pain",), "start_msk": 5}, True),
        ("R10", {"phq9": 12, "age": 18, "conditions": (), "secondary_mental_health_care": False}, None),
    ],
)
def test_conditions_by_themselves_before_anything_is_suppressed(
    rule_or_definition: str, facts: dict[str, Any], expected: Truth
) -> None:
    rules = policy().engine(PROGRAMME, TODAY).rules
    named = {rule.id: rule.when for rule in rules.rules} | rules.definitions
    compiled = compile_condition(named[rule_or_definition], rules.definitions, {"out_of_work_limit_days": 182})
    assert compiled(facts) is expected
