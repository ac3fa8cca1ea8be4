"""The code lists under ``schemas/codes`` equal the enumerations, in order."""

import re
from enum import StrEnum
from types import ModuleType
from typing import Any

import pytest
import yaml

from services.contracts import (
    assessment_codes,
    coach_codes,
    codes,
    employer_codes,
    invitation_codes,
    payment_codes,
    person_codes,
    plan_codes,
    red_flags,
    referral_codes,
    safety_codes,
    triage_codes,
)
from tests.contract.published import SCHEMAS

FILES = sorted((SCHEMAS / "codes").glob("*.yaml"))


def enumerations(module: ModuleType) -> dict[str, type[StrEnum]]:
    return {
        re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower(): value
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, StrEnum) and value.__module__ == module.__name__
    }


ENUMERATIONS = (
    enumerations(codes)
    | enumerations(plan_codes)
    | enumerations(payment_codes)
    | enumerations(person_codes)
    | enumerations(referral_codes)
    | enumerations(invitation_codes)
    | enumerations(employer_codes)
    | enumerations(triage_codes)
    | enumerations(assessment_codes)
    | enumerations(safety_codes)
    | enumerations(coach_codes)
)


def read(name: str) -> dict[str, Any]:
    content = yaml.safe_load((SCHEMAS / "codes" / f"{name}.yaml").read_text("utf-8"))
    assert isinstance(content, dict)
    return content


def test_there_is_one_file_for_each_enumeration() -> None:
    assert {file.stem for file in FILES} == ENUMERATIONS.keys()


@pytest.mark.parametrize("name", sorted(ENUMERATIONS))
def test_a_list_equals_its_enumeration(name: str) -> None:
    assert [entry["code"] for entry in read(name)["codes"]] == [code.value for code in ENUMERATIONS[name]]


@pytest.mark.parametrize("name", sorted(ENUMERATIONS))
def test_a_list_says_what_it_is_and_each_code_what_it_means(name: str) -> None:
    content = read(name)
    assert content.keys() == {"list", "description", "source", "codes"}
    assert content["list"] == name
    assert content["description"]
    assert content["source"]
    for entry in content["codes"]:
        assert entry.keys() - {"level"} == {"code", "meaning"}
        assert isinstance(entry["code"], str)
        assert entry["meaning"]


NATIONAL = {"closure_code", "ethnic_category", "age_band", "sector"}


@pytest.mark.parametrize("name", sorted(ENUMERATIONS.keys() - NATIONAL))
def test_our_own_codes_are_lower_snake_case(name: str) -> None:
    for code in ENUMERATIONS[name]:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", code.value)


def test_the_level_of_each_red_flag_is_the_one_that_is_applied() -> None:
    levels = {entry["code"]: entry["level"] for entry in read("red_flag")["codes"]}
    assert {code for code, level in levels.items() if level == "emergency"} == red_flags.EMERGENCY_ITEMS
    assert {code for code, level in levels.items() if level == "hold"} == red_flags.HOLD_ITEMS
    assert {code for code, level in levels.items() if level == "urgent"} == red_flags.URGENT_ITEMS
