"""Who may read how a person is reached: the coach of the newest plan.updated, and every refusal."""

from datetime import date
from typing import Any

import pytest

from services.contracts.plan_codes import PlanState
from services.intake.domain.contact import STATUS, Asker, Holding, holding_of
from services.kernel.decision import Reason

ME = Asker("coach-ada", "growth-company", "workwell-greater-manchester")
TODAY = date(2025, 6, 2)
FIRST, SECOND = "01933e1b-7f3a-7c11-8f5e-0242ac120002", "01933e1b-7f3a-7c11-8f5e-0242ac120003"


def plan(coach: str | None = "coach-ada", referral_id: str = FIRST, **fields: Any) -> Holding:
    usual = {"programme": ME.programme, "provider": ME.organisation_id, "state": PlanState.ACTIVE}
    return Holding(referral_id, coach=coach, **{"outcomes_until": None, **usual, **fields})


def closed(until: str, **fields: Any) -> Holding:
    return plan(state=PlanState.CLOSED, outcomes_until=date.fromisoformat(until), **fields)


OTHERS = plan(None, provider="big-life")


@pytest.mark.parametrize(
    ("title", "held", "found"),
    [
        ("mine", [plan()], FIRST),
        ("proposed, and mine", [plan(state=PlanState.PROPOSED)], FIRST),
        ("no provider chosen yet, and mine", [plan(provider=None)], FIRST),
        ("nobody known", [], "person_unknown"),
        ("another organisation's person", [plan(provider="big-life")], "person_unknown"),
        ("another programme's person", [plan(programme="working-well-early-help")], "person_unknown"),
        ("a colleague's", [plan("coach-ben")], "not_the_coach"),
        ("mine before the transfer", [plan("coach-ben")], "not_the_coach"),
        ("nobody's yet", [plan(None)], "no_coach"),
        ("nobody's yet, at another organisation", [OTHERS], "person_unknown"),
        ("the person no longer takes part", [plan(state=PlanState.WITHDRAWN)], "plan_withdrawn"),
        ("closed, the window's last day", [closed("2025-06-02")], FIRST),
        ("closed, the day after it", [closed("2025-06-01")], "plan_over"),
        ("a colleague's closed plan", [closed("2025-06-02", coach="coach-ben")], "not_the_coach"),
        ("two of mine: the newest", [plan(referral_id=SECOND), plan()], SECOND),
        ("the newest is a colleague's, the other mine", [plan("coach-ben", SECOND), plan()], FIRST),
        ("the newest is over, the other goes on", [closed("2025-06-01", referral_id=SECOND), plan()], FIRST),
        ("both ended: the newest says why", [plan(state=PlanState.WITHDRAWN), closed("2025-06-01")], "plan_withdrawn"),
        (
            "mine ended, a colleague's goes on",
            [plan(state=PlanState.WITHDRAWN), plan("coach-ben")],
            "plan_withdrawn",
        ),
    ],
)
def test_by_which_plan_somebody_reaches_a_person(title: str, held: list[Holding], found: str) -> None:
    answer = holding_of(ME, held, TODAY)
    assert (answer.code if isinstance(answer, Reason) else answer.referral_id) == found, title


def test_every_refusal_has_a_status_and_tells_strangers_nothing() -> None:
    assert {reason.code: status for reason, status in STATUS.items()} == {
        "person_unknown": 404,
        "not_the_coach": 403,
        "no_coach": 403,
        "plan_withdrawn": 403,
        "plan_over": 403,
    }
