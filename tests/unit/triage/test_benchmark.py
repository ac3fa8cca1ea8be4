"""The benchmark of the rules can be run: its referrals are made by intake as it is, and a row above its bar is told."""

import pytest

from services.contracts.codes import Route
from tests.benchmarks import rules
from tests.benchmarks.__main__ import above_their_bars
from tests.benchmarks.events import templates


def test_intake_makes_a_referral_of_every_sound_person_those_invited_included() -> None:
    made = templates()
    assert len(made) > 290
    assert {referral.route for referral in made} == set(Route)


def test_every_row_is_there_and_the_full_table_has_the_bar_of_the_design(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "_best", lambda work, *_: work() or 30.0)
    rows = {row["name"]: row for row in rules.rules_rows()}
    assert list(rows) == ["rules/decide", "stage/triage decide", "rules/trace"]
    assert rows["rules/decide"]["bar"] == 40.0


def test_a_row_above_its_bar_is_told() -> None:
    rows = [
        {"name": "rules/decide", "value": 40.1, "unit": "us", "bar": 40.0},
        {"name": "rules/decide", "value": 40.0, "unit": "us", "bar": 40.0},
        {"name": "rules/trace", "value": 5_000.0, "unit": "us"},
    ]
    assert above_their_bars(rows) == ["rules/decide: 40.1 us, ABOVE the bar of 40"]
