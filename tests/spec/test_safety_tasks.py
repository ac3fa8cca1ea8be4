"""Which task each positive answer raises, for whom, when it alerts, what ends it: tables that a clinician can read."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.contracts.codes import SafetyLevel
from services.contracts.safety_codes import ResponseTime, SafetyAction
from services.contracts.safety_task import OWED_BY, RESPONSE_TO, Done, SafetyTask, alert_at, done, raised, responses_to
from services.kernel.settings import Settings
from services.safety.tasks import limits_of
from tests.spec.people import NOW
from tests.unit.triage.test_decide import Triage

BACK = {"conditions": ["back_pain"]}
LATER = NOW + timedelta(hours=1)
MIDNIGHT_ON_CHRISTMAS_EVE = datetime(2024, 12, 24, 23, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("title", "given", "tasks"),
    [
        ("nothing positive", {}, []),
        ("chest pain", {"red_flags": {"chest_pain": True}}, [("immediate", "clinical_safety")]),
        ("PHQ-9 item 9 is 0", {"item9": 0}, []),
        ("PHQ-9 item 9 is 1", {"item9": 1}, [("prompt", "clinical_safety")]),
        ("a disclosure", {"red_flags": {"self_harm_disclosure": True}}, [("prompt", "clinical_safety")]),
        ("fever with back pain", {**BACK, "red_flags": {"fever": True}}, [("soon", "coach")]),
        ("fever without back pain", {"red_flags": {"fever": True}}, []),
        ("not asked", {"red_flags": None, "item9": None}, []),
        (
            "all three at once: a task each, the soonest first",
            {**BACK, "item9": 2, "red_flags": {"fever": True, "saddle_numbness": True}},
            [("immediate", "clinical_safety"), ("prompt", "clinical_safety"), ("soon", "coach")],
        ),
    ],
)
def test_what_an_answer_raises(title: str, given: dict[str, Any], tasks: list[tuple[str, str]]) -> None:
    state = Triage(**given).state
    assert state is not None
    assert [(task.response.value, OWED_BY[task.response]) for task in state.tasks] == tasks, title
    assert all(task.raised_at == NOW and task.done is None and task.revision == 1 for task in state.tasks)


@pytest.mark.parametrize(
    ("title", "response", "raised_at", "alerts"),
    [
        ("at once: a quarter of an hour", "immediate", NOW, NOW + timedelta(minutes=15)),
        ("promptly: four hours", "prompt", NOW, NOW + timedelta(hours=4)),
        ("soon: by the clock never", "soon", NOW, None),
        (
            "at night before a bank holiday all the same",
            "prompt",
            MIDNIGHT_ON_CHRISTMAS_EVE,
            datetime(2024, 12, 25, 3, 59, tzinfo=UTC),
        ),
        (
            "through the night in which clocks go back: hours that pass, not hours on a dial",
            "prompt",
            datetime(2024, 10, 26, 23, 30, tzinfo=UTC),
            datetime(2024, 10, 27, 3, 30, tzinfo=UTC),
        ),
    ],
)
def test_when_it_alerts(title: str, response: str, raised_at: datetime, alerts: datetime | None) -> None:
    assert alert_at(ResponseTime(response), raised_at, limits_of(Settings())) == alerts, title


def test_every_level_has_a_task_and_every_task_a_role() -> None:
    assert responses_to(SafetyLevel) == tuple(ResponseTime)
    assert set(RESPONSE_TO) == set(SafetyLevel)
    assert set(OWED_BY) == set(ResponseTime)


def task(response: str, revision: int = 1, at: datetime = NOW) -> SafetyTask:
    return SafetyTask(revision=revision, response=ResponseTime(response), raised_at=at, done=None)


DONE = Done(by="nurse-7", at=LATER, actions=(SafetyAction.PERSON_SAFE,))
IMMEDIATE, PROMPT = ResponseTime.IMMEDIATE, ResponseTime.PROMPT


@pytest.mark.parametrize(
    ("title", "before", "awaited", "after"),
    [
        ("the same again: its clock runs on", [task("prompt")], [PROMPT], [task("prompt")]),
        (
            "another level: a clock of its own, and the first one's runs on",
            [task("prompt")],
            [IMMEDIATE, PROMPT],
            [task("prompt"), task("immediate", 2, LATER)],
        ),
        ("a decision that no longer says so ends none", [task("prompt")], [], [task("prompt")]),
        ("nothing to do: what was done stays", done((task("prompt"),), DONE), [], done((task("prompt"),), DONE)),
        ("after it was done: a new one", done((task("prompt"),), DONE), [PROMPT], [task("prompt", 2, LATER)]),
    ],
)
def test_what_a_later_decision_does_to_the_tasks(title: str, before: Any, awaited: Any, after: Any) -> None:
    assert raised(tuple(before), awaited, 2, LATER) == tuple(after), title


def test_an_acknowledgement_ends_all_that_wait_and_says_what_was_done() -> None:
    triage = Triage(item9=1, red_flags={"chest_pain": True})
    triage.acknowledge()
    assert triage.state is not None
    for one in triage.state.tasks:
        assert one.done is not None
        assert (one.done.by, one.done.actions) == ("nurse-7", (SafetyAction.PERSON_SAFE,))
    triage.assess(item9=2)
    assert triage.state is not None
    assert [(one.response, one.revision, one.done) for one in triage.state.tasks] == [(PROMPT, 3, None)]
