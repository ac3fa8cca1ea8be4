"""A safety task: somebody of a named role must look at positive red flags, from when on, and what was done.

Used by triage (what reaches it) and by intake (what is refused and reaches no topic). It says how soon a person must
look and never why: what was found stays sealed. Times by the clock, day and night: no working hours, no bank holidays.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Final

from pydantic import Field

from services.contracts.base import Actor, Moment, Ordinal, Record
from services.contracts.codes import SafetyLevel
from services.contracts.safety_codes import ResponseTime, SafetyAction

Actions = Annotated[tuple[SafetyAction, ...], Field(min_length=1, max_length=len(SafetyAction))]
"""What was done; at least one thing."""

AwaitedResponses = Annotated[tuple[ResponseTime, ...], Field(max_length=len(ResponseTime))]
"""How soon somebody must look, for each level of red flag that awaits a person; the soonest first."""

RESPONSE_TO: Final = {
    SafetyLevel.EMERGENCY: ResponseTime.IMMEDIATE,
    SafetyLevel.HOLD: ResponseTime.PROMPT,
    SafetyLevel.URGENT: ResponseTime.SOON,
}

OWED_BY: Final = {
    ResponseTime.IMMEDIATE: "clinical_safety",
    ResponseTime.PROMPT: "clinical_safety",
    ResponseTime.SOON: "coach",
}
"""The role that owes the look [design]; who else may take a task up is said by the route."""

_SOONEST_FIRST: Final = {response: rank for rank, response in enumerate(ResponseTime)}


def responses_to(levels: Iterable[SafetyLevel]) -> tuple[ResponseTime, ...]:
    """Return how soon somebody must look, for levels of red flag that await a person."""
    return tuple(sorted({RESPONSE_TO[level] for level in levels}, key=_SOONEST_FIRST.__getitem__))


class Done(Record):
    """Who took a task up, when, and what they did."""

    by: Actor
    at: Moment
    actions: Actions


class SafetyTask(Record):
    """One task. ``revision``: the decision that raised it; ``done`` is null while it waits."""

    revision: Ordinal
    response: ResponseTime
    raised_at: Moment
    done: Done | None


def raised(
    tasks: tuple[SafetyTask, ...], awaited: Iterable[ResponseTime], revision: int, at: datetime
) -> tuple[SafetyTask, ...]:
    """Return the tasks after a decision. One that waits goes on waiting, whatever the decision says; of those that
    were done nothing is kept once another is raised.
    """
    waiting = tuple(task for task in tasks if task.done is None)
    known = {task.response for task in waiting}
    new = tuple(
        SafetyTask(revision=revision, response=response, raised_at=at, done=None)
        for response in awaited
        if response not in known
    )
    return (*waiting, *new) if waiting or new else tasks


def done(tasks: tuple[SafetyTask, ...], what: Done) -> tuple[SafetyTask, ...]:
    """Return the tasks after a person has taken up all that wait."""
    return tuple(task if task.done is not None else task.model_copy(update={"done": what}) for task in tasks)


def alert_at(response: ResponseTime, raised_at: datetime, after: Mapping[ResponseTime, timedelta]) -> datetime | None:
    """Return from when on a task that still waits is breached; None: by the clock never."""
    limit = after.get(response)
    return None if limit is None else raised_at + limit
