"""What sealing costs an event: a key fetched and made ready, one content opened, one sealed, one input digested.

CPU in the process and in PostgreSQL, for people of whom each has one event, so that nothing is at hand from before:
the dearest case, and that of a referral's first triage.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.contracts.referral import ReferralCreated
from services.kernel.decision import Event, Received
from services.kernel.ids import uuid7
from services.kernel.runtime.fold import mint
from services.kernel.sealing.content import Sealed, Sealer, unlock
from services.kernel.sealing.keyring import Keys
from services.kernel.sealing.tokens import digest
from services.triage.service import build
from tests.benchmarks.events import NOW
from tests.benchmarks.measure import cpu_seconds
from tests.parts.kafka_admin import Raw

BATCH = 500
"""What a worker takes from a partition at once."""


@dataclass
class Cost:
    """CPU seconds so far, in Python and in PostgreSQL, and of how many."""

    python: float = 0.0
    postgres: float = 0.0
    count: int = 0

    def row(self, name: str) -> dict[str, Any]:
        """Return it as a row of bench.json, in microseconds each."""
        python, postgres = (round(seconds / self.count * 1e6, 1) for seconds in (self.python, self.postgres))
        cpu = {"python": python, "postgresql": postgres}
        return {"name": name, "value": round(python + postgres, 1), "unit": "us", "cpu_us": cpu}


async def sealing_rows(records: Sequence[Raw], keys: Keys, postgres: int) -> list[dict[str, Any]]:
    """Measure on a stage's own records. ``keys`` holds none yet; ``postgres`` is the server's process."""
    costs = {name: Cost() for name in ("keys a batch of 500", "open", "seal", "digest")}
    for start in range(0, len(records), BATCH):
        await _measure(records[start : start + BATCH], keys, postgres, costs)
    events = costs["keys a batch of 500"].count
    total = Cost(sum(c.python for c in costs.values()), sum(c.postgres for c in costs.values()), events)
    return [*[cost.row(f"sealing/{name}") for name, cost in costs.items()], total.row("sealing/an event of triage")]


async def _measure(records: Sequence[Raw], keys: Keys, postgres: int, costs: dict[str, Cost]) -> None:
    came: list[tuple[ReferralCreated, list[Sealed[Any]]]] = []
    for record in records:
        assert record.value is not None
        sealed: list[Sealed[Any]] = []
        came.append((ReferralCreated.model_validate_json(record.value, context=sealed), sealed))
    server, started = cpu_seconds([postgres]), time.process_time()
    found = await keys.get({referral.person_id for referral, _ in came})
    _add(costs["keys a batch of 500"], started, len(came))
    costs["keys a batch of 500"].postgres += cpu_seconds([postgres]) - server
    for referral, sealed in came:
        unlock(sealed, found[referral.person_id])

    started = time.process_time()
    for _, sealed in came:
        for content in sealed:
            content.content  # noqa: B018  asking opens it
    _add(costs["open"], started, sum(len(sealed) for _, sealed in came))

    decided = [_decided(referral) for referral, _ in came]
    started = time.process_time()
    for event in decided:
        findings = event.data.sealed.findings
        sealer = Sealer(found[event.data.person_id], event.id)
        sealer.seal(findings.field.adapter.serializer.to_json(findings.content), findings.field.name)
    _add(costs["seal"], started, len(decided))

    started = time.process_time()
    for event in decided:
        digest(Sealer(found[event.data.person_id], event.id).key(), *event.data.input_digest._parts)
    _add(costs["digest"], started, len(decided))


def _add(cost: Cost, started: float, count: int) -> None:
    cost.python += time.process_time() - started
    cost.count += count


SERVICE = build()
POLICY = SERVICE.policy()


def _decided(referral: ReferralCreated) -> Event:
    cause = Received(uuid7(NOW), "uk.workhealth.referral.created.v1", referral.referral_id, referral, NOW, 1)
    drafts = SERVICE.decide(None, cause, policy=POLICY, now=NOW)
    return mint(SERVICE, drafts, cause.key, 0, cause.id, NOW)[0]
