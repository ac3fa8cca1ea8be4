"""Greater Manchester's own rule: who is eligible, who is contacted first, and which provider a referral goes to."""

from collections import Counter
from datetime import date
from typing import Any

import pytest

from services.programmes.eligibility import priority_groups, unmet_requirements
from services.programmes.model import Programme
from services.programmes.providers import ChosenBy, ProviderNotOffered, choose_provider, offered
from services.programmes.reader import load_book

ELIGIBLE: dict[str, Any] = {
    "age": 16,
    "right_to_work": True,
    "health_condition": True,
    "wants_to_work": True,
    "resident_in_area": True,
    "gp_in_area": False,
    "jobcentre_in_area": False,
}
BEFORE, AFTER = date(2024, 12, 31), date(2025, 1, 1)


@pytest.fixture(scope="module")
def programme() -> Programme:
    return load_book().version_for("workwell-greater-manchester", date(2024, 11, 18))


@pytest.mark.parametrize(
    ("title", "given", "unmet"),
    [
        ("16 and resident", {}, []),
        ("15", {"age": 15}, ["under_16"]),
        ("age not known", {"age": None}, ["under_16"]),
        ("no right to work", {"right_to_work": False}, ["no_right_to_work"]),
        ("right to work not asked", {"right_to_work": None}, ["no_right_to_work"]),
        ("not resident, GP in the area", {"resident_in_area": False, "gp_in_area": True}, []),
        ("residence not known, GP in the area", {"resident_in_area": None, "gp_in_area": True}, []),
        ("only the Jobcentre is in the area", {"resident_in_area": False, "jobcentre_in_area": True}, []),
        ("none of the three", {"resident_in_area": False}, ["outside_area"]),
        ("residence not known, the others not", {"resident_in_area": None}, ["outside_area"]),
        ("no health condition or disability", {"health_condition": False}, ["no_health_condition"]),
        ("a health condition was not asked for", {"health_condition": None}, ["no_health_condition"]),
        ("does not want to work", {"wants_to_work": False}, ["does_not_want_to_work"]),
        ("two at once", {"age": 15, "right_to_work": False}, ["under_16", "no_right_to_work"]),
    ],
)
def test_eligibility(programme: Programme, title: str, given: dict[str, Any], unmet: list[str]) -> None:
    found = unmet_requirements(programme.joining, {**ELIGIBLE, **given})
    assert [reason.code for reason in found] == unmet, title


def test_a_reason_says_whether_it_is_known(programme: Programme) -> None:
    (known,) = unmet_requirements(programme.joining, {**ELIGIBLE, "age": 15})
    (not_known,) = unmet_requirements(programme.joining, {**ELIGIBLE, "age": None})
    assert (known.known, not_known.known) == (True, False)


@pytest.mark.parametrize(
    ("title", "given", "groups"),
    [
        ("employed, at risk", {"work_status": "employed", "job_at_risk": True}, ["work_at_risk"]),
        ("employed, not asked", {"work_status": "employed", "job_at_risk": None}, []),
        ("84 days", {"work_status": "unemployed", "out_of_work_days": 84}, ["recently_unemployed"]),
        ("85 days", {"work_status": "unemployed", "out_of_work_days": 85}, []),
        ("Bangladeshi", {"ethnic_category": "K"}, ["racially_minoritised"]),
        ("not stated", {"ethnic_category": "Z"}, []),
    ],
)
def test_priority_groups(programme: Programme, title: str, given: dict[str, Any], groups: list[str]) -> None:
    assert list(priority_groups(programme.joining, given)) == groups, title


def choose(programme: Programme, on: date, referral: str = "r", **wanted: str | None) -> Any:
    wanted = {"named": None, "chosen": None, **wanted}
    return choose_provider(programme, "manchester", referral_id=referral, on=on, **wanted)


def test_the_named_provider_comes_before_the_chosen_one(programme: Programme) -> None:
    choice = choose(programme, BEFORE, named="big-life", chosen="growth-company")
    assert (choice.provider, choice.contract, choice.by) == ("big-life", "wwgm-manchester-big-life", ChosenBy.NAMED)
    choice = choose(programme, BEFORE, chosen="growth-company")
    assert (choice.provider, choice.by) == ("growth-company", ChosenBy.CHOSEN)


def test_a_specialist_provider_is_offered_and_never_assigned(programme: Programme) -> None:
    assert {c.provider for c in offered(programme, "manchester", AFTER)} >= {"alchemy-arts", "acmhs"}
    assert choose(programme, AFTER, chosen="acmhs").contract == "wwgm-manchester-acmhs"
    assigned = Counter(choose(programme, AFTER, f"referral-{n}").provider for n in range(400))
    assert set(assigned) == {"growth-company", "big-life"}
    assert min(assigned.values()) > 120, "the hash spreads referrals over the list"


def test_a_provider_is_there_from_its_first_day(programme: Programme) -> None:
    with pytest.raises(ProviderNotOffered):
        choose(programme, BEFORE, named="alchemy-arts")
    assert choose(programme, AFTER, named="alchemy-arts").provider == "alchemy-arts"


def test_nobody_takes_referrals_after_the_end(programme: Programme) -> None:
    assert choose(programme, date(2026, 3, 31)) is not None
    assert choose(programme, date(2026, 4, 1)) is None
    assert offered(programme, "nowhere", AFTER) == ()


def test_the_same_referral_always_goes_to_the_same_provider(programme: Programme) -> None:
    # Fixed for ever: a change of the hash would move people between providers on a replay.
    found = [choose(programme, AFTER, f"00000000-0000-4000-8000-00000000000{n}").provider for n in range(1, 5)]
    assert found == ["growth-company", "growth-company", "big-life", "growth-company"]
