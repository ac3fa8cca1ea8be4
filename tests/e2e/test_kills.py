"""Two thousand referrals while processes are killed at random: each has exactly one effect in each service.

Workers, relays and APIs get ``kill -9`` at moments drawn from a seed (``PATHWAY_TEST_SEED`` draws others) and are
started again at once, as an orchestrator would; the senders repeat what was not answered, with the same
Idempotency-Key. Then everything is counted, decided again from the log, and paid a second time by a model that
shares no code with the services.
"""

import json
import os
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from services.contracts import types
from services.demo.people import people
from services.demo.person import Person
from services.embedded.processes import Supervisor
from services.kernel.replay.command import replay_from_kafka
from tests.e2e import subscriber
from tests.e2e.senders import COACHES, SENDERS, PatientClient, Senders
from tests.e2e.subscriber import Seen
from tests.e2e.system import ROLES, System, open_system
from tests.parts.databases import Databases
from tests.parts.kafka import Broker
from tests.property.owed import owed

pytestmark = [pytest.mark.slow, pytest.mark.faults, pytest.mark.timeout(400)]

SEED = int(os.environ.get("PATHWAY_TEST_SEED", "20241118"))
PEOPLE = 2100
"""One in twenty-five is a duplicate or wrong: 2,000 are accepted and more."""
COACHED = 75
KILLS = 10
SETTLE_SECONDS = 90.0


@pytest.fixture
async def system(kafka: Broker, database: Databases, processes: Supervisor, topic_prefix: str) -> AsyncIterator[System]:
    async with open_system(kafka, database, processes, topic_prefix) as opened:
        yield opened


@dataclass
class Killer:
    """Kills when so many answers have been given: every role once, and some again."""

    system: System
    acts: int
    chance: random.Random
    count: int = 0
    killed: list[tuple[int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        victims = [*ROLES, *self.chance.choices(list(ROLES), k=KILLS - len(ROLES))]
        self.chance.shuffle(victims)
        moments = sorted(self.chance.sample(range(self.acts // 20, self.acts * 9 // 10), KILLS))
        self.plan = list(zip(moments, victims, strict=True))

    def tick(self) -> None:
        self.count += 1
        while self.plan and self.plan[0][0] <= self.count:
            moment, victim = self.plan.pop(0)
            self.system.kill(victim)
            self.killed.append((moment, victim))


@dataclass(frozen=True)
class Log:
    """What the topics hold, once each, by topic and key in order of their sequence."""

    records: list[Seen]

    def __post_init__(self) -> None:
        assert list(subscriber.sequence_faults(self.records)) == []
        assert list(subscriber.partition_faults(self.records)) == []

    def of(self, topic: str) -> dict[str, list[dict[str, Any]]]:
        """Each key's data, with the type and id of its event."""
        once: dict[str, dict[int, dict[str, Any]]] = defaultdict(dict)
        for record in self.records:
            said = record.attributes
            if record.topic.endswith(topic):
                data = {**json.loads(record.value), "ce": said}
                once[said["subject"]].setdefault(int(said["sequence"]), data)
        return {key: [found[n] for n in sorted(found)] for key, found in once.items()}


async def test_two_thousand_referrals_and_ten_kills(system: System) -> None:
    await system.start(*ROLES)
    crowd = people(PEOPLE, SEED)
    async with PatientClient(system.issuer, system.urls, SENDERS + COACHES) as client:
        killer = Killer(system, PEOPLE + 6 * COACHED, random.Random(SEED))  # noqa: S311  repeatable on purpose
        senders = Senders(client, system.connections["coaching"], killer.tick)
        await senders.play(crowd, COACHED)
    assert len(killer.killed) == KILLS
    assert client.unanswered > 0, "no kill met a request"
    assert await system.settled(SETTLE_SECONDS) == {}

    every_request_had_its_answer(senders, crowd)
    log = Log(subscriber.subscribe(system.kafka.bootstrap, system.topics, f"{system.prefix}audit"))
    referrals = set(senders.accepted.values())
    invited = sum(1 for person in crowd if person.route == "provider")
    await every_referral_has_one_effect_in_each_service(system, log, referrals, invited)
    every_command_has_one_effect(log, senders)
    await money_is_right_to_the_penny(system, log)

    verdict = await replay_from_kafka(system.services, system.settings)
    assert verdict.differences == []
    assert verdict.services["triage"]["decided_again"] >= len(referrals)
    assert verdict.services["outcomes"]["decided_again"] > 4 * COACHED


def every_request_had_its_answer(senders: Senders, crowd: list[Person]) -> None:
    assert Counter((p.kind, senders.replies[p.number].status) for p in crowd) == Counter(
        (p.kind, p.expected_status) for p in crowd
    )
    ids = list(senders.accepted.values())
    assert len(set(ids)) == len(ids) >= 2000
    assert senders.refused == []


async def every_referral_has_one_effect_in_each_service(
    system: System, log: Log, referrals: set[str], invited: int
) -> None:
    kept = await system.connections["intake"].fetch("SELECT referral_id FROM referral")
    assert sorted(row[0] for row in kept) == sorted(referrals)
    created = {key: [data["ce"]["type"] for data in found] for key, found in log.of(types.TOPIC_REFERRAL).items()}
    assert {key: found for key, found in created.items() if key in referrals} == {
        key: [types.REFERRAL_CREATED] for key in referrals
    }
    invitations = [found for key, found in created.items() if key not in referrals]
    assert invitations == [[types.INVITATION_UPDATED] * 3] * invited, "identified, invited, accepted"
    triaged = log.of(types.TOPIC_TRIAGE)
    assert {key: [(data["ce"]["type"], data["revision"]) for data in found] for key, found in triaged.items()} == {
        key: [(types.TRIAGE_COMPLETED, 1)] for key in referrals
    }
    recommended = {key for key, found in triaged.items() if found[0]["outcome"] == "recommended"}
    assert 0 < len(recommended) < len(referrals), "some are held"
    plans = log.of(types.TOPIC_PLAN)
    assert set(plans) == recommended
    proposals = Counter(key for key, found in plans.items() for data in found if data["change"]["kind"] == "proposed")
    assert proposals == Counter(recommended)
    for service, topic in (("triage", triaged), ("coaching", plans), ("outcomes", log.of(types.TOPIC_OUTCOME))):
        rows = await system.connections[service].fetch("SELECT key, sequence FROM aggregate WHERE sequence > 0")
        assert {row[0]: row[1] for row in rows} == {key: len(found) for key, found in topic.items()}, service


def every_command_has_one_effect(log: Log, senders: Senders) -> None:
    plans = log.of(types.TOPIC_PLAN)
    assert len(senders.commands) == COACHED
    for key, kinds in senders.commands.items():
        assert [data["change"]["kind"] for data in plans[key]] == ["proposed", *kinds]
    untouched = set(plans) - set(senders.commands)
    assert {len(plans[key]) for key in untouched} == {1}


async def money_is_right_to_the_penny(system: System, log: Log) -> None:
    fetch = system.connections["outcomes"].fetch
    rows = await fetch("SELECT provider, sum(amount_pence) AS pence, count(*) AS n FROM ledger_transaction GROUP BY 1")
    assert sum(row["n"] for row in rows) > 5 * COACHED
    updates = [data for found in log.of(types.TOPIC_PLAN).values() for data in found]
    expected = {provider: pence for provider, pence in owed(updates).items() if pence}
    assert {row["provider"]: int(row["pence"]) for row in rows} == expected
    assert sum(expected.values()) > 100_000
    assert await system.connections["outcomes"].fetchval("SELECT sum(amount_pence) FROM ledger_line") == 0
    unbalanced = "SELECT transaction_id FROM ledger_line GROUP BY 1 HAVING sum(amount_pence) <> 0"
    assert await fetch(unbalanced) == []
    entries = Counter(data["ce"]["id"] for found in log.of(types.TOPIC_OUTCOME).values() for data in found)
    assert Counter(str(row[0]) for row in await fetch("SELECT id FROM ledger_transaction")) == entries
