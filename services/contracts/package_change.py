"""How one package differs from another: for a coach who reads a proposal, and for whoever tries other rules."""

from collections.abc import Sequence

from services.contracts.base import Record
from services.contracts.codes import Intensity, Support
from services.contracts.triage import PackageItem


class IntensityChange(Record):
    """A support that both packages hold, with another intensity (null: none is said)."""

    support: Support
    before: Intensity | None
    after: Intensity | None


class PackageChange(Record):
    """What is added, what is removed, what is of another intensity, what stands elsewhere or waits for something else.

    ``moved`` looks at the supports that both packages hold, and only at their order among one another: a support that
    is added in front of the others moves none of them.
    """

    added: tuple[Support, ...]
    removed: tuple[Support, ...]
    intensity: tuple[IntensityChange, ...]
    moved: tuple[Support, ...]

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.added or self.removed or self.intensity or self.moved)


def package_change(before: Sequence[PackageItem], after: Sequence[PackageItem]) -> PackageChange:
    """Return what leads from one package to another; supports stand in the order of the package that holds them."""
    old, new = {item.support: item for item in before}, {item.support: item for item in after}
    kept = [support for support in new if support in old]
    places = {support: place for place, support in enumerate(s for s in old if s in new)}
    return PackageChange(
        added=tuple(support for support in new if support not in old),
        removed=tuple(support for support in old if support not in new),
        intensity=tuple(
            IntensityChange(support=s, before=old[s].intensity, after=new[s].intensity)
            for s in kept
            if old[s].intensity != new[s].intensity
        ),
        moved=tuple(
            support
            for place, support in enumerate(kept)
            if places[support] != place or _waits(old[support], kept) != _waits(new[support], kept)
        ),
    )


def _waits(item: PackageItem, kept: Sequence[Support]) -> set[Support]:
    return set(item.after) & set(kept)
