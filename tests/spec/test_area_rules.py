"""Each area's own rule, row by row: who is eligible, who is looked at by a person and why, and for how long.

Greater Manchester's rule and its providers stand in ``test_joining.py``.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest

from services.programmes.eligibility import unmet_requirements
from services.programmes.model import Programme
from services.programmes.reader import load_book

ON = date(2025, 2, 3)
NATIONAL = ["birmingham-and-solihull", "black-country", "bristol-north-somerset-and-south-gloucestershire"]
NATIONAL += ["cambridgeshire-and-peterborough", "cornwall-and-the-isles-of-scilly", "coventry-and-warwickshire"]
NATIONAL += ["frimley", "herefordshire-and-worcestershire", "leicester-leicestershire-and-rutland"]
NATIONAL += ["north-west-london", "south-yorkshire", "surrey-heartlands"]

ANYBODY: dict[str, Any] = {
    "age": 40,
    "wants_to_work": True,
    "health_condition": True,
    "condition_affects_work": True,
    "resident_in_area": True,
    "gp_in_area": False,
    "jobcentre_in_area": False,
    "complex_needs": False,
}
EMPLOYED = {"work_status": "employed", "attendance": "working", "job_at_risk": False}
UNEMPLOYED = {"work_status": "unemployed", "out_of_work_days": 30}

Row = tuple[str, dict[str, Any], list[str]]


@dataclass(frozen=True)
class Table:
    """The rows of one rule: a title, what is given beyond ``usual``, and the reasons for which a person looks."""

    programme: str
    title: str
    usual: dict[str, Any]
    rows: list[Row]
    locality: str | None = None
    on: date = field(default=ON)


_OUT_OF_AREA: list[Row] = [
    ("a GP in the area is enough", {"resident_in_area": False, "gp_in_area": True}, []),
    ("where they live is not known, the GP is elsewhere", {"resident_in_area": None}, ["outside_area"]),
    ("neither lives nor has a GP there", {"resident_in_area": False}, ["outside_area"]),
]

TABLES = [
    *(
        Table(
            f"workwell-{area}",
            "the national rule",
            EMPLOYED,
            [
                ("in work, with a condition, wants to work", {}, []),
                ("out of work for ten years: no limit nationally", {**UNEMPLOYED, "out_of_work_days": 3650}, []),
                ("complex needs: no bar nationally", {"complex_needs": True}, []),
                ("15 years old: no age nationally", {"age": 15}, []),
                ("no health condition", {"health_condition": False}, ["no_health_condition"]),
                ("a condition was not asked for", {"health_condition": None}, ["no_health_condition"]),
                ("a condition that does not affect work", {"condition_affects_work": False}, []),
                ("does not want to work", {"wants_to_work": False}, ["does_not_want_to_work"]),
                ("nobody asked whether they want to", {"wants_to_work": None}, ["does_not_want_to_work"]),
                *_OUT_OF_AREA,
            ],
        )
        for area in NATIONAL
    ),
    Table(
        "workwell-lancashire-and-south-cumbria",
        "Lancashire and South Cumbria",
        {**EMPLOYED, "attendance": "struggling"},
        [
            ("employed and struggling", {}, []),
            ("employed and off sick", {"attendance": "off_sick"}, []),
            ("self-employed and struggling", {"work_status": "self_employed"}, []),
            ("employed and working well", {"attendance": "working"}, ["not_off_sick_or_struggling"]),
            ("employed, attendance not asked", {"attendance": None}, ["not_off_sick_or_struggling"]),
            ("out of work for 182 days", {**UNEMPLOYED, "attendance": None, "out_of_work_days": 182}, []),
            (
                "out of work for 183 days",
                {**UNEMPLOYED, "attendance": None, "out_of_work_days": 183},
                ["long_term_unemployed"],
            ),
            (
                "out of work, nobody asked since when",
                {**UNEMPLOYED, "attendance": None, "out_of_work_days": None},
                ["long_term_unemployed"],
            ),
            ("16", {"age": 16}, []),
            ("15", {"age": 15}, ["under_16"]),
            ("complex needs", {"complex_needs": True}, ["complex_needs"]),
            ("complex needs not asked for", {"complex_needs": None}, ["complex_needs"]),
            ("no health condition", {"health_condition": False}, ["no_health_condition"]),
            ("does not want to work", {"wants_to_work": False}, ["does_not_want_to_work"]),
            *_OUT_OF_AREA,
        ],
    ),
    Table(
        "workwell-lancashire-and-south-cumbria",
        "Blackburn with Darwen narrows its area's rule",
        {**UNEMPLOYED, "attendance": None},
        [
            ("the first day of the first week", {"out_of_work_days": 0}, []),
            ("the last day of the twelfth week", {"out_of_work_days": 83}, []),
            ("the first day of the thirteenth", {"out_of_work_days": 84}, ["beyond_first_12_weeks"]),
            ("the area's rule holds too", {"out_of_work_days": 183}, ["long_term_unemployed", "beyond_first_12_weeks"]),
            ("employed and off sick", {**EMPLOYED, "attendance": "off_sick", "out_of_work_days": None}, []),
            ("complex needs", {"complex_needs": True}, ["complex_needs"]),
        ],
        locality="blackburn-with-darwen",
    ),
    Table(
        "workwell-north-central-london",
        "North Central London",
        EMPLOYED,
        [
            ("employed, working, the condition affects it", {}, []),
            ("self-employed", {"work_status": "self_employed"}, []),
            ("signed off", {"attendance": "off_sick"}, []),
            ("unemployed because of health", {**UNEMPLOYED, "attendance": None}, []),
            ("inactive because of health", {**UNEMPLOYED, "attendance": None, "work_status": "inactive"}, []),
            ("out of work for years", {**UNEMPLOYED, "out_of_work_days": 3650}, []),
            (
                "the condition does not affect work",
                {"condition_affects_work": False},
                ["condition_does_not_affect_work"],
            ),
            (
                "nobody asked whether it affects work, employed",
                {"condition_affects_work": None},
                ["condition_does_not_affect_work"],
            ),
            (
                "unemployed, not because of health",
                {**UNEMPLOYED, "condition_affects_work": False},
                ["condition_does_not_affect_work", "not_because_of_health"],
            ),
            ("15 years old: no age is published", {"age": 15}, []),
            ("no health condition", {"health_condition": False}, ["no_health_condition"]),
            ("does not want to work", {"wants_to_work": False}, ["does_not_want_to_work"]),
            *_OUT_OF_AREA,
        ],
    ),
    Table(
        "working-well-early-help",
        "Working Well early help",
        EMPLOYED,
        [
            ("employed with a health problem", {}, []),
            ("self-employed with a health problem", {"work_status": "self_employed"}, []),
            ("employed without one", {"health_condition": False}, ["no_health_problem"]),
            ("newly unemployed", UNEMPLOYED, []),
            ("newly unemployed, no health problem needed", {**UNEMPLOYED, "health_condition": False}, []),
            ("unemployed for 183 days", {**UNEMPLOYED, "out_of_work_days": 183}, ["not_newly_unemployed"]),
            ("only the Jobcentre is there", {"resident_in_area": False, "jobcentre_in_area": True}, []),
            ("none of the three", {"resident_in_area": False}, ["outside_area"]),
        ],
    ),
    *(
        Table(
            "working-well-work-and-health",
            f"Working Well work and health in {on.year}",
            {**UNEMPLOYED, "out_of_work_days": 365},
            [
                ("out of work for a year", {}, []),
                ("out of work for 364 days", {"out_of_work_days": 364}, ["not_longer_term_unemployed"]),
                ("inactive for years", {"work_status": "inactive", "out_of_work_days": 2000}, []),
                ("in work", {**EMPLOYED, "out_of_work_days": None}, ["not_longer_term_unemployed"]),
                ("nobody asked since when", {"out_of_work_days": None}, ["not_longer_term_unemployed"]),
                ("none of the three", {"resident_in_area": False}, ["outside_area"]),
            ],
            on=on,
        )
        for on in (date(2014, 6, 2), date(2016, 6, 1), date(2019, 6, 3))
    ),
    Table(
        "working-well-care-and-support",
        "Working Well care and support",
        {**UNEMPLOYED, "complex_needs": True},
        [
            ("complex, enduring conditions", {}, []),
            ("none", {"complex_needs": False}, ["no_complex_needs"]),
            ("not asked", {"complex_needs": None}, ["no_complex_needs"]),
            ("none of the three", {"resident_in_area": False}, ["outside_area"]),
        ],
    ),
]
CASES = [
    pytest.param(table, row, id=f"{table.programme} {table.title}: {row[0]}") for table in TABLES for row in table.rows
]


@pytest.fixture(scope="module")
def files() -> dict[tuple[str, date], Programme]:
    book = load_book()
    return {(table.programme, table.on): book.version_for(table.programme, table.on) for table in TABLES}


@pytest.mark.parametrize(("table", "row"), CASES)
def test_who_is_looked_at_by_a_person(files: dict[tuple[str, date], Programme], table: Table, row: Row) -> None:
    title, given, reasons = row
    programme = files[table.programme, table.on]
    required = programme.tiers.required(table.locality)
    unmet = unmet_requirements(programme.joining, {**ANYBODY, **table.usual, **given}, required)
    assert [one.code for one in unmet] == reasons, title


def test_every_programme_and_every_requirement_has_a_row() -> None:
    book = load_book()
    tried = {(table.programme, code) for table in TABLES for _, _, reasons in table.rows for code in reasons}
    for programme in book:
        if programme.programme != "workwell-greater-manchester" and not programme.synthetic:
            asked = {part.code for part in programme.joining.eligibility}
            asked |= {part.code for place in programme.tiers.localities for part in place.eligibility}
            assert {(programme.programme, code) for code in asked} <= tried


@pytest.mark.parametrize(
    ("title", "programme", "status", "weeks"),
    [
        ("up to 12 weeks in Lancashire, in work", "workwell-lancashire-and-south-cumbria", "employed", 12),
        ("up to 12 weeks in Lancashire, out of work", "workwell-lancashire-and-south-cumbria", "unemployed", 12),
        ("8 weeks in North Central London in work", "workwell-north-central-london", "employed", 8),
        ("8 weeks for the self-employed", "workwell-north-central-london", "self_employed", 8),
        ("16 weeks for those who seek work", "workwell-north-central-london", "unemployed", 16),
        ("16 weeks for the inactive", "workwell-north-central-london", "inactive", 16),
        ("6 months of early help", "working-well-early-help", "employed", 26),
    ],
)
def test_the_published_length_of_support(title: str, programme: str, status: str, weeks: int) -> None:
    assert load_book().version_for(programme, ON).support.weeks_for(status) == weeks, title
