"""Word back: what nobody has taken up when its due day is over, as of a day, over HTTP and by hand."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from typer.testing import CliRunner

from services.intake.api import create_app
from services.intake.eligibility.examples import ELIGIBLE, NOT_ELIGIBLE
from services.intake.service import build
from services.intake.word_back.cli import referral_commands
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.runtime.inbox import Inbox
from services.kernel.service import Service
from services.kernel.settings import Settings
from tests.integration.http.conftest import Ask, Clock, calling
from tests.integration.http.test_intake import ask, gp, keys, post, settings, stored, token
from tests.integration.http.test_intake_status import story
from tests.integration.http.test_referral_lists import made
from tests.parts.keys import MadeKeys

__all__ = ["ask", "gp", "keys", "settings", "stored"]

UNCLEAR: dict[str, Any] = {"eligibility_facts": {"right_to_work": None}}


@pytest.fixture
async def intake(settings: Settings, issuer: DevIssuer, keys: MadeKeys, clock: Clock) -> AsyncIterator[FastAPI]:
    app = create_app(settings, issuer_transport=issuer.transport(), keys=keys, clock=clock)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def inbox(intake: FastAPI) -> Inbox:
    service = build()
    return Inbox(service, service.policy(), intake.state.parts.pool)


@pytest.fixture
async def staff(intake: FastAPI, issuer: DevIssuer) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(intake, token(issuer, "provider", "big-life", "team_lead")) as client:
        yield client


async def overdue(client: httpx.AsyncClient, as_of: str | None = None, **query: Any) -> list[dict[str, Any]]:
    answer = await client.get("/referrals/overdue", params={**({"as_of": as_of} if as_of else {}), **query})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


async def test_a_referral_is_overdue_after_two_working_days(gp: httpx.AsyncClient, staff: httpx.AsyncClient) -> None:
    mine = await made(gp, 0)  # Monday, 18 November 2024
    for day in ("2024-11-18", "2024-11-20"):
        assert await overdue(staff, day) == [], "until the due day is over"
    [found] = await overdue(staff, "2024-11-21")
    assert found == {
        "referral_id": mine,
        "programme": {"id": "workwell-greater-manchester", "version": "2024.1"},
        "route": "gp",
        "received_on": "2024-11-18",
        "waits_since": "2024-11-18",
        "due_on": "2024-11-20",
        "working_days_over": 1,
        "answered_on": None,
    }


async def test_without_a_day_it_is_today_in_london(
    gp: httpx.AsyncClient, staff: httpx.AsyncClient, clock: Clock
) -> None:
    clock.now = datetime(2025, 6, 1, 23, 30, tzinfo=UTC)  # half past midnight on Monday, 2 June
    await made(gp, 0)
    clock.now = datetime(2025, 6, 4, 22, 59, tzinfo=UTC)
    assert await overdue(staff) == []
    clock.now = datetime(2025, 6, 4, 23, 0, tzinfo=UTC)
    assert [found["due_on"] for found in await overdue(staff)] == ["2025-06-04"]


async def test_bank_holidays_do_not_count(gp: httpx.AsyncClient, staff: httpx.AsyncClient, clock: Clock) -> None:
    clock.now = datetime(2025, 4, 17, 9, 0, tzinfo=UTC)  # Maundy Thursday
    await made(gp, 0)
    assert await overdue(staff, "2025-04-23") == []
    assert [found["due_on"] for found in await overdue(staff, "2025-04-24")] == ["2025-04-23"]


async def test_word_in_time_late_and_never(
    gp: httpx.AsyncClient, staff: httpx.AsyncClient, inbox: Inbox, clock: Clock
) -> None:
    in_time, late, never = [await made(gp, number) for number in range(3)]
    offset = itertools.count()
    await process(inbox, offset, in_time, acknowledged="2024-11-20")
    await process(inbox, offset, late, acknowledged="2024-11-26")
    assert {found["referral_id"] for found in await overdue(staff, "2024-11-21")} == {late, never}
    told = {found["referral_id"]: found["answered_on"] for found in await overdue(staff, "2024-11-25")}
    assert told == {late: "2024-11-26", never: None}
    assert [found["referral_id"] for found in await overdue(staff, "2024-11-26")] == [never]


async def process(inbox: Inbox, offset: "itertools.count[int]", referral_id: str, acknowledged: str) -> None:
    _, (proposed, taken_up, *_), _ = story(referral_id)
    assert taken_up.value is not None
    body = {**json.loads(taken_up.value), "occurred_on": acknowledged}
    for record in (proposed, replace(taken_up, value=json.dumps(body).encode())):
        await inbox.process([replace(record, offset=next(offset))])


async def test_what_has_ended_waits_for_nothing(gp: httpx.AsyncClient, staff: httpx.AsyncClient, clock: Clock) -> None:
    mine = await made(gp, 0)
    clock.now = datetime(2024, 11, 25, 9, 0, tzinfo=UTC)
    await post(gp, {"reason": "changed_mind"}, f"/referrals/{mine}/withdrawal")
    assert [found["answered_on"] for found in await overdue(staff, "2024-11-22")] == ["2024-11-25"]
    assert await overdue(staff, "2024-11-25") == []


async def test_a_review_and_a_hold_are_no_word(gp: httpx.AsyncClient, staff: httpx.AsyncClient, inbox: Inbox) -> None:
    reviewed = await made(gp, 0, eligibility_facts={"right_to_work": False})
    held = await made(gp, 1)
    await inbox.process(story(held)[0][:1])
    assert {found["referral_id"] for found in await overdue(staff, "2024-11-21")} == {reviewed, held}


async def test_a_decision_against_the_person_is_word_for_whoever_is_told(
    gp: httpx.AsyncClient, staff: httpx.AsyncClient, intake: FastAPI, issuer: DevIssuer
) -> None:
    mine = await made(gp, 0, **UNCLEAR)
    async with calling(intake, token(issuer, "jobcentre", "jcp-1")) as jobcentre:
        theirs = await made(jobcentre, 1, route="jobcentre_plus", referrer={"name": "Hulme"}, **UNCLEAR)
        for one in (mine, theirs):
            await decided(staff, one, "eligibility-decision", NOT_ELIGIBLE)
        told = [(await client.get(f"/referrals/{one}")).json() for client, one in ((gp, mine), (jobcentre, theirs))]
    assert [one["status"] for one in told] == ["not_eligible", "received"]
    assert [found["referral_id"] for found in await overdue(staff, "2024-11-21")] == [theirs], "nobody has told them"


async def test_word_is_due_anew_when_a_contest_is_won(
    gp: httpx.AsyncClient, staff: httpx.AsyncClient, intake: FastAPI, issuer: DevIssuer, inbox: Inbox, clock: Clock
) -> None:
    mine = await made(gp, 0, **UNCLEAR)
    await decided(staff, mine, "eligibility-decision", NOT_ELIGIBLE)
    clock.now = datetime(2024, 11, 25, 9, 0, tzinfo=UTC)  # a Monday
    await decided(gp, mine, "contest", {})
    assert await overdue(staff, "2024-11-29") == [], "somebody must decide first: that is another list"
    clock.now = datetime(2024, 11, 28, 9, 0, tzinfo=UTC)  # Thursday
    async with calling(intake, token(issuer, "nhs", "P84001", "assessor", sub="another")) as assessor:
        await decided(assessor, mine, "eligibility-decision", {**ELIGIBLE, "unmet": None})
    assert await overdue(staff, "2024-12-02") == []
    [found] = await overdue(staff, "2024-12-03")
    assert (found["received_on"], found["waits_since"]) == ("2024-11-18", "2024-11-28")
    assert (found["due_on"], found["working_days_over"], found["answered_on"]) == ("2024-12-02", 1, None)
    await process(inbox, itertools.count(), mine, acknowledged="2024-12-04")
    assert await overdue(staff, "2024-12-04") == []
    assert [found["answered_on"] for found in await overdue(staff, "2024-12-03")] == ["2024-12-04"]


async def decided(client: httpx.AsyncClient, referral_id: str, what: str, body: dict[str, Any]) -> None:
    answer = await post(client, body, f"/referrals/{referral_id}/{what}")
    assert answer.status_code == 201, answer.text


async def test_the_order_of_the_topics_does_not_matter(
    gp: httpx.AsyncClient, staff: httpx.AsyncClient, inbox: Inbox
) -> None:
    mine = await made(gp, 0)
    triage, plan, outcome = story(mine)
    for record in (*outcome, *plan, *triage):
        await inbox.process([record])  # taken up on the 20th, closed in December: the first word counts
    assert await overdue(staff, "2024-11-21") == []


async def test_who_may_see_it(gp: httpx.AsyncClient, intake: FastAPI, issuer: DevIssuer) -> None:
    await made(gp, 0)
    for who, status, seen in (
        (token(issuer, "provider", "x", "coach"), 200, 1),
        (token(issuer, "provider", "x", "auditor", programme="workwell-frimley"), 200, 1),
        (token(issuer, "provider", "x", "coach", programme="workwell-frimley"), 200, 0),
        (token(issuer, "employer", "x", "coach"), 404, None),
        (token(issuer), 403, None),
    ):
        async with calling(intake, who) as client:
            answer = await client.get("/referrals/overdue", params={"as_of": "2024-11-29"})
            assert answer.status_code == status
            assert seen is None or len(answer.json()) == seen


async def test_pages_and_days_out_of_range(gp: httpx.AsyncClient, staff: httpx.AsyncClient, clock: Clock) -> None:
    wanted = sorted([await made(gp, number) for number in range(5)])
    seen: list[str] = []
    place = "/referrals/overdue?as_of=2024-11-29&limit=2"
    while place:
        answer = await staff.get(place)
        seen += [found["referral_id"] for found in answer.json()]
        place = answer.links["next"]["url"] if "next" in answer.links else ""
    assert seen == wanted
    clock.now = datetime(2024, 11, 29, 12, tzinfo=UTC)
    first = await staff.get("/referrals/overdue", params={"limit": 2})
    assert "as_of=" in first.links["next"]["url"], "asked for tomorrow, it is still a page of today's list"
    for day in ("0001-01-01", "1999-12-31", "2100-01-01", "9999-12-31", "yesterday"):
        assert (await staff.get("/referrals/overdue", params={"as_of": day})).status_code == 422
    for cursor in ("x", "WyJhIiwiYiJd", "WyJhIl0"):
        answer = await staff.get("/referrals/overdue", params={"cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (422, "cursor_malformed")


async def test_the_same_by_hand(gp: httpx.AsyncClient, settings: Settings, ask: Ask) -> None:
    mine = await made(gp, 0)
    found = await by_hand(settings, "overdue", "--as-of", "2024-11-29", "--json")
    assert json.loads(found) == [
        {
            "referral_id": mine,
            "programme": "workwell-greater-manchester",
            "programme_version": "2024.1",
            "route": "gp",
            "received_on": "2024-11-18",
            "waits_since": "2024-11-18",
            "due_on": "2024-11-20",
            "working_days_over": 7,
            "answered_on": None,
        }
    ]
    assert await by_hand(settings, "overdue", "--as-of", "2024-11-20") == "Overdue: none\n"
    assert (
        await by_hand(settings, "overdue", "--as-of", "2024-11-29", "--programme", "workwell-frimley", "--json")
        == "[]\n"
    )
    await by_hand(settings, "overdue", "--programme", "nowhere", code=1)
    await by_hand(settings, "overdue", "--as-of", "1066-10-14", code=1)
    await by_hand(settings, "overdue", "--as-of", "soon", code=2)


async def by_hand(settings: Settings, *words: str, code: int = 0) -> str:
    def lookup(_: str) -> tuple[Service, Settings]:
        return build(), settings

    done = await asyncio.to_thread(CliRunner().invoke, referral_commands(lookup), words)
    assert done.exit_code == code, done.output
    return "".join(line for line in done.stdout.splitlines(keepends=True) if "[warning" not in line)  # the API's own
