"""Subscribers are served by the contract: what comes through the topics is what ``schemas/`` says, and no more.

One run of the whole system, as processes, with two dozen people of every kind; then a subscriber that shares
no code with it reads all four topics. Each check is also shown a record that somebody has tampered with.
"""

import asyncio
import copy
import dataclasses
import functools
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from services.contracts import types
from services.demo.client import Client, clinical, coach_of
from services.demo.follow import Follower
from services.demo.people import people
from services.demo.person import Kind, Person
from services.demo.play import COACHES, Players
from services.demo.recorder import ends
from services.demo.scene import SERVICES, TOPICS
from services.demo.settle import settle
from services.demo.world import World
from tests.e2e import subscriber
from tests.e2e.subscriber import Seen

pytestmark = [pytest.mark.slow, pytest.mark.mock, pytest.mark.timeout(180)]

SEED = 7
NOTE = "Lives above the bakery with her sister Zuleika"


@dataclass(frozen=True)
class Run:
    """What was posted and what a subscriber read."""

    posted: list[Person]
    records: list[Seen]

    @property
    def secrets(self) -> set[str]:
        words = {word for person in self.posted for word in subscriber.secrets_of(person.body)}
        return words | {NOTE.lower(), "zuleika"}

    @property
    def clinical(self) -> set[str]:
        return {word for person in self.posted for word in subscriber.clinical_words(person.body)}

    def one(self, event_type: str, **data: Any) -> Seen:
        """The first record of a type whose data has these values."""
        return next(
            record
            for record in self.records
            if record.attributes["type"] == event_type
            and data.items() <= {k: v for k, v in json.loads(record.value).items() if not isinstance(v, dict)}.items()
        )


def crowd() -> list[Person]:
    """Everybody unusual among the first hundred with those they depend on, and some usual people."""
    everybody = {person.number: person for person in people(100, SEED)}
    unusual = [person for person in everybody.values() if person.kind is not Kind.USUAL]
    originals = [everybody[person.duplicate_of] for person in unusual if person.duplicate_of is not None]
    usual = [person for person in everybody.values() if person.kind is Kind.USUAL][:16]
    chosen = {person.number: person for person in (*usual, *originals, *unusual)}
    return [named(chosen[number]) for number in sorted(chosen)]


def named(person: Person) -> Person:
    """Give a person words that turn up nowhere by chance: ``ada`` is a part of ``adaptive``."""
    body = copy.deepcopy(person.body)
    first = person.duplicate_of or person.number
    body["person"]["given_name"] += f"-Quillon{first}"
    body["referrer"]["reference"] = f"Ref/{person.number:04d}/Q"
    if person.route != "employer":  # who may send no words
        body["additional_information"] = f"Told me {person.number} times that her dog is called Xerxes"
    return dataclasses.replace(person, body=body)


async def played(world: World, crowd: list[Person]) -> list[str]:
    """Post, coach, add a note and take a referral back; returns what went otherwise than it must."""
    follower = Follower(world.record)
    following = asyncio.create_task(follower.run())
    try:
        async with Client(world.issuer, {service: world.url(service) for service in SERVICES}, COACHES) as client:
            players = Players(client, follower, SEED)
            await players.post_all(crowd, lambda: None)
            await players.coach_all(lambda: None)
            problems = players.played.problems + await _aside(client, players)
            health = await settle(
                lambda service: world.postgres.dsn(f"pathway_{service}"),
                lambda: ends(world.broker.bootstrap, list(TOPICS)),
                follower,
            )
        return problems + health.problems
    finally:
        following.cancel()


async def _aside(client: Client, players: Players) -> list[str]:
    """What no coach of the demo does: free text about a person, and a referral that is taken back."""
    plans = players.follower.plans
    noted, taken_back = sorted(name for name in players.played.coached if plans[name]["state"] == "closed")[:2]
    plan = plans[noted]
    coach = dataclasses.replace(coach_of(plan, 0), subject="lead-1", role="team_lead")
    note = {"kind": "note_recorded", "occurred_on": plan["occurred_on"], "note": NOTE}
    withdrawal = {"reason": "changed_mind", "occurred_on": plans[taken_back]["occurred_on"]}
    taker = clinical(plan["programme"]["id"])
    replies = [
        await client.post("coaching", f"/plans/{noted}/commands", note, coach, "a-note"),
        await client.post("intake", f"/referrals/{taken_back}/withdrawal", withdrawal, taker, "taken-back"),
    ]
    return [f"aside: {reply.status} {reply.body}" for reply in replies if reply.status not in {200, 201}]


@pytest.fixture(scope="module")
def run() -> Run:
    with World() as world:
        world.start_parts()
        world.start_recorder()
        world.migrate()
        world.wait_for_recorder()
        world.start_services()
        for child in world.waiting_for():
            world.wait_for(child)
        posted = crowd()
        problems = asyncio.run(played(world, posted))
        assert problems == []
        return Run(posted, subscriber.subscribe(world.broker.bootstrap, TOPICS, "somebody-else"))


def faults(records: list[Seen], *checks: Callable[[list[Seen]], Iterator[str]]) -> list[str]:
    return [fault for check in checks for fault in check(records)]


def test_the_run_holds_what_there_is_to_see(run: Run) -> None:
    """The other tests say nothing of a type or a variant that never came."""
    seen = Counter(record.attributes["type"] for record in run.records)
    assert set(seen) == {
        types.REFERRAL_CREATED,
        types.REFERRAL_ASSESSED,
        types.REFERRAL_WITHDRAWN,
        types.TRIAGE_COMPLETED,
        types.TRIAGE_ACKNOWLEDGED,
        types.TRIAGE_RELAYED,
        types.PLAN_UPDATED,
        types.OUTCOME_RECORDED,
    }
    assert {record.topic for record in run.records} == set(TOPICS) - {types.TOPIC_PERSON}, (
        "nobody is erased in the demo"
    )
    data = [json.loads(record.value) for record in run.records]
    assert {said["outcome"] for said in data if "ruleset" in said} >= {"recommended", "held"}
    assert len({said["change"]["kind"] for said in data if "plan_version" in said and "change" in said}) > 10
    assert {said["kind"] for said in data if "amount_pence" in said} >= {"earned", "claimable"}
    assert len(run.secrets) > 7 * len(run.posted)


def test_every_value_is_what_the_schema_file_says_that_its_header_names(run: Run) -> None:
    assert faults(run.records, subscriber.schema_faults) == []


def test_every_envelope_is_a_cloud_event_to_the_official_sdk(run: Run) -> None:
    assert faults(run.records, subscriber.envelope_faults) == []


def test_sequences_run_from_1_without_gaps_per_topic_and_key(run: Run) -> None:
    assert faults(run.records, subscriber.sequence_faults, subscriber.partition_faults) == []


def test_nothing_that_identifies_a_person_is_in_any_record(run: Run) -> None:
    assert list(subscriber.identity_faults(run.records, run.secrets)) == []


def test_nothing_of_health_is_in_clear_in_any_record(run: Run) -> None:
    """Whoever reads the topics has no keys: to them it is a token of whose person and which field they can tell."""
    assert run.clinical >= {"phq9", "item9", "conditions", "anxiety_or_depression", "musculoskeletal"}
    assert list(subscriber.sealed_faults(run.records, run.clinical)) == []
    assert json.loads(run.one(types.TRIAGE_COMPLETED).value)["sealed"]["findings"].startswith("eyJ")


# Each check, shown what it must notice.


def tampered(record: Seen, change: Callable[[Any], None]) -> Seen:
    data = json.loads(record.value)
    change(data)
    return dataclasses.replace(record, value=json.dumps(data).encode())


def reheaded(record: Seen, name: str, text: str | None) -> Seen:
    headers = [(n, c) for n, c in record.headers if n != name]
    return dataclasses.replace(record, headers=(*headers, *([(name, text.encode())] if text is not None else [])))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda data: data.update(outcome="perhaps"), "$.outcome"),
        (lambda data: data.pop("revision"), "'revision' is a required property"),
        (lambda data: data["package"].append({"support": "magic"}), "$.package"),
        (lambda data: data.update(referred_on="yesterday"), "$.referred_on"),
    ],
    ids=["unknown code", "missing field", "wrong item", "no date"],
)
def test_a_tampered_value_is_noticed(run: Run, change: Callable[[Any], None], says: str) -> None:
    bad = tampered(run.one(types.TRIAGE_COMPLETED, outcome="recommended"), change)
    assert any(says in fault for fault in faults([bad], subscriber.schema_faults))


def test_a_schema_that_is_missing_or_of_another_type_is_noticed(run: Run) -> None:
    record = run.one(types.TRIAGE_COMPLETED)
    absent = reheaded(record, "ce_dataschema", "/schemas/events/triage.completed/9.9.schema.json")
    unnamed = reheaded(record, "ce_dataschema", None)
    another = reheaded(record, "ce_dataschema", run.one(types.PLAN_UPDATED).attributes["dataschema"])
    elsewhere = dataclasses.replace(record, topic=types.TOPIC_PLAN)
    assert all("no schema" in faults([bad], subscriber.schema_faults)[0] for bad in (absent, unnamed))
    assert all("names the schema of" in faults([bad], subscriber.schema_faults)[0] for bad in (another, elsewhere))


@pytest.mark.parametrize(
    ("tamper", "says"),
    [
        (lambda record: reheaded(record, "ce_type", None), "no CloudEvent"),
        (lambda record: reheaded(record, "ce_specversion", "1.1"), "no CloudEvent"),
        (lambda record: reheaded(record, "ce_a-b", "x"), "no CloudEvent"),
        (lambda record: reheaded(record, "ce_time", "2025-01-01T00:00:00"), "no CloudEvent"),
        (lambda record: reheaded(record, "ce_subject", "somebody"), "subject is the key"),
        (lambda record: dataclasses.replace(record, key=b"somebody"), "subject is the key"),
        (lambda record: reheaded(record, "content-type", "text/plain"), "datacontenttype"),
        (lambda record: reheaded(record, "ce_recordedtime", "2025-01-01T00:00:00.000Z"), "timestamp is recordedtime"),
        (lambda record: dataclasses.replace(record, timestamp=(1, 0)), "timestamp is recordedtime"),
        (lambda record: dataclasses.replace(record, headers=record.headers * 2), "a header comes twice"),
    ],
)
def test_a_tampered_envelope_is_noticed(run: Run, tamper: Callable[[Seen], Seen], says: str) -> None:
    assert any(says in fault for fault in faults([tamper(run.one(types.PLAN_UPDATED))], subscriber.envelope_faults))


def test_a_lost_swapped_or_forged_record_is_noticed(run: Run) -> None:
    key = max(Counter(r.key for r in run.records if r.topic == types.TOPIC_PLAN).items(), key=lambda found: found[1])[0]
    story = [record for record in run.records if (record.topic, record.key) == (types.TOPIC_PLAN, key)]
    assert faults([*story, dataclasses.replace(story[1], offset=10**6)], subscriber.sequence_faults) == []
    lost = story[:1] + story[2:]
    swapped = [dataclasses.replace(story[1], offset=0), dataclasses.replace(story[0], offset=1)]
    forged = [*story, reheaded(dataclasses.replace(story[1], offset=10**6), "ce_id", story[2].attributes["id"])]
    stolen = [*story[:2], reheaded(story[2], "ce_id", story[1].attributes["id"])]
    for bad, says in ((lost, "3 after 1"), (swapped, "2 after 0"), (forged, "another content"), (stolen, "owner")):
        assert any(says in fault for fault in faults(bad, subscriber.sequence_faults)), says
    moved = [*story, dataclasses.replace(story[0], partition=99)]
    assert faults(moved, subscriber.partition_faults) != []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda data: data["sealed"].update(findings={"urgency": "routine"}), "'urgency' in clear"),
        (lambda data: data.update(language="musculoskeletal"), "'musculoskeletal' in clear"),
        (lambda data: data.update(person_id="somebody-else"), "has a token of"),
        (lambda data: data["sealed"].update(assessment=data["sealed"]["findings"]), "has a token of"),
        (lambda data: data.update(findings=data["sealed"]["findings"]), "outside the sealed part"),
    ],
    ids=["unsealed", "elsewhere", "of another person", "of another field", "in another place"],
)
def test_health_in_clear_and_a_token_in_a_wrong_place_are_noticed(
    run: Run, change: Callable[[Any], None], says: str
) -> None:
    bad = tampered(run.one(types.TRIAGE_COMPLETED, outcome="recommended"), change)
    assert any(says in fault for fault in subscriber.sealed_faults([bad], run.clinical))


def test_each_kind_of_identifying_word_is_noticed_in_value_header_and_key(run: Run) -> None:
    record = run.one(types.REFERRAL_CREATED)
    known = next(person for person in run.posted if person.body["person"]["nhs_number"])
    for word in sorted(subscriber.secrets_of(known.body)):
        added = ({"language": f"x {word.upper()} y"}, {word: 1}, {"by": max(subscriber.hashes_of(word))})
        places = [
            *(tampered(record, functools.partial(dict.update, **more)) for more in added),
            reheaded(record, "ce_note", word),
            dataclasses.replace(record, key=word.encode()),
        ]
        for bad in places:
            assert any(word in fault for fault in subscriber.identity_faults([bad], run.secrets)), word
