"""The course of a story: what happens to somebody who starts, from the agreed package to the end of support."""

import random
from datetime import date, timedelta
from typing import Any, Final

from services.demo import distributions as spread
from services.demo.act import Act, after, in_order, rng_of
from services.demo.choice import Package, chosen, decision
from services.demo.person import Person

MISSED_PERCENT: Final = 15
LEAVES_EARLY_PERCENT: Final = 9
STAYS_OPEN_PERCENT: Final = 6
STEP_CANCELLED_PERCENT: Final = 8
IMPROVES_PERCENT: Final = 45
FINDS_WORK_PERCENT: Final = 25
HANDED_OVER_PERCENT: Final = 8
STEPS_PLAYED: Final = 2
WEEKS: Final = (6, 12)
"""All illustrative; up to 12 weeks of support is what one area publishes."""
TAKES_OVER: Final = {"workwell-greater-manchester": "working-well-early-help"}
"""Which programme takes people over from another, at the end of their support there."""


def course(
    person: Person, seed: int, *, package: Package, from_on: date, revision: int, confirmed: int = 1
) -> list[Act]:
    """Everything after the opening, which ended on ``from_on``.

    ``revision`` is the newest that triage made and ``package`` what it recommends; where the opening
    ``confirmed`` an earlier one, it is confirmed, or overridden, before the plan is agreed.
    """
    rng = rng_of(seed, person.number, "course")
    first = after(from_on, rng.randint(1, 7))
    decided = [] if revision == confirmed else [decision(person, seed, revision, package, first)]
    steps = _steps(rng, chosen(person, seed, package), first)
    weeks = rng.randint(*WEEKS)
    if spread.happens(rng, LEAVES_EARLY_PERCENT):
        weeks = rng.randint(2, 5)
        end = [Act(after(first, 7 * weeks), "withdrawn", {"reason": rng.choice(("moved_away", "changed_mind"))})]
    elif spread.happens(rng, STAYS_OPEN_PERCENT):
        end = []
    else:
        closure = spread.pick(rng, {"46": 80, "47": 10, "12": 10})
        last = after(first, 7 * weeks + 3)
        end = [_handover(person, seed, last) or Act(last, "closed", {"closure": closure})]
    during = [
        *decided,
        Act(first, "session_recorded", _session("attended", 60, "in_person")),
        Act(first, "plan_agreed", {"goals": _goals(person, first, weeks), "steps": steps, "review_on": None}),
        *_sessions(rng, first, weeks),
        *_support(rng, steps, first, weeks),
        *_review(rng, first, weeks),
    ]
    limit = end[0].on if end and end[0].kind == "withdrawn" else date.max
    return [*in_order(act for act in during if act.on < limit), *end, *_work(rng, person, first, weeks, end)]


def _handover(person: Person, seed: int, on: date) -> Act | None:
    """Some go on in another programme, where there is one; drawn apart, so that nothing else of the story moves."""
    programme = TAKES_OVER.get(person.area.programme)
    if programme is None or not spread.happens(rng_of(seed, person.number, "handover"), HANDED_OVER_PERCENT):
        return None
    return Act(on, "handed_over", {"programme": programme, "channel": "phone"})


def _steps(rng: random.Random, package: Package, on: date) -> list[dict[str, Any]]:
    ids = {item["support"]: f"step-{number}" for number, item in enumerate(package, start=1)}
    return [
        {
            "step_id": ids[item["support"]],
            "support": item["support"],
            "intensity": item["intensity"],
            "after": [ids[name] for name in item["after"] if name in ids],
            "due_on": (on + timedelta(days=rng.randint(28, 70))).isoformat(),
        }
        for item in package
    ]


def _goals(person: Person, on: date, weeks: int) -> list[dict[str, Any]]:
    theme = "find_work"
    if person.in_work:
        theme = "return_to_work" if person.body["work"]["attendance"] == "off_sick" else "stay_in_work"
    target = (on + timedelta(weeks=weeks)).isoformat()
    return [
        {"goal_id": "goal-1", "theme": theme, "target_on": target},
        {"goal_id": "goal-2", "theme": "health", "target_on": None},
    ]


def _session(attendance: str, minutes: int, channel: str) -> dict[str, Any]:
    return {"attendance": attendance, "minutes": minutes, "channel": channel, "step_id": None}


def _sessions(rng: random.Random, first: date, weeks: int) -> list[Act]:
    acts = []
    for week in range(3, weeks, 3):
        on = after(first, 7 * week + rng.randint(0, 2))
        missed = spread.happens(rng, MISSED_PERCENT)
        channel = rng.choice(("in_person", "phone", "video"))
        told = ("missed", 0) if missed else ("attended", rng.choice((30, 45, 60)))
        acts.append(Act(on, "session_recorded", _session(*told, channel)))
    return acts


def _support(rng: random.Random, steps: list[dict[str, Any]], first: date, weeks: int) -> list[Act]:
    """Start and finish the first steps in their sequence; one that nothing waits for may be cancelled.

    The rest go on, or begin, after this programme's support has ended.
    """
    needed = {name for step in steps for name in step["after"]}
    free = {step["step_id"]: first for step in steps}
    last = after(first, 7 * weeks)
    acts: list[Act] = []
    for step in steps[:STEPS_PLAYED]:
        name = step["step_id"]
        start = after(max([free[other] for other in step["after"]], default=first), rng.randint(0, 7))
        finish = after(start, rng.randint(10, 28))
        if finish > last and acts:
            break
        free[name] = finish
        if name not in needed and len(steps) > 1 and spread.happens(rng, STEP_CANCELLED_PERCENT):
            acts.append(Act(start, "step_cancelled", {"step_id": name, "reason": "person_declined"}))
            continue
        acts.append(Act(start, "step_started", {"step_id": name}))
        acts.append(Act(finish, "step_finished", {"step_id": name}))
    return acts


def _review(rng: random.Random, first: date, weeks: int) -> list[Act]:
    on = after(first, 7 * min(6, weeks) + 2)
    improved = spread.pick(rng, {True: IMPROVES_PERCENT, False: 35, None: 20})
    return [Act(on, "review_completed", {"reliable_improvement": improved, "next_review_on": None})]


def _work(rng: random.Random, person: Person, first: date, weeks: int, end: list[Act]) -> list[Act]:
    """Some find work or go back to it; it is confirmed with evidence, often after support has ended."""
    if (end and end[0].kind == "withdrawn") or not spread.happens(rng, FINDS_WORK_PERCENT):
        return []
    if person.in_work and person.body["work"]["attendance"] != "off_sick":
        return []
    since = after(end[0].on if end else after(first, 7 * weeks), rng.randint(0, 14))
    work = {"status": person.body["work"]["status"] if person.in_work else "employed", "attendance": "working"}
    shown = after(since, 28)
    evidence = {
        "kind": rng.choice(("payslip", "employer_confirmation")),
        "obtained_on": shown.isoformat(),
        "reference": f"doc-{person.number + 1}",
    }
    confirmed = {"work": work, "since": since.isoformat(), "weekly_hours": rng.choice((16, 20, 30, 37))}
    return [
        Act(since, "work_status_changed", {"work": work, "weekly_hours": confirmed["weekly_hours"]}),
        Act(shown, "work_status_confirmed", {**confirmed, "evidence": []}),
        Act(shown, "evidence_recorded", {"evidence": evidence, "milestone": "work_outcome"}),
    ]
