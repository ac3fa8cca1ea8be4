"""What is sealed rests sealed: in no table of any database is anything of it to be read.

Referrals go through the services' own APIs and consumers on PostgreSQL, with keys from a vault. Then every table of
every database is searched for every word that was sealed: names of fields and codes as well as free text.
"""

import itertools
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final

import asyncpg
import httpx
import pytest
from pydantic import SecretStr

from services.coaching.api import create_app as coaching_api
from services.composition import service_named
from services.contracts import types
from services.intake.api import create_app as intake_api
from services.intake.referrals.examples import GP_REFERRAL
from services.kernel.envelope import to_headers
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.runtime.database import open_pool
from services.kernel.runtime.inbox import Inbox
from services.kernel.runtime.records import Record
from services.kernel.sealing.keyring import VaultKeys, open_keys
from services.kernel.sealing.tokens import open_token, token_header
from services.kernel.settings import Environment, Settings
from services.triage.api import create_app as triage_api
from tests.integration.http.test_intake import changed
from tests.parts.contents import contents
from tests.parts.databases import Databases

APIS: Final = {"intake": intake_api, "triage": triage_api, "coaching": coaching_api}
SERVICES: Final = ("intake", "triage", "coaching", "outcomes")
PROGRAMME: Final = "workwell-greater-manchester"
TOKEN: Final = re.compile(r"eyJ[A-Za-z0-9_-]+\.\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{22}")
WORDS_OF_OTHERS: Final = {
    "reasons": "of an eligibility, and of an entry of money",
    "code": "of a milestone",
    "barriers": "of a plan, a coach's; sealed are those of an assessment",
    "acknowledged": "in the name of an event's type",
    "support": "of a package, as its kinds of support, its intensity and its versions",
    "intensity": "of a package's item; sealed is that of the whole",
    "light_touch": "an intensity of a package's item",
    "msk_self_management": "a support of a package; sealed as a runner-up",
    "version": "of rules; sealed is that of a questionnaire",
    "by": "who did something; sealed are the rules that a runner-up lost to",
}
"""Words that are sealed somewhere and stand in clear elsewhere, because they mean something else there."""

SAID: Final = "Her sister Zuleika found her on the bridge"
NOTED: Final = "Cannot sleep since the collapse of the Quillon works"
OVERRIDDEN: Final = "Fears needles since the Xerxes trial"
GRAVE: Final = {
    "taken_on": "2024-11-17",
    "conditions": ["severe_mental_illness", "back_pain"],
    "phq9": {"score": 23, "item9": 2},
    "gad7": {"score": 19},
    "start_msk": {"score": 11},
    "wsas": {"score": 33},
    "red_flags": {"saddle_numbness": True, "night_pain": False},
    "under_secondary_mental_health_care": True,
    "stressors": ["bereavement"],
    "barriers": ["confidence"],
}
MILD: Final = {"taken_on": "2024-11-16", "conditions": ["musculoskeletal"], "start_msk": {"score": 6}}


@dataclass
class Whole:
    """The services on databases of their own: APIs to post to, consumers that are handed what came."""

    databases: Databases
    settings: Settings
    issuer: DevIssuer
    apis: dict[str, httpx.AsyncClient] = field(default_factory=dict)
    inboxes: dict[str, Inbox] = field(default_factory=dict)
    looking: dict[str, asyncpg.Connection] = field(default_factory=dict)
    records: dict[str, list[Record]] = field(default_factory=dict)
    _seen: dict[str, int] = field(default_factory=dict)
    _done: dict[tuple[str, str], int] = field(default_factory=dict)
    _keys: Iterator[int] = field(default_factory=itertools.count)

    async def post(self, service: str, path: str, body: object, role: str, kind: str, org: str) -> httpx.Response:
        headers = self.issuer.headers(role, sub=f"{role}-1", org=org, organisation_kind=kind, programme=PROGRAMME)
        return await self.apis[service].post(
            path, json=body, headers={**headers, "Idempotency-Key": f"k{next(self._keys)}"}
        )

    async def refer(self, number: int, assessment: object, **fields: Any) -> str:
        body = changed(GP_REFERRAL, assessment=assessment, provider={"named": "growth-company"}, **fields)
        body["person"] = {**body["person"], "nhs_number": None, "family_name": f"Person {number}"}
        body["referrer"] = {**body["referrer"], "reference": f"GP-{number}"}
        answer = await self.post("intake", "/referrals", body, "referrer", "nhs", "P84001")
        assert answer.status_code == 201, answer.text
        return str(answer.json()["referral_id"])

    async def assess(self, referral_id: str, **answers: Any) -> None:
        path = f"/referrals/{referral_id}/assessments"
        answer = await self.post(
            "intake", path, {"assessment": {"taken_on": "2024-11-17", **answers}}, "coach", "provider", "growth-company"
        )
        assert answer.status_code == 201, answer.text

    async def ask(self, referral_id: str, kind: str, **fields: Any) -> None:
        body = {"kind": kind, "occurred_on": "2024-11-19", **fields}
        path = f"/plans/{referral_id}/commands"
        answer = await self.post("coaching", path, body, "coach", "provider", "growth-company")
        assert answer.status_code == 200, answer.text

    async def relay(self) -> None:
        """Put what the outboxes hold into the topics, each of one partition."""
        for name, connection in self.looking.items():
            rows = await connection.fetch("SELECT * FROM outbox WHERE id > $1 ORDER BY id", self._seen.get(name, 0))
            for row in rows:
                self._seen[name] = row["id"]
                topic = self.records.setdefault(row["topic"], [])
                headers = to_headers(json.loads(row["headers"]))
                topic.append(Record(row["topic"], 0, len(topic), row["key"].encode(), row["value"], headers))

    async def consume(self) -> None:
        """Let every service take in what is new, until nothing is."""
        await self.relay()
        for name, inbox in self.inboxes.items():
            for topic in inbox.service.inputs:
                came = self.records.get(topic, [])[self._done.get((name, topic), 0) :]
                if came:
                    await inbox.process(came)
                    self._done[name, topic] = came[-1].offset + 1
        before = sum(map(len, self.records.values()))
        await self.relay()
        if sum(map(len, self.records.values())) > before:
            await self.consume()

    def texts(self) -> dict[str, str]:
        """Every table of every database, as text."""
        return {
            f"{name}.{table}": text
            for name in (*SERVICES, "vault")
            for table, text in contents(self.databases(name)).items()
        }


@pytest.fixture
async def whole(database: Databases) -> AsyncIterator[Whole]:
    environment = database.environment(*SERVICES)
    settings = Settings(
        environment=Environment.DEVELOPMENT,
        database_url=SecretStr(environment["PATHWAY_DATABASE_URL"]),
        vault_url=SecretStr(environment["PATHWAY_VAULT_URL"]),
        root_key=environment["PATHWAY_ROOT_KEY"],
    )
    made = Whole(database, settings, DevIssuer(settings))
    async with AsyncExitStack() as stack:
        for name in SERVICES:
            service = service_named(name, settings)
            pool = await open_pool(settings.service_url(name))
            stack.callback(pool.terminate)
            keys = await open_keys(service, settings)
            made.inboxes[name] = Inbox(service, service.policy(), pool, keys=keys)
            if keys is not None:
                stack.callback(keys.close)
            made.looking[name] = await asyncpg.connect(database(name).admin_dsn)
            stack.callback(made.looking[name].terminate)
        for name, create in APIS.items():
            app = create(settings, issuer_transport=made.issuer.transport())
            await stack.enter_async_context(app.router.lifespan_context(app))
            client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api")
            made.apis[name] = await stack.enter_async_context(client)
        yield made


async def lived(whole: Whole) -> None:
    """Somebody in danger, whom a person must look at; somebody with a plan; what waits; what is set aside."""
    grave = await whole.refer(1, GRAVE, additional_information=SAID)
    mild = await whole.refer(2, MILD)
    await whole.consume()
    done = {"actions": ["person_safe"]}
    taken_up = await whole.post("triage", f"/triage/{grave}/acknowledge", done, "clinical_safety", "nhs", "safety")
    assert taken_up.status_code == 200, taken_up.text
    await whole.ask(mild, "note_recorded", note=NOTED)
    package = [{"support": "skills"}]
    await whole.ask(mild, "recommendation_overridden", revision=1, reason="other", note=OVERRIDDEN, package=package)
    await whole.ask(mild, "session_recorded", attendance="attended", minutes=30, channel="phone")
    await whole.assess(mild, gad7={"score": 7}, stressors=["caring"])
    await whole.consume()
    await waits(whole, grave)
    await set_aside(whole)


async def waits(whole: Whole, referral_id: str) -> None:
    """Of two assessments the second comes first."""
    await whole.assess(referral_id, phq9={"score": 21})
    await whole.assess(referral_id, stressors=["relationship"])
    before = len(whole.records[types.TOPIC_REFERRAL])
    await whole.relay()
    _, second = whole.records[types.TOPIC_REFERRAL][before:]
    late = Record(second.topic, 1, 0, second.key, second.value, second.headers)
    assert (await whole.inboxes["triage"].process([late])).waiting == 1


async def set_aside(whole: Whole) -> None:
    """A referral in which somebody else's answers were put."""
    await whole.refer(3, MILD)
    await whole.relay()
    *_, foreign = whole.records[types.TOPIC_REFERRAL]
    data, others = json.loads(foreign.value or b""), json.loads(whole.records[types.TOPIC_REFERRAL][0].value or b"")
    data["sealed"] = others["sealed"]
    record = Record(foreign.topic, 2, 0, foreign.key, json.dumps(data).encode(), foreign.headers)
    assert (await whole.inboxes["triage"].process([record])).dead == 1


def words_of(plain: Any) -> set[str]:
    """Return the names of fields and the texts in opened content."""
    match plain:
        case dict():
            return set(plain) | {word for value in plain.values() for word in words_of(value)}
        case list():
            return {word for value in plain for word in words_of(value)}
        case str():
            return {plain}
    return set()


async def opened(texts: dict[str, str], settings: Settings) -> dict[str, list[Any]]:
    """Open every token that stands anywhere, by the field that it was sealed as."""
    tokens = {token for text in texts.values() for token in TOKEN.findall(text)}
    keys = await VaultKeys.open(settings)
    try:
        found = await keys.get({token_header(token).sub for token in tokens})
    finally:
        keys.close()
    plain: dict[str, list[Any]] = {}
    for token in sorted(tokens):
        said = token_header(token)
        key: Any = found[said.sub]
        plain.setdefault(said.fld, []).append(open_token(token, key, said.fld, {said.sub}))
    return plain


def found_in_clear(texts: dict[str, str], words: set[str]) -> dict[str, set[str]]:
    """Return the tables that hold a word outside tokens, with the words."""
    pattern = re.compile(
        r"(?<![\w-])(" + "|".join(map(re.escape, sorted(words, key=len, reverse=True))) + r")(?![\w-])"
    )
    found = {place: set(pattern.findall(TOKEN.sub("", text))) for place, text in texts.items()}
    return {place: held for place, held in found.items() if held}


async def test_no_table_of_any_database_holds_in_clear_what_is_sealed(whole: Whole) -> None:
    await lived(whole)
    texts = whole.texts()
    plain = await opened(texts, whole.settings)
    assert set(plain) == {"assessment", "findings", "note", "additional_information"}
    words = {word for contents in plain.values() for content in contents for word in words_of(content)}
    assert words >= {SAID, NOTED, OVERRIDDEN, "phq9", "saddle_numbness", "severe_mental_illness", "bereavement"}
    assert words >= {"R21", "urgency", "reasons", "emergency", "caring", "relationship"}
    assert words >= set(WORDS_OF_OTHERS), "a word that is not sealed needs no place in the list"
    assert found_in_clear(texts, words - set(WORDS_OF_OTHERS)) == {}
    holding = {re.sub(r"outbox_\w+", "outbox", place) for place, text in texts.items() if TOKEN.search(text)}
    assert holding == {
        *("intake.referral", "intake.outbox"),
        *("triage.aggregate", "triage.outbox", "triage.waiting_event", "triage.dead_letter"),
        *("coaching.outbox", "coaching.plan_note", "coaching.plan_recommendation"),
    }


async def test_a_word_in_clear_is_found_wherever_it_stands(whole: Whole) -> None:
    """The search sees text, JSON and bytes alike."""
    postgres, names = whole.databases("coaching").postgres, {name: whole.databases(name).name for name in SERVICES}
    postgres.execute(
        "INSERT INTO plan_note VALUES ('e', 'r', 1, 'c', '2024-11-18', 'on the bridge')", names["coaching"]
    )
    letter = "INSERT INTO dead_letter (topic, partition, record_offset, value, kind, code, detail) VALUES "
    postgres.execute(letter + "('t', 0, 0, convert_to('{\"phq9\": 1}', 'UTF8'), 'bug', 'c', 'd')", names["triage"])
    postgres.execute("INSERT INTO aggregate (key, state) VALUES ('k', '{\"urgency\": \"hold\"}')", names["triage"])
    assert found_in_clear(whole.texts(), {"on the bridge", "phq9", "urgency"}) == {
        "coaching.plan_note": {"on the bridge"},
        "triage.dead_letter": {"phq9"},
        "triage.aggregate": {"urgency"},
    }
