"""Coaching over HTTP on a real database: commands, the plan, the caseload, who may see what."""

import asyncio
from datetime import date
from typing import Any

import asyncpg
import httpx
import pytest
from structlog.testing import capture_logs

from services.coaching.store import NOTE
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.sealing.tokens import open_token, seal
from tests.integration.coaching.world import PLAN, PROGRAMME, REFERRALS, Desk, Triage, codes, with_answers
from tests.parts.cursors import at_the_edges, of_line
from tests.parts.databases import Database
from tests.parts.keys import MadeKeys, key_of
from tests.unit.coaching.desk import FIRST_STEPS, GOAL, NOW, PERSON, REFERRED_ON


async def test_a_later_recommendation_names_what_it_would_change(ada: Desk, triage: Triage) -> None:
    await triage(PLAN)
    assert (await ada.get(f"/plans/{PLAN}")).json()["proposal_differences"] is None
    await ada.ask("recommendation_confirmed", revision=1)
    assert (await ada.get(f"/plans/{PLAN}")).json()["proposal_differences"] is None
    await triage(PLAN, revision=2, outcome="held", package=[{"support": "crisis", "intensity": None, "after": []}])
    held = (await ada.get(f"/plans/{PLAN}")).json()["proposal_differences"]
    assert (held["hold"], held["to_plan"]) == ("set", None)
    item = {"support": "physiotherapy", "intensity": "key_worker", "after": []}
    await triage(PLAN, revision=3, package=[item])
    found = (await ada.get(f"/plans/{PLAN}")).json()["proposal_differences"]
    assert (found["confirmed_revision"], found["revision"], found["hold"]) == (1, 3, "set")
    assert (
        found["to_plan"]
        == found["to_recommendation"]
        == {
            "added": [],
            "removed": ["employer_conversation"],
            "intensity": [{"support": "physiotherapy", "before": None, "after": "key_worker"}],
            "moved": [],
        }
    )


async def test_from_the_recommendation_to_a_participant(ada: Desk, triage: Triage) -> None:
    await triage(PLAN)
    shown = await ada.get(f"/plans/{PLAN}")
    assert (shown.status_code, shown.headers["ETag"]) == (200, '"1"')
    plan = shown.json()
    assert (plan["state"], plan["plan"]["proposal"]["revision"]) == ("proposed", 1)
    assert plan["recommendation"]["findings"]["reasons"] == [{"rule": "R21", "code": "msk_medium_or_high"}]
    assert [item["support"] for item in plan["recommendation"]["package"]] == ["physiotherapy", "employer_conversation"]
    assert {"recommendation_confirmed", "closed"} <= set(plan["moves"])
    assert not {"proposed", "plan_agreed", "reopened"} & set(plan["moves"])

    confirmed = await ada.ask("recommendation_confirmed", revision=1, if_match='"1"')
    assert confirmed.status_code == 200, confirmed.text
    done = confirmed.json()
    assert (done["referral_id"], done["plan_version"], done["state"], done["waiting"]) == (PLAN, 2, "confirmed", False)
    assert len(done["events"]) == 1
    assert (await ada.ask("plan_agreed", goals=[GOAL], steps=[*FIRST_STEPS])).status_code == 200
    assert (await ada.ask("step_started", step_id="step-1")).json()["state"] == "active"
    session: dict[str, Any] = {"attendance": "attended", "minutes": 45, "channel": "phone", "step_id": "step-1"}
    assert (await ada.ask("session_recorded", **session)).status_code == 200
    plan = (await ada.get(f"/plans/{PLAN}")).json()
    assert plan["blocked"] == {"step-2": ["step-1"]}
    assert (plan["plan"]["started_on"], plan["support_until"]) == ("2024-11-18", "2025-02-10")


async def test_further_referrals_of_the_person_stand_with_the_plan(ada: Desk, triage: Triage) -> None:
    """Also one that triage holds, which has no plan of its own; and each says what it is additional to."""
    further, held, other = REFERRALS[1:4]
    await triage(PLAN, other)
    await triage(further, linked_referral=PLAN, route="employer")
    await triage(held, linked_referral=PLAN, outcome="held", package=(), awaiting_since=NOW, referred_on="2024-11-19")
    await triage(further, linked_referral=PLAN, revision=2)
    shown = (await ada.get(f"/plans/{PLAN}")).json()
    assert shown["plan"]["linked_referral"] is None
    common = {"programme": PROGRAMME}
    assert shown["additional_referrals"] == [
        {"referral_id": further, "route": "employer", "referred_on": "2024-11-18", "state": "proposed", **common},
        {"referral_id": held, "route": "gp", "referred_on": "2024-11-19", "state": None, **common},
    ]
    assert (await ada.get(f"/plans/{other}")).json()["additional_referrals"] == []
    await ada.ask("recommendation_confirmed", plan=further, revision=2)
    own = (await ada.get(f"/plans/{further}")).json()
    assert (own["plan"]["linked_referral"], own["additional_referrals"]) == (PLAN, [])


async def test_an_illegal_move_is_409_with_a_code_and_changes_nothing(ada: Desk, triage: Triage) -> None:
    await triage(PLAN)
    before = (await ada.get(f"/plans/{PLAN}")).json()
    answer = await ada.ask("step_started", step_id="step-1")
    assert (answer.status_code, codes(answer)) == (409, ["not_confirmed"])
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await ada.get(f"/plans/{PLAN}")).json() == before


async def test_two_coaches_one_wins_the_other_learns_the_version(ada: Desk, ben: Desk, triage: Triage) -> None:
    await triage(PLAN)
    answers = await asyncio.gather(
        *(desk.ask("recommendation_confirmed", revision=1, if_match='"1"') for desk in (ada, ben) for _ in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    lost = [answer for answer in answers if answer.status_code == 409]
    assert {code for answer in lost for code in codes(answer)} == {"stale_version"}
    assert all("version 2" in answer.json()["detail"] for answer in lost)


async def test_if_match_is_a_quoted_version(ada: Desk, triage: Triage) -> None:
    await triage(PLAN)
    assert codes(await ada.ask("acknowledged", if_match="1")) == ["if_match_malformed"]
    assert (await ada.ask("acknowledged", if_match="*")).status_code == 200
    assert (await ada.ask("contacted", channel="phone", reached=True, if_match='W/"2"')).status_code == 200


async def test_the_same_key_acts_once(ada: Desk, triage: Triage) -> None:
    await triage(PLAN)
    body = {"kind": "acknowledged", "occurred_on": "2024-11-18"}
    headers = {**ada.headers, "Idempotency-Key": "once"}
    first, again = [await ada.client.post(f"/plans/{PLAN}/commands", json=body, headers=headers) for _ in range(2)]
    assert first.json() == again.json()
    assert (await ada.get(f"/plans/{PLAN}")).json()["plan_version"] == 2


async def test_all_that_is_wrong_is_told_with_pointers(ada: Desk, triage: Triage) -> None:
    await triage(PLAN)
    answer = await ada.ask("plan_agreed", goals=[{"goal_id": "A!", "theme": "fame"}], steps=[], surprise=1)
    assert answer.status_code == 422
    found = {(error["code"], error["pointer"]) for error in answer.json()["errors"]}
    assert {
        ("malformed", "/goals/0/goal_id"),
        ("unknown_code", "/goals/0/theme"),
        ("too_short", "/steps"),
        ("unknown_field", "/surprise"),
    } <= found
    assert codes(await ada.ask("levitate")) == ["unknown_code"]
    future = await ada.ask("acknowledged", occurred_on="2025-06-03")
    assert (future.status_code, future.json()["errors"][0]["pointer"]) == (422, "/occurred_on")


async def test_who_may_see_and_move_a_plan(
    ada: Desk, ben: Desk, client: httpx.AsyncClient, issuer: DevIssuer, triage: Triage
) -> None:
    await triage(PLAN)
    lead = Desk(client, issuer, "lead-1", role="team_lead")
    stranger = Desk(client, issuer, "coach-zoe", role="team_lead", org="big-life")
    referrer = Desk(client, issuer, "gp-1", role="referrer")
    assert (await ben.get(f"/plans/{PLAN}")).status_code == 200
    await ada.ask("recommendation_confirmed", revision=1)

    assert (await ben.get(f"/plans/{PLAN}")).status_code == 404
    refused = await ben.ask("acknowledged")
    assert (refused.status_code, codes(refused)) == (403, ["other_coach"])
    for answer in (
        await stranger.get(f"/plans/{PLAN}"),
        await stranger.ask("acknowledged"),
        await stranger.get(f"/plans/{PLAN}/notes"),
        await stranger.get(f"/plans/{REFERRALS[4]}"),
        await ada.ask("acknowledged", plan=REFERRALS[4]),
    ):
        assert (answer.status_code, codes(answer)) == (404, ["plan_not_found"])
    assert (await referrer.get(f"/plans/{PLAN}")).status_code == 403

    assert (await lead.ask("coach_assigned", coach="coach-ben")).status_code == 200
    assert (await ben.get(f"/plans/{PLAN}")).status_code == 200
    assert (await ada.get(f"/plans/{PLAN}")).status_code == 404


async def test_the_caseload_by_pages(
    ada: Desk, ben: Desk, client: httpx.AsyncClient, issuer: DevIssuer, triage: Triage
) -> None:
    await triage(*REFERRALS[:2])
    await triage(*REFERRALS[2:4], referred_on=date(2024, 11, 11), occurred_on=REFERRED_ON)
    await triage(REFERRALS[4], provider="big-life", contract="wwgm-manchester-big-life")
    await ada.ask("recommendation_confirmed", revision=1)
    await ben.ask("recommendation_confirmed", revision=1, plan=REFERRALS[1])

    async def listed(desk: Desk, **params: Any) -> list[str]:
        found, cursor = [], None
        while True:
            answer = await desk.get("/plans", limit=1, **params, **({"cursor": cursor} if cursor else {}))
            assert answer.status_code == 200, answer.text
            found += [plan["referral_id"] for plan in answer.json()["plans"]]
            cursor = answer.json()["next"]
            if cursor is None:
                return found

    lead = Desk(client, issuer, "lead-1", role="team_lead")
    assert await listed(lead) == [REFERRALS[2], REFERRALS[3], REFERRALS[0], REFERRALS[1]]
    assert await listed(ada) == [REFERRALS[2], REFERRALS[3], REFERRALS[0]]
    assert await listed(ada, coach="coach-ada") == await listed(ada, state="confirmed") == [REFERRALS[0]]
    assert await listed(ada, coach="coach-ben") == []
    assert await listed(lead, coach="coach-ben") == [REFERRALS[1]]
    assert codes(await lead.get("/plans", cursor="bm9uc2Vuc2U=")) == ["cursor_malformed"]
    for parts in at_the_edges():
        answer = await lead.get("/plans", cursor=of_line(*parts))
        assert answer.status_code in {200, 422}, (parts, answer.text)
        assert answer.status_code == 200 or codes(answer) == ["cursor_malformed"]
    assert (await lead.get("/plans", state="floating")).status_code == 422


async def test_notes_stay_here(ada: Desk, coaching: Database, triage: Triage) -> None:
    await triage(PLAN)
    done = (await ada.ask("note_recorded", note="sleeps badly")).json()
    [note] = (await ada.get(f"/plans/{PLAN}/notes")).json()
    assert (note["text"], note["event_id"], note["written_by"]) == ("sleeps badly", done["events"][0], "coach-ada")
    connection = await asyncpg.connect(coaching.dsn)
    try:
        told = await connection.fetchval(
            "SELECT count(*) FROM outbox WHERE position('sleeps' IN encode(value, 'escape')) > 0"
        )
        assert told == 0
        kept = await connection.fetchval("SELECT text FROM plan_note")
        assert open_token(kept, key_of(PERSON), NOTE, {PERSON}) == "sleeps badly"
        for statement in ("UPDATE plan_note SET text = ''", "DELETE FROM plan_note"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


async def test_of_an_erased_person_the_plan_is_shown_without_what_was_sealed(
    ada: Desk, triage: Triage, keys: MadeKeys
) -> None:
    await triage(PLAN, sealed=with_answers())
    await ada.ask("note_recorded", note="sleeps badly")
    shown = (await ada.get(f"/plans/{PLAN}")).json()["recommendation"]
    assert shown["assessment"]["phq9"] == {"score": 12, "item9": 0}
    keys.erased.add(PERSON)
    gone = (await ada.get(f"/plans/{PLAN}")).json()["recommendation"]
    assert (gone["findings"], gone["assessment"]) == (None, None)
    assert gone["package"] == shown["package"]
    [note] = (await ada.get(f"/plans/{PLAN}/notes")).json()
    assert (note["text"], note["written_by"]) == (None, "coach-ada")
    refused = await ada.ask("note_recorded", note="more")
    assert (refused.status_code, codes(refused)) == (410, ["person_erased"])
    assert len((await ada.get(f"/plans/{PLAN}/notes")).json()) == 1


async def test_a_key_that_the_vault_lost_is_said_and_nothing_changes(ada: Desk, triage: Triage, keys: MadeKeys) -> None:
    await triage(PLAN)
    keys.lost.add(PERSON)
    with capture_logs() as logs:
        answers = [await ada.ask("note_recorded", note="sleeps badly"), await ada.get(f"/plans/{PLAN}")]
    for answer in answers:
        assert (answer.status_code, codes(answer)) == (503, ["key_missing"])
        assert int(answer.headers["Retry-After"]) > 0
    told = [(line["event"], line["error"]) for line in logs if line["log_level"] == "error"]
    assert told == [("http_without_keys", "KeyMissing")] * 2
    keys.lost.clear()
    assert (await ada.get(f"/plans/{PLAN}")).json()["plan_version"] == 1
    assert (await ada.get(f"/plans/{PLAN}/notes")).json() == []


async def test_a_token_of_somebody_else_is_not_shown(ada: Desk, coaching: Database, triage: Triage) -> None:
    """Somebody who can write to the table cannot make one person's note another's."""
    await triage(PLAN)
    await ada.ask("note_recorded", note="sleeps badly")
    foreign = seal("drinks", key_of(REFERRALS[1]), NOTE)
    coaching.postgres.execute(f"UPDATE plan_note SET text = '{foreign}'", coaching.name)
    assert (await ada.get(f"/plans/{PLAN}/notes")).status_code == 500


async def test_the_openapi_document_has_a_field_table_for_each_kind(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    body = document["paths"]["/plans/{referral_id}/commands"]["post"]["requestBody"]["content"]["application/json"]
    mapping = body["schema"]["discriminator"]["mapping"]
    assert len(mapping) == len(body["schema"]["oneOf"]) == 32
    assert set(body["examples"]) == set(mapping)
    assert all(example["value"]["kind"] == kind for kind, example in body["examples"].items())
    agreed = document["components"]["schemas"][mapping["plan_agreed"].rsplit("/", 1)[1]]
    assert agreed["required"] == ["occurred_on", "kind", "goals", "steps"]
    assert agreed["properties"]["occurred_on"]["format"] == "date"
    assert agreed["additionalProperties"] is False
