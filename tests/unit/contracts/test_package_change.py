"""How one package differs from another, as a table."""

from typing import Any

import pytest

from services.contracts.package_change import package_change
from services.contracts.triage import PackageItem

Item = str | tuple[str, str] | tuple[str, str | None, list[str]]


def package(*items: Item) -> list[PackageItem]:
    """Items by support; with an intensity; with what they wait for."""
    made = []
    for item in items:
        support, intensity, after = (item, None, []) if isinstance(item, str) else (*item, [])[:3]
        given = {"support": support, "intensity": intensity, "after": after}
        made.append(PackageItem.model_validate(given, strict=False))
    return made


NOTHING: dict[str, Any] = {"added": [], "removed": [], "intensity": [], "moved": []}

CASES = [
    ("the same", package("gp", "skills"), package("gp", "skills"), {}),
    ("one more", package("gp"), package("gp", "skills"), {"added": ["skills"]}),
    ("one less", package("gp", "skills"), package("skills"), {"removed": ["gp"]}),
    ("another in its place", package("gp"), package("skills"), {"added": ["skills"], "removed": ["gp"]}),
    ("from nothing", package(), package("gp"), {"added": ["gp"]}),
    ("to nothing", package("gp"), package(), {"removed": ["gp"]}),
    (
        "a stronger form of the same",
        package(("talking_therapies", "step_2")),
        package(("talking_therapies", "step_3")),
        {"intensity": [{"support": "talking_therapies", "before": "step_2", "after": "step_3"}]},
    ),
    (
        "an intensity that nobody had said",
        package("talking_therapies"),
        package(("talking_therapies", "step_2")),
        {"intensity": [{"support": "talking_therapies", "before": None, "after": "step_2"}]},
    ),
    ("the other way round", package("gp", "skills"), package("skills", "gp"), {"moved": ["skills", "gp"]}),
    (
        "something new in front moves nothing",
        package("gp", "skills"),
        package("crisis", "gp", "skills"),
        {"added": ["crisis"]},
    ),
    (
        "something gone from the middle moves nothing",
        package("gp", "crisis", "skills"),
        package("gp", "skills"),
        {"removed": ["crisis"]},
    ),
    (
        "it waits for another now",
        package("gp", "skills"),
        package("gp", ("skills", None, ["gp"])),
        {"moved": ["skills"]},
    ),
    (
        "it no longer waits for what is gone",
        package("gp", ("skills", None, ["gp"])),
        package("skills"),
        {"removed": ["gp"]},
    ),
]


@pytest.mark.parametrize(("title", "before", "after", "expected"), CASES, ids=[case[0] for case in CASES])
def test_what_differs(
    title: str, before: list[PackageItem], after: list[PackageItem], expected: dict[str, Any]
) -> None:
    found = package_change(before, after)
    assert found.model_dump(mode="json") == {**NOTHING, **expected}
    assert bool(found) is bool(expected)


def test_both_ways_tell_the_same_story() -> None:
    for _, before, after, _ in CASES:
        there, back = package_change(before, after), package_change(after, before)
        assert (there.added, there.removed) == (back.removed, back.added)
        assert {(c.support, c.before, c.after) for c in there.intensity} == {
            (c.support, c.after, c.before) for c in back.intensity
        }
        assert set(there.moved) == set(back.moved)
