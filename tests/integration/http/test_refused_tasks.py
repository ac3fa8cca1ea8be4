"""A positive item in something that intake refuses makes a task for a named person, whatever the refusal."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs
from typer.testing import CliRunner

from services.intake.people.changed import forget
from services.intake.referrals.examples import EMPLOYER_REFERRAL, GP_REFERRAL
from services.intake.service import build
from services.kernel.clock import system_clock
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.logs import ALLOWED
from services.kernel.runtime.commands import Commands
from services.kernel.settings import Settings
from services.safety.cli import BREACHED, safety_commands
from tests.integration.http.conftest import Ask, calling
from tests.integration.http.test_intake import (
    ask,
    changed,
    employer,
    gp,
    intake,
    keys,
    post,
    settings,
    stored,
    token,
)
from tests.parts.databases import Database
from tests.parts.keys import MadeKeys

__all__ = ["ask", "employer", "gp", "intake", "keys", "settings", "stored"]

Client = httpx.AsyncClient


def saying(base: dict[str, Any] = GP_REFERRAL, **flags: bool) -> dict[str, Any]:
    return changed(base, assessment={"conditions": ["back_pain"], "red_flags": flags}, additional_information=None)


SELF_HARM = saying(self_harm_disclosure=True)
REFUSED = changed(SELF_HARM, consents={})
RAISED = """
INSERT INTO safety_task (task_id, response, role, raised_at, person_id, organisation_id, organisation_kind, sent_by,
    request_id, refused_as, digest)
VALUES ('t', 'immediate', 'r', '2024-11-18T09:30Z', 'p', 'o', 'nhs', 's', 'q', 'c', 'd')
"""
ITEM9 = {"phq9": {"score": 0, "item9": 2}}
FEVER = {"red_flags": {"fever": True}}
NOT_DONE: list[dict[str, list[str]]] = [{}, {"actions": []}, {"actions": ["nobody_answered"]}]


@pytest.fixture
async def nurse(intake: FastAPI, issuer: DevIssuer) -> AsyncIterator[Client]:
    async with calling(intake, token(issuer, role="clinical_safety", sub="nurse-7")) as client:
        yield client


async def tasks(client: Client) -> list[dict[str, Any]]:
    answer = await client.get("/safety-tasks")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


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


async def test_a_person_sees_why_and_whom_and_only_what_was_done_releases_it(
    gp: Client, nurse: Client, ask: Ask, keys: MadeKeys
) -> None:
    await post(gp, REFUSED)
    [task] = await tasks(nurse)
    place = f"/safety-tasks/{task['task_id']}"
    shown = (await nurse.get(place)).json()
    assert shown["heard"]["items"] == ["self_harm_disclosure"]
    assert shown["heard"]["person"]["family_name"] == GP_REFERRAL["person"]["family_name"]
    assert shown["heard"]["person"]["phone"] == GP_REFERRAL["person"]["contact"]["phone"]
    assert (shown["organisation_id"], shown["refused_as"]) == ("P84001", "consent_required")
    kept = ask("SELECT * FROM safety_task")
    words = (GP_REFERRAL["person"]["family_name"], "harm", "999 or", GP_REFERRAL["person"]["contact"]["phone"])
    assert not [word for word in words if word in kept], "sealed"
    for body in NOT_DONE:
        assert (await post(nurse, body, f"{place}/acknowledge")).status_code == 422
    assert len(await tasks(nurse)) == 1
    assert (await post(nurse, {"actions": ["gp_informed"]}, f"{place}/acknowledge")).status_code == 200
    after = (await nurse.get(place)).json()
    assert (after["heard"], after["done_by"], after["actions"]) == (None, "nurse-7", ["gp_informed"])
    again = await post(nurse, {"actions": ["gp_informed"]}, f"{place}/acknowledge")
    assert (again.status_code, again.json()["code"]) == (409, "already_released")


@pytest.mark.parametrize(
    ("title", "role", "claims", "status"),
    [
        ("clinical safety", "clinical_safety", {}, 200),
        ("a team lead", "team_lead", {}, 200),
        ("a coach sees that there is one, not why", "coach", {}, 403),
        ("an auditor too", "auditor", {}, 403),
        ("a referrer", "referrer", {}, 403),
        ("clinical safety of another programme", "clinical_safety", {"programme": "workwell-surrey-heartlands"}, 404),
        ("an employer, whatever its token says", "clinical_safety", {"kind": "employer"}, 404),
    ],
)
async def test_who_may_read_why(
    gp: Client,
    nurse: Client,
    intake: FastAPI,
    issuer: DevIssuer,
    title: str,
    role: str,
    claims: dict[str, str],
    status: int,
) -> None:
    await post(gp, REFUSED)
    [task] = await tasks(nurse)
    async with calling(intake, token(issuer, role=role, **claims)) as client:
        assert (await client.get(f"/safety-tasks/{task['task_id']}")).status_code == status, title
        done = await post(client, {"actions": ["person_safe"]}, f"/safety-tasks/{task['task_id']}/acknowledge")
        assert done.status_code == status, title


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


async def test_who_is_erased_leaves_the_task_without_what_was_heard(
    gp: Client, nurse: Client, intake: FastAPI, ask: Ask, keys: MadeKeys
) -> None:
    await post(gp, REFUSED)
    [task] = await tasks(nurse)
    person = ask("SELECT person_id FROM safety_task")
    gone, place = {"actions": ["data_erased", "referrer_informed"]}, f"/safety-tasks/{task['task_id']}/acknowledge"
    early = await post(nurse, gone, place)
    assert (early.status_code, early.json()["code"]) == (422, "not_erased")
    keys.erased.add(person)
    async with intake.state.parts.pool.acquire() as connection:
        await forget(connection, [person])
    assert ask("SELECT heard IS NULL FROM safety_task") == "t"
    assert (await nurse.get(f"/safety-tasks/{task['task_id']}")).json()["heard"] is None
    done = await post(nurse, gone, place)
    assert done.status_code == 200, "and it can be released"
    assert ask("SELECT done_by, actions FROM safety_task") == 'nurse-7|["data_erased", "referrer_informed"]'


def test_the_database_itself_refuses_a_release_without_what_was_done(ask: Ask, stored: Database) -> None:
    ask(RAISED)
    for change in (
        "done_at = now()",
        "done_at = now(), done_by = 'n'",
        "done_at = now(), done_by = 'n', actions = '[]'",
    ):
        with pytest.raises(RuntimeError, match="released_by_a_person"):
            ask(f"UPDATE safety_task SET {change}")
    ask("""UPDATE safety_task SET done_at = now(), done_by = 'n', actions = '["person_safe"]'""")


def test_the_command_shows_intake_s_tasks_too(
    ask: Ask, settings: Settings, stored: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(RAISED)
    monkeypatch.setattr("services.safety.cli.KEEPERS", ("intake",))
    app = safety_commands(lambda _: (build(), settings))
    for minute, code in (("44", 0), ("45", BREACHED)):
        shown = CliRunner().invoke(app, ["list", "--as-of", f"2024-11-18T09:{minute}", "--json"])
        assert (shown.exit_code, json.loads(shown.output)[0]["service"]) == (code, "intake")


async def test_as_of_and_breach(gp: Client, nurse: Client) -> None:
    await post(gp, REFUSED)
    late = (system_clock() + timedelta(hours=4, seconds=1)).isoformat()
    [task] = (await nurse.get("/safety-tasks", params={"as_of": late})).json()
    assert task["breached"]
