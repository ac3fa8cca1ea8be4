"""The national demo's people: as many of each area as its fit notes say, and at home in it."""

from collections import Counter

import pytest

from services.demo.areas import MANCHESTER, Area, national, shares
from services.demo.people import people
from services.demo.person import Kind
from services.intake.places.loader import load_places

EVERYBODY = people(4000, 20241001, national())


def test_the_areas_are_those_of_the_pilot_with_the_published_fit_notes() -> None:
    assert len(national()) == 15
    assert sum(area.fit_notes for area in national()) == 4_032_621
    assert MANCHESTER in national()


def test_people_are_shared_out_in_proportion_and_nobody_is_left_over() -> None:
    found = Counter(area.title for area in shares(4000, national()))
    assert sum(found.values()) == 4000
    for area in national():
        assert found[area.title] == pytest.approx(4000 * area.fit_notes / 4_032_621, abs=1)
    assert [len(shares(count, national())) for count in (0, 1, 16)] == [0, 1, 16]


def test_everybody_is_referred_in_their_own_area() -> None:
    expected = Counter(area.title for area in shares(4000, national()))
    assert Counter(person.area.title for person in EVERYBODY) == expected
    for person in EVERYBODY:
        assert (person.body["programme"], person.sender.programme) == (person.area.programme,) * 2


@pytest.mark.parametrize("area", national(), ids=lambda area: area.ods_code)
def test_postcodes_and_practices_are_of_the_area(area: Area) -> None:
    places = load_places()
    theirs = [person.body["person"] for person in EVERYBODY if person.area == area and person.kind is Kind.USUAL]
    for said in theirs:
        assert places.postcodes.find(said["postcode"]).area == area.ods_code
        assert places.practices.get(said["registered_gp_ods"][:3]) in {area.ods_code, None}
