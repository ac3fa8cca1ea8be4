"""The two kinds of aggregates under one roof: a referral's earnings, and a contract's statements."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from services.contracts.outcome import ContractKeyed, OutcomeRecorded
from services.contracts.types import PERSON_MERGED
from services.kernel.decision import Command, Draft, Event, Received
from services.outcomes.domain import decide as earning
from services.outcomes.domain import settlement_commands as settling
from services.outcomes.domain import settlement_state
from services.outcomes.domain import state as earned
from services.outcomes.domain.settlement_state import ContractAccount
from services.outcomes.domain.state import Earnings
from services.outcomes.domain.terms import RateBook

State = Annotated[ContractAccount | Earnings, Field(union_mode="left_to_right")]
"""A contract's state names its programme; what does not is a referral's."""
SETTLEMENT = "settlement."
"""What the types of commands about settlement begin with."""


def decide(
    state: ContractAccount | Earnings | None, cause: Received | Command, *, policy: RateBook, now: datetime
) -> list[Draft]:
    """Return what follows from a cause. Raises Refused, PolicyMissing."""
    if isinstance(cause, Command) and cause.type.startswith(SETTLEMENT):
        return settling.decide(state if isinstance(state, ContractAccount) else None, cause, now=now)
    if cause.type == PERSON_MERGED:
        return []
    return earning.decide(state if isinstance(state, Earnings) else None, cause, policy=policy, now=now)


def evolve(state: ContractAccount | Earnings | None, event: Event) -> ContractAccount | Earnings:
    """Fold one of the service's own events."""
    data = event.data.root if isinstance(event.data, OutcomeRecorded) else event.data
    if isinstance(data, ContractKeyed):
        return settlement_state.evolve(state if isinstance(state, ContractAccount) else None, event)
    return earned.evolve(state if isinstance(state, Earnings) else None, event)
