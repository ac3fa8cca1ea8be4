"""Reads the register of areas: all that is wrong with it at once, with lines."""

from collections.abc import Iterator
from pathlib import Path

from services.programmes.areas import AreaCode, AreaCodes, day_after
from services.programmes.document import FileRefused, Problem, read_document, read_model

AREAS = Path(__file__).parent / "areas.yaml"
"""The register of this repository."""

_Found = tuple[tuple[str | int, ...], str, str, str]


def area_problems(path: Path = AREAS) -> list[Problem]:
    """Return all that is wrong with a register, by line."""
    return _read(path)[1]


def load_areas(path: Path = AREAS) -> AreaCodes:
    """Return the register. Raises FileRefused with everything that is wrong with it."""
    areas, problems = _read(path)
    if areas is None or problems:
        raise FileRefused(problems)
    return areas


def _read(path: Path) -> tuple[AreaCodes | None, list[Problem]]:
    document, problems = read_document(path)
    if document is None:
        return None, problems
    areas, more = read_model(document, AreaCodes)
    problems += more
    if areas is not None:
        problems += [document.problem(("codes", *at), code, what, fix) for at, code, what, fix in _faults(areas)]
    return areas, sorted(set(problems), key=lambda p: (p.line, p.code, p.message))


def _faults(areas: AreaCodes) -> Iterator[_Found]:
    codes: dict[str, AreaCode] = {}
    slugs: set[str] = set()
    for index, entry in enumerate(areas.codes):
        if entry.code in codes:
            yield ((index, "code"), "repeated", f"The code {entry.code} stands twice.", "Keep one of the two.")
        if entry.area is not None and entry.area in slugs:
            yield ((index, "area"), "repeated", f"The area {entry.area} stands twice.", "Keep one of the two.")
        if entry.starts is not None and entry.ends is not None and entry.ends < entry.starts:
            yield ((index, "to"), "ends_before_start", f"{entry.code} ends before it starts.", "Correct the dates.")
        codes.setdefault(entry.code, entry)
        slugs.add(entry.area or "")
    for index, entry in enumerate(areas.codes):
        yield from _successors(index, entry, codes)


def _successors(index: int, entry: AreaCode, codes: dict[str, AreaCode]) -> Iterator[_Found]:
    if entry.successors and entry.ends is None:
        message = f"{entry.code} has successors but no last day."
        yield ((index, "successors"), "successor_without_end", message, "Give the day on which it ended as to.")
    if entry.ends is not None and not entry.successors:
        yield ((index, "to"), "no_successor", f"{entry.code} ended; nothing follows it.", "Name its successors.")
    if len(entry.successors) > 1 and any(not s.local_authorities for s in entry.successors):
        message = f"{entry.code} is split, and a part has no local authorities."
        yield ((index, "successors"), "split_unclear", message, "Name the local authorities of each part.")
    seen: set[str] = set()
    for number, successor in enumerate(entry.successors):
        at = (index, "successors", number)
        later = codes.get(successor.code)
        if later is None or successor.code == entry.code:
            message = f"There is no other code {successor.code}."
            yield ((*at, "code"), "unknown_successor", message, "Add it to the register, or correct it.")
        elif entry.ends is not None and not later.valid_on(day_after(entry.ends)):
            message = f"{successor.code} is not valid on {day_after(entry.ends)}, when {entry.code} has ended."
            yield ((*at, "code"), "successor_gap", message, "Let it begin on the day after, or correct the end.")
        for place, authority in enumerate(successor.local_authorities):
            for name in (authority.slug, authority.gss):
                if name in seen:
                    message = f"The local authority {name} stands twice in {entry.code}."
                    yield ((*at, "local_authorities", place), "repeated", message, "Give it to one successor.")
                seen.add(name)
