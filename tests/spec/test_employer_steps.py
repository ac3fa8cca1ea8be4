"""An employer's record: in which state which command leads where, or is refused with which code [design]."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from services.contracts import types
from services.intake.domain import aggregates
from services.intake.domain.employer import Employer
from services.intake.domain.employer_asked import CHANGE, REGISTER, CommandPosted, EmployerPosted, RegisterEmployer
from services.intake.domain.policy import IntakePolicy
from services.intake.service import build
from services.kernel.decision import Command, Event, Refused
from services.kernel.runtime.fold import encode
from services.programmes.book import ProgrammeBook

KEY = "01933e1b-7f3a-7c11-8f5e-0242ac120201"
CAUSE = "01933e1b-7f3a-7c11-8f5e-0242ac120999"
START = date(2024, 11, 18)
NOW = datetime(2025, 2, 1, 12, tzinfo=UTC)
COMPANY = {"legal_form": "company", "size": "medium", "sector": "H", "occupational_health": "helpline"}
SOLE = {"legal_form": "sole_trader"}

Asked = dict[str, Any]


@cache
def policy() -> IntakePolicy:
    made: IntakePolicy = build().policy()
    return made


def register(programme: str = "working-well-in-work", day: int = 0, **fields: Any) -> Command:
    body = {"facts": COMPANY, "occurred_on": str(START + timedelta(days=day)), **fields}
    posted = EmployerPosted.model_validate_json(json.dumps(body))
    return Command(CAUSE, REGISTER, KEY, RegisterEmployer(programme=programme, posted=posted), "coach-7")


def asked(kind: str, day: int = 1, **fields: Any) -> Command:
    body = {"kind": kind, "occurred_on": str(START + timedelta(days=day)), **fields}
    return Command(CAUSE, CHANGE, KEY, CommandPosted.model_validate_json(json.dumps(body)).root, "coach-7")


def told(state: Employer | None, cause: Command) -> Event:
    (draft,) = aggregates.decide(state, cause, policy=policy(), now=NOW)
    return Event("e", draft.type, KEY, 1, draft.data, NOW, draft.policy)


def after(history: Sequence[Command]) -> Employer | None:
    state: Employer | None = None
    for cause in history:
        state = aggregates.evolve(state, told(state, cause))
    return state


ACTIVITY: Asked = {"activity": "visit", "employees_reached": 3}
NEW = (register(),)
NAMED = (register(name="Example Logistics Ltd"),)
PLEDGED = (*NEW, asked("commitment_made", commitment="secure_work"))
VISITED = (*NEW, asked("activity_recorded", day=5, **ACTIVITY))
STRUCK = (*VISITED, asked("activity_struck", day=6, number=1, reason="wrong_facts"))
GONE = (*VISITED, asked("left", day=10))


@dataclass(frozen=True)
class Step:
    """After ``history``, a command: the change that follows, or the status and code of the refusal."""

    title: str
    history: tuple[Command, ...]
    command: Command
    then: str


STEPS = [
    Step("an employer is registered", (), register(), "registered"),
    Step("once", NEW, register(), "409 employer_exists"),
    Step("not in days to come", (), register(day=90), "422 date_in_future"),
    Step("in a programme about employers", (), register("workwell-surrey"), "403 programme_not_for_employers"),
    Step("while it runs", (), register(day=-60), "422 programme_not_open"),
    Step("a sole trader, without a name", (), register(facts=SOLE), "registered"),
    Step("whose name is a person's", (), register(facts=SOLE, name="Ada"), "422 name_not_accepted"),
    Step(
        "so is a partnership's", (), register(facts={"legal_form": "partnership"}, name="Ada"), "422 name_not_accepted"
    ),
    Step("nothing is known before", (), asked("left"), "404 employer_unknown"),
    Step("what it is, is said anew", NEW, asked("described", facts={**COMPANY, "size": "large"}), "described"),
    Step("the same is nothing new", NEW, asked("described", facts=COMPANY), "409 nothing_changed"),
    Step("a named employer is no sole trader", NAMED, asked("described", facts=SOLE), "409 name_not_accepted"),
    Step("a name is taken out", NAMED, asked("named", name=None), "named"),
    Step("or put in", NEW, asked("named", name="Example Ltd"), "named"),
    Step("not a person's", (register(facts=SOLE),), asked("named", name="Ada"), "422 name_not_accepted"),
    Step("it commits itself", NEW, asked("commitment_made", commitment="secure_work"), "commitment_made"),
    Step("once to the same", PLEDGED, asked("commitment_made", commitment="secure_work"), "409 commitment_stands"),
    Step("and ends it", PLEDGED, asked("commitment_ended", commitment="secure_work"), "commitment_ended"),
    Step("what it made", NEW, asked("commitment_ended", commitment="secure_work"), "409 no_such_commitment"),
    Step("something is done there", NEW, asked("activity_recorded", **ACTIVITY), "activity_recorded"),
    Step("not before it was registered", NEW, asked("activity_recorded", day=-1, **ACTIVITY), "422 before_registered"),
    Step("nor in days to come", NEW, asked("activity_recorded", day=90, **ACTIVITY), "422 date_in_future"),
    Step(
        "a wrong one is struck out",
        VISITED,
        asked("activity_struck", number=1, reason="wrong_facts"),
        "activity_struck",
    ),
    Step("if there is one", NEW, asked("activity_struck", number=1, reason="wrong_facts"), "409 activity_unknown"),
    Step("once", STRUCK, asked("activity_struck", number=1, reason="wrong_facts"), "409 activity_struck_already"),
    Step("it leaves", NEW, asked("left"), "left"),
    Step(
        "and is not asked further",
        GONE,
        asked("commitment_made", day=11, commitment="secure_work"),
        "409 employer_left",
    ),
    Step("nor described", GONE, asked("described", day=11, facts=SOLE), "409 employer_left"),
    Step("nor leaves again", GONE, asked("left", day=11), "409 employer_left"),
    Step("nothing is done there later", GONE, asked("activity_recorded", day=11, **ACTIVITY), "409 employer_left"),
    Step(
        "what was done before is still recorded",
        GONE,
        asked("activity_recorded", day=10, **ACTIVITY),
        "activity_recorded",
    ),
    Step("or struck out", GONE, asked("activity_struck", day=11, number=1, reason="recorded_twice"), "activity_struck"),
    Step("and its name taken out", GONE, asked("named", day=11, name=None), "named"),
    Step("it returns", GONE, asked("returned", day=12), "returned"),
    Step("only who left", NEW, asked("returned"), "409 employer_engaged"),
]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{step.title}: {step.then}")
def test_steps(step: Step) -> None:
    assert outcome(after(step.history), step.command) == step.then, step.title


def outcome(state: Employer | None, cause: Command) -> str:
    """The change that follows, or the refusal."""
    try:
        event = told(state, cause)
    except Refused as refused:
        return f"{refused.status} {refused.reasons[0].code}"
    kind: str = event.data.change.kind
    return kind


def test_every_step_is_asked_again_of_its_event() -> None:
    """A replay gets the same bytes, although no event holds a name."""
    for step in STEPS:
        if not step.then[0].isdigit():
            state = after(step.history)
            event = told(state, step.command)
            again = aggregates.reissue(event, CAUSE)
            assert again is not None
            assert encode(told(state, again)) == encode(event), step.title


def test_what_an_event_says_of_the_employer_is_what_the_state_holds() -> None:
    state = after((*PLEDGED, asked("activity_recorded", day=5, **ACTIVITY)))
    event = told(state, asked("activity_struck", day=6, number=1, reason="wrong_facts"))
    assert (event.data.activities, event.data.commitments) == (0, ("secure_work",))
    left = told(after(VISITED), asked("left", day=10))
    assert (left.data.state, left.data.left_on) == ("left", START + timedelta(days=10))
    later = told(after(GONE), asked("activity_struck", day=12, number=1, reason="wrong_facts"))
    assert later.data.left_on == START + timedelta(days=10), "the day of leaving stays"
    back = told(after(GONE), asked("returned", day=12))
    assert (back.data.state, back.data.left_on) == ("engaged", None)


def test_commitments_stand_in_the_order_of_the_list() -> None:
    one = after(
        (*NEW, asked("commitment_made", commitment="recruitment"), asked("commitment_made", commitment="secure_work"))
    )
    assert one is not None
    assert one.commitments == ("secure_work", "recruitment")


def test_a_programme_says_what_it_offers(monkeypatch: pytest.MonkeyPatch) -> None:
    of_files = policy()
    version = of_files.book.for_employers("working-well-in-work", START)
    assert version is not None
    less = version.promotion.model_copy(
        update={
            "charter_commitments": version.promotion.charter_commitments[1:],
            "activities": version.promotion.activities[1:],
        }
    )
    ended = {"effective_to": START + timedelta(days=30), "promotion": less}
    changed = replace(of_files, book=ProgrammeBook([version.model_copy(update=ended)]))
    monkeypatch.setattr(sys.modules[__name__], "policy", lambda: changed)
    assert outcome(after(NEW), asked("commitment_made", commitment="secure_work")) == "422 commitment_not_offered"
    assert outcome(after(NEW), asked("activity_recorded", **ACTIVITY)) == "422 activity_not_offered"
    assert outcome(after(NEW), asked("commitment_made", commitment="flexible_work")) == "commitment_made"
    assert outcome(after(NEW), asked("left", day=31)) == "422 programme_not_open"
    assert outcome(after(NEW), asked("named", day=31, name=None)) == "named", "a name can always be taken out"


def test_no_event_holds_a_name() -> None:
    for event in (told(None, NAMED[0]), told(after(NEW), asked("named", name="Example Logistics Ltd"))):
        assert event.data.change.named is True
        assert b"Logistics" not in encode(event)


def test_an_event_that_cannot_have_come_is_seen() -> None:
    with pytest.raises(ValueError, match="before registered"):
        aggregates.evolve(None, told(after(NEW), asked("left")))
    with pytest.raises(ValueError, match="twice"):
        aggregates.evolve(after(NEW), told(None, register()))
    assert types.EMPLOYER_UPDATED.startswith("uk.workhealth.employer.")
