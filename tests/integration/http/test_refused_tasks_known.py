"""What is refused is read with what the referral said before: a sign may be urgent with a back pain known earlier."""

from typing import Any

import pytest

from services.intake.referrals.examples import GP_REFERRAL
from tests.integration.http.refused_tasks import Client, nurse, tasks
from tests.integration.http.test_intake import ask, changed, employer, gp, intake, keys, post, settings, stored
from tests.parts.keys import MadeKeys

__all__ = ["ask", "employer", "gp", "intake", "keys", "nurse", "settings", "stored"]

BACK_PAIN, FEVER, WELL = {"conditions": ["back_pain"]}, {"red_flags": {"fever": True}}, {"red_flags": {"fever": False}}
BOTH = {"red_flags": {"fever": True, "chest_pain": True}}
ASTHMA = {"conditions": ["respiratory"]}


async def referred(gp: Client, assessment: dict[str, Any] | None) -> str:
    answer = await post(gp, changed(GP_REFERRAL, assessment=assessment))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["referral_id"])


async def refused(gp: Client, referral: str, assessment: dict[str, Any]) -> None:
    """Intake refuses answers with a field that nobody knows."""
    answer = await post(gp, {"assessment": assessment, "colour": "red"}, f"/referrals/{referral}/assessments")
    assert answer.status_code == 422, answer.text


@pytest.mark.parametrize(
    ("title", "before", "later", "raised"),
    [
        ("the back pain is known, the sign is new", BACK_PAIN, FEVER, ["soon"]),
        ("the sign is known, the back pain is new", FEVER, BACK_PAIN, ["soon"]),
        ("neither says back pain", ASTHMA, FEVER, []),
        ("no sign anywhere", BACK_PAIN, WELL, []),
        ("the sign was denied", WELL, BACK_PAIN, []),
        ("nothing was asked before", None, FEVER, []),
        ("both known: triage has the task", {**BACK_PAIN, **FEVER}, ASTHMA, []),
        ("both known, and the back pain said again", {**BACK_PAIN, **FEVER}, BACK_PAIN, []),
        ("an emergency beside it stays the soonest", BACK_PAIN, BOTH, ["immediate"]),
    ],
)
async def test_a_refused_assessment_is_read_with_what_the_referral_said(
    gp: Client, nurse: Client, title: str, before: Any, later: dict[str, Any], raised: list[str]
) -> None:
    referral = await referred(gp, before)
    await refused(gp, referral, later)
    found = await tasks(nurse)
    assert [(task["response"], task["referral_id"]) for task in found] == [(one, referral) for one in raised], title
    for task in found:
        heard = (await nurse.get(f"/safety-tasks/{task['task_id']}")).json()["heard"]
        assert "fever" in heard["items"], title


async def test_back_pain_of_an_earlier_assessment_counts_though_a_later_list_leaves_it_out(
    gp: Client, nurse: Client
) -> None:
    referral = await referred(gp, None)
    for answers in (BACK_PAIN, ASTHMA):
        answer = await post(gp, {"assessment": answers}, f"/referrals/{referral}/assessments")
        assert answer.status_code == 201, answer.text
    await refused(gp, referral, FEVER)
    assert [task["response"] for task in await tasks(nurse)] == ["soon"]


async def test_a_duplicate_s_sign_is_read_with_the_open_referral(gp: Client, nurse: Client) -> None:
    referral = await referred(gp, BACK_PAIN)
    again = changed(GP_REFERRAL, lambda b: b["referrer"].update(reference="GP-2"), assessment=FEVER)
    assert (await post(gp, again)).status_code == 409
    assert [task["referral_id"] for task in await tasks(nurse)] == [referral]


async def test_where_nobody_can_read_what_was_said_a_sign_is_taken_as_urgent(
    gp: Client, nurse: Client, keys: MadeKeys, ask: Any
) -> None:
    referral = await referred(gp, ASTHMA)
    keys.erased.add(ask("SELECT person_id FROM referral"))
    await refused(gp, referral, FEVER)
    assert [task["response"] for task in await tasks(nurse)] == ["soon"]
