"""Where the demo's people live: Manchester alone, or all areas of the pilot in proportion to their fit notes.

Districts and practice codes are those of intake's synthetic tables, programmes and providers those of the programme
files, so that whoever is made here is at home in the area.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from services.demo import identity
from services.intake.places.loader import FOLDER as PLACES
from services.intake.places.loader import POSTCODES, PRACTICES
from services.intake.places.table import Problems, rows
from services.programmes.areas import AreaCode
from services.programmes.reader import load_book
from services.programmes.register import load_areas
from services.programmes.tiers import Contract

PREFIX: Final = "workwell-"
SURGERIES: Final = 6
"""So many practices of each beginning of a code refer people."""


ELSEWHERE: Final = ("Y99",)
"""Practices whose codes do not tell where they are, for an area without a beginning of its own in the table."""


@dataclass(frozen=True)
class Area:
    """An area of the demo, its programme and who may be chosen there; ``fit_notes`` are those of 2023, as published."""

    programme: str
    title: str
    ods_code: str
    fit_notes: int
    locality: str | None
    providers: tuple[str, ...]
    specialists: tuple[str, ...]
    districts: tuple[str, ...]
    practices: tuple[str, ...]


MANCHESTER: Final = Area(
    programme="workwell-greater-manchester",
    title="Greater Manchester",
    ods_code="QOP",
    fit_notes=744_442,
    locality="manchester",
    providers=("growth-company", "big-life"),
    specialists=("alchemy-arts", "acmhs"),
    districts=identity.DISTRICTS,
    practices=identity.PRACTICES,
)
"""The City of Manchester, as the demo of one area has it."""


@cache
def national() -> tuple[Area, ...]:
    """Return the 15 areas of the pilot, in the order of the register."""
    return tuple(_area(entry) for entry in load_areas().codes if entry.fit_notes_2023 is not None)


def _area(entry: AreaCode) -> Area:
    if entry.code == MANCHESTER.ods_code:
        return MANCHESTER
    programme_id = f"{PREFIX}{entry.area}"
    version = next(version for version in load_book() if version.programme == programme_id)
    contracts: Sequence[Contract] = version.tiers.area.contracts
    return Area(
        programme=programme_id,
        title=entry.title,
        ods_code=entry.code,
        fit_notes=entry.fit_notes_2023 or 0,
        locality=None,
        providers=tuple(contract.provider for contract in contracts),
        specialists=(),
        districts=_of_area("postcodes.csv", POSTCODES, entry.code),
        practices=tuple(
            f"{beginning}{number:03d}"
            for beginning in _of_area("practices.csv", PRACTICES, entry.code) or ELSEWHERE
            for number in range(1, SURGERIES + 1)
        ),
    )


def _of_area(table: str, columns: tuple[str, ...], ods_code: str) -> tuple[str, ...]:
    """Return the first cells of the rows that say this area."""
    return tuple(row[0] for _, row in rows(PLACES / table, columns, Problems()) if row[1] == ods_code)


def shares(count: int, areas: Sequence[Area]) -> list[Area]:
    """Return an area for each of ``count`` people: in proportion to fit notes, by largest remainders."""
    total = sum(area.fit_notes for area in areas)
    whole = [divmod(count * area.fit_notes, total) for area in areas]
    left = count - sum(people for people, _ in whole)
    first = sorted(range(len(areas)), key=lambda place: (-whole[place][1], place))[:left]
    return [area for place, area in enumerate(areas) for _ in range(whole[place][0] + (place in first))]
