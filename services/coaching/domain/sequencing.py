"""The order within a package or a plan: what waits for what, and whether it can ever finish."""

from collections.abc import Collection, Mapping, Sequence

from services.kernel.decision import Reason


def faults(
    after: Sequence[tuple[str, Collection[str]]], known: Collection[str], pointer: str, *, noun: str
) -> list[Reason]:
    """Return all that is wrong with items that wait for each other.

    ``after`` pairs each item with those that must be finished first, ``known`` are items that exist already,
    ``pointer`` is the JSON pointer to the list: what was sent is pointed at, not repeated. An item named twice, a
    predecessor that nobody knows and a circle each make a package that can never finish.
    """
    found: list[Reason] = []
    seen: set[str] = set()
    names = {name for name, _ in after} | set(known)
    for index, (name, predecessors) in enumerate(after):
        if name in seen:
            found.append(Reason(f"duplicate_{noun}", f"this {noun} stands there twice", f"{pointer}/{index}"))
        seen.add(name)
        found += [
            Reason("unknown_predecessor", f"there is no such {noun}", f"{pointer}/{index}/after/{place}")
            for place, wanted in enumerate(predecessors)
            if wanted not in names
        ]
    if not found:
        stuck = _never_free({name: set(waits) - set(known) for name, waits in after})
        found += [
            Reason("circular_sequence", f"this {noun} waits for itself, so it can never finish", f"{pointer}/{index}")
            for index, (name, _) in enumerate(after)
            if name in stuck
        ]
    return found


def _never_free(waits: Mapping[str, set[str]]) -> Collection[str]:
    """Return the items that stand in a circle or behind one."""
    left = dict(waits)
    while left:
        free = [name for name, wanted in left.items() if not wanted & left.keys()]
        if not free:
            break
        for name in free:
            del left[name]
    return left
