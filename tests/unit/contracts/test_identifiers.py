"""NHS number, ODS code, and the bands that stand for a person's facts."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from services.contracts.base import AreaCode
from services.contracts.codes import AgeBand, EarningsBand, EthnicCategory, EthnicGroup
from services.contracts.identifiers import (
    NhsNumber,
    OdsCode,
    age_band,
    age_on,
    earnings_band,
    ethnic_group,
    is_nhs_number,
)


@pytest.mark.parametrize(
    ("number", "valid", "why"),
    [
        ("9990000018", True, "synthetic range"),
        ("9990000026", True, "synthetic range"),
        ("9990000034", True, "synthetic range"),
        ("9990000042", True, "synthetic range"),
        ("9990000050", True, "remainder 0: 11 becomes 0"),
        ("9990000000", False, "remainder 1: a check of 10 is never valid"),
        ("9990000140", False, "remainder 1: a check of 10 is never valid"),
        ("9990000019", False, "wrong check digit"),
        ("9990000081", False, "digits swapped"),
        ("9990000069", True, "check digit 9"),
        ("2222222222", False, "one digit repeated passes the sum"),
        ("0000000000", False, "one digit repeated passes the sum"),
        ("9999999999", False, "one digit repeated passes the sum"),
        ("999000001", False, "nine digits"),
        ("99900000180", False, "eleven digits"),
        ("999 000 0018", False, "spaces"),
        ("999000001X", False, "a letter"),
        ("٩٩٩٠٠٠٠٠١٨", False, "digits of another script"),
        ("", False, "nothing"),
        ("9990000018\n", False, "a line end"),
    ],
)
def test_nhs_number(number: str, valid: bool, why: str) -> None:
    assert is_nhs_number(number) is valid, why


def _published_rule(number: str) -> bool:
    """The rule as published, written another way: the weighted sum of all ten digits is 0 modulo 11."""
    return sum(int(d) * w for d, w in zip(number, (10, 9, 8, 7, 6, 5, 4, 3, 2, 1), strict=True)) % 11 == 0


@given(st.integers(min_value=0, max_value=10**10 - 1))
def test_nhs_number_agrees_with_the_rule_written_another_way(value: int) -> None:
    number = f"{value:010d}"
    assert is_nhs_number(number) == (_published_rule(number) and len(set(number)) > 1)


def test_a_check_of_ten_is_never_valid() -> None:
    nine = next(f"{n:09d}" for n in range(999_000_000, 999_000_100) if _weighted(f"{n:09d}") % 11 == 1)
    assert not any(is_nhs_number(nine + str(digit)) for digit in range(10))


def _weighted(nine: str) -> int:
    return sum(int(digit) * weight for digit, weight in zip(nine, range(10, 1, -1), strict=True))


def test_an_nhs_number_type_says_what_is_wrong() -> None:
    adapter = TypeAdapter(NhsNumber)
    assert adapter.validate_python("9990000018") == "9990000018"
    with pytest.raises(ValidationError, match="modulus 11"):
        adapter.validate_python("9990000019")


@pytest.mark.parametrize("code", ["QOP", "QT6", "QE1", "S1Y5D", "Z9B2Z"])
def test_area_codes_old_and_new(code: str) -> None:
    assert TypeAdapter(AreaCode).validate_python(code) == code


@pytest.mark.parametrize("code", ["QO", "S1Y5DD", "qop", "Q-P", "", "QOP\n", "QÖP"])
def test_what_is_no_area_code(code: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(AreaCode).validate_python(code)


def test_an_organisation_may_have_six_characters() -> None:
    assert TypeAdapter(OdsCode).validate_python("P84001") == "P84001"
    with pytest.raises(ValidationError):
        TypeAdapter(OdsCode).validate_python("P840011")


@pytest.mark.parametrize(
    ("age", "band"),
    [
        (0, None),
        (15, None),
        (16, AgeBand.FROM_16),
        (17, AgeBand.FROM_16),
        (18, AgeBand.AT_18),
        (19, AgeBand.FROM_19),
        (24, AgeBand.FROM_19),
        (25, AgeBand.FROM_25),
        (34, AgeBand.FROM_25),
        (35, AgeBand.FROM_35),
        (49, AgeBand.FROM_35),
        (50, AgeBand.FROM_50),
        (64, AgeBand.FROM_50),
        (65, AgeBand.FROM_65),
        (101, AgeBand.FROM_65),
    ],
)
def test_age_band_on_the_birthday_and_on_the_last_day_of_the_year(age: int, band: AgeBand | None) -> None:
    birthday = date(2024, 11, 18)
    assert age_band(date(2024 - age, 11, 18), birthday) == band
    if age:
        assert age_on(date(2024 - age, 11, 19), birthday) == age - 1
    assert age_band(date(2024 - age, 11, 18), date(2025, 11, 17)) == band


def test_born_on_29_february_is_a_year_older_on_1_march() -> None:
    assert age_on(date(2004, 2, 29), date(2022, 2, 28)) == 17
    assert age_on(date(2004, 2, 29), date(2022, 3, 1)) == 18
    assert age_on(date(2004, 2, 29), date(2024, 2, 29)) == 20


def test_nobody_is_born_after_the_referral() -> None:
    with pytest.raises(ValueError, match="born after"):
        age_band(date(2024, 11, 19), date(2024, 11, 18))


@pytest.mark.parametrize(
    ("pence", "band"),
    [
        (0, EarningsBand.UNDER_15K),
        (1_499_999, EarningsBand.UNDER_15K),
        (1_500_000, EarningsBand.FROM_15K),
        (2_499_999, EarningsBand.FROM_15K),
        (2_500_000, EarningsBand.FROM_25K),
        (3_499_999, EarningsBand.FROM_25K),
        (3_500_000, EarningsBand.FROM_35K),
    ],
)
def test_earnings_band(pence: int, band: EarningsBand) -> None:
    assert earnings_band(pence) == band


def test_earnings_are_not_negative() -> None:
    with pytest.raises(ValueError, match="not negative"):
        earnings_band(-1)


def test_every_ethnic_category_has_its_group() -> None:
    groups = "".join(f"{category.value}:{ethnic_group(category).value} " for category in EthnicCategory).split()
    assert groups == [
        *("A:white", "B:white", "C:white"),
        *("D:mixed", "E:mixed", "F:mixed", "G:mixed"),
        *("H:asian", "J:asian", "K:asian", "L:asian"),
        *("M:black", "N:black", "P:black"),
        *("R:other", "S:other"),
        *("Z:not_stated", "99:not_known"),
    ]
    assert {ethnic_group(category) for category in EthnicCategory} == set(EthnicGroup)
