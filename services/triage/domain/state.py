"""What triage holds of a referral, and how its own events fold into it."""

from datetime import date

from services.contracts import types
from services.contracts.base import Moment, Record, carry
from services.contracts.codes import EligibilityDecision
from services.contracts.consent import with_word
from services.contracts.referral import (
    Consent,
    ConsentChange,
    Correction,
    EligibilityContested,
    EligibilityDecided,
    IntakeChange,
    Withdrawal,
)
from services.contracts.safety_task import Done, SafetyTask, done, raised
from services.contracts.triage import RuleId, TriageAcknowledged, TriageCompleted, TriageRelayed
from services.kernel.decision import Event


class TriageState(Record):
    """The last decision, with its facts kept up to date, and what has happened since.

    ``decision.occurred_on`` stays the day up to which it counted, whatever is passed on later.
    ``awaiting_since``: since when red flags of the decision await a named person; None once one has acknowledged
    them. ``tasks``: those that wait, or that were done when a person last acknowledged.
    ``withdrawn_on``: the day of the withdrawal; None too where it was folded before that day was kept.
    ``eligibility_decided`` is a person's decision (None: none yet, or it is contested or overtaken).
    """

    decision: TriageCompleted
    awaiting_since: Moment | None
    tasks: tuple[SafetyTask, ...]
    eligibility_decided: EligibilityDecision | None
    withdrawn: bool
    withdrawn_on: date | None = None


def evolve(state: TriageState | None, event: Event) -> TriageState:
    """Fold one of triage's own events. Raises TypeError for an event that cannot come first or is not its own."""
    data = event.data
    if event.type == types.TRIAGE_COMPLETED:
        return _completed(state, data, raised_at=event.occurred_at)
    if state is None:
        raise TypeError(f"{event.type} cannot be the first event of a triage")
    if event.type == types.TRIAGE_ACKNOWLEDGED:
        return acknowledged_in(state, data)
    if event.type == types.TRIAGE_RELAYED:
        return relayed_into(state, data)
    raise TypeError(f"{event.type} is not an event of triage")


def _completed(state: TriageState | None, data: TriageCompleted, raised_at: Moment) -> TriageState:
    tasks = raised(() if state is None else state.tasks, data.awaiting, data.revision, raised_at)
    if state is None:
        since = data.awaiting_since
        return TriageState(decision=data, awaiting_since=since, tasks=tasks, eligibility_decided=None, withdrawn=False)
    return state.model_copy(update={"decision": data, "awaiting_since": data.awaiting_since, "tasks": tasks})


def awaited(state: TriageState) -> tuple[RuleId, ...]:
    """Return the red-flag rules that a person has yet to acknowledge. Opens the findings."""
    return () if state.awaiting_since is None else state.decision.sealed.findings.content.awaits


def acknowledged(state: TriageState) -> tuple[RuleId, ...]:
    """Return the red-flag rules that a person has acknowledged. Opens the findings."""
    found = state.decision.sealed.findings.content
    return tuple(sorted({*found.acknowledged, *(found.awaits if state.awaiting_since is None else ())}))


def acknowledged_in(state: TriageState, data: TriageAcknowledged) -> TriageState:
    """Return the state after a person has acknowledged all that awaited it."""
    what = Done(by=data.by, at=data.acknowledged_at, actions=data.actions)
    return state.model_copy(update={"awaiting_since": None, "tasks": done(state.tasks, what)})


def relayed_into(state: TriageState, data: TriageRelayed) -> TriageState:
    """Return the state after a change of intake's has been passed on."""
    change = data.change
    changed = carry(data, occurred_on=state.decision.occurred_on) | _linked(change)
    match change:
        case ConsentChange():
            consent = Consent(given=change.given, on=data.occurred_on, channel=change.channel)
            consents = with_word(state.decision.consents, change.consent, consent)
            return _known(state, {**changed, "consents": consents})
        case Correction():
            kept = ("asks", "facts", "eligibility", "language", "formats", "priority_groups")
            corrected = {**changed, **{name: getattr(change, name) for name in kept}}
            return _known(state, corrected, eligibility_decided=change.eligibility_decided)
        case EligibilityDecided():
            return _known(state, changed, eligibility_decided=change.outcome)
        case EligibilityContested():
            return _known(state, changed, eligibility_decided=None)
        case Withdrawal():
            return _known(state, changed, withdrawn=True, withdrawn_on=data.occurred_on)


def _linked(change: IntakeChange) -> dict[str, object]:
    """Return the referral that this one is additional to from here on, where a change says one."""
    found = getattr(change, "linked_referral", None)
    return {} if found is None else {"linked_referral": found, "takes_over": False}


def _known(state: TriageState, facts: dict[str, object], **changed: object) -> TriageState:
    decision = state.decision.model_copy(update=facts)
    return state.model_copy(update={"decision": decision, **changed})
