"""Identifiers and derived bands: NHS number, ODS code, age, earnings, ethnic group."""

import re
from datetime import date
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from services.contracts.codes import AgeBand, EarningsBand, EthnicCategory, EthnicGroup

NHS_NUMBER_SYSTEM: Final = "https://fhir.nhs.uk/Id/nhs-number"
ODS_CODE_SYSTEM: Final = "https://fhir.nhs.uk/Id/ods-organization-code"

_TEN_DIGITS = re.compile(r"[0-9]{10}")


def is_nhs_number(text: str) -> bool:
    """Tell whether ``text`` is a valid NHS number: ten digits, modulus 11, not one digit repeated.

    The check digit is 11 minus (the first nine digits weighted 10 to 2, modulus 11); 11 becomes 0 and
    10, equal to no digit, is never valid (domain facts, identifiers). Repeated digits pass the sum and
    identify nobody.
    """
    if not _TEN_DIGITS.fullmatch(text) or len(set(text)) == 1:
        return False
    remainder = sum(int(digit) * weight for digit, weight in zip(text, range(10, 1, -1), strict=False)) % 11
    return (11 - remainder) % 11 == int(text[9])


def _nhs_number(text: str) -> str:
    if not is_nhs_number(text):
        raise ValueError("not a valid NHS number: ten digits whose last one is the modulus 11 check digit")
    return text


NhsNumber = Annotated[str, AfterValidator(_nhs_number)]
"""A valid NHS number, ten digits without spaces. Only at intake's edge: it is in no topic."""

OdsCode = Annotated[str, Field(pattern=r"^[A-Z0-9]{3,6}$")]
"""An ODS code of an organisation: 3 to 6 upper-case letters and digits (a practice has 6, an area 3 to 5)."""

_BANDS: Final = (
    (65, AgeBand.FROM_65),
    (50, AgeBand.FROM_50),
    (35, AgeBand.FROM_35),
    (25, AgeBand.FROM_25),
    (19, AgeBand.FROM_19),
    (18, AgeBand.AT_18),
    (16, AgeBand.FROM_16),
)


def age_on(born: date, day: date) -> int:
    """Return the age in completed years on ``day``; born on 29 February = a year older on 1 March.

    Raises ValueError for a birth after ``day``.
    """
    if born > day:
        raise ValueError("born after the day of the referral")
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def age_band(born: date, day: date) -> AgeBand | None:
    """Return the age band on ``day``, None under 16. Raises ValueError for a birth after ``day``."""
    age = age_on(born, day)
    return next((band for floor, band in _BANDS if age >= floor), None)


def earnings_band(annual_pence: int) -> EarningsBand:
    """Return the band of annual earnings in pence. Raises ValueError below 0."""
    if annual_pence < 0:
        raise ValueError("earnings are not negative")
    edges = (
        (3_500_000, EarningsBand.FROM_35K),
        (2_500_000, EarningsBand.FROM_25K),
        (1_500_000, EarningsBand.FROM_15K),
    )
    return next((band for floor, band in edges if annual_pence >= floor), EarningsBand.UNDER_15K)


_GROUPS: Final = {
    "ABC": EthnicGroup.WHITE,
    "DEFG": EthnicGroup.MIXED,
    "HJKL": EthnicGroup.ASIAN,
    "MNP": EthnicGroup.BLACK,
    "RS": EthnicGroup.OTHER,
}


def ethnic_group(category: EthnicCategory) -> EthnicGroup:
    """Return the group of an NHS ethnic category (2001 codes)."""
    match category:
        case EthnicCategory.NOT_STATED:
            return EthnicGroup.NOT_STATED
        case EthnicCategory.NOT_KNOWN:
            return EthnicGroup.NOT_KNOWN
        case _:
            return next(group for letters, group in _GROUPS.items() if category.value in letters)
