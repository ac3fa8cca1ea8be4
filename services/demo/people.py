"""Synthetic people and the referrals in which others would post them; the same seed gives the same people.

Spread as published (:mod:`services.demo.distributions`) over November 2024 to June 2025. Some referrals
are a second one for the same person, some are wrong in a way that must be answered 422, some carry a red
flag, some cannot be told eligible: at least one of each from 50 people on.
"""

import random
from collections.abc import Sequence
from typing import Final

from services.demo import identity, unusual
from services.demo.areas import MANCHESTER, Area, shares
from services.demo.person import Kind, Person
from services.demo.usual import usual

SHARE: Final = 50
"""One in so many people is of each unusual kind."""


def people(count: int, seed: int, areas: Sequence[Area] = (MANCHESTER,)) -> list[Person]:
    """Make ``count`` referrals, spread over the areas by their fit notes."""
    kinds = _kinds(count, random.Random(f"{seed}/kinds"))  # noqa: S311  no secret
    homes = shares(count, areas)
    random.Random(f"{seed}/areas").shuffle(homes)  # noqa: S311  no secret
    made: list[Person] = []
    serial = 1
    for number, kind in enumerate(kinds, start=1):
        rng = random.Random(f"{seed}/{number}")  # noqa: S311  no secret: reproducible on purpose
        turn = kinds[: number - 1].count(kind)
        nhs, serial = identity.next_nhs_number(serial)
        person = usual(rng, number, nhs, homes[number - 1])
        match kind:
            case Kind.DUPLICATE:
                person = unusual.again(rng, person, rng.choice(_referred_before(made, person.area)))
            case Kind.INVALID:
                person = unusual.invalid(person, turn)
            case Kind.RED_FLAG:
                person = unusual.red_flag(rng, person, turn)
            case Kind.REVIEW:
                person = unusual.for_review(person)
            case Kind.USUAL:
                pass
        made.append(person)
    return made


def _referred_before(made: Sequence[Person], area: Area) -> list[Person]:
    """Whom a second referral may be about: somebody of the area, or of any where nobody of it came yet."""
    known = [person for person in made if person.kind is Kind.USUAL]
    return [person for person in known if person.area == area] or known


def _kinds(count: int, rng: random.Random) -> list[Kind]:
    """Spread the unusual kinds over the numbers; the first tenth is usual, so that a duplicate has an original."""
    first = max(1, count // 10)
    unusual = [kind for kind in Kind if kind is not Kind.USUAL for _ in range(count // SHARE)]
    rest = [*unusual, *[Kind.USUAL] * (count - first - len(unusual))]
    rng.shuffle(rest)
    return [*[Kind.USUAL] * first, *rest][:count]
