"""Merged, erased and restricted people are referred again, at whatever moment: nobody is lost, nothing stays behind."""

import asyncio
import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from services.contracts import types
from services.contracts.registry import EVENTS
from services.intake.referrals.examples import EMPLOYER_REFERRAL, GP_REFERRAL
from services.intake.service import build
from services.kernel.envelope import Envelope, to_headers
from services.kernel.runtime.inbox import Inbox
from services.kernel.runtime.records import Record
from tests.integration.http.conftest import Ask
from tests.integration.http.test_intake import (
    ask,
    changed,
    employer,
    events,
    gp,
    intake,
    keys,
    post,
    settings,
    stored,
)
from tests.parts.databases import Database
from tests.parts.keys import MadeKeys

__all__ = ["ask", "employer", "gp", "intake", "keys", "settings", "stored"]

NOW = datetime(2024, 12, 2, 9, 0, tzinfo=UTC)
MARK = "Zqmark"


def told(offset: int, kind: str, person_id: str, **fields: Any) -> Record:
    """A record of person.changed; each is the first of its key."""
    contract = EVENTS[kind]
    envelope = Envelope(
        id=f"00000000-0000-5000-8000-{offset:012d}",
        source="/pathway/vault",
        type=kind,
        subject=person_id,
        time=NOW,
        recordedtime=NOW,
        sequence=1,
        correlationid="c",
        causationid="00000000-0000-7000-8000-000000000000",
    )
    body = json.dumps({"person_id": person_id, **fields}).encode()
    return Record(contract.topic, 0, offset, person_id.encode(), body, to_headers(envelope.attributes()))


def erased(offset: int, person_id: str) -> Record:
    return told(offset, types.PERSON_ERASED, person_id, erased_at="2024-12-02T08:00:00Z", reason="person_asked")


def merged(offset: int, survivor: str, other: str) -> Record:
    both = {"survivor": survivor, "merged": [other]}
    return told(offset, types.PERSON_MERGED, other, merged_at="2024-12-02T08:00:00Z", **both)


@pytest.fixture
async def inbox(intake: FastAPI) -> Inbox:
    service = build()
    return Inbox(service, service.policy(), intake.state.parts.pool)


def by(reference: str, **person: Any) -> dict[str, Any]:
    """The GP's referral with a reference of its own and another person's details."""

    def change(body: dict[str, Any]) -> None:
        body["referrer"]["reference"] = reference
        body["person"].update(person)

    return changed(copy.deepcopy(GP_REFERRAL), change)


def people_of(ask: Ask) -> list[str]:
    return [event["person_id"] for event in events(ask)]


WITHOUT_NUMBER = {"nhs_number": None, "family_name": "Other", "postcode": "M2 2BB"}


async def test_who_was_merged_into_somebody_without_a_number_is_referred_again(
    gp: httpx.AsyncClient, inbox: Inbox, ask: Ask
) -> None:
    assert (await post(gp, by("GP-1", **WITHOUT_NUMBER))).status_code == 201
    assert (await post(gp, by("GP-2"))).status_code == 201
    survivor, other = people_of(ask)
    assert (await inbox.process([merged(0, survivor, other)])).applied == 1
    known = await post(gp, by("GP-3"))
    assert known.status_code == 409, "an NHS number leads to the one person that both are"
    assert ask(f"SELECT count(*) FROM person WHERE survivor = '{survivor}'") == "1"
    ended = await post(gp, {"reason": "changed_mind"}, f"/referrals/{known.json()['referral_id']}/withdrawal")
    other_open = await post(gp, by("GP-4"))
    assert (ended.status_code, other_open.status_code) == (201, 409)
    await post(gp, {"reason": "changed_mind"}, f"/referrals/{other_open.json()['referral_id']}/withdrawal")
    assert (await post(gp, by("GP-5"))).status_code == 201
    assert people_of(ask)[-1] == survivor


async def test_an_erased_person_is_somebody_new_before_the_event_has_come_also_when_two_were_one(
    gp: httpx.AsyncClient, inbox: Inbox, keys: MadeKeys, ask: Ask
) -> None:
    await post(gp, by("GP-1", **WITHOUT_NUMBER))
    await post(gp, by("GP-2"))
    survivor, other = people_of(ask)
    await inbox.process([merged(0, survivor, other)])
    assert ask("SELECT count(*), count(content_digest) FROM referral") == "2|2"
    keys.erased |= {survivor, other}
    assert (await post(gp, by("GP-3"))).status_code == 201
    assert people_of(ask)[-1] not in {survivor, other}
    assert ask("SELECT count(*), count(content_digest) FROM referral") == "3|1", "what was sent goes with the person"
    assert ask("SELECT count(*) FROM referral_details") == "1"
    assert events(ask)[-1]["linked_referral"] is None


async def test_nobody_is_referred_under_a_key_that_was_destroyed_a_moment_ago(
    gp: httpx.AsyncClient, keys: MadeKeys, ask: Ask
) -> None:
    """The process holds the key for up to a minute; what it would seal with it, nobody could read."""
    keys.remembers = True
    made = (await post(gp, by("GP-1"))).json()
    await post(gp, {"reason": "changed_mind"}, made["links"]["withdrawal"])
    [person] = set(people_of(ask))
    keys.erased.add(person)
    assert (await post(gp, by("GP-2"))).status_code == 201
    assert people_of(ask)[-1] != person


async def test_somebody_restricted_is_referred_as_if_they_were_not(
    employer: httpx.AsyncClient, keys: MadeKeys, ask: Ask
) -> None:
    """What is restricted is kept and not used; a referral is kept, and an employer learns nothing of it."""
    first = await post(employer, EMPLOYER_REFERRAL)
    keys.restricted |= set(people_of(ask))
    again = await post(employer, changed(EMPLOYER_REFERRAL, lambda body: body["referrer"].update(reference="HR-2")))
    assert (
        (again.status_code, again.json()["status"]) == (first.status_code, first.json()["status"]) == (201, "accepted")
    )
    assert again.json().keys() == first.json().keys()


async def waiting(watcher: asyncpg.Connection, count: int) -> None:
    """Return when so many wait for a lock in this database.

    ``watcher`` is in no transaction: within one PostgreSQL shows only the sessions of its first look.
    """
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    async with asyncio.timeout(8):
        while await watcher.fetchval(query) < count:  # noqa: ASYNC110  only PostgreSQL knows who waits
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(("first", "held_up_at"), [("referral", "outbox"), ("scrub", "referral_details")])
async def test_details_that_come_while_somebody_is_scrubbed_do_not_stay(
    first: str, held_up_at: str, gp: httpx.AsyncClient, inbox: Inbox, stored: Database, ask: Ask
) -> None:
    """Whichever is first, the other waits for it. A referral that comes second is somebody new's."""
    made = (await post(gp, by("GP-1"))).json()
    [person] = people_of(ask)
    await post(gp, {"reason": "changed_mind"}, made["links"]["withdrawal"])
    watcher, holder = await asyncpg.connect(stored.admin_dsn), await asyncpg.connect(stored.admin_dsn)
    await holder.execute(f"BEGIN; LOCK TABLE {held_up_at} IN ACCESS EXCLUSIVE MODE")
    acts: dict[str, Callable[[], Any]] = {
        "referral": lambda: post(gp, by("GP-2")),
        "scrub": lambda: inbox.process([erased(0, person)]),
    }
    under_way: dict[str, asyncio.Task[Any]] = {}
    for number, name in enumerate(sorted(acts, reverse=first == "scrub"), start=1):
        under_way[name] = asyncio.create_task(acts[name]())
        await waiting(watcher, number)
    await holder.close()
    await watcher.close()
    assert ((await under_way["referral"]).status_code, (await under_way["scrub"]).applied) == (201, 1)
    theirs = f"SELECT count(*) FROM referral_details d JOIN referral r USING (referral_id) WHERE person_id = '{person}'"
    assert ask(theirs) == "0"
    assert ask(f"SELECT coalesce(nhs_number, name_key, '') FROM person WHERE person_id = '{person}'") == ""
    others = ask(f"SELECT count(*) FROM referral WHERE person_id <> '{person}'")
    assert others == ("0" if first == "referral" else "1")
