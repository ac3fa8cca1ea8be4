"""Decisions, contests and corrections among everything else: all four services come to know the same."""

from random import Random

import pytest

from services.contracts import types
from tests.property.pipeline import World, services
from tests.property.pipeline_stories import POSTED, ask, decide_or_correct, post

STORIES, ROUNDS = 12, 14
KINDS = ("eligibility_decided", "eligibility_contested", "corrected")


def told(seed: int) -> tuple[World, list[str]]:
    """A referral of each kind, and rounds in which people do something about each."""
    chance, world = Random(seed), World()  # noqa: S311  drawn, not secret
    keys = [post(world, number, number) for number in range(len(POSTED))]
    world.read_in_order()
    for _ in range(ROUNDS):
        world.round += 24
        for key in keys:
            act = decide_or_correct if chance.random() < 0.4 else ask
            act(world, key, chance)
        world.read_in_order()
    return world, keys


@pytest.fixture(scope="module")
def stories() -> list[tuple[World, list[str]]]:
    return [told(seed) for seed in range(STORIES)]


def test_what_is_decided_and_corrected_is_known_everywhere(stories: list[tuple[World, list[str]]]) -> None:
    for world, keys in stories:
        assert world.found()["dead"] == 0
        for key in keys:
            intake, triage, coaching = (world.parts[name].state(key) for name in ("intake", "triage", "coaching"))
            assert triage.eligibility_decided == intake.decided
            assert triage.withdrawn == intake.withdrawn
            assert (triage.decision.facts, triage.decision.asks) == (intake.facts, intake.asks)
            assert triage.decision.eligibility == intake.eligibility
            for name in ("area_code", "age_band", "programme", "locality"):
                assert getattr(triage.decision, name) == getattr(intake.common, name)
                if coaching is not None and coaching.state != "withdrawn":
                    assert getattr(coaching, name) == getattr(intake.common, name)
            assert (intake.review is not None) >= (intake.decided is not None), "nobody decides unasked"
            assert intake.awaited is None or intake.decided is None, "what is decided is not awaited"


def test_a_replay_decides_the_same(stories: list[tuple[World, list[str]]]) -> None:
    for world, _ in stories[:4]:
        for name in services():
            assert world.replay(name).differences == []


def test_the_stories_hold_what_the_law_speaks_of(stories: list[tuple[World, list[str]]]) -> None:
    texts = b"".join(
        record.value or b"" for world, _ in stories for records in world.log.values() for record in records
    )
    for kind in KINDS:
        assert texts.count(f'"kind":"{kind}"'.encode()) >= 5, kind
    outcomes = [world.parts["triage"].state(key).decision.outcome for world, keys in stories for key in keys]
    assert {"not_eligible", "recommended"} <= {str(one) for one in outcomes}
    assert types.TOPIC_PLAN in {topic for world, _ in stories for topic, _ in world.log}
