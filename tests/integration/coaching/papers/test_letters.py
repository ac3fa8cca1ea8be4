"""Letters over HTTP and on the command line: queued, sent, failed, answered; which wait, and what keeps them."""

import asyncio
import json
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from services.coaching.papers.cli import paper_commands
from services.coaching.service import build
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.settings import Settings
from tests.integration.coaching.papers.world import VIEWS, Intake, Ready
from tests.integration.coaching.world import PLAN, Desk, codes, numbers
from tests.parts.keys import MadeKeys
from tests.unit.coaching.desk import PERSON, TODAY

LATER = TODAY + timedelta(days=14)
UNKNOWN = "01972ff9-f5c0-7330-88c3-f35ece519eae"


@pytest.fixture
def lead(client: httpx.AsyncClient, issuer: DevIssuer) -> Desk:
    return Desk(client, issuer, "lead-1", role="team_lead")


async def post(desk: Desk, path: str, **body: Any) -> httpx.Response:
    headers = {**desk.headers, "Idempotency-Key": f"letter-{next(numbers)}"}
    plain = {name: value.isoformat() if isinstance(value, date) else value for name, value in body.items()}
    return await desk.client.post(path, json=plain, headers=headers)


async def queue(desk: Desk, view: str = "gp", **body: Any) -> str:
    answer = await post(desk, f"/plans/{PLAN}/letters", view=view, **body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["letter_id"])


async def say(desk: Desk, letter: str, kind: str, **fields: Any) -> httpx.Response:
    usual: dict[str, dict[str, Any]] = {
        "sent": {"on": TODAY, "how": "post", "plan_version": 4},
        "failed": {"on": TODAY, "failure": "returned"},
        "answered": {"on": TODAY},
        "cancelled": {},
    }
    return await post(desk, f"/letters/{letter}/changes", kind=kind, **{**usual[kind], **fields})


async def unanswered(desk: Desk, as_of: date) -> list[tuple[str, bool]]:
    answer = await desk.get("/letters", unanswered=True, as_of=as_of.isoformat())
    assert answer.status_code == 200, answer.text
    return [(one["letter_id"], one["overdue"]) for one in answer.json()]


async def test_a_letter_from_the_queue_to_its_answer(ready: Ready, ada: Desk) -> None:
    await ready()
    letter = await queue(ada, answer_by=LATER)
    (shown,) = (await ada.get(f"/plans/{PLAN}/letters")).json()
    assert (shown["state"], shown["attempts"], shown["why_not"], shown["overdue"]) == ("queued", 0, [], False)
    assert await unanswered(ada, TODAY) == []

    assert (await say(ada, letter, "sent")).json() == {"letter_id": letter, "state": "sent"}
    assert await unanswered(ada, TODAY - timedelta(days=1)) == []
    assert await unanswered(ada, LATER) == [(letter, False)]
    assert await unanswered(ada, LATER + timedelta(days=1)) == [(letter, True)]

    assert (await say(ada, letter, "answered")).json()["state"] == "answered"
    assert await unanswered(ada, LATER + timedelta(days=1)) == []
    (shown,) = (await ada.get(f"/plans/{PLAN}/letters")).json()
    assert (shown["sent_how"], shown["sent_version"], shown["attempts"]) == ("post", 4, 1)
    assert shown["answered_on"] == TODAY.isoformat()


async def test_a_letter_that_came_back_is_sent_again(ready: Ready, ada: Desk) -> None:
    await ready()
    letter = await queue(ada, answer_by=LATER)
    await say(ada, letter, "sent")
    assert (await say(ada, letter, "failed")).json()["state"] == "failed"
    assert await unanswered(ada, LATER) == []
    assert codes(await say(ada, letter, "answered")) == ["letter_not_sent"]
    assert (await say(ada, letter, "sent")).json()["state"] == "sent"
    assert await unanswered(ada, LATER) == [(letter, False)]
    (shown,) = (await ada.get("/letters", state="sent")).json()
    assert (shown["attempts"], shown["failure"]) == (2, "returned")


async def test_without_consent_no_letter_is_queued_and_one_that_waits_says_why(
    ready: Ready,
    ada: Desk,
    intake: Intake,
) -> None:
    await ready(share_with_employer=None)
    refused = await post(ada, f"/plans/{PLAN}/letters", view="employer")
    assert (refused.status_code, codes(refused)) == (409, ["employer_consent_missing"])
    letter = await queue(ada)
    said: dict[str, Any] = {
        "consent": "share_with_gp",
        "given": False,
        "channel": "phone",
        "occurred_on": TODAY.isoformat(),
    }
    assert (await ada.ask("consent_changed", **said)).status_code == 200
    (shown,) = (await ada.get(f"/plans/{PLAN}/letters")).json()
    assert [why["code"] for why in shown["why_not"]] == ["gp_consent_missing"]
    assert codes(await ada.get(f"/letters/{letter}/page")) == ["gp_consent_missing"]
    assert intake.asked == []
    assert codes(await say(ada, letter, "sent", plan_version=1)) == ["gp_consent_missing"]
    assert (await say(ada, letter, "failed", failure="consent_withdrawn")).json()["state"] == "failed"


async def test_a_letters_page_carries_what_to_quote(ready: Ready, ada: Desk, intake: Intake) -> None:
    await ready()
    letter = await queue(ada, answer_by=LATER)
    answer = await ada.get(f"/letters/{letter}/page")
    assert answer.status_code == 200, answer.text
    assert letter in answer.text
    assert "16 June 2025" in answer.text
    assert [request.url.params["purpose"] for request in intake.asked] == ["letter"]
    assert (await ada.get(f"/letters/{UNKNOWN}/page")).status_code == 404


async def test_a_letter_that_was_called_off_is_not_printed(ready: Ready, ada: Desk, ben: Desk, intake: Intake) -> None:
    await ready()
    letter = await queue(ada)
    await say(ada, letter, "cancelled")
    refused = await ada.get(f"/letters/{letter}/page")
    assert (refused.status_code, codes(refused)) == (409, ["letter_cancelled"])
    assert (await ben.get(f"/letters/{letter}/page")).status_code == 404, "nobody else learns how it stands"
    assert intake.asked == []


@pytest.mark.parametrize(
    ("kind", "fields", "status", "code"),
    [
        ("sent", {"on": TODAY + timedelta(days=1)}, 422, "occurred_in_future"),
        ("sent", {"on": TODAY - timedelta(days=1)}, 422, "before_queued"),
        ("sent", {"plan_version": 99}, 422, "plan_version_unknown"),
        ("sent", {"plan_version": 0}, 422, "out_of_range"),
        ("sent", {"how": "pigeon"}, 422, "unknown_code"),
        ("sent", {"text": "Dear doctor"}, 422, "unknown_field"),
        ("failed", {"failure": "eaten"}, 422, "unknown_code"),
        ("answered", {}, 409, "letter_not_sent"),
    ],
)
async def test_what_cannot_be_said_of_a_letter(
    ready: Ready,
    ada: Desk,
    kind: str,
    fields: dict[str, Any],
    status: int,
    code: str,
) -> None:
    await ready()
    letter = await queue(ada)
    refused = await say(ada, letter, kind, **fields)
    assert (refused.status_code, codes(refused)) == (status, [code])
    (shown,) = (await ada.get(f"/plans/{PLAN}/letters")).json()
    assert (shown["state"], shown["attempts"]) == ("queued", 0)


async def test_who_may_see_and_move_letters(
    ready: Ready,
    ada: Desk,
    ben: Desk,
    lead: Desk,
    client: httpx.AsyncClient,
    issuer: DevIssuer,
) -> None:
    await ready()
    letter = await queue(ada)
    stranger = Desk(client, issuer, "coach-zoe", org="big-life")
    assert [one["letter_id"] for one in (await lead.get("/letters")).json()] == [letter]
    assert [(await desk.get("/letters")).json() for desk in (ben, stranger)] == [[], []]
    assert (await say(ben, letter, "sent")).status_code == 403
    assert (await say(stranger, letter, "sent")).status_code == 404
    assert (await post(stranger, f"/plans/{PLAN}/letters", view="gp")).status_code == 404
    assert (await stranger.get(f"/plans/{PLAN}/letters")).status_code == 404
    assert (await stranger.get(f"/letters/{letter}/page")).status_code == 404
    assert (await say(ada, UNKNOWN, "sent")).status_code == 404
    assert (await say(lead, letter, "sent")).status_code == 200


async def test_another_day_opens_nobody_else_s_letters(ready: Ready, ada: Desk, ben: Desk, lead: Desk) -> None:
    await ready()
    await queue(ada)
    for coach in ("coach-ada", "coach-ben"):
        assert (
            await post(lead, f"/coaches/{coach}/commands", kind="registered", profile={"capacity": 2})
        ).status_code == 200
    for day in (TODAY - timedelta(days=3), TODAY + timedelta(days=3)):
        said = {"kind": "absence_recorded", "from_on": day, "until_on": day, "cover": "coach-ben"}
        assert (await post(ada, "/coaches/coach-ada/commands", **said)).status_code == 200
        assert (await ben.get("/letters", as_of=day.isoformat())).json() == []


async def test_letters_of_somebody_restricted_or_erased_do_not_move(
    ready: Ready,
    ada: Desk,
    keys: MadeKeys,
) -> None:
    await ready()
    letter = await queue(ada)
    keys.restricted.add(PERSON)
    assert (await say(ada, letter, "sent")).status_code == 423
    assert (await post(ada, f"/plans/{PLAN}/letters", view="participant")).status_code == 423
    keys.restricted.clear()
    keys.erased.add(PERSON)
    assert (await say(ada, letter, "sent")).status_code == 410


async def test_the_list_by_pages(ready: Ready, ada: Desk) -> None:
    await ready()
    queued = [await queue(ada, view) for view in VIEWS]
    for whose in ("/letters", f"/plans/{PLAN}/letters"):
        found: list[str] = []
        path: str | None = f"{whose}?limit=1"
        while path is not None:
            answer = await ada.client.get(path, headers=ada.headers)
            (one,) = answer.json()
            found.append(one["letter_id"])
            path = answer.links.get("next", {}).get("url")
        assert found == sorted(queued)
    first = await ada.get("/letters", limit=1)
    assert f"as_of={TODAY.isoformat()}" in first.links["next"]["url"], "all pages are about the day of the first"
    assert codes(await ada.get("/letters", cursor="bm9uc2Vuc2U")) == ["cursor_malformed"]
    by_view = [one["letter_id"] for one in (await ada.get("/letters", view="employer")).json()]
    assert by_view == queued[2:]


async def test_letters_that_wait_are_limited(ready: Ready, ada: Desk) -> None:
    await ready()
    waiting = [await queue(ada) for _ in range(20)]
    refused = await post(ada, f"/plans/{PLAN}/letters", view="gp")
    assert (refused.status_code, codes(refused)) == (409, ["too_many_letters"])
    await say(ada, waiting[0], "cancelled")
    assert await queue(ada)


async def test_the_examples_of_the_document_are_accepted(ready: Ready, ada: Desk) -> None:
    await ready()
    document = (await ada.client.get("/openapi.json")).json()["paths"]

    def examples(path: str) -> dict[str, Any]:
        body = document[path]["post"]["requestBody"]["content"]["application/json"]
        return {name: one["value"] for name, one in body["examples"].items()}

    for body in examples("/plans/{referral_id}/letters").values():
        assert (await post(ada, f"/plans/{PLAN}/letters", **body)).status_code == 201
    letter = await queue(ada)
    moves = examples("/letters/{letter_id}/changes")
    for name in ("sent", "failed", "sent", "answered"):
        assert (await post(ada, f"/letters/{letter}/changes", **moves[name])).status_code == 200, name
    assert (await post(ada, f"/letters/{await queue(ada)}/changes", **moves["cancelled"])).status_code == 200


async def test_letters_on_the_command_line(ready: Ready, ada: Desk, settings: Settings) -> None:
    await ready()
    letter = await queue(ada, answer_by=LATER)
    await say(ada, letter, "sent")
    await queue(ada, "participant")

    def run(*words: str) -> list[dict[str, Any]]:
        done = CliRunner().invoke(paper_commands(lambda _: (build(), settings)), ["letters", *words, "--json"])
        assert done.exit_code == 0, done.output
        found: list[dict[str, Any]] = json.loads(
            "".join(line for line in done.stdout.splitlines() if "[warning" not in line)
        )
        return found

    listed = await asyncio.to_thread(run)
    assert {one["view"] for one in listed} == {"gp", "participant"}
    due = await asyncio.to_thread(run, "--unanswered", "--as-of", (LATER + timedelta(days=1)).isoformat())
    assert [(one["letter_id"], one["overdue"]) for one in due] == [(letter, True)]
    assert await asyncio.to_thread(run, "--coach", "coach-ben") == []
