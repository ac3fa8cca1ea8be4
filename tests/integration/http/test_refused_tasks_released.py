"""A task of something that intake refused: who sees what, and that a person's act alone ends it."""

import json
from datetime import timedelta

import pytest
from fastapi import FastAPI
from typer.testing import CliRunner

from services.intake.people.changed import forget
from services.intake.referrals.examples import GP_REFERRAL
from services.intake.service import build
from services.kernel.clock import system_clock
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.settings import Settings
from services.safety.cli import BREACHED, safety_commands
from tests.integration.http.conftest import Ask, calling
from tests.integration.http.refused_tasks import REFUSED, Client, nurse, tasks
from tests.integration.http.test_intake import ask, gp, intake, keys, post, settings, stored, token
from tests.parts.databases import Database
from tests.parts.keys import MadeKeys

__all__ = ["ask", "gp", "intake", "keys", "nurse", "settings", "stored"]

RAISED = """
INSERT INTO safety_task (task_id, response, role, raised_at, person_id, organisation_id, organisation_kind, sent_by,
    request_id, refused_as, digest)
VALUES ('t', 'immediate', 'r', '2024-11-18T09:30Z', 'p', 'o', 'nhs', 's', 'q', 'c', 'd')
"""
NOT_DONE: list[dict[str, list[str]]] = [{}, {"actions": []}, {"actions": ["nobody_answered"]}]


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
