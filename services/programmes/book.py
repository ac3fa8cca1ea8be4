"""All programmes and their versions: which one was in effect on a day."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import date

from services.kernel.decision import PolicyMissing
from services.programmes.model import Programme


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


class ProgrammeBook:
    """Every version of every programme. Read-only; versions of one programme must not overlap."""

    def __init__(self, versions: Iterable[Programme]) -> None:
        by_id: dict[str, list[Programme]] = {}
        for version in versions:
            by_id.setdefault(version.programme, []).append(version)
        self._by_id = {
            name: tuple(sorted(found, key=lambda v: v.effective_from)) for name, found in sorted(by_id.items())
        }
        self._starts = {name: [v.effective_from for v in found] for name, found in self._by_id.items()}

    def __iter__(self) -> Iterator[Programme]:
        return (version for found in self._by_id.values() for version in found)

    def __contains__(self, programme_id: str) -> bool:
        return programme_id in self._by_id

    def find(self, programme_id: str, on: date) -> Programme | None:
        """Return the version in effect on a day, or None."""
        starts = self._starts.get(programme_id)
        if not starts:
            return None
        index = bisect_right(starts, on) - 1
        if index < 0:
            return None
        version = self._by_id[programme_id][index]
        return None if version.effective_to is not None and on > version.effective_to else version

    def version_for(self, programme_id: str, on: date) -> Programme:
        """Return the version in effect on a day. Raises NoProgramme when none covers it."""
        version = self.find(programme_id, on)
        if version is None:
            known = (f"{v.version} from {v.effective_from}" for v in self._by_id.get(programme_id, ()))
            raise NoProgramme(programme_id, on, known)
        return version

    def version(self, programme_id: str, number: str) -> Programme | None:
        """Return a version by its number, or None."""
        return next((v for v in self._by_id.get(programme_id, ()) if v.version == number), None)

    def overlapping(self, programme_id: str, on: date) -> frozenset[str]:
        """Return the programmes that fund the same days as one, itself included: named by it or naming it.

        By the versions in effect on a day; one that covers no such day counts by its last version before it,
        because its people may still be supported.
        """
        found = {programme_id}
        mine = self._at_or_before(programme_id, on)
        for other in self._by_id:
            theirs = self._at_or_before(other, on)
            named = mine is not None and mine.joining.overlaps_with(other)
            if theirs is not None and (named or theirs.joining.overlaps_with(programme_id)):
                found.add(other)
        return frozenset(found)

    def _at_or_before(self, programme_id: str, on: date) -> Programme | None:
        index = bisect_right(self._starts.get(programme_id, ()), on) - 1
        return self._by_id[programme_id][index] if index >= 0 else None
