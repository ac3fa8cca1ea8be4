"""A law of corrections: the plan stands as if what was taken back had never been recorded.

No second implementation is needed for it: the same commands without those that were taken back, at a desk of their own.
"""

from datetime import timedelta
from random import Random
from typing import Any

import pytest

from services.contracts.plan import PlanSnapshot
from tests.property.coaching_histories import FIELDS
from tests.property.test_coaching import replay_gives_the_same_bytes
from tests.unit.coaching.desk import REFERRED_ON, Desk, desk, step

KINDS = (
    *("session_recorded", "session_recorded", "session_recorded", "review_completed", "work_status_changed"),
    *("work_status_confirmed", "evidence_recorded", "acknowledged", "contacted", "assessed", "step_finished"),
    *("employer_contacted", "fit_note_recorded"),
)
REASONS = ("wrong_date", "wrong_person", "wrong_value", "entered_twice")
DAY = timedelta(days=1)


def begun() -> Desk:
    made = desk("active")
    made.ask("consent_changed", consent="share_with_employer", given=True)
    for number in range(6):
        made.ask("step_added", step=step(f"step-1{number}"))
        made.ask("step_started", step_id=f"step-1{number}")
    return made


def told(rnd: Random, count: int) -> list[tuple[str, Any, dict[str, Any]]]:
    """Draw commands that are all allowed, whatever came before."""
    found: list[tuple[str, Any, dict[str, Any]]] = []
    steps = [f"step-1{number}" for number in range(6)]
    while len(found) < count:
        kind = rnd.choice(KINDS)
        on = REFERRED_ON + DAY * rnd.randrange(90)
        fields = FIELDS[kind](rnd) if kind != "step_finished" else {"step_id": steps.pop()} if steps else None
        if fields is None or not possible(kind, on, fields):
            continue
        found.append((kind, on, fields))
    return found


def possible(kind: str, on: Any, fields: dict[str, Any]) -> bool:
    if kind == "session_recorded":
        return fields["step_id"] is None and (fields["attendance"] == "attended" or not fields["minutes"])
    if kind == "employer_contacted":
        return fields["next_on"] is None
    if kind == "fit_note_recorded":
        fields["fit_note"] = {"fitness": "not_fit", "from_on": REFERRED_ON, "to_on": on, "issuer": "doctor"}
    if kind == "work_status_confirmed":
        fields |= {"since": None, "evidence": ()}
    if kind == "evidence_recorded":
        fields["evidence"] = {**fields["evidence"], "obtained_on": on}
    return "work" not in fields or fields["work"]["status"] == "employed" or fields["work"]["attendance"] is None


def shown(plan: PlanSnapshot) -> dict[str, Any]:
    """Return the snapshot; a session's name has the version that recorded it, which differs, and steps no order."""
    seen = plan.model_dump()
    if seen["latest"]["session"] is not None:
        del seen["latest"]["session"]["session_id"]
    seen["steps"] = sorted(seen["steps"], key=lambda one: str(one["step_id"]))
    return seen


@pytest.mark.parametrize("seed", range(300))
def test_the_plan_stands_as_if_it_had_not_been_recorded(seed: int) -> None:
    rnd = Random(seed)  # noqa: S311
    made, clean = begun(), begun()
    wanted = told(rnd, rnd.randint(1, 20))
    wrong = [rnd.random() < 0.4 for _ in wanted]
    versions: list[int] = []
    waiting: list[int] = []
    for (kind, on, fields), is_wrong in zip(wanted, wrong, strict=True):
        made.ask(kind, on, **fields)
        versions.append(made.state.plan_version)
        waiting += [versions[-1]] if is_wrong else []
        while waiting and rnd.random() < 0.5:
            take_back(made, waiting.pop(rnd.randrange(len(waiting))), rnd)
    rnd.shuffle(waiting)
    for version in waiting:
        take_back(made, version, rnd)
    for (kind, on, fields), is_wrong in zip(wanted, wrong, strict=True):
        if not is_wrong:
            clean.ask(kind, on, **fields)
    assert shown(made.state.plan) == shown(clean.state.plan)
    assert (made.state.state, made.state.work) == (clean.state.state, clean.state.work)
    replay_gives_the_same_bytes(made)


def take_back(made: Desk, version: int, rnd: Random) -> None:
    made.ask("corrected", REFERRED_ON + DAY * 90, refers_to=version, reason=rnd.choice(REASONS))
