"""What a referral has earned so far: the fold of its own ``outcome.recorded`` events, and no more.

It stays small: a card bounds how often each milestone is payable, so a referral has about a dozen entries.
"""

from collections.abc import Iterator
from datetime import date

from pydantic import BaseModel, ConfigDict

from services.contracts.base import Common, PolicyVersion, carry
from services.contracts.outcome import Evidence, OutcomeRecorded, ReferralOutcome, ReRate
from services.contracts.plan_codes import OutcomeKind
from services.kernel.decision import Event


class Entry(BaseModel):
    """A milestone that is earned, or claimable, and not taken back.

    ``plan_versions`` are the facts that led to it: an entry earned from a claim names both. ``clawed_back_pence``: what
    finance has taken back of it. ``groups``: the person's priority groups then.
    """

    model_config = ConfigDict(frozen=True)

    milestone: str
    occurrence: int
    on: date
    event_id: str
    plan_versions: tuple[int, ...]
    provider: str
    contract: str
    amount_pence: int
    card: PolicyVersion
    evidence: tuple[Evidence, ...] = ()
    groups: tuple[str, ...] = ()
    clawed_back_pence: int = 0

    @property
    def left_pence(self) -> int:
        """What of it stands."""
        return self.amount_pence - self.clawed_back_pence

    @property
    def shown(self) -> tuple[Evidence, ...]:
        """The evidence that came from outside; a record of the plan itself falls with its version."""
        return tuple(e for e in self.evidence if not e.reference.startswith("plan/"))


class Earnings(BaseModel):
    """The entries of one referral. ``reversed`` names the last reversal of ``milestone/occurrence``.

    ``about`` is what its newest event says of the referral, for events that a command leads to. ``re_rating`` holds,
    by the reversal, what a command of this very moment has taken back and enters anew.
    """

    model_config = ConfigDict(frozen=True)

    earned: tuple[Entry, ...] = ()
    claimable: tuple[Entry, ...] = ()
    reversed: dict[str, str] = {}
    about: Common | None = None
    re_rating: dict[str, Entry] = {}

    def of(self, milestone: str) -> Iterator[Entry]:
        """Return the earned entries of a milestone, in the order in which they were earned."""
        return (entry for entry in self.earned if entry.milestone == milestone)

    def first(self, milestone: str) -> Entry | None:
        """Return the first earned entry of a milestone."""
        return next(self.of(milestone), None)

    def claim(self, milestone: str) -> Entry | None:
        """Return the open claim of a milestone."""
        return next((entry for entry in self.claimable if entry.milestone == milestone), None)

    def reversal(self, milestone: str, occurrence: int) -> str | None:
        """Return the id of the reversal after which this occurrence may be earned anew."""
        return self.reversed.get(f"{milestone}/{occurrence}")


NOTHING = Earnings()


def evolve(state: Earnings | None, event: Event) -> Earnings:
    """Fold one of the service's own events. Events about a whole contract leave a referral's state alone."""
    state = state or NOTHING
    outcome = event.data.root if isinstance(event.data, OutcomeRecorded) else None
    if not isinstance(outcome, ReferralOutcome) or outcome.milestone is None:
        return state
    moved: dict[str, object] = {"about": Common.model_construct(**carry(outcome))}
    match outcome.kind:
        case OutcomeKind.EARNED:
            moved |= {
                "earned": (*state.earned, _entry(event.id, outcome, state)),
                "claimable": tuple(claim for claim in state.claimable if claim.event_id != outcome.refers_to),
                "re_rating": {by: entry for by, entry in state.re_rating.items() if by != outcome.refers_to},
            }
        case OutcomeKind.CLAIMABLE:
            moved |= {"claimable": (*state.claimable, _entry(event.id, outcome, state))}
        case OutcomeKind.REVERSAL:
            moved |= _reversed(state, event.id, outcome)
        case OutcomeKind.CLAWBACK:
            moved |= {"earned": tuple(_clawed_back(entry, outcome) for entry in state.earned)}
        case _:
            return state
    return state.model_copy(update=moved)


def _reversed(state: Earnings, event_id: str, outcome: ReferralOutcome) -> dict[str, object]:
    assert outcome.milestone is not None  # noqa: S101  evolve has looked
    key = f"{outcome.milestone.code}/{outcome.milestone.occurrence}"
    taken = {e.event_id: e for e in state.earned}.get(outcome.refers_to or "")
    held = state.re_rating
    return {
        "earned": tuple(e for e in state.earned if e.event_id != outcome.refers_to),
        "claimable": tuple(e for e in state.claimable if e.event_id != outcome.refers_to),
        "reversed": {**state.reversed, key: event_id},
        "re_rating": {**held, event_id: taken} if taken and isinstance(outcome.command, ReRate) else held,
    }


def _clawed_back(entry: Entry, outcome: ReferralOutcome) -> Entry:
    if entry.event_id != outcome.refers_to:
        return entry
    return entry.model_copy(update={"clawed_back_pence": entry.clawed_back_pence - outcome.amount_pence})


def _entry(event_id: str, outcome: ReferralOutcome, state: Earnings) -> Entry:
    before = next((c for c in state.claimable if c.event_id == outcome.refers_to), None)
    before = before or state.re_rating.get(outcome.refers_to or "")
    versions = () if outcome.plan_version is None else (outcome.plan_version,)
    assert outcome.milestone is not None  # noqa: S101  evolve has looked
    assert outcome.rate_card is not None  # noqa: S101  what is earned or claimed has a card
    return Entry.model_construct(
        milestone=outcome.milestone.code,
        occurrence=outcome.milestone.occurrence,
        on=outcome.effective_on,
        event_id=event_id,
        plan_versions=(*(before.plan_versions if before else ()), *versions),
        provider=outcome.provider or "",
        contract=outcome.contract or "",
        amount_pence=outcome.amount_pence,
        card=outcome.rate_card,
        evidence=outcome.evidence,
        groups=outcome.priority_groups,
        clawed_back_pence=0,
    )
