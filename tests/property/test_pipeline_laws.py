"""Laws of every service's two functions, at every moment of stories in which the four work together."""

import hashlib
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import Any

import pytest
from pydantic import BaseModel

from services.contracts import types
from services.contracts.referral import ReferralAssessed, ReferralCreated
from services.contracts.registry import EVENTS
from services.contracts.triage import TriageCompleted
from services.intake.domain.handed_over import linked_referral_id
from services.kernel.decision import Cause, Command, Event, Received, Refused
from services.kernel.ids import is_minted_from_event
from services.kernel.runtime import fold
from services.kernel.runtime.fold import encode, mint
from services.kernel.sealing.content import Sealed, unlock
from services.kernel.sealing.errors import SealInvalid
from services.kernel.sealing.subject_key import KeyFound
from services.kernel.service import Service
from tests.parts.keys import key_of
from tests.property.pipeline import World, services
from tests.property.pipeline_stories import long_story, told
from tests.property.test_erasure import TOKEN

STORIES = 5
SHARED = ("referral_id", "person_id", "route", "referred_on", "area_code", "locality", "age_band")


@dataclass(frozen=True)
class Moment:
    """One cause that was handled: what stood before, what followed."""

    service: Service
    policy: Any
    before: Any
    sequence: int
    cause: Cause
    now: datetime
    events: tuple[Event, ...]
    after: Any


@dataclass(frozen=True)
class Witnessed:
    """Stories, and every moment in them."""

    worlds: list[World]
    moments: list[Moment]

    def of(self, service: Service) -> list[Moment]:
        return [moment for moment in self.moments if moment.service is service]


@pytest.fixture(scope="module")
def seen() -> Witnessed:
    moments: list[Moment] = []
    apply = fold.apply

    def watched(service: Any, policy: Any, aggregate: Any, cause: Any, now: Any, *rest: Any) -> list[Event]:
        before, sequence = aggregate.state, aggregate.sequence
        events = apply(service, policy, aggregate, cause, now, *rest)
        moments.append(Moment(service, policy, before, sequence, cause, now, tuple(events), aggregate.state))
        return events

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fold, "apply", watched)
        worlds = [told(long_story(seed), World.read_in_order) for seed in range(STORIES)]
    assert [world.found()["dead"] for world in worlds] == [0] * STORIES
    return Witnessed(worlds, moments)


def key_for(service: Service, state: Any, data: Any) -> KeyFound | None:
    """The key of whom a state, or else what comes first, is about."""
    subject = service.subject_of(state, data)
    return None if subject is None else key_of(subject)


def stored(service: Service, state: Any) -> Any:
    """A state as it comes back from its table, with its subject's key beside it."""
    if state is None:
        return None
    found: list[Sealed[Any]] = []
    read = service.read_state(state.model_dump_json(), found)
    unlock(found, key_for(service, read, None))
    return read


def read_back(event: Event) -> Event:
    """An event as it comes back from its topic, to a reader without keys: data and all but the policy."""
    return replace(event, data=EVENTS[event.type].model.model_validate_json(encode(event)), policy=None)


def test_every_service_is_seen_at_work(seen: Witnessed) -> None:
    for service, _ in services().values():
        assert len(seen.of(service)) > 50
        assert {bool(m.events) for m in seen.of(service)} >= {True}
        assert service.name == "intake" or {bool(m.before) for m in seen.of(service)} == {True, False}


def test_decide_says_the_same_again_also_of_a_state_read_from_its_table(seen: Witnessed) -> None:
    for m in seen.moments:
        drafts = m.service.decide(stored(m.service, m.before), m.cause, policy=m.policy, now=m.now)
        again = mint(m.service, drafts, m.cause.key, m.sequence, m.cause.id, m.now)
        key = key_for(m.service, m.before, m.cause.data)
        assert [encode(event, key) for event in again] == [encode(event) for event in m.events]
        assert again == list(m.events)


def test_what_is_sealed_in_an_event_was_sealed_there_or_came_with_its_cause_or_state(seen: Witnessed) -> None:
    """Byte for byte: nobody seals again what was sealed before. Coaching seals what a coach says, in a command."""
    passed_on = 0
    for m in seen.moments:
        known = tokens(m.cause.data) | tokens(m.before)
        for event in m.events:
            made = {token for token in tokens(event.data) if token not in known}
            passed_on += len(tokens(event.data) & known)
            if m.service.name == "coaching":
                assert not made or isinstance(m.cause, Command)
            else:
                assert not made or isinstance(event.data, ReferralCreated | ReferralAssessed | TriageCompleted)
    assert passed_on > 100


def tokens(found: Any) -> set[str]:
    """The tokens in a model, or in what a command holds."""
    return set(TOKEN.findall(found.model_dump_json())) if isinstance(found, BaseModel) else set()


def test_the_state_is_the_fold_of_events_as_the_topic_holds_them(seen: Witnessed) -> None:
    for m in seen.moments:
        state = stored(m.service, m.before)
        for event in m.events:
            state = m.service.evolve(state, read_back(event))
        assert state == m.after


def test_what_changes_state_is_an_event_and_an_event_is_about_its_own_key(seen: Witnessed) -> None:
    for m in seen.moments:
        assert m.events or m.after is m.before
        for ordinal, event in enumerate(m.events, 1):
            assert (event.key, event.sequence) == (m.cause.key, m.sequence + ordinal)
            assert EVENTS[event.type].topic == m.service.output
            assert EVENTS[event.type].producer == m.service.name


def test_no_event_from_another_service_ever_raises_whatever_the_state(seen: Witnessed) -> None:
    """Also one that comes when it makes no sense: what another part says can be surprising, never poison.

    But for one thing: what is sealed for somebody else is not passed on as this person's.
    """
    chance = Random(5)  # noqa: S311  repeatable
    others = 0
    for service, policy in services().values():
        moments = seen.of(service)
        states = [m.after for m in moments] + [None]
        causes = [m.cause for m in moments if isinstance(m.cause, Received)]
        for cause in chance.sample(causes, min(len(causes), 250)):
            state = chance.choice(states)
            subject, about = service.subject_of(state, cause.data), service.subject_of(None, cause.data)
            key = None if subject is None else key_of(subject)
            drafts = service.decide(state, cause, policy=policy, now=cause.occurred_at)
            for event in mint(service, drafts, cause.key, 7, cause.id, cause.occurred_at):
                state = service.evolve(state, event)
                try:
                    encode(event, key, subject)
                except SealInvalid:
                    assert subject != about
                    others += 1
    assert 0 < others < 400


def test_a_command_in_a_state_that_it_was_not_meant_for_is_done_or_refused_with_a_code(seen: Witnessed) -> None:
    chance = Random(6)  # noqa: S311  repeatable
    done, refusals = 0, list[Refused]()
    for service, policy in services().values():
        moments = seen.of(service)
        states = [m.after for m in moments] + [None]
        commands = [m for m in moments if isinstance(m.cause, Command)]
        for m in chance.sample(commands, min(len(commands), 150)):
            try:
                assert service.decide(chance.choice(states), m.cause, policy=policy, now=m.now)
                done += 1
            except Refused as refused:
                refusals.append(refused)
    assert {refused.status for refused in refusals} <= {404, 409, 422}
    assert all(reason.code and reason.message for refused in refusals for reason in refused.reasons)
    assert done > 20
    assert len(refusals) > 20


def records(world: World) -> Iterator[tuple[str, dict[str, str], dict[str, Any]]]:
    for memory in world.parts.values():
        for (topic, *_), (_, _, headers, value, _) in memory.tables["outbox"].items():
            yield topic, json.loads(headers), json.loads(value)


def test_every_event_leads_back_to_a_command_through_one_correlation(seen: Witnessed) -> None:
    for world in seen.worlds:
        by_id = {said["id"]: said for _, said, _ in records(world)}
        depth: set[int] = set()
        for said in by_id.values():
            steps, at = 0, said
            while is_minted_from_event(at["causationid"]):
                assert at["correlationid"] == by_id[at["causationid"]]["correlationid"]
                cause = by_id[at["causationid"]]
                begotten = at["type"] == types.REFERRAL_CREATED
                assert at["subject"] == (linked_referral_id(cause["id"]) if begotten else cause["subject"])
                at, steps = cause, steps + 1
            assert at["correlationid"] == at["causationid"]
            depth.add(steps)
        assert {0, 1, 2} <= depth, "from a referral to a plan, and from a session to money"
        assert depth <= {0, 1, 2, 3}, "and from a handover to the other programme's plan"


def test_who_a_referral_is_about_is_the_same_in_every_topic(seen: Witnessed) -> None:
    for world in seen.worlds:
        facts: dict[str, set[str]] = defaultdict(set)
        topics: dict[str, set[str]] = defaultdict(set)
        for topic, said, data in records(world):
            facts[said["subject"]].add(json.dumps([data[name] for name in SHARED]))
            topics[said["subject"]].add(topic)
        assert {len(found) for found in facts.values()} == {1}
        assert max(map(len, topics.values())) == 4


DIGEST = """
import hashlib
from tests.property.pipeline import World
from tests.property.pipeline_stories import long_story, told
from tests.property.test_erasure import TOKEN
from tests.property.test_pipeline_laws import digest
print(digest(told(long_story(0), World.read_in_order)))
"""


def digest(world: World) -> str:
    """One number for every event and every state."""
    kept = {name: memory.found() for name, memory in world.parts.items()}
    found = {name: [repr(found["events"]), found["states"]] for name, found in kept.items()}
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()


def test_another_process_with_other_hashes_decides_the_same_bytes(seen: Witnessed) -> None:
    """No set's order, no hash and no address reaches an event."""
    expected = digest(seen.worlds[0])
    started = [
        subprocess.Popen(
            [sys.executable, "-c", DIGEST],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": "."},
        )
        for seed in ("1", "2")
    ]
    assert [process.communicate(timeout=60)[0].strip() for process in started] == [expected, expected]
