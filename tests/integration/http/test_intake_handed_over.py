"""A plan handed over begets a linked referral: intake on PostgreSQL, the other services on databases in memory."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid5

import httpx
import pytest
from fastapi import FastAPI

from services.contracts import types
from services.intake.domain.handed_over import linked_referral_id
from services.intake.people.handovers import BEGOTTEN
from services.intake.referrals.examples import GP_REFERRAL
from services.intake.service import build
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.operations.dead_letters import DeadLetters
from services.kernel.replay.comparing import compare
from services.kernel.replay.folding import replay
from services.kernel.replay.history import History
from services.kernel.runtime.inbox import Inbox
from services.kernel.runtime.records import Record
from services.kernel.runtime.tables import write_rows
from services.kernel.service import Change, Row
from services.kernel.settings import Settings
from tests.integration.http.conftest import Ask, calling
from tests.integration.http.test_intake import ask, gp, intake, keys, post, settings, stored, token
from tests.integration.http.test_intake_consents_downstream import OUTBOX, Pathway, pathway
from tests.parts.keys import MadeKeys
from tests.unit.coaching.desk import NOW

__all__ = ["ask", "gp", "intake", "keys", "pathway", "settings", "stored"]

OTHER = "working-well-early-help"
HAND_OVER = {"programme": OTHER, "channel": "phone"}
DETAILS = "SELECT json_agg(to_jsonb(d) - 'referral_id') FROM referral_details d WHERE {}"
REFERRALS = (
    "SELECT json_agg(json_build_array(referral_id, programme, organisation_id, linked_referral, route) "
    "ORDER BY referred_on, referral_id) FROM referral"
)


async def agreed_over(gp: httpx.AsyncClient, pathway: Pathway) -> tuple[str, str]:
    """Return the same two ids before intake has read the handover."""
    key = (await post(gp, GP_REFERRAL)).json()["referral_id"]
    await pathway.flow()
    pathway.coach(key, "recommendation_confirmed", "2024-11-20", revision=1)
    await pathway.flow()
    pathway.coach(key, "handed_over", "2024-11-25", **HAND_OVER)
    pathway.world.read_in_order()
    return key, linked_referral_id(handover(pathway, key).headers["ce_id"])


async def handed_over(gp: httpx.AsyncClient, pathway: Pathway) -> tuple[str, str]:
    """Return the ids of a referral and of the one that its handover begets."""
    key = (await post(gp, GP_REFERRAL)).json()["referral_id"]
    await pathway.flow()
    pathway.coach(key, "recommendation_confirmed", "2024-11-20", revision=1)
    pathway.coach(key, "handed_over", "2024-11-25", **HAND_OVER)
    assert pathway.world.refused == []
    await pathway.flow()
    return key, linked_referral_id(handover(pathway, key).headers["ce_id"])


def handover(pathway: Pathway, key: str) -> Any:
    """The record that says so."""
    [found] = [
        Headed(record)
        for (topic, _), records in pathway.world.log.items()
        for record in records
        if topic == types.TOPIC_PLAN and record.key == key.encode() and b'"handed_over",' in (record.value or b"")
    ]
    return found


class Headed:
    """A record whose headers can be asked by name."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.headers = {name: value.decode() for name, value in record.headers if value is not None}


def begotten(ask: Ask, key: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """What intake has said of a referral: attributes and data."""
    rows = [json.loads(line) for line in ask(OUTBOX).splitlines()]
    return [(headers, json.loads(value)) for found, headers, value in rows if found == key]


async def test_the_other_programme_has_a_linked_referral(
    gp: httpx.AsyncClient, intake: FastAPI, issuer: DevIssuer, pathway: Pathway, ask: Ask
) -> None:
    key, new = await handed_over(gp, pathway)
    plan = pathway.plan(key)
    assert (plan.state, plan.plan.closure, plan.plan.handed_over_to) == ("closed", "13", OTHER)
    [(attributes, data)] = begotten(ask, new)
    assert new == str(uuid5(UUID(handover(pathway, key).headers["ce_id"]), "referral/0")), "as decision 41 says"
    assert attributes["causationid"] == handover(pathway, key).headers["ce_id"]
    assert attributes["type"] == types.REFERRAL_CREATED
    assert (data["linked_referral"], data["person_id"], data["programme"]["id"]) == (key, plan.person_id, OTHER)
    assert (data["referred_on"], data["route"], data["provider"]) == ("2024-11-25", "provider", f"{OTHER}-provider")
    assert data["consents"] == {
        "take_part": {"given": True, "on": "2024-11-25", "channel": "phone", "since": None, "other_on": None},
        "share_with_gp": None,
        "share_with_employer": None,
    }, "what was said to the first programme is not said to the second"
    assert data["language"] == plan.plan.language
    assert data["eligibility"]["outcome"] == "review", "what was not asked is for a named person"
    assert {reason["known"] for reason in data["eligibility"]["reasons"]} == {False}
    assert data["takes_over"] is True
    assert json.loads(ask(REFERRALS))[1] == [new, OTHER, plan.provider, None, "provider"], "it is additional to none"
    details = "SELECT row(birth_date, family_name, contact::text) FROM referral_details WHERE referral_id = '{}'"
    assert ask(details.format(new)) == ask(details.format(key)), "the person's details go with them"
    async with calling(intake, token(issuer, "provider", plan.provider, programme=OTHER)) as provider:
        assert (await provider.get(f"/referrals/{new}")).json()["status"] in {"eligibility_review", "on_hold"}


@pytest.mark.parametrize("started", [True, False], ids=["the first had begun", "the first had not begun"])
async def test_a_person_who_is_handed_over_is_paid_for_once(
    started: bool, gp: httpx.AsyncClient, pathway: Pathway, ask: Ask
) -> None:
    """One person, one participant's price: under whichever plan they first took part."""
    session = {"attendance": "attended", "minutes": 30, "channel": "phone"}
    key = (await post(gp, GP_REFERRAL)).json()["referral_id"]
    await pathway.flow()
    pathway.coach(key, "recommendation_confirmed", "2024-11-20", revision=1)
    if started:
        pathway.coach(key, "session_recorded", "2024-11-21", **session)
    pathway.coach(key, "handed_over", "2024-11-25", **HAND_OVER)
    await pathway.flow()
    new = linked_referral_id(handover(pathway, key).headers["ce_id"])
    await pathway.flow()
    pathway.coach(new, "recommendation_confirmed", "2024-11-26", revision=1)
    pathway.coach(new, "session_recorded", "2024-11-27", **session)
    assert pathway.world.refused == []
    await pathway.flow()
    earned = pathway.world.parts["outcomes"].state
    paid = {one for one in (key, new) if earned(one) is not None}
    assert paid == {key if started else new}
    assert [entry.milestone for entry in earned(*paid).earned] == ["participant"]
    assert (pathway.plan(new).plan.linked_referral, pathway.plan(new).plan.additional) == (key, started)
    assert json.loads(ask(REFERRALS))[1][3] == (key if started else None)


async def test_the_same_record_again_begets_nothing_more(
    gp: httpx.AsyncClient, intake: FastAPI, pathway: Pathway, ask: Ask, keys: MadeKeys
) -> None:
    _, new = await handed_over(gp, pathway)
    before = ask(OUTBOX)
    await pathway.flow()
    assert ask(OUTBOX) == before
    ask("UPDATE stream_position SET next_offset = 0, last_sha256 = NULL")
    ask("DELETE FROM key_position")
    service = build()
    inbox = Inbox(service, service.policy(), intake.state.parts.pool, keys=keys)
    for (topic, _), records in pathway.world.log.items():
        if topic in service.inputs and records:
            await inbox.process(records)
    assert len(begotten(ask, new)) == 1, "also where the whole topic is read again: the referral is there already"
    assert ask(OUTBOX) == before


async def test_after_a_restore_the_handover_is_remembered_until_it_is_read_again(
    gp: httpx.AsyncClient, intake: FastAPI, pathway: Pathway, ask: Ask, keys: MadeKeys
) -> None:
    """Intake's own log names the handover as answered under the new referral; it comes under the first one's key."""
    _, new = await handed_over(gp, pathway)
    await pathway.flow()
    before = ask(OUTBOX)
    [(attributes, _)] = begotten(ask, new)
    ask(f"INSERT INTO restored_input (key, event_id) VALUES ('{new}', '{attributes['causationid']}')")
    ask("UPDATE stream_position SET next_offset = 0, last_sha256 = NULL")
    ask("DELETE FROM key_position")
    service = build()
    inbox = Inbox(service, service.policy(), intake.state.parts.pool, keys=keys)
    for (topic, _), records in pathway.world.log.items():
        for record in records if topic in service.inputs else ():
            await inbox.process([record])
    assert (ask("SELECT count(*) FROM restored_input"), ask(OUTBOX)) == ("0", before)


async def test_after_a_restore_two_handovers_that_are_read_together_lose_nobodys_details(
    gp: httpx.AsyncClient, intake: FastAPI, pathway: Pathway, ask: Ask
) -> None:
    """The second is of the referral that the first begets: neither its row nor its details are there yet."""
    _, new = await handed_over(gp, pathway)
    third, rows = str(uuid5(UUID(new), "handed over again")), []
    written: list[Any] = json.loads(ask(DETAILS.format(f"referral_id = '{new}'")))
    for referral, before in ((third, new), (new, json.loads(ask(REFERRALS))[0][0])):
        at = (NOW, "provider", NOW.date())
        rows.append((referral, before, None, OTHER, "2024.1", "growth-company", *at))
    for lost in ((third, new), (third,)):
        for referral in lost:
            ask(f"DELETE FROM referral_details WHERE referral_id = '{referral}'")
            ask(f"DELETE FROM referral WHERE referral_id = '{referral}'")
        async with intake.state.parts.pool.acquire() as connection:
            await write_rows(connection, BEGOTTEN, rows)
        for referral in (new, third):
            assert json.loads(ask(DETAILS.format(f"referral_id = '{referral}'"))) == written
    assert written[0]["family_name"], "there was something to lose"


async def test_a_replay_makes_the_same_referral_byte_for_byte(
    gp: httpx.AsyncClient, intake: FastAPI, pathway: Pathway, keys: MadeKeys, ask: Ask
) -> None:
    key, new = await handed_over(gp, pathway)
    await pathway.flow()
    service = build()
    history = whole(pathway.world.log.values())
    replayed = replay(history, service.policy(), keys=await keys.get(history.subjects().values()))
    assert replayed.differences == []
    assert replayed.aggregates[new].state.common.programme.id == OTHER
    async with intake.state.parts.pool.acquire() as connection:
        compared = await compare(connection, history, replayed)
    nothing_sent_here = "event_only_in_log"
    assert [difference for difference in compared if difference.what != nothing_sent_here] == []
    forged = whole(pathway.world.log.values())
    own = forged.own[new][1]
    forged.own[new][1] = type(own)(own.envelope, own.value.replace(key.encode(), new.encode()), own.event, own.sealed)
    found = replay(forged, service.policy(), keys=await keys.get(forged.subjects().values()))
    assert [difference.what for difference in found.differences] == ["other_bytes"]


@pytest.mark.parametrize("fails_for", ["the referral", "the plan"])
async def test_a_handover_that_fails_for_one_of_the_two_leaves_neither_and_is_redriven_whole(
    gp: httpx.AsyncClient, intake: FastAPI, pathway: Pathway, ask: Ask, keys: MadeKeys, fails_for: str
) -> None:
    """The record is set aside whole: no referral that the plan's own rows know nothing of, nor the other way round."""
    key, new = await agreed_over(gp, pathway)
    service = build()
    broken = {"the referral": new, "the plan": key}[fails_for]

    def project(change: Change) -> Iterable[Row]:
        if change.key == broken and change.cause is not None and change.cause.type == types.PLAN_UPDATED:
            raise RuntimeError("a bug")
        yield from service.project(change)

    failing = replace(service, project=project)
    said = handover(pathway, key).record
    inbox = Inbox(failing, failing.policy(), intake.state.parts.pool, keys=keys)
    counts = await inbox.process(pathway.world.log[said.topic, said.partition][: said.offset + 1])
    assert (counts.applied, counts.dead) == (0, 1)
    assert begotten(ask, new) == []
    assert json.loads(ask("SELECT json_agg(referral_id) FROM referral")) == [key]
    assert ask(f"SELECT state IS NULL FROM aggregate WHERE key = '{new}'") == "t"
    held = "SELECT state FROM plan_holder WHERE referral_id = '{}'"
    assert ask(held.format(key)) == "confirmed", "what the plan's own key would have heard"

    letters = DeadLetters(service, service.policy(), intake.state.parts.pool, "ann", keys=keys)
    await letters.redrive(int(ask("SELECT id FROM dead_letter")), apply=True)
    assert len(begotten(ask, new)) == 1, "the mended release does both"
    assert ask(held.format(key)) == "closed"


def whole(log: Any) -> History:
    history = History(build())
    for records in log:
        for record in records:
            history.add(record)
    return history


async def test_of_an_erased_person_no_referral_is_made(
    gp: httpx.AsyncClient, pathway: Pathway, ask: Ask, keys: MadeKeys
) -> None:
    key = (await post(gp, GP_REFERRAL)).json()["referral_id"]
    await pathway.flow()
    pathway.coach(key, "recommendation_confirmed", "2024-11-20", revision=1)
    pathway.coach(key, "handed_over", "2024-11-25", **HAND_OVER)
    keys.erased.add(pathway.plan(key).person_id)
    await pathway.flow()
    assert json.loads(ask("SELECT json_agg(referral_id) FROM referral")) == [key]
    assert begotten(ask, linked_referral_id(handover(pathway, key).headers["ce_id"])) == []


async def test_a_handover_that_waits_for_an_earlier_event_begets_it_when_that_comes(
    gp: httpx.AsyncClient, intake: FastAPI, pathway: Pathway, ask: Ask, settings: Settings, keys: MadeKeys
) -> None:
    """The missing event came last: both are applied in one batch, the second out of the waiting room."""
    key = (await post(gp, GP_REFERRAL)).json()["referral_id"]
    await pathway.flow()
    pathway.coach(key, "recommendation_confirmed", "2024-11-20", revision=1)
    pathway.coach(key, "handed_over", "2024-11-25", **HAND_OVER)
    pathway.world.read_in_order()
    new = linked_referral_id(handover(pathway, key).headers["ce_id"])
    place = next(p for p, records in pathway.world.log.items() if handover(pathway, key).record in records)
    records = pathway.world.log[place]
    confirmed, handed = records[-2], records[-1]
    swapped = [
        type(handed)(confirmed.topic, confirmed.partition, confirmed.offset, handed.key, handed.value, handed.headers),
        type(handed)(handed.topic, handed.partition, handed.offset, confirmed.key, confirmed.value, confirmed.headers),
    ]
    service = build()
    inbox = Inbox(service, service.policy(), intake.state.parts.pool, keys=keys)
    await inbox.process([*records[:-2], swapped[0]])
    assert begotten(ask, new) == []
    await inbox.process([swapped[1]])
    assert len(begotten(ask, new)) == 1
