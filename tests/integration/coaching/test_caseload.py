"""Caseloads over HTTP on a real database: places under a ceiling, transfer, absence and cover, work lists."""

import asyncio
from datetime import date, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from services.coaching.domain.aggregates import KeyTaken
from services.kernel.http.dev_issuer import DevIssuer
from tests.integration.coaching.world import PLAN, PROVIDER, REFERRALS, Desk, Triage, codes, numbers
from tests.parts.databases import Database
from tests.unit.coaching.desk import FIRST_STEPS, GOAL, REFERRED_ON, TODAY


@pytest.fixture
def lead(client: httpx.AsyncClient, issuer: DevIssuer) -> Desk:
    return Desk(client, issuer, "lead-1", "team_lead")


async def say(desk: Desk, coach: str, kind: str, **fields: Any) -> httpx.Response:
    headers = {**desk.headers, "Idempotency-Key": f"coach-{next(numbers)}"}
    return await desk.client.post(f"/coaches/{coach}/commands", json={"kind": kind, **fields}, headers=headers)


async def register(lead: Desk, coach: str, capacity: int = 2, **profile: Any) -> None:
    answer = await say(lead, coach, "registered", profile={"capacity": capacity, **profile})
    assert answer.status_code == 200, answer.text


async def away(desk: Desk, coach: str, first: date, last: date | None, cover: str | None) -> httpx.Response:
    until = None if last is None else last.isoformat()
    return await say(desk, coach, "absence_recorded", from_on=first.isoformat(), until_on=until, cover=cover)


async def seen(desk: Desk, **params: Any) -> list[tuple[str, str]]:
    answer = await desk.get("/caseload/work", **params)
    assert answer.status_code == 200, answer.text
    return [(item["list"], item["referral_id"]) for item in answer.json()]


async def test_nobody_takes_a_plan_over_their_capacity(lead: Desk, ada: Desk, triage: Triage) -> None:
    await triage(*REFERRALS[:3])
    await register(lead, "coach-ada", capacity=2)
    for plan in REFERRALS[:2]:
        assert (await ada.ask("recommendation_confirmed", plan=plan, revision=1)).status_code == 200
    full = await ada.ask("recommendation_confirmed", plan=REFERRALS[2], revision=1)
    assert (full.status_code, codes(full)) == (409, ["caseload_full"])
    by_name = await lead.ask("coach_assigned", plan=REFERRALS[2], coach="coach-ada")
    assert (by_name.status_code, codes(by_name)) == (409, ["caseload_full"])
    untouched = (await lead.get(f"/plans/{REFERRALS[2]}")).json()
    assert (untouched["state"], untouched["plan_version"], untouched["plan"]["coach"]) == ("proposed", 1, None)
    await ada.ask("closed", plan=REFERRALS[0], closure="46")
    assert (await ada.ask("recommendation_confirmed", plan=REFERRALS[2], revision=1)).status_code == 200


async def test_two_leads_do_not_overwrite_each_other(lead: Desk) -> None:
    await register(lead, "coach-ada", capacity=2)
    [seen_by_both] = (await lead.get("/coaches")).json()["coaches"]
    lead.headers["If-Match"] = f'"{seen_by_both["version"]}"'
    first = await say(lead, "coach-ada", "profile_changed", profile={"capacity": 5})
    second = await say(lead, "coach-ada", "profile_changed", profile={"capacity": 9})
    unknown = await say(lead, "coach-nobody", "registered", profile={"capacity": 1})
    assert (first.status_code, second.status_code, unknown.status_code) == (200, 409, 409)
    assert codes(second) == codes(unknown) == ["stale_version"]
    assert "version 2" in second.text
    lead.headers["If-Match"] = "seven"
    assert (await say(lead, "coach-ada", "left")).status_code == 400


async def test_free_places_of_a_day_count_what_was_recorded_late(lead: Desk, ada: Desk, triage: Triage) -> None:
    """As work lists do: a version counts from the latest day of those up to it."""
    await triage(PLAN)
    await register(lead, "coach-ada", capacity=2)
    later, before = REFERRED_ON + timedelta(days=9), REFERRED_ON + timedelta(days=3)
    await ada.ask("contacted", channel="phone", reached=True, occurred_on=later.isoformat())
    await ada.ask("recommendation_confirmed", revision=1, occurred_on=before.isoformat())
    for day, held in ((before, 0), (later, 1)):
        [told] = (await lead.get("/coaches", as_of=day.isoformat())).json()["coaches"]
        assert (day, told["open_plans"]) == (day, held)


async def test_a_closed_plan_is_no_way_round_the_capacity(lead: Desk, ada: Desk, ben: Desk, triage: Triage) -> None:
    await triage(*REFERRALS[:2])
    await register(lead, "coach-ada", capacity=1)
    assert (await ada.ask("recommendation_confirmed", plan=REFERRALS[0], revision=1)).status_code == 200
    assert (await ben.ask("recommendation_confirmed", plan=REFERRALS[1], revision=1)).status_code == 200
    assert (await ben.ask("closed", plan=REFERRALS[1], closure="46")).status_code == 200
    full = await lead.ask("coach_assigned", plan=REFERRALS[1], coach="coach-ada")
    assert (full.status_code, codes(full)) == (409, ["caseload_full"])


async def test_two_plans_at_once_do_not_share_the_last_place(lead: Desk, ada: Desk, triage: Triage) -> None:
    await triage(*REFERRALS[:4])
    await register(lead, "coach-ada", capacity=1)
    answers = await asyncio.gather(
        *(lead.ask("coach_assigned", plan=plan, coach="coach-ada") for plan in REFERRALS[:4])
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert {code for answer in answers if answer.status_code == 409 for code in codes(answer)} == {"caseload_full"}


async def test_a_transfer_keeps_the_history(lead: Desk, ada: Desk, ben: Desk, triage: Triage) -> None:
    await triage(PLAN)
    await register(lead, "coach-ada")
    await register(lead, "coach-ben")
    await ada.ask("recommendation_confirmed", revision=1)
    later = TODAY.isoformat()
    moved = await lead.ask("coach_assigned", coach="coach-ben", occurred_on=later)
    assert moved.status_code == 200
    assert (await ada.get(f"/plans/{PLAN}")).status_code == 404
    history = (await ben.get(f"/plans/{PLAN}/coaches")).json()
    assert [(one["coach"], one["since_on"], one["until_on"], one["by"]) for one in history] == [
        ("coach-ada", REFERRED_ON.isoformat(), later, "coach-ada"),
        ("coach-ben", later, None, "lead-1"),
    ]


async def test_each_plan_taken_is_an_event_of_the_coach(
    lead: Desk, ada: Desk, triage: Triage, coaching: Database
) -> None:
    await triage(PLAN)
    await register(lead, "coach-ada")
    await ada.ask("recommendation_confirmed", revision=1)
    connection = await asyncpg.connect(coaching.dsn)
    rows = await connection.fetch("SELECT key, topic, sequence FROM outbox WHERE key = $1 ORDER BY id", "coach-ada")
    await connection.close()
    assert [(row["key"], row["topic"], row["sequence"]) for row in rows] == [
        ("coach-ada", "plan.updated", 1),
        ("coach-ada", "plan.updated", 2),
    ]


async def test_who_covers_sees_and_moves_the_plans_while_the_coach_is_away(
    lead: Desk, ada: Desk, ben: Desk, triage: Triage
) -> None:
    await triage(PLAN)
    await register(lead, "coach-ada")
    await register(lead, "coach-ben")
    await ada.ask("recommendation_confirmed", revision=1)
    assert (await ben.get(f"/plans/{PLAN}")).status_code == 404
    assert (await away(ada, "coach-ada", TODAY, TODAY, "coach-ben")).status_code == 200
    assert (await ben.get(f"/plans/{PLAN}")).status_code == 200
    assert [plan["referral_id"] for plan in (await ben.get("/plans")).json()["plans"]] == [PLAN]
    done = await ben.ask("contacted", channel="phone", reached=False)
    assert done.status_code == 200
    assert (await ben.get(f"/plans/{PLAN}")).json()["plan"]["coach"] == "coach-ada", "cover is no transfer"
    called_off = {"from_on": TODAY.isoformat(), "until_on": (TODAY - timedelta(days=1)).isoformat(), "cover": None}
    assert (await say(ada, "coach-ada", "absence_changed", **called_off)).status_code == 200
    assert (await ben.ask("contacted", channel="phone", reached=False)).status_code == 403


async def test_nothing_is_given_to_a_coach_who_is_away(lead: Desk, triage: Triage) -> None:
    await triage(PLAN)
    await register(lead, "coach-ada")
    await away(lead, "coach-ada", TODAY - timedelta(days=3), None, None)
    refused = await lead.ask("coach_assigned", coach="coach-ada")
    assert (refused.status_code, codes(refused)) == (409, ["coach_absent"])


async def test_who_is_away_cannot_cover(lead: Desk) -> None:
    for coach in ("coach-ada", "coach-ben"):
        await register(lead, coach)
    day = TODAY + timedelta(days=10)
    await away(lead, "coach-ben", day, day, None)
    refused = await away(lead, "coach-ada", TODAY, day, "coach-ben")
    assert (refused.status_code, codes(refused)) == (409, ["cover_absent"])
    unknown = await away(lead, "coach-ada", TODAY, day, "coach-nobody")
    assert (unknown.status_code, codes(unknown)) == (422, ["cover_unknown"])
    assert (await away(lead, "coach-ada", TODAY, day - timedelta(days=1), "coach-ben")).status_code == 200


async def test_the_examples_of_the_openapi_document_are_accepted_one_after_the_other(lead: Desk) -> None:
    document = (await lead.get("/openapi.json")).json()
    told = document["paths"]["/coaches/{coach_id}/commands"]["post"]["requestBody"]["content"]["application/json"]
    await register(lead, "coach-8")
    assert set(told["examples"]) == set(told["schema"]["discriminator"]["mapping"])
    for version, (name, example) in enumerate(told["examples"].items(), 1):
        body = {"json": example["value"], "headers": {**lead.headers, "Idempotency-Key": f"example-{name}"}}
        done = await lead.client.post("/coaches/coach-7/commands", **body)
        assert (done.status_code, done.json().get("version")) == (200, version), name


async def test_who_may_say_what_of_a_coach(lead: Desk, ada: Desk, ben: Desk, client: Any, issuer: DevIssuer) -> None:
    refused = await say(ada, "coach-ada", "registered", profile={"capacity": 500})
    assert (refused.status_code, codes(refused)) == (403, ["team_lead_only"])
    await register(lead, "coach-ada")
    assert (await away(ben, "coach-ada", TODAY, None, None)).status_code == 403
    other = Desk(client, issuer, "lead-2", "team_lead", org="big-life")
    assert codes(await say(other, "coach-ada", "left")) == ["coach_unknown"]
    assert codes(await say(lead, "coach-nobody", "left")) == ["coach_unknown"]
    assert codes(await say(lead, "coach-ada", "registered", profile={"capacity": 1})) == ["coach_exists"]


async def test_a_coach_who_has_left_works_for_another_provider(
    lead: Desk, ada: Desk, client: Any, issuer: DevIssuer, triage: Triage
) -> None:
    await triage(*REFERRALS[:2])
    other = Desk(client, issuer, "lead-2", "team_lead", org="big-life")
    await register(other, "coach-ada")
    elsewhere = await ada.ask("recommendation_confirmed", revision=1)
    assert (elsewhere.status_code, codes(elsewhere)) == (422, ["coach_elsewhere"])
    assert (await say(other, "coach-ada", "left")).status_code == 200
    assert (await ada.ask("recommendation_confirmed", revision=1)).status_code == 200, "registered nowhere: no ceiling"
    await register(lead, "coach-ada", capacity=1)
    assert codes(await say(other, "coach-ada", "registered", profile={"capacity": 5})) == ["coach_unknown"]
    full = await ada.ask("recommendation_confirmed", plan=REFERRALS[1], revision=1)
    assert (full.status_code, codes(full)) == (409, ["caseload_full"])


async def test_a_coach_is_registered_once_for_all_programmes_of_a_provider(
    lead: Desk, ada: Desk, issuer: DevIssuer, client: httpx.AsyncClient, triage: Triage
) -> None:
    await triage(PLAN)
    headers = issuer.headers(
        "team_lead", sub="lead-3", org=PROVIDER, organisation_kind="provider", programme="working-well-early-help"
    )
    lead_there = Desk(client, issuer, "lead-3", "team_lead")
    lead_there.headers = headers
    await register(lead_there, "coach-ada", capacity=1)
    assert (await ada.ask("recommendation_confirmed", revision=1)).status_code == 200
    assert (await say(lead, "coach-ada", "profile_changed", profile={"capacity": 3})).status_code == 200


async def test_a_coach_s_key_is_no_plan_and_a_plan_s_no_coach(lead: Desk, triage: Triage) -> None:
    await triage(PLAN)
    await register(lead, REFERRALS[1])
    assert (await lead.get(f"/plans/{REFERRALS[1]}")).status_code == 404
    assert (await lead.get(f"/plans/{REFERRALS[1]}/coaches")).status_code == 404
    assert (await lead.ask("acknowledged", plan=REFERRALS[1])).status_code == 404
    assert (await say(lead, PLAN, "left")).status_code == 404
    with pytest.raises(KeyTaken):  # a dead letter, which is seen: the referral is not lost in silence
        await triage(REFERRALS[1])
    assert (await lead.get(f"/plans/{REFERRALS[1]}")).status_code == 404, "an event about a referral moves no coach"
    await triage(REFERRALS[2], outcome="held", package=(), linked_referral=PLAN)
    refused = await say(lead, REFERRALS[2], "registered", profile={"capacity": 1})
    assert (refused.status_code, codes(refused)) == (422, ["coach_is_referral"])


async def test_coaches_are_listed_with_their_free_places(lead: Desk, ada: Desk, triage: Triage) -> None:
    await triage(PLAN, REFERRALS[1])
    await register(lead, "coach-ada", capacity=3, languages=["en", "ur"], localities=["manchester"])
    await register(lead, "coach-ben", capacity=9)
    await away(lead, "coach-ben", TODAY, TODAY, "coach-ada")
    await ada.ask("recommendation_confirmed", revision=1)
    await lead.ask("coach_assigned", plan=REFERRALS[1], coach="coach-who-is-not-registered")
    told = (await lead.get("/coaches")).json()
    rows = [(c["coach_id"], c["open_plans"], c["ceiling"], c["free_places"], c["cover"]) for c in told["coaches"]]
    assert rows == [
        ("coach-ada", 1, 3, 2, None),
        ("coach-ben", 0, 9, 0, "coach-ada"),
        ("coach-who-is-not-registered", 1, None, None, None),
    ]
    assert [c["coach_id"] for c in (await lead.get("/coaches", language="ur")).json()["coaches"]] == ["coach-ada"]
    tomorrow = (TODAY + timedelta(days=1)).isoformat()
    first = (await lead.get("/coaches", as_of=tomorrow)).json()["coaches"][0]
    assert (first["coach_id"], first["free_places"]) == ("coach-ben", 9)


async def test_what_is_recorded_late_says_nothing_of_how_a_plan_stood_before(
    ada: Desk, triage: Triage, coaching: Database
) -> None:
    """A note of June that is written down after the closing in July takes no plan off June's lists."""
    await triage(PLAN)
    await ada.ask("recommendation_confirmed", revision=1)
    before = REFERRED_ON + timedelta(days=7)
    assert await seen(ada, as_of=before.isoformat()) == [("to_contact", PLAN)]
    await ada.ask("closed", closure="46", occurred_on=(before + timedelta(days=30)).isoformat())
    await ada.ask("note_recorded", text="called", occurred_on=(before - timedelta(days=1)).isoformat())
    assert await seen(ada, as_of=before.isoformat()) == [("to_contact", PLAN)]
    assert await seen(ada) == []


async def test_the_places_that_are_shown_are_those_that_are_given(lead: Desk, ada: Desk, triage: Triage) -> None:
    """Plans that no provider has yet are held, too; and who was away twice at once is one coach."""
    await triage(PLAN, provider=None, contract=None)
    await triage(REFERRALS[1], REFERRALS[2])
    await register(lead, "coach-ada", capacity=2)
    for plan in REFERRALS[:2]:
        assert (await ada.ask("recommendation_confirmed", plan=plan, revision=1)).status_code == 200
    assert codes(await ada.ask("recommendation_confirmed", plan=REFERRALS[2], revision=1)) == ["caseload_full"]
    for first in (-9, -8):
        past = (TODAY + timedelta(days=first), TODAY - timedelta(days=5))
        assert (await away(lead, "coach-ada", *past, None)).status_code == 200
    for day in (TODAY, TODAY - timedelta(days=6)):
        told = (await lead.get("/coaches", as_of=day.isoformat())).json()["coaches"]
        assert [(one["coach_id"], one["open_plans"], one["free_places"]) for one in told] == [("coach-ada", 2, 0)]


async def test_the_lists_of_a_day_follow_from_what_had_happened(lead: Desk, ada: Desk, triage: Triage) -> None:
    await triage(PLAN, package=[{"support": "physiotherapy", "intensity": None, "after": []}])
    day = REFERRED_ON.isoformat()
    assert await seen(lead, as_of=(REFERRED_ON - timedelta(days=1)).isoformat()) == []
    assert await seen(lead, as_of=day) == [("new_proposal", PLAN), ("to_contact", PLAN)]
    await ada.ask("recommendation_confirmed", revision=1)
    await ada.ask("contacted", channel="phone", reached=False)
    assert await seen(ada, as_of=day) == [("to_contact", PLAN)]
    await ada.ask("contacted", channel="phone", reached=True, occurred_on=(REFERRED_ON + timedelta(days=2)).isoformat())
    assert await seen(ada, as_of=day) == [("to_contact", PLAN)], "what came later does not change what was so"
    assert await seen(ada) == []
    await ada.ask("plan_agreed", goals=[GOAL], steps=FIRST_STEPS)
    assert ("review", PLAN) in await seen(ada)
    for days in (3, 5):
        on = (REFERRED_ON + timedelta(days=days)).isoformat()
        await ada.ask("session_recorded", attendance="missed", channel="phone", occurred_on=on)
    assert ("missed_twice", PLAN) in await seen(ada)
    version = (await ada.get(f"/plans/{PLAN}")).json()["plan_version"]
    await ada.ask("corrected", refers_to=version, reason="wrong_person", occurred_on=TODAY.isoformat())
    assert ("missed_twice", PLAN) not in await seen(ada), "one of them was somebody else's"
    await ada.ask("closed", closure="46", occurred_on=TODAY.isoformat())
    assert await seen(ada) == []


async def test_a_contact_that_was_taken_back_has_reached_nobody(ada: Desk, triage: Triage) -> None:
    await triage(PLAN)
    await ada.ask("contacted", channel="phone", reached=True)
    assert ("to_contact", PLAN) not in await seen(ada)
    [fact] = (await ada.get(f"/plans/{PLAN}")).json()["facts"]
    await ada.ask("corrected", refers_to=fact["plan_version"], reason="wrong_person")
    assert ("to_contact", PLAN) in await seen(ada)


async def test_a_further_referral_stands_in_the_list_of_the_first(lead: Desk, triage: Triage) -> None:
    await triage(PLAN)
    await triage(REFERRALS[1], linked_referral=PLAN)
    answer = (await lead.get("/caseload/work", list="additional_referral")).json()
    assert [(item["referral_id"], item["about"]) for item in answer] == [(PLAN, REFERRALS[1])]
    await lead.ask("closed", plan=REFERRALS[1], closure="10")
    assert (await lead.get("/caseload/work", list="additional_referral")).json() == []


LETTER = """INSERT INTO letter (letter_id, referral_id, view, state, answer_by, queued_at, queued_on, queued_by,
    attempts,
    sent_on, sent_how, sent_version, changed_by)
VALUES ($1, $2, $3, 'sent', $4, now(), $5, 'coach-ada', 1, $5, 'post', 1, 'coach-ada')"""


async def test_a_letter_that_the_gp_does_not_answer_stands_in_the_list(
    lead: Desk, triage: Triage, coaching: Database
) -> None:
    await triage(PLAN)
    asked_by = REFERRED_ON + timedelta(days=14)
    connection = await asyncpg.connect(coaching.dsn)
    for letter, view in zip(REFERRALS[3:5], ("gp", "participant"), strict=True):
        await connection.execute(LETTER, letter, PLAN, view, asked_by, REFERRED_ON)
    unanswered = {"list": "letter_unanswered"}
    assert await seen(lead, **unanswered, as_of=asked_by.isoformat()) == []
    late = (await lead.get("/caseload/work", **unanswered, as_of=(asked_by + timedelta(days=1)).isoformat())).json()
    assert [(item["about"], item["due_on"], item["overdue"]) for item in late] == [
        (REFERRALS[3], asked_by.isoformat(), True)
    ]
    await connection.execute("UPDATE letter SET state = 'answered', answered_on = $1", asked_by + timedelta(days=3))
    await connection.close()
    assert await seen(lead, **unanswered) == []


async def test_another_day_opens_nobody_else_s_list(lead: Desk, ada: Desk, ben: Desk, triage: Triage) -> None:
    """Who once covered, or will, or held a plan that is another's now, sees what may be seen today."""
    await triage(PLAN)
    for coach in ("coach-ada", "coach-ben"):
        await register(lead, coach)
    await ada.ask("recommendation_confirmed", revision=1)
    past, ahead = (TODAY + timedelta(days=n) for n in (-3, 3))
    for day in (past, ahead):
        assert (await away(ada, "coach-ada", day, day, "coach-ben")).status_code == 200
        assert await seen(ben, as_of=day.isoformat()) == []
        assert codes(await ben.get("/caseload/work", coach="coach-ada", as_of=day.isoformat())) == ["other_coach"]
    assert await seen(ada, as_of=past.isoformat()) == [("to_contact", PLAN)]
    moved = await lead.ask("coach_assigned", coach="coach-ben", occurred_on=TODAY.isoformat())
    assert moved.status_code == 200
    assert await seen(ada, as_of=past.isoformat()) == []
    assert await seen(lead, as_of=past.isoformat(), coach="coach-ada") == [("to_contact", PLAN)]


async def test_all_pages_of_a_list_are_about_the_day_of_the_first(lead: Desk, triage: Triage) -> None:
    await triage(*REFERRALS[:2])
    first = await lead.get("/caseload/work", limit=1)
    assert f"as_of={TODAY.isoformat()}" in first.links["next"]["url"]


async def test_lists_have_pages_and_an_owner(lead: Desk, ada: Desk, ben: Desk, triage: Triage) -> None:
    await triage(*REFERRALS[:3])
    for plan in REFERRALS[:2]:
        await ada.ask("recommendation_confirmed", plan=plan, revision=1)
    assert await seen(ben) == [("new_proposal", REFERRALS[2]), ("to_contact", REFERRALS[2])]
    assert len(await seen(lead)) == 4
    first = await lead.get("/caseload/work", limit=3)
    assert len(first.json()) == 3
    rest = await lead.client.get(first.links["next"]["url"], headers=lead.headers)
    assert len(rest.json()) == 1
    assert "next" not in rest.links
    other = await ben.get("/caseload/work", coach="coach-ada")
    assert (other.status_code, codes(other)) == (403, ["other_coach"])
    assert len(await seen(lead, coach="coach-ada")) == 2
