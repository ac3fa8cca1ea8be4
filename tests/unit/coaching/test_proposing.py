"""What a later recommendation would change about a confirmed plan, named; and what a hold is beside it. A table."""

from typing import Any

import pytest

from services.coaching.domain.proposing import Told, differences
from services.contracts.codes import TriageOutcome
from tests.unit.coaching.desk import PACKAGE, Desk, desk

Items = tuple[dict[str, Any], ...]


def item(support: str, intensity: str | None = None, *after: str) -> dict[str, Any]:
    return {"support": support, "intensity": intensity, "after": after}


PHYSIO, EMPLOYER = PACKAGE
NOTHING: dict[str, Any] = {"added": [], "removed": [], "intensity": [], "moved": []}

# title, package proposed as revision 2, what differs from the plan
CASES: list[tuple[str, Items, dict[str, Any]]] = [
    ("the same again", PACKAGE, {}),
    ("a support more", (*PACKAGE, item("debt_advice")), {"added": ["debt_advice"]}),
    ("a support less", (PHYSIO,), {"removed": ["employer_conversation"]}),
    ("another instead", (item("gp"), EMPLOYER), {"added": ["gp"], "removed": ["physiotherapy"]}),
    (
        "nothing of it",
        (item("coach_assessment"),),
        {"added": ["coach_assessment"], "removed": ["physiotherapy", "employer_conversation"]},
    ),
    (
        "more intensive",
        (item("physiotherapy", "key_worker"), EMPLOYER),
        {"intensity": [{"support": "physiotherapy", "before": None, "after": "key_worker"}]},
    ),
    ("in another order", (EMPLOYER | {"after": ()}, PHYSIO), {"moved": ["employer_conversation", "physiotherapy"]}),
    ("no longer one after the other", (PHYSIO, EMPLOYER | {"after": ()}), {"moved": ["employer_conversation"]}),
]


def proposal(made: Desk, told: dict[int, Told] | None = None) -> dict[str, Any] | None:
    """What a coach would be shown, as JSON; ``told`` in place of what the desk has kept."""
    found = differences(made.state.plan, kept(made) if told is None else told)
    return None if found is None else found.model_dump(mode="json")


def kept(made: Desk) -> dict[int, Told]:
    """What triage said, as the kept recommendations hold it."""
    said = (event.data.change for event in made.events if event.data.change.kind == "proposed")
    return {change.revision: Told(change.outcome, change.package) for change in said}


@pytest.mark.parametrize(("title", "package", "expected"), CASES, ids=[case[0] for case in CASES])
@pytest.mark.parametrize("state", ["confirmed", "agreed", "active", "paused"])
def test_what_a_proposal_changes(state: str, title: str, package: Items, expected: dict[str, Any]) -> None:
    made = desk(state)
    before = made.state.plan.package
    made.triage(revision=2, package=package)
    found = proposal(made)
    assert found is not None
    assert (found["confirmed_revision"], found["revision"], found["hold"]) == (1, 2, None)
    assert found["to_plan"] == found["to_recommendation"] == {**NOTHING, **expected}
    assert made.state.plan.package == before, "it is a proposal: the plan is as the coach confirmed it"


def test_before_anybody_confirmed_there_is_nothing_to_differ_from() -> None:
    made = desk("proposed")
    made.triage(revision=2, package=(item("gp"),))
    assert made.state.plan.proposal is not None
    assert [one.support for one in made.state.plan.proposal.package] == ["gp"], "it has replaced the one before"
    assert proposal(made) is None


@pytest.mark.parametrize("state", ["confirmed", "active"])
def test_without_a_proposal_or_a_hold_nothing_is_shown(state: str) -> None:
    assert proposal(desk(state)) is None


def test_a_coach_who_departed_sees_both_what_differs_from_the_plan_and_that_triage_says_the_same() -> None:
    made = desk("proposed")
    made.ask("recommendation_overridden", revision=1, package=[item("counselling")], reason="person_prefers")
    made.triage(revision=2)
    found = proposal(made)
    assert found is not None
    assert found["to_plan"]["added"] == ["physiotherapy", "employer_conversation"]
    assert found["to_plan"]["removed"] == ["counselling"]
    assert found["to_recommendation"] == NOTHING


def test_open_steps_for_what_is_no_longer_proposed_are_named() -> None:
    made = desk("active")
    steps = {step.support.value: step.step_id for step in made.state.plan.steps}
    assert "physiotherapy" in steps
    made.triage(revision=2, package=(item("gp"), EMPLOYER | {"after": ()}))
    found = proposal(made)
    assert found is not None
    assert found["steps"] == [name for support, name in steps.items() if support != "employer_conversation"]


def test_confirming_it_ends_it() -> None:
    made = desk("active")
    made.triage(revision=2, package=(item("gp"),))
    made.ask("recommendation_confirmed", revision=2)
    assert proposal(made) is None


def test_a_hold_is_set_and_proposes_nothing() -> None:
    made = desk("active")
    made.triage("held", 2, package=(item("crisis"),))
    assert proposal(made) == {
        "confirmed_revision": 1,
        "revision": 2,
        "hold": "set",
        "not_eligible": False,
        "to_plan": None,
        "to_recommendation": None,
        "steps": [],
    }


def test_a_released_hold_is_named_beside_what_follows_it() -> None:
    made = desk("active")
    made.triage("held", 2, package=(item("crisis"),))
    made.acknowledge(2)
    assert proposal(made) is None, "released, and nothing proposed yet"
    made.triage(revision=3, package=(*PACKAGE, item("gp")))
    found = proposal(made)
    assert found is not None
    assert (found["hold"], found["to_plan"]["added"]) == ("released", ["gp"])


def test_a_hold_that_was_over_before_the_coach_confirmed_is_not_named() -> None:
    made = Desk()
    made.triage("held")
    made.acknowledge(1)
    made.triage(revision=2)
    made.ask("recommendation_confirmed", revision=2)
    made.triage(revision=3)
    found = proposal(made, {1: Told(TriageOutcome.HELD, ()), **kept(made)})
    assert found is not None
    assert (found["confirmed_revision"], found["hold"]) == (2, None)


def test_a_hold_not_yet_released_stands_beside_a_proposal() -> None:
    made = desk("active")
    made.triage("held", 2, package=(item("crisis"),))
    made.triage(revision=3, package=(PHYSIO,))
    found = proposal(made)
    assert found is not None
    assert (found["hold"], found["to_plan"]["removed"]) == ("set", ["employer_conversation"])


def test_that_the_programme_does_not_fit_is_said() -> None:
    made = desk("active")
    made.triage("not_eligible", 2, package=PACKAGE)
    found = proposal(made)
    assert found is not None
    assert (found["not_eligible"], found["to_plan"]) == (True, NOTHING)


def test_a_recommendation_that_is_not_kept_is_not_made_up() -> None:
    made = desk("active")
    made.triage(revision=2, package=(PHYSIO,))
    found = proposal(made, {})
    assert found is not None
    assert (found["to_recommendation"], found["to_plan"]["removed"]) == (None, ["employer_conversation"])
