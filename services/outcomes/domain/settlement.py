"""Settlement: what of each unsettled entry is paid, line by line, in one fixed order.

The order is that of the effective days; of one day what gives before what takes back, then by the moment at which the
fact became known, by referral, and by the referral's own sequence. A line passes, in this order:

1. an entry and its whole reversal in one settlement annul each other, whatever any limit says;
2. what takes back takes first what was withheld of its entry, then what was payable, and gives the room back;
3. a milestone that is paid once for a person is paid to the first referral; the others' lines are 0;
4. a participant beyond a tier's places is not paid as one: the line is 0;
5. each tier's ceilings, from the contract up to the national programme, each of them for the financial year of the
   effective day and for the whole life: what does not fit is withheld, and stays so.

Nothing here reads a clock or a table; amounts are whole pence, so nothing is rounded.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, NamedTuple

from services.contracts.plan_codes import OutcomeKind
from services.outcomes.domain.months import financial_year

PARTICIPANT: Final = "participant"

PAYABLE: Final = "payable"
FEE: Final = "fee"
PAID: Final = "paid"
CLAIMABLE: Final = "claimable"
ANNULLED: Final = "annulled"
TAKEN_BACK: Final = "taken_back"
ONCE_PER_PERSON: Final = "once_per_person"
FULL: Final = "full_"
CAPPED: Final = "capped_"

_WHATEVER_THE_LIMITS: Final = frozenset({OutcomeKind.PAID, OutcomeKind.CLAIMABLE})
_OF_THE_WHOLE: Final = frozenset({OutcomeKind.REVERSAL, OutcomeKind.ADJUSTMENT})

MOMENT_ORDER: Final = 'effective_on, known_at, referral_id COLLATE "C", sequence, id'
KIND_ORDER: Final = MOMENT_ORDER.replace(",", ", amount_pence < 0,", 1)
"""The fixed order, as a query says it: the same in every database, whatever its language."""


@dataclass(frozen=True, slots=True)
class Tier:
    """One tier above an entry: its code (contract, locality, area, national), its name and its limits."""

    code: str
    name: str
    ceiling_pence: int | None = None
    annual_ceiling_pence: int | None = None
    participants: int | None = None


class Origin(NamedTuple):
    """What earlier settlements have made of the entry that a line takes back, less what was taken back before."""

    payable_pence: int
    withheld_pence: int
    treatment: str


class Candidate(NamedTuple):
    """An entry that no settlement has taken yet.

    ``first_of_person``: False where a milestone that is paid once for a person is paid to another referral of theirs.
    ``annulled``: it and its whole reversal are both in this settlement.
    """

    entry_id: str
    contract: str
    kind: str
    milestone: str | None
    effective_on: date
    amount_pence: int
    refers_to: str | None = None
    first_of_person: bool = True
    annulled: bool = False
    origin: Origin | None = None


class Settled(NamedTuple):
    """What becomes of an entry. ``place``: 1 where a participant's place is taken, -1 where it is given back."""

    payable_pence: int
    withheld_pence: int
    treatment: str
    place: int = 0


class Room(NamedTuple):
    """One tier as an entry of a year meets it: the keys under which :class:`Rooms` counts it, and its limits."""

    code: str
    name: str
    in_year: tuple[str, int]
    ceiling_pence: int | None
    annual_ceiling_pence: int | None
    participants: int | None


def rooms_of(tiers: Iterable[Tier], year: int) -> tuple[Room, ...]:
    """Return tiers as an entry of a financial year meets them."""
    return tuple(
        Room(t.code, t.name, (t.name, year), t.ceiling_pence, t.annual_ceiling_pence, t.participants) for t in tiers
    )


@dataclass
class Rooms:
    """What has been used of every tier: pence for the whole life and by financial year, and places."""

    whole: dict[str, int] = field(default_factory=dict)
    yearly: dict[tuple[str, int], int] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)

    def use(self, rooms: Iterable[Room], pence: int, places: int = 0) -> None:
        """Count what is used of each of the tiers; negative where it is given back."""
        whole, yearly = self.whole, self.yearly
        for room in rooms:
            whole[room.name] = whole.get(room.name, 0) + pence
            yearly[room.in_year] = yearly.get(room.in_year, 0) + pence
            if places:
                self.places[room.name] = self.places.get(room.name, 0) + places

    def left(self, room: Room) -> int | None:
        """Return how many pence still fit under a tier's ceilings; None: it has none."""
        left = None if room.ceiling_pence is None else room.ceiling_pence - self.whole.get(room.name, 0)
        if room.annual_ceiling_pence is not None:
            of_year = room.annual_ceiling_pence - self.yearly.get(room.in_year, 0)
            left = of_year if left is None or of_year < left else left
        return left if left is None or left > 0 else 0

    def is_full(self, room: Room) -> bool:
        """Tell whether all places of a tier are taken."""
        return room.participants is not None and self.places.get(room.name, 0) >= room.participants


class Settlement:
    """Settles entries one after the other. ``tiers``: those above each contract, from the contract upwards."""

    def __init__(self, tiers: Mapping[str, Sequence[Tier]], rooms: Rooms) -> None:
        self._tiers = tiers
        self._used = rooms
        self._rooms: dict[tuple[str, int], tuple[Room, ...]] = {}
        self._here: dict[str, Origin] = {}

    def settle(self, entry: Candidate, *, taken_back_here: bool = False) -> Settled:
        """Return what becomes of an entry. ``taken_back_here``: another one of this settlement takes of it."""
        contract_year = entry.contract, financial_year(entry.effective_on)
        rooms = self._rooms.get(contract_year)
        if rooms is None:
            rooms = self._rooms[contract_year] = rooms_of(self._tiers[entry.contract], contract_year[1])
        settled = self._settle(entry, rooms)
        if settled.payable_pence or settled.place:
            self._used.use(rooms, settled.payable_pence, settled.place)
        if taken_back_here:
            self._here[entry.entry_id] = Origin(settled.payable_pence, settled.withheld_pence, settled.treatment)
        return settled

    def _settle(self, entry: Candidate, rooms: Sequence[Room]) -> Settled:
        kind, amount = entry.kind, entry.amount_pence
        if entry.annulled or kind in _WHATEVER_THE_LIMITS:
            return _whatever_the_limits(entry)
        if amount < 0 or kind == OutcomeKind.REVERSAL:
            return self._take_back(entry)
        if not entry.first_of_person:
            return Settled(0, amount, ONCE_PER_PERSON)
        takes_place = kind == OutcomeKind.EARNED and entry.milestone == PARTICIPANT
        if takes_place:
            for room in rooms:
                if self._used.is_full(room):
                    return Settled(0, amount, FULL + room.code)
        payable, treatment = amount, FEE if kind == OutcomeKind.FEE else PAYABLE
        for room in rooms:
            left = self._used.left(room)
            if left is not None and left < payable:
                payable, treatment = left, CAPPED + room.code
        return Settled(payable, amount - payable, treatment, int(takes_place))

    def _take_back(self, entry: Candidate) -> Settled:
        origin = self._here.get(entry.refers_to or "") or entry.origin
        if origin is None:
            return Settled(entry.amount_pence, 0, TAKEN_BACK)
        withheld = min(-entry.amount_pence, max(0, origin.withheld_pence))
        payable = -entry.amount_pence - withheld
        if entry.refers_to in self._here:
            left = Origin(origin.payable_pence - payable, origin.withheld_pence - withheld, origin.treatment)
            self._here[entry.refers_to] = left
        whole = entry.kind in _OF_THE_WHOLE
        frees = whole and entry.milestone == PARTICIPANT and has_place(origin.treatment)
        return Settled(-payable, -withheld, TAKEN_BACK, -1 if frees else 0)


def _whatever_the_limits(entry: Candidate) -> Settled:
    if entry.kind == OutcomeKind.PAID:
        return Settled(0, 0, PAID)
    return Settled(entry.amount_pence, 0, ANNULLED) if entry.annulled else Settled(0, 0, CLAIMABLE)


def has_place(treatment: str) -> bool:
    """Tell whether a participant's line with this treatment took a place."""
    return treatment == PAYABLE or treatment.startswith(CAPPED)
