"""Erasing people: what was decided, states and the ledger stay; content is gone and nothing new comes of it.

The stories of :mod:`tests.property.pipeline_stories`, read in disorder, with keys destroyed after them or at any
moment in the middle.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts import types
from services.contracts.safety_codes import SafetyAction
from services.kernel.replay import folding
from services.kernel.replay.folding import Replayed
from services.kernel.runtime import fold
from services.kernel.sealing import content
from services.kernel.sealing.subject_key import KeyFound
from services.kernel.sealing.tokens import NONCE_BYTES, token_header
from services.triage.domain.decide import ACKNOWLEDGE, Acknowledge
from tests.parts.keys import MadeKeys, key_of
from tests.property.owed import owed
from tests.property.pipeline import World, services
from tests.property.pipeline_disorder import Disorder
from tests.property.pipeline_stories import POSTED, SEEDS, STORIES, TOLD, Story, long_story, person, told

pytestmark = pytest.mark.usefixtures("quiet")
TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{20,}\.\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{22}")
EVERYBODY: Final = frozenset(person(number) for number in range(len(POSTED)))
PEOPLE = st.frozensets(st.sampled_from(sorted(EVERYBODY)))
FULL: Final = 3
"""So many full stories."""


def events(world: World) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    """Attributes and data of every event, sent or not."""
    for memory in world.parts.values():
        for _, _, headers, value, _ in memory.tables["outbox"].values():
            yield json.loads(headers), json.loads(value)


def sealed(world: World, people: Iterable[str]) -> set[str]:
    """Every token under these people's keys, wherever it stands, and every digest that an event of theirs holds."""
    tokens = {token for memory in world.parts.values() for token in TOKEN.findall(str(memory.tables))}
    found = {token for token in tokens if token_header(token).sub in people}
    for _, data in events(world):
        if data["person_id"] in people:
            found |= {data.get("input_digest"), data.get("change", {}).get("note_digest")} - {None}
    return found


@dataclass
class Erasure:
    """Destroys people's keys once so many turns have passed, and notes what is sealed under them by then."""

    people: frozenset[str]
    turns: int
    sealed: set[str] | None = None

    def __call__(self, world: World) -> None:
        if self.sealed is None and world.turns > self.turns:
            world.keys.erased |= self.people
            self.sealed = sealed(world, self.people)


@cache
def full(seed: int) -> World:
    """A full story, read in disorder, with everybody's key."""
    return told(long_story(seed), Disorder(Random(seed)), ticking=True)  # noqa: S311  repeatable


@cache
def replayed_with_keys(story: int, name: str) -> Replayed:
    """What a replay of a full story finds while everybody's key is there."""
    full(story).keys.erased = set()
    return full(story).replay(name)


@settings(TOLD, max_examples=25)
@given(st.integers(0, FULL - 1), PEOPLE)
def test_a_replay_after_anybody_s_erasure_comes_to_the_same(story: int, people: frozenset[str]) -> None:
    world = full(story)
    for name in services():
        before = replayed_with_keys(story, name)
        world.keys.erased = set(people)
        after = world.replay(name)
        assert after.differences == []
        assert after.rows == before.rows
        for key, aggregate in after.aggregates.items():
            kept, text = world.parts[name].tables["aggregate"].get(key, (0, None))
            assert aggregate.sequence == kept
            assert text is None or aggregate.state.model_dump_json() == text
        of_content = content_decisions(world, people) if name == "triage" else 0
        assert (before.on_digest, after.on_digest) == (0, of_content)
        assert after.decided_again == before.decided_again - of_content
        assert after.folded_only == before.folded_only


def content_decisions(world: World, people: frozenset[str]) -> int:
    """Count triage's events of these people that came of reading answers: a decision and what came with it."""
    said = [(said, data) for said, data in events(world) if said["source"] == "/pathway/triage"]
    causes = {said["causationid"] for said, data in said if said["type"] == types.TRIAGE_COMPLETED}
    return sum(said["causationid"] in causes and data["person_id"] in people for said, data in said)


def test_the_stories_hold_what_the_law_speaks_of() -> None:
    without_content = 0
    for story in range(FULL):
        world = full(story)
        world.keys.erased = set(EVERYBODY)
        replayed = world.replay("triage")
        without_content += replayed.decided_again
        assert replayed.on_digest > 10
        assert world.replay("coaching").decided_again > 40, "a plan is decided from codes alone"
        for person_id in EVERYBODY:
            assert len({token_header(t).fld for t in sealed(world, {person_id}) if "." in t}) > 1
    assert without_content > 0, "a withdrawal is passed on without a look at any answer"


def erased_on_the_way(story: Story, seed: int, erasure: Erasure) -> World:
    """A story in which people are erased at some moment, at the latest when all is quiet."""
    world = told(story, Disorder(Random(seed), erasure))  # noqa: S311  repeatable
    world.turns += erasure.turns
    erasure(world)
    return world


ERASURES = st.builds(Erasure, st.frozensets(st.integers(0, 2).map(person), min_size=1), st.integers(0, 150))


def broken(world: World, erasure: Erasure) -> list[str]:
    """Name every law that does not hold of a story with an erasure in it."""
    found = world.found()
    wrong = [] if found["dead"] == 0 else ["a dead letter"]
    if any(found[name]["waiting"] or found[name]["stopped"] for name in services()):
        wrong.append("somebody waits")
    if sealed(world, erasure.people) != erasure.sealed:
        wrong.append("something new was sealed or digested")
    for name in services():
        replayed = world.replay(name)
        states = {key: (a.sequence, a.state) for key, a in replayed.aggregates.items() if a.sequence}
        if replayed.differences or world.kept(name) != states:
            wrong.append(f"{name} is not what its log says")
    if balances(world) != {provider: pence for provider, pence in owed(plan_events(world)).items() if pence}:
        wrong.append("the ledger")
    return wrong


@settings(TOLD, max_examples=60)
@given(STORIES, SEEDS, ERASURES)
def test_an_erasure_on_the_way_stops_nothing_and_nothing_new_is_sealed(
    story: Story, seed: int, erasure: Erasure
) -> None:
    assert broken(erased_on_the_way(story, seed, erasure), erasure) == []


@settings(TOLD, max_examples=40)
@given(STORIES, SEEDS, ERASURES)
def test_nobody_else_notices(story: Story, seed: int, erasure: Erasure) -> None:
    world, untouched = erased_on_the_way(story, seed, erasure), told(story, World.read_in_order)
    for name in services():
        one, two = (others(w.parts[name].found(), erasure.people) for w in (world, untouched))
        assert one == two


def test_what_waits_for_an_erased_person_is_ended_and_a_replay_agrees() -> None:
    """By whoever says so: else it would alert for ever."""
    world = told(long_story(1), World.read_in_order)
    world.keys.erased |= EVERYBODY
    before = world.parts["triage"].tables["safety_task"]
    waiting = {row[3] for row in before.values() if row[7] is None}
    assert waiting
    acted, last = len(world.refused), sealed(world, EVERYBODY)
    for key in sorted(waiting):
        world.command("triage", ACKNOWLEDGE, key, Acknowledge(actions=(SafetyAction.DATA_ERASED,)))
    assert len(world.refused) == acted
    world.read_in_order()
    assert [row for row in world.parts["triage"].tables["safety_task"].values() if row[7] is None] == []
    assert sealed(world, EVERYBODY) == last, "nothing new is sealed"
    for name in services():
        assert world.replay(name).differences == []


def others(found: dict[str, Any], people: frozenset[str]) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """Events and states of everybody but these people."""
    keys = {key for (_, key, _), row in found["events"].items() if json.loads(row[3])["person_id"] not in people}
    kept = {place: row for place, row in found["events"].items() if place[1] in keys}
    return kept, {key: state for key, state in found["states"].items() if key in keys}


def plan_events(world: World) -> list[dict[str, Any]]:
    return [data for said, data in events(world) if said["type"] == types.PLAN_UPDATED]


def balances(world: World) -> dict[str, int]:
    """What is owed to each provider by the ledger."""
    sums = Counter[str]()
    for row in world.parts["outcomes"].tables["ledger_transaction"].values():
        sums[row[4]] += row[11]
    return {provider: pence for provider, pence in sums.items() if pence}


def test_erasures_on_the_way_meet_what_is_under_way() -> None:
    """The law would say little if nobody's answers were still unread when their keys went."""
    silent, refused, paid_after = 0, 0, 0
    for turns in (2, 5, 8, 12, 30, 60):
        world = erased_on_the_way(long_story(turns), turns, Erasure(EVERYBODY, turns))
        refused += sum("person_erased" in text for text in world.refused)
        answered = {said["causationid"] for said, _ in events(world)}
        read = (types.REFERRAL_CREATED, types.REFERRAL_ASSESSED)
        silent += sum(said["type"] in read and said["id"] not in answered for said, _ in events(world))
        paid_after += len(balances(world))
    assert silent > 10
    assert refused > 20
    assert paid_after > 0


WORDS = ("phq9", "item9", "red_flags", "back_pain", "stressors", "urgency", "self_harm", "note 1", "note 4")
"""Of answers, findings and notes; none stands in what is open."""


def test_no_sealed_content_rests_in_plain_anywhere() -> None:
    for story in range(FULL):
        world = full(story)
        rows = str([memory.tables for memory in world.parts.values()]) + str(world.log)
        assert [word for word in WORDS if word in rows] == []
    assert any(full(story).parts["coaching"].tables["plan_note"] for story in range(FULL))


# The laws notice when a safeguard is gone.


class _Nothing(Exception):
    """Nobody raises this."""


def _still_held(self: MadeKeys, subject: str) -> KeyFound:
    return key_of(subject)


MUTANTS: dict[str, tuple[Any, str, Any]] = {
    "keys are held for ever": (MadeKeys, "key", _still_held),
    "what cannot be read is a bug": (fold, "ContentErased", _Nothing),
    "a replay wants all content": (folding, "ContentErased", _Nothing),
    "nonces are drawn": (content, "derived_nonce", lambda *_: os.urandom(NONCE_BYTES)),
}


@pytest.mark.parametrize("safeguard", MUTANTS)
def test_a_broken_safeguard_is_noticed(safeguard: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, name, mutant = MUTANTS[safeguard]
    monkeypatch.setattr(owner, name, mutant)
    erasure = Erasure(frozenset({person(0), person(2), person(4)}), 10)
    assert _noticed(erasure)


def _noticed(erasure: Erasure) -> bool:
    try:
        return broken(erased_on_the_way(long_story(1), 1, erasure), erasure) != []
    except content.ContentErased:  # a command that nobody answers
        return True
