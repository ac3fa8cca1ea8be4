"""Fit notes side by side: gaps, overlaps, and notes longer than their rule allows."""

from datetime import date

import pytest

from services.coaching.domain.fit_notes import findings, months_later
from services.contracts.plan_codes import Fitness, FitNoteIssuer
from services.contracts.plan_item import FitNote


def note(first: str, last: str) -> FitNote:
    return FitNote(
        fitness=Fitness.NOT_FIT,
        adjustments=(),
        from_on=date.fromisoformat(first),
        to_on=date.fromisoformat(last),
        issuer=FitNoteIssuer.DOCTOR,
    )


CASES: list[tuple[str, list[tuple[str, str]], list[str]]] = [
    ("no note shows nothing", [], []),
    ("one note of four weeks", [("2024-11-04", "2024-12-01")], []),
    ("two notes, the second from the day after", [("2024-11-04", "2024-11-17"), ("2024-11-18", "2024-12-01")], []),
    (
        "a day between two notes",
        [("2024-11-04", "2024-11-17"), ("2024-11-19", "2024-12-01")],
        ["gap 2024-11-18 2024-11-18"],
    ),
    (
        "recorded in the other order",
        [("2024-11-25", "2024-12-08"), ("2024-11-04", "2024-11-17")],
        ["gap 2024-11-18 2024-11-24"],
    ),
    (
        "both cover a day",
        [("2024-11-04", "2024-11-17"), ("2024-11-17", "2024-12-01")],
        ["overlap 2024-11-17 2024-11-17"],
    ),
    (
        "one within another, and then no gap behind the longer one",
        [("2024-11-04", "2024-12-01"), ("2024-11-11", "2024-11-17"), ("2024-12-02", "2024-12-08")],
        ["overlap 2024-11-11 2024-11-17"],
    ),
    ("three months to the day", [("2024-11-04", "2025-02-03")], []),
    (
        "three months and a day",
        [("2024-11-04", "2025-02-04")],
        ["longer_than_three_months 2024-11-04 2025-02-04"],
    ),
    ("from the end of a long month to that of a short one", [("2024-11-30", "2025-02-28")], []),
    (
        "from the end of a long month, a day more",
        [("2024-11-30", "2025-03-01")],
        ["longer_than_three_months 2024-11-30 2025-03-01"],
    ),
    ("from the last of August to the last of November", [("2024-08-31", "2024-11-30")], []),
    (
        "from the last of August, a day more",
        [("2024-08-31", "2024-12-01")],
        ["longer_than_three_months 2024-08-31 2024-12-01"],
    ),
    ("three whole months of the calendar", [("2025-03-01", "2025-05-31")], []),
    (
        "three whole months of the calendar and a day",
        [("2025-03-01", "2025-06-01")],
        ["longer_than_three_months 2025-03-01 2025-06-01"],
    ),
    (
        "begun on the last of six months that end with a short one",
        [("2024-08-31", "2024-11-30"), ("2024-12-01", "2025-02-27"), ("2025-02-28", "2025-06-30")],
        ["longer_than_three_months 2025-02-28 2025-06-30"],
    ),
    (
        "longer, but begun after the first six months",
        [("2024-11-04", "2025-01-31"), ("2025-02-01", "2025-04-30"), ("2025-05-04", "2025-10-01")],
        ["gap 2025-05-01 2025-05-03"],
    ),
    (
        "longer, begun on the last day of the first six months",
        [("2024-11-04", "2025-01-31"), ("2025-02-01", "2025-04-30"), ("2025-05-03", "2025-10-01")],
        ["gap 2025-05-01 2025-05-02", "longer_than_three_months 2025-05-03 2025-10-01"],
    ),
]


@pytest.mark.parametrize(("notes", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_notes_show(notes: list[tuple[str, str]], expected: list[str]) -> None:
    found = findings([note(first, last) for first, last in notes])
    assert [f"{one.finding.value} {one.from_on} {one.to_on}" for one in found] == expected


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        ("2024-11-30", 3, "2025-02-28"),
        ("2023-11-30", 3, "2024-02-29"),
        ("2024-09-15", 3, "2024-12-15"),
        ("2024-12-31", 6, "2025-06-30"),
        ("2024-01-31", 12, "2025-01-31"),
    ],
)
def test_months_later(day: str, months: int, expected: str) -> None:
    assert months_later(date.fromisoformat(day), months) == date.fromisoformat(expected)
