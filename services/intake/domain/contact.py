"""Who may read how to reach a person: the coach named in the newest ``plan.updated`` of a referral of theirs alone.

A plan that is over is not forgotten at once: outcomes are confirmed until its window ends, and the person must be
reached for that. Of somebody whom another organisation supports nothing is told, not even that.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from services.contracts.plan_codes import PlanState
from services.kernel.decision import Reason

UNKNOWN: Final = Reason("person_unknown", "there is no such person within your reach")
NOT_THE_COACH: Final = Reason(
    "not_the_coach", "another coach holds this person's plan; ask them, or your team lead for a transfer"
)
NO_COACH: Final = Reason("no_coach", "nobody holds this person's plan yet; confirm the recommendation first")
WITHDRAWN: Final = Reason("plan_withdrawn", "the person no longer takes part, and is not to be contacted")
OVER: Final = Reason("plan_over", "the plan is closed and its outcome window has ended")

STATUS: Final = {UNKNOWN: 404, NOT_THE_COACH: 403, NO_COACH: 403, WITHDRAWN: 403, OVER: 403}


@dataclass(frozen=True, slots=True)
class Holding:
    """A referral's plan as its newest event left it. ``outcomes_until``: null while it is open."""

    referral_id: str
    programme: str
    provider: str | None
    coach: str | None
    state: PlanState
    outcomes_until: date | None


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: pseudonym, organisation, programme."""

    subject: str
    organisation_id: str
    programme: str


def holding_of(asker: Asker, holdings: Iterable[Holding], today: date) -> Holding | Reason:
    """Return the newest plan by which the asker may reach the person, or why not. ``holdings``: the newest first."""
    near = [
        one for one in holdings if one.programme == asker.programme and one.provider in {None, asker.organisation_id}
    ]
    mine = [one for one in near if one.coach == asker.subject]
    refused: list[Reason] = []
    for one in mine:
        reason = _ended(one, today)
        if reason is None:
            return one
        refused.append(reason)
    if refused:
        return refused[0]
    if any(one.coach is not None for one in near):
        return NOT_THE_COACH
    return NO_COACH if near else UNKNOWN


def _ended(one: Holding, today: date) -> Reason | None:
    if one.state is PlanState.WITHDRAWN:
        return WITHDRAWN
    over = one.state is PlanState.CLOSED and one.outcomes_until is not None and today > one.outcomes_until
    return OVER if over else None
