"""The report on employers: a pure function of rows, and how its rows are read for a period of days.

Employers count whose work with the programme falls into the period; what they are is as known now. Commitments are
those that stand on its last day. Activities are those of the period that are not struck out. The counts of employees
are heads, of nobody in particular: they are exact [design].
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Protocol

from pydantic import BaseModel

from services.contracts.employer_codes import (
    CharterCommitment,
    EmployerActivity,
    OccupationalHealth,
    Sector,
    SizeBand,
)

NOT_ASKED = "not_asked"

# In each, $1 is the first day, $2 the last, $3 the programme or null.
_KNOWN = """WITH known AS (
    SELECT employer_id, size, sector, occupational_health FROM employer
    WHERE registered_on <= $2::date AND coalesce(left_on, $1::date) >= $1::date
      AND ($3::text IS NULL OR programme = $3::text)
)"""
EMPLOYERS = f"{_KNOWN} SELECT * FROM known"  # noqa: S608  our own words
COMMITMENTS = f"""{_KNOWN}
SELECT DISTINCT ON (employer_id, commitment) employer_id, commitment, made
FROM employer_commitment JOIN known USING (employer_id) WHERE on_day <= $2::date
ORDER BY employer_id, commitment, on_day DESC, sequence DESC"""  # noqa: S608  our own words
ACTIVITIES = f"""{_KNOWN}
SELECT employer_id, activity, employees_reached FROM employer_activity a JOIN known USING (employer_id)
WHERE on_day BETWEEN $1::date AND $2::date
  AND NOT EXISTS (SELECT FROM employer_activity_struck s WHERE (s.employer_id, s.number) = (a.employer_id, a.number))"""  # noqa: S608  our own words


class ReportLine(BaseModel):
    """Employers of one kind; their activities in the period, and the heads that those reached."""

    code: str
    employers: int
    activities: int
    employees_reached: int


class EmployersReport(BaseModel):
    """Employers of a period by what they are, what they committed themselves to, what was done. No patient is in it.

    In ``activities`` a line counts the employers with such an activity.
    """

    first: date
    last: date
    programme: str | None
    employers: int
    activities_in_all: int
    employees_reached: int
    sizes: list[ReportLine]
    sectors: list[ReportLine]
    occupational_health: list[ReportLine]
    commitments: list[ReportLine]
    activities: list[ReportLine]


class Rows(Protocol):
    """Runs one of the queries above."""

    async def __call__(self, query: str) -> Sequence[Mapping[str, Any]]:
        """Return its rows by name of column."""
        ...


async def report(read: Rows, first: date, last: date, programme: str | None) -> EmployersReport:
    """Return the report of the days ``first`` to ``last``; ``programme`` None: of all programmes."""
    return of_rows(first, last, programme, await read(EMPLOYERS), await read(COMMITMENTS), await read(ACTIVITIES))


def of_rows(
    first: date,
    last: date,
    programme: str | None,
    employers: Iterable[Mapping[str, Any]],
    commitments: Iterable[Mapping[str, Any]],
    activities: Iterable[Mapping[str, Any]],
) -> EmployersReport:
    """Count the rows; commitments and activities are those of the ``employers``."""
    known = {row["employer_id"]: row for row in employers}
    done = list(activities)
    count, heads = Counter[str](), Counter[str]()
    for row in done:
        count[row["employer_id"]] += 1
        heads[row["employer_id"]] += row["employees_reached"]

    def line(code: str, who: Iterable[str]) -> ReportLine:
        found = set(who)
        return ReportLine(
            code=code,
            employers=len(found),
            activities=sum(count[one] for one in found),
            employees_reached=sum(heads[one] for one in found),
        )

    def by(column: str, codes: Iterable[str]) -> list[ReportLine]:
        return [
            line(code, (key for key, row in known.items() if (row[column] or NOT_ASKED) == code))
            for code in (*codes, NOT_ASKED)
        ]

    standing = [row for row in commitments if row["made"]]
    return EmployersReport(
        first=first,
        last=last,
        programme=programme,
        employers=len(known),
        activities_in_all=len(done),
        employees_reached=heads.total(),
        sizes=by("size", SizeBand),
        sectors=by("sector", Sector),
        occupational_health=by("occupational_health", OccupationalHealth),
        commitments=[
            line(code, (row["employer_id"] for row in standing if row["commitment"] == code))
            for code in CharterCommitment
        ],
        activities=[
            ReportLine(
                code=code,
                employers=len({row["employer_id"] for row in done if row["activity"] == code}),
                activities=sum(row["activity"] == code for row in done),
                employees_reached=sum(row["employees_reached"] for row in done if row["activity"] == code),
            )
            for code in EmployerActivity
        ],
    )
