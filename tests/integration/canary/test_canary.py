"""The canary on a running system: it holds end to end at no money, and says which stage does not answer."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from services.canary.client import Client
from services.canary.person import PROGRAMME, Minute, nhs_number, referral
from services.canary.play import Result, Stage, play
from services.canary.settings import CanarySettings
from services.demo.world import CLI, World, free_ports
from services.kernel.clock import system_clock

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PATIENCE = 3.0
"""How long a stage that must fail is asked."""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World() as made:
        made.start_parts()
        made.migrate()
        made.start_services()
        for child in made.waiting_for():
            made.wait_for(child)
        yield made


@pytest.fixture(scope="module")
def minutes() -> Iterator[Minute]:
    """Minutes that nobody has played yet, each a synthetic person of their own."""

    def each() -> Iterator[Minute]:
        now = Minute.of(system_clock())
        number = now.number
        while True:
            number -= 1
            yield Minute(number, now.on)

    return each()


def environment(world: World) -> dict[str, str]:
    """The settings of a canary beside the world."""
    return {**os.environ, **world.environment(), "PATHWAY_CANARY_URLS": json.dumps(urls(world))}


def urls(world: World) -> dict[str, str]:
    return {name: world.url(name) for name in ("intake", "triage", "coaching", "outcomes")}


def played(world: World, minute: Minute, patience: float = 30.0, **elsewhere: str) -> Result:
    async def run() -> Result:
        settings = CanarySettings(urls={**urls(world), **elsewhere})
        async with Client(settings, world.issuer) as client:
            return await play(client, minute, patience)

    return asyncio.run(run())


def restarted(world: World, name: str, *words: str) -> None:
    world._role(name, *words)
    world.wait_for(world.processes.children[name])


def test_it_holds_to_the_end_for_nothing(world: World, minutes: Iterator[Minute]) -> None:
    minute = next(minutes)
    result = played(world, minute)
    assert (result.failed, result.why) == (None, None)
    assert list(result.seconds) == list(Stage)
    amounts = world.postgres.execute(
        f"SELECT string_agg(kind || ' ' || amount_pence, ',') FROM ledger_transaction WHERE programme = '{PROGRAMME}'",
        "pathway_outcomes",
    )
    assert amounts == "earned 0"
    again = played(world, minute)
    assert again.failed is None
    count = "SELECT count(*) FROM referral"
    assert world.postgres.execute(count, "pathway_intake") == "1", "the same minute makes nobody new"


def test_the_command_says_so_and_ends_with_0(world: World) -> None:
    done = command(world, "--once", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["ok"], told["failed"]) == (0, True, None), done.stderr
    assert list(told["seconds"]) == [stage.value for stage in Stage]


def command(world: World, *words: str) -> Any:
    return subprocess.run(
        [sys.executable, *CLI, "canary", "run", *words],
        env=environment(world),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_relay_that_stopped_is_seen_at_triage_and_the_run_is_finished_later(
    world: World, minutes: Iterator[Minute]
) -> None:
    minute = next(minutes)
    world.processes.children["relay"].stop()
    failed = played(world, minute, PATIENCE)
    restarted(world, "relay", "relay", "intake", "triage", "coaching", "outcomes", "vault")
    assert failed.failed is Stage.TRIAGE
    assert "triage answered 404" in str(failed.why)
    assert list(failed.seconds) == [Stage.INTAKE, Stage.TRIAGE]
    assert played(world, minute).failed is None


@pytest.mark.parametrize(
    ("worker", "stage"),
    [("triage", Stage.TRIAGE), ("coaching", Stage.PLAN), ("outcomes", Stage.OUTCOME), ("intake", Stage.STATUS)],
)
def test_a_worker_that_stopped_is_seen_at_its_stage(
    world: World, minutes: Iterator[Minute], worker: str, stage: Stage
) -> None:
    minute = next(minutes)
    world.processes.children[f"{worker}-worker"].stop()
    failed = played(world, minute, PATIENCE)
    restarted(world, f"{worker}-worker", "worker", worker)
    assert failed.failed is stage, failed.why
    assert played(world, minute).failed is None


@pytest.mark.parametrize(
    ("api", "stage"),
    [("intake", Stage.INTAKE), ("triage", Stage.TRIAGE), ("coaching", Stage.PLAN), ("outcomes", Stage.OUTCOME)],
)
def test_an_api_that_does_not_answer_is_named(world: World, minutes: Iterator[Minute], api: str, stage: Stage) -> None:
    (port,) = free_ports(1)
    failed = played(world, next(minutes), PATIENCE, **{api: f"http://127.0.0.1:{port}"})
    assert (failed.failed, failed.why) == (stage, "127.0.0.1 does not answer (ConnectError)")


def test_outside_development_it_starts_with_nothing_open(world: World) -> None:
    done = subprocess.run(
        [sys.executable, *CLI, "canary", "run", "--once"],
        env={**os.environ, "PATHWAY_ENVIRONMENT": "production"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    for name in ("COACH_SECRET", "FINANCE_SECRET", "TOKENS_URL"):
        assert f"PATHWAY_CANARY_{name}" in done.stderr


def test_no_minute_has_another_s_person() -> None:
    now = Minute.of(system_clock())
    people = [referral(Minute(now.number + n, now.on + timedelta(days=n)))["person"] for n in range(1500)]
    numbers = [person["nhs_number"] for person in people if person["nhs_number"]]
    assert len(set(numbers)) == len(numbers) > 1300
    assert all(number.startswith("999") for number in numbers)
    assert len({person["family_name"] for person in people}) == 1500
    assert {len(nhs_number(n) or "9990000000") for n in range(100)} == {10}
