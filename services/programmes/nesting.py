"""A lower tier only narrows: no tier is wider than one above it, and known parts never exceed the whole.

A figure that is not known hides nothing. A tier is compared with the nearest one above it that has the figure, and a
whole with everything that is known below it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from services.kernel.money import pounds
from services.programmes.document import Path_
from services.programmes.tiers import Limits, Tiers

Fault = tuple[Path_, str, str]
Figure = Literal["participants", "ceiling_pence", "annual_ceiling_pence"]


@dataclass(frozen=True, slots=True)
class Tier:
    """A tier where it stands in the file, with its parts. ``parts_at``: where their sum is told."""

    at: Path_
    name: str
    limits: Limits
    parts: tuple["Tier", ...] = ()
    parts_at: Path_ = ()

    def known(self, figure: Figure) -> int:
        """Return its own figure, or the sum of the known figures below it; 0: nothing is known of it."""
        return sum(self.known_parts(figure))

    def known_parts(self, figure: Figure) -> tuple[int, ...]:
        """Return the figures of which :meth:`known` is the sum."""
        own: int | None = getattr(self.limits, figure)
        return (own,) if own is not None else self.known_below(figure)

    def known_below(self, figure: Figure) -> tuple[int, ...]:
        """Return the known figures of the parts, each at the highest tier that has it."""
        return tuple(known for part in self.parts for known in part.known_parts(figure))


def area_tier(tiers: Tiers) -> Tier:
    """Return the area with its localities and contracts."""
    area = tiers.area
    own = tuple(Tier(("area", "contracts", n), one.id, one) for n, one in enumerate(area.contracts))
    places = []
    for index, place in enumerate(tiers.localities):
        at: Path_ = ("localities", index, "contracts")
        contracts = tuple(Tier((*at, n), one.id, one) for n, one in enumerate(place.contracts))
        places.append(Tier(("localities", index), place.title, place, contracts, at))
    parts_at: Path_ = ("localities",) if places else ("area", "contracts")
    return Tier(("area",), area.title, area, (*places, *own), parts_at)


def nesting_faults(tiers: Tiers) -> Iterator[Fault]:
    """Yield (path below ``tiers``, code, message) for each tier that is wider than one above it."""
    area = area_tier(tiers)
    if tiers.national is None:
        yield from _faults(area, ())
    else:
        yield from _faults(Tier(("national",), "the national programme", tiers.national, (area,), area.parts_at), ())


def _faults(tier: Tier, above: tuple[Tier, ...]) -> Iterator[Fault]:
    yield from _dates(tier, above)
    yield from _figures(tier, above)
    yield from _annual(tier, above)
    yield from _parts(tier)
    for part in tier.parts:
        yield from _faults(part, (tier, *above))


def _dates(tier: Tier, above: tuple[Tier, ...]) -> Iterator[Fault]:
    at, lower = tier.at, tier.limits
    if lower.ends is not None and lower.ends < lower.starts:
        yield ((*at, "to"), "ends_before_start", f"It ends on {lower.ends}, before it starts.")
    if not above:
        return
    name, upper = above[0].name, above[0].limits
    if lower.starts < upper.starts:
        yield ((*at, "from"), "wider_dates", f"It starts on {lower.starts}, before {name} ({upper.starts}).")
    if upper.ends is not None and (lower.ends is None or lower.ends > upper.ends):
        message = f"It ends on {lower.ends or 'no day'}, after {name} ({upper.ends})."
        yield ((*at, "to"), "wider_dates", message)


def _figures(tier: Tier, above: tuple[Tier, ...]) -> Iterator[Fault]:
    lower = tier.limits
    people = next((upper for upper in above if upper.limits.participants), None)
    if people and lower.participants and lower.participants > (most := people.limits.participants or 0):
        message = f"{lower.participants:,} participants are more than {people.name} has ({most:,})."
        yield ((*tier.at, "participants"), "wider_participants", message)
    money = next((upper for upper in above if upper.limits.ceiling_pence), None)
    if money and lower.ceiling_pence and lower.ceiling_pence > (most := money.limits.ceiling_pence or 0):
        message = f"A ceiling of {pounds(lower.ceiling_pence)} is more than {money.name} has ({pounds(most)})."
        yield ((*tier.at, "ceiling_pence"), "wider_ceiling", message)


def _annual(tier: Tier, above: tuple[Tier, ...]) -> Iterator[Fault]:
    lower = tier.limits.annual_ceiling_pence
    if lower is None:
        return
    at = (*tier.at, "annual_ceiling_pence")
    year = next((upper for upper in above if upper.limits.annual_ceiling_pence), None)
    if year and lower > (most := year.limits.annual_ceiling_pence or 0):
        message = f"{pounds(lower)} a year are more than {year.name} has ({pounds(most)})."
        yield (at, "wider_annual_ceiling", message)
    whole = next((one for one in (tier, *above) if one.limits.ceiling_pence), None)
    if whole and lower > (most := whole.limits.ceiling_pence or 0):
        message = f"{pounds(lower)} a year are more than {whole.name} has in all ({pounds(most)})."
        yield (at, "annual_above_ceiling", message)


def _parts(tier: Tier) -> Iterator[Fault]:
    """Yield where several parts are too much together; a single one is told where it stands."""
    people, money = tier.known_below("participants"), tier.known_below("ceiling_pence")
    most = tier.limits.participants
    if len(people) > 1 and most and sum(people) > most:
        message = f"Together {sum(people):,} participants, more than {tier.name} has ({most:,})."
        yield (tier.parts_at, "parts_exceed_participants", message)
    most = tier.limits.ceiling_pence
    if len(money) > 1 and most and sum(money) > most:
        message = f"Together {pounds(sum(money))}, more than {tier.name} has ({pounds(most)})."
        yield (tier.parts_at, "parts_exceed_ceiling", message)
    yearly = tier.known_below("annual_ceiling_pence")
    most = tier.limits.annual_ceiling_pence
    if len(yearly) > 1 and most and sum(yearly) > most:
        message = f"Together {pounds(sum(yearly))} a year, more than {tier.name} has ({pounds(most)})."
        yield (tier.parts_at, "parts_exceed_annual_ceiling", message)
