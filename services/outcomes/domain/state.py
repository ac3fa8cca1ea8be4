"""What a referral has earned so far: the fold of its own ``outcome.recorded`` events, and no more.

It stays small: a card bounds how often each milestone is payable, so a referral has about a dozen entries.
"""

from collections.abc import Iterator
from datetime import date

from pydantic import BaseModel, ConfigDict

from services.contracts.outcome import Evidence, OutcomeRecorded, ReferralOutcome
from services.contracts.plan_codes import OutcomeKind
from services.kernel.decision import Event


class Entry(BaseModel):
    """A milestone that is earned, or claimable, and not taken back.

    ``plan_versions`` are the facts that led to it: an entry earned from a claim names both. ``shown`` is the evidence
    that came from outside; a record of the plan itself falls with its version.
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
    shown: tuple[Evidence, ...] = ()


class Earnings(BaseModel):
    """The entries of one referral. ``reversed`` names the last reversal of ``milestone/occurrence``."""

    model_config = ConfigDict(frozen=True)

    earned: tuple[Entry, ...] = ()
    claimable: tuple[Entry, ...] = ()
    reversed: dict[str, str] = {}

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
    match outcome.kind:
        case OutcomeKind.EARNED:
            entry = _entry(event.id, outcome, state)
            left = tuple(claim for claim in state.claimable if claim.event_id != outcome.refers_to)
            return Earnings(earned=(*state.earned, entry), claimable=left, reversed=state.reversed)
        case OutcomeKind.CLAIMABLE:
            claims = (*state.claimable, _entry(event.id, outcome, state))
            return Earnings(earned=state.earned, claimable=claims, reversed=state.reversed)
        case OutcomeKind.REVERSAL:
            key = f"{outcome.milestone.code}/{outcome.milestone.occurrence}"
            return Earnings(
                earned=tuple(e for e in state.earned if e.event_id != outcome.refers_to),
                claimable=tuple(e for e in state.claimable if e.event_id != outcome.refers_to),
                reversed={**state.reversed, key: event.id},
            )
        case _:
            return state


def _entry(event_id: str, outcome: ReferralOutcome, state: Earnings) -> Entry:
    claim = next((c for c in state.claimable if c.event_id == outcome.refers_to), None)
    versions = () if outcome.plan_version is None else (outcome.plan_version,)
    assert outcome.milestone is not None  # noqa: S101  evolve has looked
    return Entry.model_construct(
        milestone=outcome.milestone.code,
        occurrence=outcome.milestone.occurrence,
        on=outcome.effective_on,
        event_id=event_id,
        plan_versions=(*(claim.plan_versions if claim else ()), *versions),
        provider=outcome.provider or "",
        contract=outcome.contract or "",
        amount_pence=outcome.amount_pence,
        shown=tuple(e for e in outcome.evidence if e.reference != f"plan/{outcome.plan_version}"),
    )
