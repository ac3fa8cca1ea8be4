"""How a guard refuses."""

from collections.abc import Sequence
from typing import NoReturn

from services.contracts.plan import OpenStep, PlanSnapshot
from services.kernel.decision import Reason, Refused

IMPOSSIBLE = 422
"""The status of a value that cannot be, whatever the state of the plan."""


def refuse(code: str, message: str, pointer: str = "", status: int = 409) -> NoReturn:
    """Raise Refused with one reason."""
    raise Refused(Reason(code, message, pointer), status=status)


def open_step(plan: PlanSnapshot, name: str) -> OpenStep:
    """Return an open step. Raises Refused 409 ``step_unknown`` when there is none of that id."""
    step = next((step for step in plan.steps if step.step_id == name), None)
    if step is None:
        refuse("step_unknown", "there is no such open step", "/step_id")
    return step


def not_held(plan: PlanSnapshot) -> None:
    """Raise Refused 409 ``on_hold`` while triage holds."""
    if plan.held:
        refuse("on_hold", "triage holds this referral until a named person has acknowledged it")


def possible(found: Sequence[Reason]) -> None:
    """Raise Refused 422 with everything that was found, if anything was."""
    if found:
        raise Refused(*found, status=IMPOSSIBLE)
