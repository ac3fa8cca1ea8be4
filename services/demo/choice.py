"""What the coach and the person decide about a recommendation: mostly yes, sometimes less, with a reason."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from services.demo import distributions as spread
from services.demo.act import Act, rng_of
from services.demo.person import Person

Package = Sequence[dict[str, Any]]
"""What triage recommended: ordered ``{support, intensity, after}``."""

OVERRIDE_PERCENT: Final = 12
"""Illustrative."""


def overrides(person: Person, seed: int, package: Package) -> bool:
    """Whether this person wants less than ``package``; a package of one is taken as it is."""
    return len(package) > 1 and spread.happens(rng_of(seed, person.number, "decision"), OVERRIDE_PERCENT)


def chosen(person: Person, seed: int, package: Package) -> Package:
    """The package that is agreed on: the recommendation, or all but its last support."""
    if not overrides(person, seed, package):
        return package
    kept = package[:-1]
    names = {item["support"] for item in kept}
    return [{**item, "after": [name for name in item["after"] if name in names]} for item in kept]


def decision(person: Person, seed: int, revision: int, package: Package, on: date) -> Act:
    """Confirm the recommendation, or override it."""
    if not overrides(person, seed, package):
        return Act(on, "recommendation_confirmed", {"revision": revision})
    fields = {"revision": revision, "reason": "person_prefers", "package": chosen(person, seed, package)}
    return Act(on, "recommendation_overridden", fields)
