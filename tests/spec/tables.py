"""Tables of the rule book: a title, and rows that say what is given and what must follow."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from tests.spec.people import rules, supports, triage


@dataclass(frozen=True)
class Row:
    """What is ``given``, beyond a person who was asked everything and needs nothing; whether the rule fires."""

    title: str
    given: dict[str, Any]
    fires: bool
    package: list[str] | None = None
    intensity: str | None = None


@dataclass(frozen=True)
class Table:
    """All rows of one rule."""

    rule: str
    title: str
    rows: Sequence[Row]


def parametrised(*tables: Table) -> pytest.MarkDecorator:
    """Make one test of each row."""
    cases = [
        pytest.param(table.rule, row, id=f"{table.rule} {table.title}: {row.title}")
        for table in tables
        for row in table.rows
    ]
    return pytest.mark.parametrize(("rule", "row"), cases)


def check(rule: str, row: Row) -> None:
    """Check that the rule fires, or not, and what the package is where the row says so."""
    decision = triage(**row.given)
    assert (rule in rules(decision)) == row.fires, f"{row.title}: {rules(decision)}"
    assert decision.package, "a package is never empty"
    if row.package is not None:
        assert supports(decision) == row.package
    if row.intensity is not None:
        assert row.intensity in {item.intensity for item in decision.package}
