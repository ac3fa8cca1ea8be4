"""A newer release beside this one, with referrals and commands in flight: nothing is lost, applied twice or stopped."""

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.demo.people import people
from services.demo.world import free_ports
from services.embedded.processes import Supervisor
from services.kernel.replay.command import replay_from_kafka
from tests.e2e import next_release
from tests.e2e.senders import COACHES, SENDERS, PatientClient, Senders
from tests.e2e.system import ROLES, System, open_system
from tests.parts.databases import Databases
from tests.parts.kafka import Broker

pytestmark = [pytest.mark.slow, pytest.mark.faults, pytest.mark.timeout(400)]

PEOPLE = 300
COACHED = 30
SETTLE_SECONDS = 90.0
WORKERS = ("intake", "triage", "coaching", "outcomes")


@pytest.fixture
async def system(kafka: Broker, database: Databases, processes: Supervisor, topic_prefix: str) -> AsyncIterator[System]:
    async with open_system(kafka, database, processes, topic_prefix) as opened:
        yield opened


async def test_the_next_release_beside_this_one(system: System, tmp_path: Path) -> None:
    words = next_release.make(tmp_path)
    assert str(tmp_path) in _where(words), "the words run the copy, not this tree"
    await system.start(*ROLES)
    ports = dict(zip(WORKERS, free_ports(len(WORKERS)), strict=True))
    done, moments = 0, [PEOPLE // 8, PEOPLE // 4]

    def tick() -> None:
        nonlocal done
        done += 1
        if done == moments[0]:
            for number in (1, 2):
                system.processes.python(
                    f"migrate-{number}", *words, "migrate", "intake", "triage", "coaching", "outcomes"
                )
        if done == moments[1]:
            for number in (1, 2):  # two Jobs at once: one waits, both end well
                job = system.processes.children[f"migrate-{number}"]
                assert job.wait(60.0) == 0, job.output()
                del system.processes.children[f"migrate-{number}"]
            for name, port in ports.items():  # in the same group, beside the older ones
                system.processes.python(f"{name}-next", *words, "worker", name, env={"PATHWAY_HTTP_PORT": str(port)})
            system.programs["relay-1"] = words  # a relay of the newer release takes over from a killed older one
            system.kill("relay-1")

    async with PatientClient(system.issuer, system.urls, SENDERS + COACHES) as client:
        senders = Senders(client, system.connections["coaching"], tick)
        await senders.play(people(PEOPLE, 20241118), COACHED)
    assert done > moments[1]
    for name, port in ports.items():
        child = system.processes.children[f"{name}-next"]
        child.wait_for_http(f"http://127.0.0.1:{port}/readyz", 60.0)
    assert await system.settled(SETTLE_SECONDS) == {}
    assert senders.refused == []
    for name in WORKERS:
        added = "SELECT count(*) FROM information_schema.columns WHERE column_name IN ('next_note', 'next_number')"
        assert await system.connections[name].fetchval(added) == 2, name
    referrals = await system.connections["intake"].fetchval("SELECT count(*) FROM referral")
    assert referrals == len(senders.accepted) > PEOPLE * 9 // 10
    assert await system.connections["triage"].fetchval("SELECT count(*) FROM aggregate WHERE sequence > 0") == referrals
    assert await system.connections["outcomes"].fetchval("SELECT sum(amount_pence) FROM ledger_line") == 0
    verdict = await replay_from_kafka(system.services, system.settings)
    assert verdict.differences == []
    assert verdict.services["triage"]["decided_again"] >= referrals


def _where(words: tuple[str, ...]) -> str:
    *flags, start = words
    asked = start.replace("main()", "import services; print(services.__path__[0])")
    done = subprocess.run([sys.executable, *flags, asked], capture_output=True, text=True, check=True)
    return done.stdout
