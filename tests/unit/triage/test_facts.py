"""What a rule may ask, read from a referral: absent is None, durations are days up to the day of the decision."""

from datetime import date
from typing import Any

import pytest

from services.triage.domain.facts import FIELDS, SCOPE, facts_of
from tests.spec.people import answered, referral


def facts(on: date = date(2024, 11, 18), **given: Any) -> dict[str, Any]:
    of = referral(**given)
    return facts_of(of, of.facts, of.asks, answered(of), on)


def test_every_field_has_a_value_and_there_are_no_others() -> None:
    assert set(facts()) == {*FIELDS, *SCOPE}


@pytest.mark.parametrize(
    ("title", "given", "field", "value"),
    [
        ("the lowest age of the band", {"age_band": "35-49"}, "age", 35),
        ("no band", {"age_band": None}, "age", None),
        ("since a week", {"work": "unemployed", "unemployed_since": "2024-11-11"}, "out_of_work_days", 7),
        ("since tomorrow", {"work": "inactive", "unemployed_since": "2024-11-19"}, "out_of_work_days", 0),
        ("in work again", {"work": "employed", "unemployed_since": "2024-11-11"}, "out_of_work_days", None),
        ("off sick since two weeks", {"off_sick_since": "2024-11-04"}, "off_sick_days", 14),
        ("no questionnaire", {"phq9": None, "item9": None}, "phq9", None),
        ("item 9 without a sum", {"phq9": None, "item9": 0}, "phq9", None),
        ("nothing asked", {"no_assessment": True}, "conditions", None),
        ("asked, and there is none", {"conditions": []}, "conditions", ()),
        ("no red flag asked", {"red_flags": None}, "red_flag_answers", 0),
        ("one left out", {"red_flags": {"fever": None}}, "red_flag_answers", 13),
    ],
)
def test_a_field(title: str, given: dict[str, Any], field: str, value: Any) -> None:
    assert facts(**given)[field] == value, title


def test_nothing_of_equality_and_nothing_that_identifies_is_a_fact() -> None:
    words = ("sex", "ethnic", "imd", "quintile", "person", "referral", "postcode", "language", "priority")
    assert not [field for field in FIELDS if any(word in field for word in words)]
