"""Areas by ODS code: which code was valid on a day, and what follows a code that has ended. Pure.

A fact keeps the code that was valid when it happened. Where an area was split, the person's local authority
tells which part; where that is not known, nobody guesses: :class:`Undecided` goes to a person.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Annotated

from pydantic import Field

from services.programmes.conditions import Frozen
from services.programmes.tiers import OdsCode, Slug, Words

Gss = Annotated[str, Field(pattern=r"^[ENSW][0-9]{8}$")]
"""A local authority's code of nine characters, as the postcode directory has it."""


class LocalAuthority(Frozen):
    """A council, by the slug of its name and by its code; either names it."""

    slug: Slug
    gss: Gss


class Successor(Frozen):
    """What follows a code: for these local authorities, or (none named) for the whole area."""

    code: OdsCode
    local_authorities: tuple[LocalAuthority, ...] = ()

    def takes(self, local_authority: str | None) -> bool:
        """Tell whether this successor takes over a local authority, by slug or code."""
        return any(local_authority in {known.slug, known.gss} for known in self.local_authorities)


class AreaCode(Frozen):
    """An area's code with its days, both included. ``starts`` None: not known; ``ends`` None: still valid.

    ``area``: the slug in programme ids, None for a code that only follows others. ``fit_notes_2023``: fit
    notes of January to December 2023 as published, None when not a pilot area.
    """

    code: OdsCode
    area: Slug | None
    title: Words
    starts: date | None = Field(alias="from")
    ends: date | None = Field(alias="to")
    fit_notes_2023: Annotated[int, Field(ge=1)] | None
    successors: tuple[Successor, ...] = ()

    def valid_on(self, day: date) -> bool:
        """Tell whether the code is valid on ``day``."""
        return (self.starts is None or self.starts <= day) and (self.ends is None or day <= self.ends)


@dataclass(frozen=True, slots=True)
class Undecided:
    """Several codes may be meant, in the order of the register; a person must say which."""

    candidates: tuple[str, ...]


class UnknownArea(LookupError):
    """A code that the register does not hold."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(f"there is no area {code!r} in the register; add it to areas.yaml")


class AreaCodes(Frozen):
    """The register. Only :func:`services.programmes.register.load_areas` checks it; build it there."""

    codes: tuple[AreaCode, ...] = Field(min_length=1)

    @cached_property
    def _by_code(self) -> dict[str, AreaCode]:
        return {entry.code: entry for entry in self.codes}

    def find(self, code: str) -> AreaCode | None:
        """Return a code's entry, or None."""
        return self._by_code.get(code)

    def entry(self, code: str) -> AreaCode:
        """Return a code's entry. Raises UnknownArea."""
        found = self.find(code)
        if found is None:
            raise UnknownArea(code)
        return found

    def of_area(self, area: str) -> AreaCode | None:
        """Return the entry of an area's slug, or None."""
        return next((entry for entry in self.codes if entry.area == area), None)

    def on(self, code: str, day: date, local_authority: str | None) -> "str | Undecided":
        """Return the code valid on ``day`` for the area that ``code`` means.

        ``local_authority`` (slug or code) decides where an area was split; None, or one that the area does
        not have, is Undecided. A day before ``code`` began looks back: its predecessors here are not all that
        there were, so only a local authority that the register gives to one of them decides. Raises
        UnknownArea.
        """
        found = self.entry(code)
        if found.valid_on(day):
            return code
        if found.ends is not None and day > found.ends:
            return self._one(tuple(self._after(found, day, local_authority)))
        before = [e for e in self.codes if e.valid_on(day) and code in {s.code for s in e.successors}]
        sure = [e.code for e in before for s in e.successors if s.code == code and s.takes(local_authority)]
        return sure[0] if len(sure) == 1 else Undecided(tuple(entry.code for entry in before))

    def _after(self, ended: AreaCode, day: date, local_authority: str | None) -> Iterator[str]:
        fitting = [s for s in ended.successors if s.takes(local_authority)] or ended.successors
        for successor in fitting:
            match self.on(successor.code, day, local_authority):
                case Undecided(candidates=several):
                    yield from several
                case one:
                    yield one

    def _one(self, found: tuple[str, ...]) -> "str | Undecided":
        distinct = tuple(dict.fromkeys(found))
        return distinct[0] if len(distinct) == 1 else Undecided(distinct)

    def tells_too_little(self, code: str, local_authority: str | None) -> bool:
        """Tell whether a place known by ``code`` may have lain in any of several areas, or in none, before it began.

        The code began when others ended, and its local authority decides nothing. A code that the register does
        not hold is another place.
        """
        found = self.find(code)
        if found is None or found.starts is None:
            return False
        return not any(s.code == code and s.takes(local_authority) for entry in self.codes for s in entry.successors)

    def within(self, code: str, area: str, local_authority: str | None = None) -> bool | None:
        """Tell whether a place known by ``code`` lies in the area that ``area`` means; None: cannot be told.

        A place's table may be older or newer than a programme's file. A successor holds more than one
        predecessor, so a place known only by it may lie in either: None, unless its local authority tells.
        An unknown code is another place: False.
        """
        if code == area:
            return True
        for older, newer in ((area, code), (code, area)):
            entry = self.find(older)
            successor = next((s for s in entry.successors if s.code == newer), None) if entry else None
            if successor is None:
                continue
            if successor.local_authorities:
                return None if local_authority is None else successor.takes(local_authority)
            return True if older == code else None
        return False


def day_after(day: date) -> date:
    """Return the next day: the first of a successor's."""
    return day + timedelta(days=1)
