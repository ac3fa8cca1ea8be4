"""The state of one plan and how an event becomes it."""

from typing import Final, Literal

from services.coaching.domain.facts import Facts, after
from services.contracts.base import Common, Ordinal
from services.contracts.plan import PlanSnapshot
from services.contracts.plan_codes import PlanState
from services.kernel.decision import Event


class Plan(Common):
    """A plan as its newest event left it: the common fields of the referral, the state, the snapshot.

    ``facts``: what was recorded and still stands, so that it can be taken back.
    """

    kind: Literal["plan"] = "plan"
    plan_version: Ordinal
    state: PlanState
    plan: PlanSnapshot
    facts: Facts = ()


_FIELDS: Final = tuple(name for name in Plan.model_fields if name not in {"kind", "facts"})


def evolve(state: Plan | None, event: Event) -> Plan:
    """Fold one ``plan.updated``.

    The newest event says all that there is to know of a plan: its snapshot was computed by ``decide``
    from the one before, so that a subscriber needs no earlier event. The command beside it lets a replay
    compute it again and compare. Only what may be taken back later is kept from event to event.
    """
    held = event.data.__dict__
    known, before = (state.facts, state.plan) if state is not None else ((), None)
    return Plan.model_construct(**{name: held[name] for name in _FIELDS}, facts=after(known, before, event.data))
