"""Who a synthetic person is: names, a number of the synthetic range, a place. Nobody real can be meant.

NHS numbers are of the range that begins 999, telephone numbers of the range that Ofcom keeps for drama,
mail addresses of ``example.org``.
"""

import random
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final, Protocol

from services.demo import distributions as spread

GIVEN: Final = {
    "female": ("Ada", "Amina", "Beth", "Chidera", "Grace", "Hana", "Irena", "Joan", "Leila", "Mary", "Nadia", "Priya"),
    "male": ("Adam", "Bilal", "Chen", "David", "Emeka", "George", "Imran", "Jakub", "Leon", "Omar", "Peter", "Tariq"),
}
FAMILY_FIRST: Final = ("Ash", "Birch", "Clay", "Dove", "Elm", "Fern", "Glen", "Hazel", "Kestrel", "Lark", "Moor", "Oak")
FAMILY_LAST: Final = (
    "bank",
    "bridge",
    "croft",
    "dale",
    "field",
    "ford",
    "gate",
    "hurst",
    "mere",
    "shaw",
    "well",
    "wick",
)
DISTRICTS: Final = ("M1", "M4", "M8", "M9", "M11", "M12", "M13", "M14", "M16", "M18", "M19", "M20", "M21", "M22", "M23")
PRACTICES: Final = ("P84001", "P84004", "P84009", "P84010", "P84020", "P84035", "P84048", "P84650")
UNIT: Final = "ABDEFGHJLN"
"""Letters that end a postcode."""
ABROAD_PERCENT: Final = 12
"""Who prefers another language than English; illustrative."""
LANGUAGES: Final = ("ur", "ar", "pl", "fr", "so", "zh")
_NEVER_VALID: Final = 10
_PHONES: Final = 1000


class Home(Protocol):
    """Where somebody lives: postcode districts and practices to draw from."""

    @property
    def districts(self) -> Sequence[str]:
        """Postcode districts."""
        ...

    @property
    def practices(self) -> Sequence[str]:
        """Practices' ODS codes."""
        ...


def nhs_number(serial: int) -> str | None:
    """The NHS number 999 + six digits + check digit, or None where the check digit would be 10."""
    nine = f"999{serial:06d}"
    check = 11 - sum(int(digit) * weight for digit, weight in zip(nine, range(10, 1, -1), strict=True)) % 11
    return None if check == _NEVER_VALID else f"{nine}{check % 11}"


def next_nhs_number(serial: int) -> tuple[str, int]:
    """The first valid number from ``serial`` on, and the serial after it."""
    while (number := nhs_number(serial)) is None:
        serial += 1
    return number, serial + 1


def person(rng: random.Random, number: int, route: str, referred_on: date, nhs: str, home: Home) -> dict[str, Any]:
    """The ``person`` of a referral, at home somewhere; ``nhs`` is given only to those whose referrer knows it."""
    sex = "female" if spread.happens(rng, spread.WOMEN_PERCENT) else "male"
    given = rng.choice(GIVEN[sex])
    family = rng.choice(FAMILY_FIRST) + rng.choice(FAMILY_LAST)
    known = spread.happens(rng, spread.NHS_NUMBER_BY_ROUTE.get(route, 30))
    return {
        "nhs_number": nhs if known else None,
        "family_name": family,
        "given_name": given,
        "birth_date": born(rng, referred_on).isoformat(),
        "sex": sex,
        "ethnic_category": spread.pick(rng, spread.ETHNIC_CATEGORY),
        "postcode": f"{rng.choice(home.districts)} {rng.randint(1, 9)}{rng.choice(UNIT)}{rng.choice(UNIT)}",
        "registered_gp_ods": rng.choice(home.practices),
        "contact": {
            "phone": f"07700900{number % _PHONES:03d}",
            "email": f"{given}.{family}.{number}@example.org".lower(),
            "preferred": rng.choice(("phone", "email")),
        },
        "language": rng.choice(LANGUAGES) if spread.happens(rng, ABROAD_PERCENT) else "en",
        "accessible_needs": ["large_print"] if spread.happens(rng, 4) else [],
    }


def born(rng: random.Random, referred_on: date) -> date:
    """A birth date that gives an age of the published spread on the day of the referral."""
    lowest, highest = spread.pick(rng, spread.AGE)
    age = rng.randint(lowest, highest)
    latest = referred_on.replace(year=referred_on.year - age) if _not_leap_day(referred_on) else referred_on
    return latest - timedelta(days=rng.randrange(365))


def _not_leap_day(day: date) -> bool:
    return (day.month, day.day) != (2, 29)
