"""How a referral stands: the same whatever the order in which the topics were read."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts import types
from services.contracts.outcome import OutcomeRecorded
from services.contracts.plan import PlanUpdated
from services.contracts.triage import TriageAcknowledged, TriageCompleted, TriageRelayed
from services.intake.domain.status import REDUCED, Fact, Status, facts_of, view

EXAMPLES = Path(__file__).parents[3] / "schemas" / "events"
S = Status


def example(name: str, case: str, model: Any, **fields: Any) -> Any:
    found = json.loads((EXAMPLES / name / "examples" / "0.1" / f"{case}.pass.json").read_text())
    return model.model_validate_json(json.dumps({**found, **fields}))


def statuses(data: Any) -> list[str]:
    return [fact.status.value for fact in facts_of(4, data)]


@pytest.mark.parametrize(
    ("outcome", "status"), [("recommended", "triaged"), ("held", "on_hold"), ("not_eligible", "not_eligible")]
)
def test_what_triage_says(outcome: str, status: str) -> None:
    data = example("triage.completed", "full", TriageCompleted, outcome=outcome)
    assert facts_of(7, data) == [Fact(types.TOPIC_TRIAGE, 7, Status(status), data.occurred_on)]


def test_an_acknowledged_hold_and_a_relayed_change() -> None:
    assert statuses(example("triage.acknowledged", "full", TriageAcknowledged)) == ["triaged"]
    assert statuses(example("triage.relayed", "withdrawn", TriageRelayed)) == []


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("proposed", []),
        ("confirmed", []),
        ("agreed", ["plan_agreed"]),
        ("active", ["active"]),
        ("paused", ["active"]),
        ("in_review", ["active"]),
        ("closed", ["closed"]),
        ("withdrawn", ["withdrawn"]),
    ],
)
def test_what_coaching_says(state: str, status: list[str]) -> None:
    assert statuses(example("plan.updated", "note_recorded", PlanUpdated, state=state)) == status
    acknowledged = statuses(example("plan.updated", "acknowledged", PlanUpdated, state=state))
    assert acknowledged == ["acknowledged", *status]


@pytest.mark.parametrize(("case", "status"), [("earned", ["active"]), ("claimable", []), ("fee", []), ("paid", [])])
def test_what_outcomes_says(case: str, status: list[str]) -> None:
    assert statuses(example("outcome.recorded", case, OutcomeRecorded)) == status


def facts(*steps: tuple[str, int, Status]) -> list[Fact]:
    topics = {
        "r": types.TOPIC_REFERRAL,
        "t": types.TOPIC_TRIAGE,
        "p": types.TOPIC_PLAN,
        "o": types.TOPIC_OUTCOME,
    }
    return [Fact(topics[t], n, status, date(2024, 11, 17 + n)) for t, n, status in steps]


RECEIVED = ("r", 1, S.RECEIVED)
REVIEW = ("r", 1, S.ELIGIBILITY_REVIEW)
TRIAGED = ("t", 1, S.TRIAGED)
CLEARED, REFUSED = ("r", 2, S.CLEARED), ("r", 2, S.NOT_ELIGIBLE)
CONTESTED, AGAIN = ("r", 3, S.ELIGIBILITY_REVIEW), ("r", 4, S.CLEARED)


@pytest.mark.parametrize(
    ("steps", "full", "reduced"),
    [
        ([RECEIVED], S.RECEIVED, S.RECEIVED),
        ([RECEIVED, REVIEW], S.ELIGIBILITY_REVIEW, S.RECEIVED),
        ([RECEIVED, REVIEW, ("t", 1, S.ON_HOLD)], S.ELIGIBILITY_REVIEW, S.RECEIVED),
        ([RECEIVED, REVIEW, ("t", 1, S.ON_HOLD), ("t", 2, S.TRIAGED)], S.ELIGIBILITY_REVIEW, S.RECEIVED),
        ([RECEIVED, REVIEW, TRIAGED, ("p", 3, S.ACTIVE)], S.ACTIVE, S.RECEIVED),
        ([RECEIVED, REVIEW, TRIAGED, CLEARED], S.TRIAGED, S.RECEIVED),
        ([RECEIVED, REVIEW, CLEARED], S.RECEIVED, S.RECEIVED),
        ([RECEIVED, REVIEW, TRIAGED, REFUSED], S.NOT_ELIGIBLE, S.RECEIVED),
        ([RECEIVED, REVIEW, ("t", 1, S.ON_HOLD), REFUSED], S.ON_HOLD, S.RECEIVED),
        ([RECEIVED, REVIEW, REFUSED, ("t", 2, S.NOT_ELIGIBLE), CONTESTED], S.ELIGIBILITY_REVIEW, S.RECEIVED),
        ([RECEIVED, REVIEW, REFUSED, ("t", 2, S.NOT_ELIGIBLE), CONTESTED, AGAIN], S.RECEIVED, S.RECEIVED),
        ([RECEIVED, REVIEW, TRIAGED, REFUSED, ("p", 4, S.CLOSED)], S.CLOSED, S.CLOSED),
        ([RECEIVED, REVIEW, TRIAGED, REFUSED, ("p", 4, S.CLOSED), CONTESTED], S.ELIGIBILITY_REVIEW, S.RECEIVED),
        ([RECEIVED, ("t", 2, S.NOT_ELIGIBLE)], S.NOT_ELIGIBLE, S.RECEIVED),
        ([RECEIVED, TRIAGED], S.TRIAGED, S.RECEIVED),
        ([RECEIVED, TRIAGED, ("p", 2, S.ACKNOWLEDGED)], S.ACKNOWLEDGED, S.ACKNOWLEDGED),
        ([RECEIVED, TRIAGED, ("p", 2, S.ACKNOWLEDGED), ("p", 3, S.PLAN_AGREED)], S.PLAN_AGREED, S.ACKNOWLEDGED),
        ([RECEIVED, TRIAGED, ("p", 3, S.ACTIVE), ("t", 2, S.ON_HOLD)], S.ON_HOLD, S.RECEIVED),
        ([RECEIVED, TRIAGED, ("p", 3, S.ACTIVE), ("p", 4, S.CLOSED)], S.CLOSED, S.CLOSED),
        ([RECEIVED, ("p", 4, S.CLOSED), ("p", 5, S.ACTIVE)], S.ACTIVE, S.RECEIVED),
        ([RECEIVED, ("o", 1, S.ACTIVE)], S.ACTIVE, S.RECEIVED),
        ([RECEIVED, ("o", 1, S.ACTIVE), ("p", 4, S.CLOSED)], S.CLOSED, S.CLOSED),
        ([RECEIVED, TRIAGED, ("p", 3, S.ACTIVE), ("r", 2, S.WITHDRAWN)], S.WITHDRAWN, S.WITHDRAWN),
        ([("p", 3, S.ACTIVE)], S.ACTIVE, None),
    ],
)
def test_where_a_referral_stands(steps: list[Any], full: Status, reduced: Status | None) -> None:
    told = view(facts(*steps))
    assert told is not None
    assert told.status is full
    few = view(facts(*steps), reduced=True)
    if reduced is S.RECEIVED and few is not None and few.status is S.CLOSED:
        pytest.fail("an ended plan that was reopened is told as ended")
    assert (few.status if few else None) is reduced
    assert few is None or {status for status, _ in few.history} <= REDUCED


any_fact = st.builds(
    Fact,
    st.sampled_from([types.TOPIC_REFERRAL, types.TOPIC_TRIAGE, types.TOPIC_PLAN, types.TOPIC_OUTCOME]),
    st.integers(1, 6),
    st.sampled_from(list(Status)),
    st.dates(date(2024, 10, 1), date(2025, 10, 1)),
)


@given(st.lists(any_fact, min_size=1, max_size=12), st.randoms(use_true_random=False), st.booleans())
def test_the_order_and_repetition_of_facts_do_not_matter(found: list[Fact], random: Any, reduced: bool) -> None:
    shuffled = found + found[: len(found) // 2]
    random.shuffle(shuffled)
    assert view(found, reduced=reduced) == view(shuffled, reduced=reduced)


def test_nothing_known_is_nothing_told() -> None:
    assert view([]) is None
