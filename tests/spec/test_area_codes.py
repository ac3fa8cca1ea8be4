"""Which code an area had on a day: every code that has ended, on its last day and on the day after."""

from datetime import date

import pytest

from services.programmes.areas import Undecided, UnknownArea
from services.programmes.register import load_areas

BEFORE, LAST, FIRST, AFTER = date(2025, 2, 3), date(2026, 3, 31), date(2026, 4, 1), date(2026, 4, 2)
FRIMLEY = Undecided(("S0E4D", "S9B9J", "QRL"))

CASES: list[tuple[str, str, date, str | None, str | Undecided]] = [
    ("Cambridgeshire in 2025", "QUE", BEFORE, None, "QUE"),
    ("Cambridgeshire on its last day", "QUE", LAST, None, "QUE"),
    ("Cambridgeshire on the first day of its successor", "QUE", FIRST, None, "S1Y5D"),
    ("Cambridgeshire on 2 April 2026", "QUE", AFTER, None, "S1Y5D"),
    ("a local authority changes nothing where nothing was split", "QUE", AFTER, "cambridge", "S1Y5D"),
    ("North Central London on its last day", "QMJ", LAST, None, "QMJ"),
    ("North Central London after the merger", "QMJ", FIRST, None, "Z9B2Z"),
    ("North West London on its last day", "QRV", LAST, None, "QRV"),
    ("North West London after the merger", "QRV", FIRST, None, "Z9B2Z"),
    ("Surrey Heartlands on its last day", "QXU", LAST, None, "QXU"),
    ("Surrey Heartlands after the merger", "QXU", FIRST, None, "S9B9J"),
    ("Frimley on its last day, authority not known", "QNQ", LAST, None, "QNQ"),
    ("Frimley after the split, authority not known: a person decides", "QNQ", FIRST, None, FRIMLEY),
    ("Frimley after the split, an authority that it does not have", "QNQ", FIRST, "manchester", FRIMLEY),
    ("Frimley: Bracknell Forest", "QNQ", FIRST, "bracknell-forest", "S0E4D"),
    ("Frimley: Slough", "QNQ", FIRST, "slough", "S0E4D"),
    ("Frimley: Windsor and Maidenhead", "QNQ", FIRST, "windsor-and-maidenhead", "S0E4D"),
    ("Frimley: Surrey Heath", "QNQ", FIRST, "surrey-heath", "S9B9J"),
    ("Frimley: Farnham, in Waverley", "QNQ", FIRST, "waverley", "S9B9J"),
    ("Frimley: Hart", "QNQ", FIRST, "hart", "QRL"),
    ("Frimley: Rushmoor, by its code", "QNQ", FIRST, "E07000092", "QRL"),
    ("Frimley before the split, authority known", "QNQ", BEFORE, "hart", "QNQ"),
    ("a code that goes on", "QOP", AFTER, None, "QOP"),
    ("an old code that takes over a part was valid before", "QRL", BEFORE, None, "QRL"),
    (
        "looking back from a successor: a person decides, it holds more than one",
        "S1Y5D",
        BEFORE,
        None,
        Undecided(("QUE",)),
    ),
    ("looking back to two", "Z9B2Z", BEFORE, None, Undecided(("QMJ", "QRV"))),
    ("looking back with an authority that the register gives to one", "S9B9J", BEFORE, "surrey-heath", "QNQ"),
    ("looking back with another authority", "S9B9J", BEFORE, "guildford", Undecided(("QNQ", "QXU"))),
]


@pytest.mark.parametrize(("title", "code", "day", "authority", "expected"), CASES, ids=[case[0] for case in CASES])
def test_the_code_valid_on_a_day(
    title: str, code: str, day: date, authority: str | None, expected: str | Undecided
) -> None:
    assert load_areas().on(code, day, authority) == expected, title


def test_every_code_that_has_ended_has_its_rows() -> None:
    ended = {entry.code for entry in load_areas().codes if entry.ends is not None}
    for code in ended:
        days = {day for _, given, day, _, _ in CASES if given == code}
        assert {LAST, FIRST} <= days, code
    split = {la.slug for e in load_areas().codes for s in e.successors for la in s.local_authorities}
    gss = {la.gss: la.slug for e in load_areas().codes for s in e.successors for la in s.local_authorities}
    named = {gss.get(given or "", given) for _, code, day, given, _ in CASES if code == "QNQ" and day == FIRST}
    assert split <= named


def test_a_code_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(UnknownArea, match=r"areas\.yaml"):
        load_areas().on("Q99", BEFORE, None)


WITHIN: list[tuple[str, str, str, str | None, bool | None]] = [
    ("the same code", "QUE", "QUE", None, True),
    ("another area", "QOP", "QUE", None, False),
    ("a code that the register does not hold", "Q99", "QUE", None, False),
    ("a place known by the newer code may lie elsewhere in it", "S1Y5D", "QUE", None, None),
    ("a place known by the older code lies in its successor", "QUE", "S1Y5D", None, True),
    ("one of two that merged lies in the whole", "QMJ", "Z9B2Z", None, True),
    ("two that merged stay two", "QMJ", "QRV", None, False),
    ("part of Frimley, authority known", "QRL", "QNQ", "hart", True),
    ("the successor's other parts", "QRL", "QNQ", "winchester", False),
    ("part of Frimley, authority not known", "QRL", "QNQ", None, None),
    ("Frimley in a successor, authority known", "QNQ", "S0E4D", "slough", True),
    ("Frimley in a successor that did not get it", "QNQ", "S0E4D", "hart", False),
    ("Frimley in a successor, authority not known", "QNQ", "S0E4D", None, None),
]


@pytest.mark.parametrize(("title", "code", "area", "authority", "expected"), WITHIN, ids=[row[0] for row in WITHIN])
def test_whether_a_place_lies_in_an_area(
    title: str, code: str, area: str, authority: str | None, expected: bool | None
) -> None:
    assert load_areas().within(code, area, authority) is expected, title
