"""Plans and coaches folded again from the log: a replay makes each event's bytes, a restore the same tables."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from pydantic import SecretStr

from services.coaching.api import create_app
from services.contracts import types
from services.kernel.decision import Event
from services.kernel.envelope import to_headers
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.ids import event_id, uuid7
from services.kernel.operations.restore import Restored, restore
from services.kernel.replay.comparing import compare
from services.kernel.replay.folding import Replayed, replay
from services.kernel.replay.history import History
from services.kernel.runtime.fold import Lineage, attributes, encode
from services.kernel.runtime.inbox import Inbox
from services.kernel.runtime.records import Record
from services.kernel.settings import Environment, Settings
from services.triage.service import build as build_triage
from tests.integration.coaching.test_caseload import register, say
from tests.integration.coaching.world import PLAN, REFERRALS, Desk, person_of
from tests.integration.sealing.test_replay_and_restore import Shelf
from tests.parts.databases import Database
from tests.parts.keys import MadeKeys, key_of
from tests.unit.coaching.desk import FIRST_STEPS, GOAL, NOW, SERVICE, TODAY, policy, triage_event

TRIAGE = build_triage()
SECOND, THIRD, FOURTH = REFERRALS[1:4]
FIT_NOTE = {"fitness": "not_fit", "adjustments": [], "from_on": "2024-11-18", "to_on": "2024-12-01", "issuer": "nurse"}
OUTBOX = "SELECT key, value, headers::text FROM outbox ORDER BY id"


@dataclass
class Office:
    """A database, everybody at their desks, and what triage has said to them."""

    client: httpx.AsyncClient
    issuer: DevIssuer
    pool: asyncpg.Pool
    said: list[Record]

    def desk(self, sub: str, role: str = "coach") -> Desk:
        return Desk(self.client, self.issuer, sub, role)

    async def hear(self, *records: Record) -> int:
        counts = await Inbox(SERVICE, policy(), self.pool, keys=MadeKeys()).process(list(records))
        assert counts.dead == counts.waiting == 0
        return counts.applied

    async def triage(self, *keys: str, **fields: Any) -> None:
        for key in keys:
            number = 1 + sum(record.key == key.encode() for record in self.said)
            said = triage_event(
                types.TRIAGE_COMPLETED,
                **{"referral_id": key, "person_id": person_of(key), "revision": number, **fields},
            )
            cause = uuid7(NOW, len(self.said).to_bytes(10, "big"))
            event = Event(
                event_id(cause, types.TRIAGE_COMPLETED, 0), types.TRIAGE_COMPLETED, key, number, said, NOW, None
            )
            headers = to_headers(attributes(TRIAGE, event, cause, Lineage(NOW, cause)))
            value = encode(event, key_of(said.person_id))
            record = Record(types.TOPIC_TRIAGE, 0, len(self.said), key.encode(), value, headers)
            self.said.append(record)
            assert await self.hear(record) == 1


@asynccontextmanager
async def office(database: Database, said: list[Record]) -> AsyncIterator[Office]:
    settings = Settings(environment=Environment.DEVELOPMENT, database_url=SecretStr(database.dsn))
    issuer = DevIssuer(settings)
    app = create_app(settings, issuer_transport=issuer.transport(), clock=lambda: NOW, keys=MadeKeys())
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://api") as made:
        yield Office(made, issuer, app.state.parts.pool, said)


async def done(desk: Desk, kind: str, **fields: Any) -> None:
    answer = await desk.ask(kind, **fields)
    assert answer.status_code == 200, answer.text


async def morning(at: Office) -> None:
    """Two coaches are registered, each takes a plan."""
    lead, ada, ben = at.desk("lead-1", "team_lead"), at.desk("coach-ada"), at.desk("coach-ben")
    await at.triage(PLAN, SECOND)
    await register(lead, "coach-ada", capacity=2, languages=["en", "ur"], localities=["manchester"])
    await register(lead, "coach-ben", capacity=1)
    await done(ada, "recommendation_confirmed", revision=1)
    await done(ben, "recommendation_confirmed", plan=SECOND, revision=1)
    await done(ada, "plan_agreed", goals=[GOAL], steps=[*FIRST_STEPS])


async def afternoon(at: Office) -> None:
    """Everything else that happens to coaches, and what health detail there is about plans; some of it is refused."""
    lead, ada, ben = at.desk("lead-1", "team_lead"), at.desk("coach-ada"), at.desk("coach-ben")
    await at.triage(THIRD, FOURTH)
    await at.triage(PLAN)
    assert (await ben.ask("recommendation_confirmed", plan=THIRD, revision=1)).status_code == 409, "full"
    profile = {"capacity": 3, "languages": ["en"], "offers": ["racially_minoritised_communities"]}
    assert (await say(lead, "coach-ben", "profile_changed", profile=profile)).status_code == 200
    await done(ben, "recommendation_confirmed", plan=THIRD, revision=1)
    days = {"from_on": TODAY.isoformat(), "until_on": (TODAY + timedelta(days=6)).isoformat(), "cover": "coach-ben"}
    assert (await say(ada, "coach-ada", "absence_recorded", **days)).status_code == 200
    await done(ben, "contacted", channel="phone", reached=True)
    back = {**days, "until_on": (TODAY - timedelta(days=1)).isoformat(), "cover": None}
    assert (await say(ada, "coach-ada", "absence_changed", **back)).status_code == 200
    await done(lead, "coach_assigned", plan=SECOND, coach="coach-ada")
    await done(ada, "fit_note_recorded", fit_note=FIT_NOTE)
    await done(ada, "barrier_changed", state="open", health="back_pain")
    await done(ada, "note_recorded", note="sleeps badly")
    await done(ada, "review_completed", scores=[{"tool": "phq9", "earlier": 16, "later": 9}])
    await done(ada, "corrected", refers_to=5, reason="wrong_person")
    await done(ada, "handed_over", plan=SECOND, programme="working-well-early-help", channel="phone")
    await done(ben, "closed", plan=THIRD, closure="46")
    assert (await say(lead, "coach-ben", "left")).status_code == 200


async def own(pool: asyncpg.Pool) -> list[Record]:
    """What coaching has published, in one partition."""
    return [
        Record(types.TOPIC_PLAN, 0, offset, key.encode(), value, to_headers(json.loads(headers)))
        for offset, (key, value, headers) in enumerate(await pool.fetch(OUTBOX))
    ]


async def folded(log: Sequence[Record]) -> tuple[History, Replayed]:
    history = History(SERVICE)
    for record in log:
        history.add(record)
    keys = await MadeKeys().get(history.subjects().values())
    return history, replay(history, policy(), keys=keys)


async def standing(pool: asyncpg.Pool) -> dict[str, list[str]]:
    """Everything that follows from the log, as text."""
    queries = {table.name: f"SELECT t::text FROM {table.name} t ORDER BY 1" for table in SERVICE.derived}
    queries["aggregate"] = "SELECT row(key, sequence, state::text)::text FROM aggregate WHERE sequence > 0 ORDER BY 1"
    queries["outbox"] = "SELECT row(key, sequence, event_id, headers::text, value)::text FROM outbox ORDER BY 1"
    return {name: [row[0] for row in await pool.fetch(query)] for name, query in queries.items()}


async def test_a_replay_makes_the_events_of_plans_and_coaches_again_byte_for_byte(coaching: Database) -> None:
    async with office(coaching, []) as at:
        await morning(at)
        await afternoon(at)
        log = [*at.said, *await own(at.pool)]
        history, replayed = await folded(log)
        async with at.pool.acquire() as connection:
            differences = await compare(connection, history, replayed)
    assert replayed.differences == []
    assert differences == []
    kinds = [json.loads(record.value or b"")["change"]["kind"] for record in log[len(at.said) :]]
    assert replayed.decided_again == len(kinds)
    of_coaches = {"registered", "profile_changed", "absence_recorded", "absence_changed", "plan_taken", "left"}
    assert of_coaches <= set(kinds), "each kind of change of a coach"
    assert {kind: kinds.count(kind) for kind in ("plan_taken", "registered")} == {"plan_taken": 4, "registered": 2}


@pytest.mark.parametrize(
    ("truth", "lie"),
    [
        (b'"open_plans":0', b'"open_plans":1'),
        (b'"capacity":1', b'"capacity":9'),
        (b'"cover":"coach-ben"', b'"cover":"coach-bob"'),
    ],
    ids=["how many plans were seen", "a profile", "who covers"],
)
async def test_a_coach_of_whom_something_else_is_said_is_a_difference(
    coaching: Database, truth: bytes, lie: bytes
) -> None:
    """In one event of the log, the rest of it and the database as they were."""
    async with office(coaching, []) as at:
        await morning(at)
        await afternoon(at)
        log = [*at.said, *await own(at.pool)]
        place = next(
            n for n, one in enumerate(log) if (one.key or b"").startswith(b"coach-") and truth in (one.value or b"")
        )
        one = log[place]
        forged = (one.value or b"").replace(truth, lie)
        log[place] = Record(one.topic, one.partition, one.offset, one.key, forged, one.headers)
        history, replayed = await folded(log)
        async with at.pool.acquire() as connection:
            found = [*replayed.differences, *await compare(connection, history, replayed)]
    assert {difference.key for difference in found} == {(one.key or b"").decode()}
    assert "other_event_in_outbox" in {difference.what for difference in found}


async def test_a_restore_brings_plans_and_coaches_back_as_they_were(coaching: Database) -> None:
    """From a backup of noon: the afternoon comes from the topic, and what was answered is not answered again."""
    said: list[Record] = []
    backup = Database(f"{coaching.name}_noon", "coaching", coaching.postgres)
    async with office(coaching, said) as at:
        await morning(at)
    coaching.postgres.copy_database(coaching.name, backup.name)
    try:
        async with office(coaching, said) as at:
            await afternoon(at)
            log, before = await own(at.pool), await standing(at.pool)
        async with office(backup, said) as at:
            assert await standing(at.pool) != before
            shelf = Shelf([*said, *log])
            found = await restore(at.pool, SERVICE, shelf, actor="ann", apply=True)
            again = await restore(at.pool, SERVICE, shelf, actor="ann", apply=True)
            assert (found.events > 0, again.events) == (True, 0)
            assert await standing(at.pool) == before
            await at.hear(*said)
            assert await standing(at.pool) == before, "what was answered is not answered again"
            await goes_on(at, found)
            history, replayed = await folded([*said, *await own(at.pool)])
            assert replayed.differences == []
            async with at.pool.acquire() as connection:
                assert await compare(connection, history, replayed) == []
    finally:
        coaching.postgres.drop_database(backup.name)


async def goes_on(at: Office, found: Restored) -> None:
    """A coach's places and days are as they were: the sequence goes on, and who has left takes nothing."""
    assert {"coach-ada", "coach-ben", PLAN, SECOND} <= found.keys
    lead, ada = at.desk("lead-1", "team_lead"), at.desk("coach-ada")
    refused = await lead.ask("coach_assigned", plan=FOURTH, coach="coach-ben")
    assert refused.json()["errors"][0]["code"] == "coach_left"
    last = "SELECT sequence FROM aggregate WHERE key = 'coach-ada'"
    before = await at.pool.fetchval(last)
    await done(ada, "recommendation_confirmed", plan=FOURTH, revision=1)
    assert await at.pool.fetchval(last) == before + 1
    shown = await lead.get("/coaches", as_of=TODAY.isoformat())
    [one] = [coach for coach in shown.json()["coaches"] if coach["coach_id"] == "coach-ada"]
    assert (one["open_plans"], one["free_places"], one["away"]) == (2, 0, False)
