"""All programmes and their versions: which one was in effect on a day."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Generic, TypeVar

from services.kernel.decision import PolicyMissing
from services.programmes.model import AnyProgramme, EmployerProgramme, Programme

V = TypeVar("V", Programme, EmployerProgramme)


class NoProgramme(PolicyMissing, LookupError):
    """No version of a programme covers a day. A worker that meets this stops: it lacks a file."""

    def __init__(self, programme_id: str, on: date, known: Iterable[str]) -> None:
        self.programme_id = programme_id
        self.on = on
        what = ", ".join(known) or "none"
        super().__init__(
            f"no version of programme {programme_id!r} is in effect on {on}; known versions: {what}. "
            "Add the file that covers this day and start again."
        )


def version_key(version: str) -> tuple[int, ...]:
    """Return a key that orders ``2024.2`` before ``2024.10``."""
    return tuple(int(part) for part in version.split("."))


class _Versions(Generic[V]):
    """The versions of several programmes by id, each in the order of their days."""

    def __init__(self, versions: Iterable[V]) -> None:
        by_id: dict[str, list[V]] = {}
        for version in versions:
            by_id.setdefault(version.programme, []).append(version)
        self.by_id: dict[str, tuple[V, ...]] = {
            name: tuple(sorted(found, key=lambda v: v.effective_from)) for name, found in sorted(by_id.items())
        }
        self._starts: dict[str, list[date]] = {
            name: [v.effective_from for v in found] for name, found in self.by_id.items()
        }

    def latest(self, programme_id: str, on: date) -> V | None:
        """Return the last version that began on or before a day, whether or not it has ended."""
        index = bisect_right(self._starts.get(programme_id, ()), on) - 1
        return self.by_id[programme_id][index] if index >= 0 else None

    def find(self, programme_id: str, on: date) -> V | None:
        version = self.latest(programme_id, on)
        return None if version is None or (version.effective_to is not None and on > version.effective_to) else version


class ProgrammeBook:
    """Every version of every programme. Read-only; versions of one programme must not overlap.

    Iteration, ``in`` and the look-ups are of programmes for people; those for employers stand apart, because
    nobody is referred to them.
    """

    def __init__(self, versions: Iterable[AnyProgramme]) -> None:
        every = tuple(versions)
        self._people = _Versions(v for v in every if isinstance(v, Programme))
        self._employers = _Versions(v for v in every if isinstance(v, EmployerProgramme))

    def __iter__(self) -> Iterator[Programme]:
        return (version for found in self._people.by_id.values() for version in found)

    def __contains__(self, programme_id: str) -> bool:
        return programme_id in self._people.by_id

    def find(self, programme_id: str, on: date) -> Programme | None:
        """Return the version in effect on a day, or None."""
        return self._people.find(programme_id, on)

    def version_for(self, programme_id: str, on: date) -> Programme:
        """Return the version in effect on a day. Raises NoProgramme when none covers it."""
        version = self.find(programme_id, on)
        if version is None:
            known = (f"{v.version} from {v.effective_from}" for v in self._people.by_id.get(programme_id, ()))
            raise NoProgramme(programme_id, on, known)
        return version

    def version(self, programme_id: str, number: str) -> Programme | None:
        """Return a version by its number, or None."""
        return next((v for v in self._people.by_id.get(programme_id, ()) if v.version == number), None)

    def is_synthetic(self, programme_id: str) -> bool:
        """Tell whether any version of a programme says that nobody in it is real: then none of it is ever settled."""
        return any(version.synthetic for version in self._people.by_id.get(programme_id, ()))

    def for_employers(self, programme_id: str, on: date) -> EmployerProgramme | None:
        """Return the version of a programme for employers that is in effect on a day, or None."""
        return self._employers.find(programme_id, on)

    def employer_programmes(self) -> tuple[str, ...]:
        """Return the ids of the programmes that are about employers and take no referrals."""
        return tuple(self._employers.by_id)

    def overlapping(self, programme_id: str, on: date) -> frozenset[str]:
        """Return the programmes that fund the same days as one, itself included: named by it or naming it.

        By the versions in effect on a day; one that covers no such day counts by its last version before it,
        because its people may still be supported.
        """
        found = {programme_id}
        mine = self._people.latest(programme_id, on)
        for other in self._people.by_id:
            theirs = self._people.latest(other, on)
            named = mine is not None and mine.joining.overlaps_with(other)
            if theirs is not None and (named or theirs.joining.overlaps_with(programme_id)):
                found.add(other)
        return frozenset(found)
