"""A positive item in something that intake refuses makes a task for a named person, whatever the refusal."""

import json
from typing import Any

import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from services.intake.referrals.examples import EMPLOYER_REFERRAL, GP_REFERRAL
from services.kernel.logs import ALLOWED
from services.kernel.runtime.commands import Commands
from tests.integration.http.conftest import calling
from tests.integration.http.refused_tasks import REFUSED, SELF_HARM, Client, nurse, saying, tasks
from tests.integration.http.test_intake import ask, changed, employer, gp, intake, keys, post, settings, stored
from tests.parts.keys import MadeKeys

__all__ = ["ask", "employer", "gp", "intake", "keys", "nurse", "settings", "stored"]

ITEM9 = {"phq9": {"score": 0, "item9": 2}}
FEVER = {"red_flags": {"fever": True}}


@pytest.mark.parametrize(
    ("title", "body", "status", "response"),
    [
        ("no consent to take part", REFUSED, 422, "prompt"),
        ("an emergency, and no consent", changed(saying(chest_pain=True), consents={}), 422, "immediate"),
        ("urgent back pain, and no consent", changed(saying(fever=True), consents={}), 422, "soon"),
        ("both, the soonest counts", changed(saying(chest_pain=True, fever=True), consents={}), 422, "immediate"),
        ("another programme than the token's", changed(SELF_HARM, programme="workwell-surrey-heartlands"), 403, None),
        ("a field that nobody knows", changed(SELF_HARM, colour="red"), 422, "prompt"),
        ("not a referral at all", {"red_flags": {"chest_pain": "yes"}}, 422, "immediate"),
        ("PHQ-9 item 9 above the score", changed(GP_REFERRAL, assessment=ITEM9), 422, "prompt"),
        ("nothing positive", changed(saying(self_harm_disclosure=False), consents={}), 422, ""),
        ("fever without back pain", changed(GP_REFERRAL, assessment=FEVER, consents={}), 422, ""),
    ],
)
async def test_a_refused_referral_makes_the_task_of_its_level(
    gp: Client, nurse: Client, title: str, body: dict[str, Any], status: int, response: str | None
) -> None:
    answer = await post(gp, body)
    assert answer.status_code in {status, 422}, (title, answer.text)
    found = await tasks(nurse)
    if response == "":
        assert (answer.json().get("safety"), found) == (None, []), title
        return
    assert answer.json()["safety"], title
    assert [task["response"] for task in found] == [response or "prompt"], title


async def test_a_duplicate_makes_a_task_that_names_the_open_referral(gp: Client, nurse: Client) -> None:
    first = (await post(gp, GP_REFERRAL)).json()
    again = changed(SELF_HARM, lambda b: b["referrer"].update(reference="GP-2"))
    told = await post(gp, again)
    assert (told.status_code, told.json()["code"]) == (409, "duplicate_referral")
    [task] = await tasks(nurse)
    assert (task["referral_id"], task["response"]) == (first["referral_id"], "prompt")


async def test_an_employer_s_refused_health_detail_makes_a_task(employer: Client, nurse: Client) -> None:
    answer = await post(employer, changed(EMPLOYER_REFERRAL, assessment=SELF_HARM["assessment"]))
    assert answer.status_code == 422
    assert len(await tasks(nurse)) == 1
    assert (await employer.get("/safety-tasks")).status_code == 403


async def test_answers_to_a_withdrawn_referral_make_a_task_about_it(gp: Client, nurse: Client) -> None:
    made = (await post(gp, GP_REFERRAL)).json()["referral_id"]
    gone = await post(gp, {"reason": "moved_away"}, f"/referrals/{made}/withdrawal")
    assert gone.status_code == 201, gone.text
    late = await post(gp, {"assessment": {"phq9": {"score": 9, "item9": 1}}}, f"/referrals/{made}/assessments")
    assert late.json()["code"] == "referral_withdrawn"
    [task] = await tasks(nurse)
    assert task["referral_id"] == made


async def test_broken_json_is_heard(gp: Client, nurse: Client) -> None:
    headers = {"Idempotency-Key": "b", "Content-Type": "application/json"}
    answer = await gp.post("/referrals", content=b'{"red_flags": {"chest_pain": true}', headers=headers)
    assert (answer.status_code, answer.json()["safety"]["level"]) == (422, "emergency")
    [task] = await tasks(nurse)
    shown = (await nurse.get(f"/safety-tasks/{task['task_id']}")).json()
    assert (shown["heard"]["items"], shown["heard"]["person"]) == (["chest_pain"], {})


@pytest.mark.parametrize("size", [65 * 1024, 300 * 1024, 2 * 1024 * 1024])
async def test_of_a_body_that_is_too_large_the_beginning_is_heard(gp: Client, nurse: Client, size: int) -> None:
    """A letter of the hospital is pasted in: 64 KiB are all that is read as a referral."""
    body = json.dumps({**SELF_HARM, "additional_information": "x" * size}).encode()
    headers = {"Idempotency-Key": "large", "Content-Type": "application/json"}
    answer = await gp.post("/referrals", content=body, headers=headers)
    assert (answer.status_code, answer.json()["safety"]["level"]) == (413, "hold")
    [task] = await tasks(nurse)
    shown = (await nurse.get(f"/safety-tasks/{task['task_id']}")).json()
    assert (shown["refused_as"], shown["heard"]["items"]) == ("body_too_large", ["self_harm_disclosure"])


async def test_of_a_line_that_is_too_long_the_beginning_is_heard(gp: Client, nurse: Client) -> None:
    lines = json.dumps({**SELF_HARM, "additional_information": "x" * 70_000})
    headers = {"Idempotency-Key": "l", "Content-Type": "application/x-ndjson"}
    [told] = (await gp.post("/referrals:batch", content=lines, headers=headers)).text.splitlines()
    assert (json.loads(told)["status"], json.loads(told)["body"]["safety"]["level"]) == (413, "hold")
    assert [task["response"] for task in await tasks(nurse)] == ["prompt"]


async def test_each_refused_line_of_a_batch_makes_a_task_a_rehearsal_none(gp: Client, nurse: Client) -> None:
    lines = "\n".join(json.dumps(one) for one in (REFUSED, GP_REFERRAL, changed(saying(chest_pain=True), consents={})))
    headers = {"Idempotency-Key": "l", "Content-Type": "application/x-ndjson"}
    tried = await gp.post("/referrals:batch?dry_run=true", content=lines, headers=headers)
    assert [json.loads(line)["status"] for line in tried.text.splitlines()] == [422, 201, 422]
    assert await tasks(nurse) == []
    sent = await gp.post("/referrals:batch", content=lines, headers=headers)
    assert [json.loads(line)["status"] for line in sent.text.splitlines()] == [422, 201, 422]
    assert sorted(task["response"] for task in await tasks(nurse)) == ["immediate", "prompt"]


async def test_a_task_is_named_in_the_log_so_that_a_restore_loses_none(gp: Client, nurse: Client) -> None:
    """By the request that its sender knows; never by whom it is about, nor why."""
    with capture_logs() as said:
        told = [await post(gp, REFUSED) for _ in range(2)]
        await post(gp, changed(saying(chest_pain=False), consents={}))
    raised = [entry for entry in said if entry["event"] == "safety_task_raised"]
    [task] = await tasks(nurse)
    assert raised == [
        {
            "event": "safety_task_raised",
            "log_level": "warning",
            "reason": "prompt",
            "code": "consent_required",
            "detail": task["task_id"],
            "request_id": told[0].json()["request_id"],
        }
    ]
    assert set(raised[0]) - {"log_level"} <= ALLOWED
    shown = (await nurse.get(f"/safety-tasks/{task['task_id']}")).json()
    assert shown["request_id"] == raised[0]["request_id"]


async def test_the_same_body_again_makes_no_second_task_while_the_first_waits(gp: Client, nurse: Client) -> None:
    for _ in range(3):
        assert (await post(gp, REFUSED)).status_code == 422
    [task] = await tasks(nurse)
    done = await post(nurse, {"actions": ["person_safe"]}, f"/safety-tasks/{task['task_id']}/acknowledge")
    assert done.status_code == 200, done.text
    assert await tasks(nurse) == []
    await post(gp, REFUSED)
    assert len(await tasks(nurse)) == 1, "said again after it was seen to, it asks again"


async def test_an_accepted_referral_makes_no_task_here_triage_makes_it(gp: Client, nurse: Client) -> None:
    assert (await post(gp, SELF_HARM)).status_code == 201
    assert await tasks(nurse) == []


async def test_where_the_task_cannot_be_kept_nothing_was_refused_yet(
    gp: Client, nurse: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sender comes again; and the safety text is told all the same."""

    def down(_: Commands) -> Any:
        raise OSError("no database")

    with monkeypatch.context() as patched:
        patched.setattr("services.intake.refused.tasks.uuid7", lambda _: down(None))  # type: ignore[arg-type]
        answer = await post(gp, REFUSED)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.json()["safety"]["level"] == "hold"
    assert (await post(gp, REFUSED)).status_code == 422
    assert len(await tasks(nurse)) == 1


async def test_without_a_key_the_task_comes_all_the_same(
    gp: Client, nurse: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.kernel.sealing.errors import VaultUnavailable  # noqa: PLC0415

    async def refuse(*_: Any, **__: Any) -> None:
        raise VaultUnavailable("down")

    with monkeypatch.context() as patched:
        patched.setattr(MadeKeys, "create", refuse)
        assert (await post(gp, REFUSED)).status_code == 422
    [task] = await tasks(nurse)
    assert (await nurse.get(f"/safety-tasks/{task['task_id']}")).json()["heard"] is None


async def test_nobody_is_heard_who_does_not_say_who_they_are(intake: FastAPI, nurse: Client) -> None:
    async with calling(intake, {}) as stranger:
        assert (await post(stranger, REFUSED)).status_code == 401
    assert await tasks(nurse) == []
