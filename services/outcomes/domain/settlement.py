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
from typing import Final

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

KIND_ORDER: Final = "effective_on, amount_pence < 0, known_at, referral_id, sequence, id"
"""The fixed order, as a query says it."""


@dataclass(frozen=True, slots=True)
class Tier:
    """One tier above an entry: its code (contract, locality, area, national), its name and its limits."""

    code: str
    name: str
    ceiling_pence: int | None = None
    annual_ceiling_pence: int | None = None
    participants: int | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """What earlier settlements have made of the entry that a line takes back, less what was taken back before."""

    payable_pence: int
    withheld_pence: int
    treatment: str


@dataclass(frozen=True, slots=True)
class Candidate:
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


@dataclass(frozen=True, slots=True)
class Settled:
    """What becomes of an entry. ``place``: 1 where a participant's place is taken, -1 where it is given back."""

    payable_pence: int
    withheld_pence: int
    treatment: str
    place: int = 0


@dataclass
class Rooms:
    """What has been used of every tier: pence for the whole life and by financial year, and places."""

    whole: dict[str, int] = field(default_factory=dict)
    yearly: dict[tuple[str, int], int] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)

    def use(self, tiers: Iterable[Tier], year: int, pence: int, places: int = 0) -> None:
        """Count what is used of each of the tiers; negative where it is given back."""
        for tier in tiers:
            self.whole[tier.name] = self.whole.get(tier.name, 0) + pence
            self.yearly[tier.name, year] = self.yearly.get((tier.name, year), 0) + pence
            self.places[tier.name] = self.places.get(tier.name, 0) + places

    def left(self, tier: Tier, year: int) -> int | None:
        """Return how many pence still fit under a tier's ceilings; None: it has none."""
        rooms = []
        if tier.ceiling_pence is not None:
            rooms.append(tier.ceiling_pence - self.whole.get(tier.name, 0))
        if tier.annual_ceiling_pence is not None:
            rooms.append(tier.annual_ceiling_pence - self.yearly.get((tier.name, year), 0))
        return max(0, min(rooms)) if rooms else None

    def is_full(self, tier: Tier) -> bool:
        """Tell whether all places of a tier are taken."""
        return tier.participants is not None and self.places.get(tier.name, 0) >= tier.participants


class Settlement:
    """Settles entries one after the other. ``tiers``: those above each contract, from the contract upwards."""

    def __init__(self, tiers: Mapping[str, Sequence[Tier]], rooms: Rooms) -> None:
        self._tiers = tiers
        self._rooms = rooms
        self._here: dict[str, Origin] = {}

    def settle(self, entry: Candidate, *, taken_back_here: bool = False) -> Settled:
        """Return what becomes of an entry. ``taken_back_here``: another one of this settlement takes of it."""
        settled = self._settle(entry)
        year = financial_year(entry.effective_on)
        self._rooms.use(self._tiers[entry.contract], year, settled.payable_pence, settled.place)
        if taken_back_here:
            self._here[entry.entry_id] = Origin(settled.payable_pence, settled.withheld_pence, settled.treatment)
        return settled

    def _settle(self, entry: Candidate) -> Settled:
        whatever = _whatever_the_limits(entry)
        if whatever is not None:
            return whatever
        if entry.amount_pence < 0 or entry.kind == OutcomeKind.REVERSAL:
            return self._take_back(entry)
        if not entry.first_of_person:
            return Settled(0, entry.amount_pence, ONCE_PER_PERSON)
        tiers = self._tiers[entry.contract]
        takes_place = entry.kind == OutcomeKind.EARNED and entry.milestone == PARTICIPANT
        full = next((tier for tier in tiers if self._rooms.is_full(tier)), None) if takes_place else None
        if full is not None:
            return Settled(0, entry.amount_pence, FULL + full.code)
        payable, treatment = entry.amount_pence, FEE if entry.kind == OutcomeKind.FEE else PAYABLE
        year = financial_year(entry.effective_on)
        for tier in tiers:
            left = self._rooms.left(tier, year)
            if left is not None and left < payable:
                payable, treatment = left, CAPPED + tier.code
        return Settled(payable, entry.amount_pence - payable, treatment, int(takes_place))

    def _take_back(self, entry: Candidate) -> Settled:
        origin = self._here.get(entry.refers_to or "") or entry.origin
        if origin is None:
            return Settled(entry.amount_pence, 0, TAKEN_BACK)
        withheld = min(-entry.amount_pence, max(0, origin.withheld_pence))
        payable = -entry.amount_pence - withheld
        if entry.refers_to in self._here:
            left = Origin(origin.payable_pence - payable, origin.withheld_pence - withheld, origin.treatment)
            self._here[entry.refers_to] = left
        whole = entry.kind in {OutcomeKind.REVERSAL, OutcomeKind.ADJUSTMENT}
        frees = whole and entry.milestone == PARTICIPANT and has_place(origin.treatment)
        return Settled(-payable, -withheld, TAKEN_BACK, -1 if frees else 0)


def _whatever_the_limits(entry: Candidate) -> Settled | None:
    if entry.kind == OutcomeKind.PAID:
        return Settled(0, 0, PAID)
    if entry.annulled:
        return Settled(entry.amount_pence, 0, ANNULLED)
    return Settled(0, 0, CLAIMABLE) if entry.kind == OutcomeKind.CLAIMABLE else None


def has_place(treatment: str) -> bool:
    """Tell whether a participant's line with this treatment took a place."""
    return treatment == PAYABLE or treatment.startswith(CAPPED)
