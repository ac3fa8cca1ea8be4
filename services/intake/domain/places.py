"""What is known of places: to which area a postcode, a practice and a Jobcentre belong. Read-only, and never a guess.

What the tables do not say is not known, never "elsewhere": so each answer is True, False or None.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from services.programmes.areas import AreaCodes


class Place(NamedTuple):
    """What the tables say of a postcode. ``area`` None: a border cuts it, or nothing is known.

    ``area``: an ODS code of any time; ``local_authority``: its slug or nine-character code; ``imd_quintile``: 1 holds
    the most deprived fifth.
    """

    area: str | None = None
    local_authority: str | None = None
    imd_quintile: int | None = None


UNKNOWN: Final = Place()

LETTERS: Final = 26
UNITS: Final = LETTERS * LETTERS
"""Units of a sector: the last two letters of a postcode."""
_PARTS: Final = re.compile(r"([A-Z]{1,2})([0-9])([A-Z0-9]?) ?([0-9])([A-Z])([A-Z])")


@dataclass(frozen=True, slots=True)
class Postcodes:
    """Places by postcode; the longest prefix that has a row decides, and its row decides alone.

    ``places`` by number; ``prefixes`` (``M1``, ``M1 1``, ``W1``, ``M``) to numbers; ``sectors`` to an array of
    numbers, one for each unit, 0 where it has no row. Of a whole country: some 11,000 arrays of 676 short numbers.
    """

    places: Sequence[Place] = (UNKNOWN,)
    prefixes: Mapping[str, int] = field(default_factory=dict)
    sectors: Mapping[str, Sequence[int]] = field(default_factory=dict)

    def find(self, postcode: str | None) -> Place:
        """Return what is known of a postcode."""
        parts = None if postcode is None else _PARTS.fullmatch(postcode)
        if parts is None:
            return UNKNOWN
        letters, digit, more, sector, first, second = parts.groups()
        outward = letters + digit + more
        units = self.sectors.get(f"{outward} {sector}")
        if units is not None and (number := units[unit_number(first, second)]):
            return self.places[number]
        for prefix in (f"{outward} {sector}", outward, letters + digit if more.isalpha() else letters, letters):
            found = self.prefixes.get(prefix)
            if found is not None:
                return self.places[found]
        return UNKNOWN


def unit_number(first: str, second: str) -> int:
    """Return a unit's place in its sector's array."""
    return (ord(first) - 65) * LETTERS + ord(second) - 65


@dataclass(frozen=True, slots=True)
class Places:
    """The three tables. ``practices``: beginnings of ODS codes; ``jobcentres``: offices by slug; to areas."""

    postcodes: Postcodes = field(default_factory=Postcodes)
    practices: Mapping[str, str | None] = field(default_factory=dict)
    jobcentres: Mapping[str, str | None] = field(default_factory=dict)

    def resident(self, postcode: str | None, area: str, areas: AreaCodes) -> bool | None:
        """Tell whether a postcode lies in the area that ``area`` means."""
        place = self.postcodes.find(postcode)
        return None if place.area is None else areas.within(place.area, area, place.local_authority)

    def local_gp(self, practice: str | None, area: str, areas: AreaCodes) -> bool | None:
        """Tell whether a practice is in the area; the longest beginning of its code decides."""
        for length in range(len(practice or ""), 0, -1):
            found = self.practices.get((practice or "")[:length], "")
            if found != "":
                return None if found is None else areas.within(found, area)
        return None

    def local_jobcentre(self, office: str | None, area: str, areas: AreaCodes) -> bool | None:
        """Tell whether an office is in the area."""
        found = None if office is None else self.jobcentres.get(office)
        return None if found is None else areas.within(found, area)
