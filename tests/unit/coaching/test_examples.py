"""The examples of the OpenAPI document are commands that a plan takes, one after the other."""

from datetime import date
from typing import Any, get_args

import pytest

from services.coaching.command_examples import COMMAND_EXAMPLES
from services.coaching.domain.commands import PlanCommand
from tests.unit.coaching.desk import Desk, desk

INSTEAD = ("recommendation_overridden", "handed_over", "withdrawn")
"""What is not part of the story of one plan, but another beginning or end of it."""


def example(kind: str) -> dict[str, Any]:
    value = COMMAND_EXAMPLES[kind]["value"]
    assert isinstance(value, dict)
    return value


def ask(made: Desk, kind: str) -> None:
    fields = {name: value for name, value in example(kind).items() if name not in {"kind", "occurred_on"}}
    before = len(made.events)
    made.ask(kind, date.fromisoformat(example(kind)["occurred_on"]), **fields)
    assert len(made.events) > before, kind


def test_every_kind_has_one() -> None:
    kinds = {get_args(one.model_fields["kind"].annotation)[0].value for one in get_args(get_args(PlanCommand)[0])}
    assert set(COMMAND_EXAMPLES) == kinds
    assert all(example(kind)["kind"] == kind for kind in kinds)


def test_one_plan_takes_them_one_after_the_other() -> None:
    made = desk()
    for kind in COMMAND_EXAMPLES:
        if kind not in INSTEAD:
            ask(made, kind)
    assert made.state.plan.counters.employer_contacts == 1


@pytest.mark.parametrize("kind", INSTEAD)
def test_another_beginning_or_end(kind: str) -> None:
    ask(desk("proposed" if kind == "recommendation_overridden" else "active"), kind)
