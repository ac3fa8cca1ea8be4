"""Reads the three tables of places: all that is wrong with them at once, by file, line and column.

A national postcode directory has 1.7 million rows. What is kept is bounded by the number of postcode sectors, not of
rows: a row becomes two bytes in its sector's array.
"""

import re
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from services.intake.domain.places import UNITS, UNKNOWN, Place, Places, Postcodes, unit_number
from services.intake.places.table import Problems, TablesRefused, Tick, no_tick, rows

FOLDER: Final = Path(__file__).parent
"""The tables of this repository: for development and demonstration."""
POSTCODES: Final = ("postcode", "area", "local_authority", "imd_quintile")
PRACTICES: Final = ("practice", "area")
JOBCENTRES: Final = ("office", "area")
MOST_PLACES: Final = 65_535

_POSTCODE: Final = re.compile(r"([A-Z]{1,2})(?:([0-9][A-Z0-9]?)(?:\s*([0-9])([A-Z])([A-Z])|\s+([0-9]))?)?")
_AREA: Final = re.compile(r"[A-Z0-9]{3,5}")
_AUTHORITY: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}|[ENSW][0-9]{8}")
_QUINTILE: Final = re.compile(r"[1-5]")
_PRACTICE: Final = re.compile(r"[A-Z][A-Z0-9]{0,5}")
_OFFICE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


def load_places(folder: Path | None = None, tick: Tick = no_tick) -> Places:
    """Return the tables of a folder (None: those of this repository). Raises TablesRefused with everything wrong.

    ``tick`` is told the bytes that were read, from time to time.
    """
    problems = Problems()
    places = read_places(folder or FOLDER, problems, tick)
    if problems:
        raise TablesRefused(problems)
    return places


def read_places(folder: Path, problems: Problems, tick: Tick = no_tick) -> Places:
    """Return what can be read of a folder's tables, and add to ``problems`` what is wrong with them."""
    return Places(
        _postcodes(folder / "postcodes.csv", problems, tick),
        _names(folder / "practices.csv", PRACTICES, _PRACTICE, problems, tick),
        _names(folder / "jobcentres.csv", JOBCENTRES, _OFFICE, problems, tick),
    )


def _postcodes(path: Path, problems: Problems, tick: Tick) -> Postcodes:
    numbers: dict[tuple[str, ...], int] = {}
    places = [UNKNOWN]
    prefixes: dict[str, int] = {}
    sectors: dict[str, array[int]] = {}
    empty = array("H", bytes(2 * UNITS))
    match = _POSTCODE.fullmatch
    for line, row in rows(path, POSTCODES, problems, tick):
        parts = match(row[0].strip().upper())
        if parts is None:
            problems.add(path, line, "postcode", "malformed", _NO_POSTCODE)
            continue
        said = tuple(row[1:])
        number = numbers.get(said)
        if number is None:
            number = numbers[said] = _place(path, line, said, places, problems)
        letters, digits, sector, first, second, alone = parts.groups()
        if first is not None:
            name = f"{letters}{digits} {sector}"
            units = sectors.get(name)
            if units is None:
                units = sectors[name] = empty[:]
            unit = unit_number(first, second)
            if units[unit]:
                problems.add(path, line, "postcode", "repeated", "this postcode stands twice; keep one of the two")
            units[unit] = number
        else:
            name = letters + (digits or "") + (f" {alone}" if alone else "")
            if name in prefixes:
                problems.add(path, line, "postcode", "repeated", "this prefix stands twice; keep one of the two")
            prefixes[name] = number
    shared: dict[bytes, array[int]] = {}
    return Postcodes(places, prefixes, {name: shared.setdefault(u.tobytes(), u) for name, u in sectors.items()})


_NO_AREA = "no ODS code of 3 to 5 characters"
_NO_AUTHORITY = "neither the slug of a local authority nor a code like E06000036"
_NO_POSTCODE = "no postcode, nor a beginning of one: write M1 1AE, or a whole part of it: M1 1, M1, M"


def _place(path: Path, line: int, said: tuple[str, ...], places: list[Place], problems: Problems) -> int:
    """Check what stands beside a postcode, once for all rows that say the same; return its number."""
    area, authority, quintile = (text.strip() for text in said)
    fine = [
        _fits(path, line, "area", area, _AREA, _NO_AREA, problems),
        _fits(path, line, "local_authority", authority, _AUTHORITY, _NO_AUTHORITY, problems),
        _fits(path, line, "imd_quintile", quintile, _QUINTILE, "no fifth from 1 to 5", problems),
    ]
    if len(places) > MOST_PLACES:
        problems.add(path, line, "area", "too_many", f"more than {MOST_PLACES} different rows beside the postcode")
        return 0
    if not all(fine):
        return 0
    places.append(Place(area or None, authority or None, int(quintile) if quintile else None))
    return len(places) - 1


def _fits(path: Path, line: int, column: str, text: str, form: re.Pattern[str], why: str, problems: Problems) -> bool:
    if not text or form.fullmatch(text):
        return True
    problems.add(path, line, column, "malformed", f"{why}; leave it empty where it is not known")
    return False


def _names(
    path: Path, columns: tuple[str, str], form: re.Pattern[str], problems: Problems, tick: Tick
) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for line, (first, second) in _pairs(rows(path, columns, problems, tick)):
        if not form.fullmatch(first):
            problems.add(path, line, columns[0], "malformed", f"not written as a {columns[0]} is: {form.pattern}")
        elif first in found:
            problems.add(path, line, columns[0], "repeated", f"this {columns[0]} stands twice; keep one of the two")
        elif _fits(path, line, "area", second, _AREA, _NO_AREA, problems):
            found[first] = second or None
    return found


def _pairs(found: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, tuple[str, str]]]:
    for line, row in found:
        yield line, (row[0].strip(), row[1].strip())
