"""What the same answers lead to elsewhere: care and support's own rules, and a locality's limit of time out of work."""

from datetime import timedelta
from typing import Any

import pytest

from tests.spec.people import TODAY, first, referral, rules, supports

CARE = "working-well-care-and-support"
LANCASHIRE = "workwell-lancashire-and-south-cumbria"


def elsewhere(programme: str, locality: str | None, **given: Any) -> tuple[list[str], list[str]]:
    """Return the rules that fire and the package, in a programme and a locality."""
    of = referral(**given)
    moved = of.model_copy(
        update={"programme": of.programme.model_copy(update={"id": programme}), "locality": locality, "contract": None}
    )
    decision = first(moved)
    return [rule for rule in rules(decision) if rule != "R00"], supports(decision)


@pytest.mark.parametrize(
    ("title", "given", "fires", "package"),
    [
        ("complex needs: wellbeing", {"complex_needs": True}, ["R60"], ["wellbeing"]),
        ("severe mental illness", {"conditions": ["severe_mental_illness"]}, ["R13", "R60"], ["gp", "wellbeing"]),
        ("out of work: something that gives the week a shape", {"work": "inactive"}, ["R61"], ["meaningful_activity"]),
        ("volunteering asked for", {"asks": ["volunteering"]}, ["R62"], ["volunteering"]),
        ("confidence stands in the way", {"barriers": ["confidence"]}, ["R62"], ["volunteering"]),
        ("skills stand in the way", {"barriers": ["skills"]}, ["R62"], ["volunteering"]),
        (
            "all three, in order",
            {"complex_needs": True, "work": "unemployed", "asks": ["volunteering"]},
            ["R60", "R61", "R62"],
            ["wellbeing", "volunteering", "meaningful_activity"],
        ),
        ("the thresholds are the same", {"phq9": 16}, ["R11"], ["talking_therapies"]),
        ("a red flag stops all here too", {"complex_needs": True, "item9": 1}, ["R02"], ["crisis"]),
        ("housing comes before activity", {"barriers": ["housing"], "work": "inactive"}, ["R50", "R61"], None),
        ("nothing fires: a coach looks", {}, [], ["coach_assessment"]),
    ],
)
def test_care_and_support(title: str, given: dict[str, Any], fires: list[str], package: list[str] | None) -> None:
    attendance = {} if given.get("work", "employed") == "employed" else {"attendance": None}
    fired, found = elsewhere(CARE, None, **given, **attendance)
    assert fired == fires, title
    assert package is None or found == package, title
    assert not {"employment_advice", "supported_employment"} & set(found)


@pytest.mark.parametrize(
    ("title", "locality", "days", "fires"),
    [
        ("the area: 182 days", None, 182, "R32"),
        ("the area: 183 days", None, 183, "R31"),
        ("Blackburn with Darwen: the twelfth week's last day", "blackburn-with-darwen", 83, "R32"),
        ("Blackburn with Darwen: the thirteenth's first", "blackburn-with-darwen", 84, "R31"),
        ("a place without a limit of its own has the area's", "elsewhere", 182, "R32"),
    ],
)
def test_the_limit_of_time_out_of_work(title: str, locality: str | None, days: int, fires: str) -> None:
    since = TODAY - timedelta(days=days)
    fired, _ = elsewhere(LANCASHIRE, locality, work="unemployed", attendance=None, unemployed_since=since)
    assert fired == [fires], title
