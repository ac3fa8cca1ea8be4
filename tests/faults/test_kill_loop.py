"""Workers and relays are killed at random, again and again: each number still has exactly one effect."""

import random
from collections.abc import Callable

import pytest

from services.embedded.processes import Child
from tests.faults.stage import Stage

KEYS = [f"k{n}" for n in range(40)]
KILLS = 12
EACH = 20

COUNTED = "SELECT sum((state->>'count')::int) >= $1 FROM aggregate"
SENT = "SELECT count(*) >= $1 FROM outbox o, outbox_progress p WHERE p.sent @> o.id"


@pytest.mark.parametrize("runner", ["faust"])
@pytest.mark.parametrize("seed", [20250106])
async def test_kills_at_random(stage: Stage, runner: str, seed: int) -> None:
    """Two of each, so that the others go on; each has a fixed id, so that its successor takes its place at once."""
    stage.runner = runner
    draw = random.Random(seed)  # noqa: S311  a test that can be repeated
    small = {"PATHWAY_BATCH_SIZE": "7"}
    roles: dict[str, Callable[[], Child]] = {
        "worker-0": lambda: stage.worker(PATHWAY_GROUP_INSTANCE_ID="worker-0", **small),
        "worker-1": lambda: stage.worker(PATHWAY_GROUP_INSTANCE_ID="worker-1", **small),
        "relay-0": stage.relay,
        "relay-1": stage.relay,
    }
    running: dict[str, Child] = {name: start() for name, start in roles.items()}
    done = 0
    for _ in range(KILLS):
        await stage.send(draw.sample(KEYS, EACH), draw.randint(1, 5))
        there = sum(e.count for e in stage.expected.values())
        # the kill comes when a part of what is new has had its effect: in the middle of the rest
        await stage.until(draw.choice([COUNTED, SENT]), draw.randint(done + 1, there))
        name = draw.choice(sorted(running))
        running[name].kill9()
        running[name] = roles[name]()
        done = there
    await stage.prove()
    assert sum(e.count for e in stage.expected.values()) > 500
    assert all(child.alive for child in running.values())
