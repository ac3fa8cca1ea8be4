"""However the topics are read, the four services come to the same: states, events to the byte, and the ledger.

One story is told twice, over the kernel's own transactions on databases in memory: once with the topics read in
plain order, once with partitions interleaved, batches of any size, records repeated at their own and at new
offsets, numbers that come too early, unreadable bytes in between, and processes that die in the middle.
"""

import json
import os
from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings

from services.contracts import types
from services.kernel.replay.folding import Replayed
from services.kernel.runtime import fold, positions
from services.kernel.runtime.fold import mint
from services.kernel.runtime.turns import Turns
from services.kernel.sealing import content
from services.kernel.sealing.tokens import NONCE_BYTES
from tests.property.owed import owed
from tests.property.pipeline import World, services
from tests.property.pipeline_disorder import Disorder
from tests.property.pipeline_stories import SEEDS, STORIES, TOLD, Story, long_story, told

pytestmark = pytest.mark.usefixtures("quiet")


def differences(plain: World, disordered: World) -> list[str]:
    one, two = plain.found(), disordered.found()
    named = [(part, name) for part, found in one.items() if isinstance(found, dict) for name in found]
    wrong = [f"{part} {name}" for part, name in named if one[part][name] != two[part][name]]
    return wrong + [name for name in ("refused", "dead") if one[name] != two[name]]


@settings(TOLD, max_examples=100)
@given(STORIES, SEEDS)
def test_any_way_of_reading_gives_the_same_states_events_and_ledger(story: Story, seed: int) -> None:
    plain = told(story, World.read_in_order)
    disordered = told(story, Disorder(Random(seed)))  # noqa: S311  repeatable
    assert differences(plain, disordered) == []
    assert all(not part["waiting"] and not part["stopped"] for part in _parts(disordered))


def _parts(world: World) -> list[dict[str, Any]]:
    return [memory.found() for memory in world.parts.values()]


@pytest.mark.parametrize("seed", range(8))
def test_the_same_in_full_stories(seed: int) -> None:
    story = long_story(seed)
    plain, disordered = told(story, World.read_in_order), told(story, Disorder(Random(seed)))  # noqa: S311
    assert differences(plain, disordered) == []
    assert sum(map(len, disordered.log.values())) > 1.2 * sum(map(len, plain.log.values())), "it was too tidy"


@pytest.fixture(scope="module")
def worlds() -> list[World]:
    return [told(long_story(seed), Disorder(Random(seed)), ticking=True) for seed in range(8)]  # noqa: S311


def states(replayed: Replayed) -> dict[str, tuple[int, Any]]:
    return {key: (a.sequence, a.state) for key, a in replayed.aggregates.items() if a.sequence}


def values(world: World, topic: str) -> list[dict[str, Any]]:
    rows = [row for memory in world.parts.values() for (t, *_), row in memory.tables["outbox"].items() if t == topic]
    return [json.loads(row[3]) for row in rows]


def test_the_stories_reach_what_the_law_speaks_of(worlds: list[World]) -> None:
    changes = Counter(data["change"]["kind"] for world in worlds for data in values(world, types.TOPIC_PLAN))
    assert len(changes) > 15
    outcomes = Counter(data["kind"] for world in worlds for data in values(world, types.TOPIC_OUTCOME))
    assert outcomes["earned"] > 40
    assert {"claimable", "reversal"} <= set(outcomes)
    revisions = [
        data["revision"] for world in worlds for data in values(world, types.TOPIC_TRIAGE) if "ruleset" in data
    ]
    assert max(revisions) > 2
    said = Counter(row[1] for world in worlds for row in world.parts["intake"].tables["consent_fact"].values())
    first = 3 * sum("eligibility" in data for w in worlds for data in values(w, types.TOPIC_REFERRAL))
    assert said[types.TOPIC_REFERRAL] > first + 60, "consents change after the referral"
    assert said[types.TOPIC_PLAN] > 0, "some at the coach"
    assert all(len(world.refused) < 150 for world in worlds), "most of what is asked is refused"


def test_the_ledger_is_the_independent_model_whatever_came_twice_or_late(worlds: list[World]) -> None:
    for world in worlds:
        tables = world.parts["outcomes"].tables
        sums = Counter[str]()
        for row in tables["ledger_transaction"].values():
            sums[row[4]] += row[11]
        assert {p: n for p, n in sums.items() if n} == {
            p: n for p, n in owed(values(world, types.TOPIC_PLAN)).items() if n
        }
        assert sum(row[4] for row in tables["ledger_line"].values()) == 0


def test_the_log_decides_again_to_the_same(worlds: list[World]) -> None:
    """The audit's own replay of a log with repetitions and poison in it finds no difference."""
    for world in worlds:
        for name in services():
            replayed = world.replay(name)
            assert replayed.differences == []
            assert replayed.on_digest == 0
            assert world.kept(name) == states(replayed)


# The laws notice when a safeguard is gone.


def _takes_all(self: Turns, item: Any) -> None:
    self._apply(self.turns[item.envelope.subject], item)


def _forgets_early(self: Turns, turn: Any, item: Any) -> None:
    self.counts.duplicates += 1


async def _keeps_nothing(*_: Any) -> None:
    return None


def _ids_of_the_moment(service: Any, drafts: Any, key: str, sequence: int, cause: str, now: Any) -> Any:
    return mint(service, drafts, key, sequence, cause[:-1] + str(sequence % 2), now)


MUTANTS: dict[str, tuple[Any, str, Any]] = {
    "duplicates are applied again": (Turns, "_take", _takes_all),
    "an early number is dropped": (Turns, "_park", _forgets_early),
    "what waited is not taken up": (Turns, "drain", lambda self, turn: None),
    "what waits is not kept": (positions, "_park", _keeps_nothing),
    "ids follow from something else than the cause": (fold, "mint", _ids_of_the_moment),
    "nonces are drawn": (content, "derived_nonce", lambda *_: os.urandom(NONCE_BYTES)),
}


@pytest.mark.parametrize("broken", MUTANTS)
def test_a_broken_safeguard_is_noticed(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, name, mutant = MUTANTS[broken]
    story = long_story(1)
    plain = told(story, World.read_in_order)
    monkeypatch.setattr(owner, name, mutant)
    assert any(_noticed(plain, story, seed) for seed in range(3))


def _noticed(plain: World, story: Story, seed: int) -> bool:
    try:
        return bool(differences(plain, told(story, Disorder(Random(seed)))))  # noqa: S311
    except AssertionError:  # the database in memory has refused a second row of one key
        return True
