"""Reconciliation: what must be so between ledger, log and services, and the first entry of which it is not.

1. The trial balance is 0.
2. The ledger is the fold of the service's own events, entry by entry.
3. Every sealed statement has the root of its lines, and the ledger owes what the last one closed with.
4. Of each topic read: distinct (topic, key, sequence) sent = consumed + dead + waiting.
"""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from services.contracts.registry import EVENTS
from services.contracts.types import TOPIC_OUTCOME
from services.kernel.clock import parse_rfc3339
from services.kernel.decision import Event
from services.kernel.operations.audit import Pool
from services.kernel.runtime.tables import Connection
from services.outcomes.domain.ledger import fold_ledger
from services.outcomes.settlement.canonical import root_of
from services.outcomes.store import read_ledger

OWN: Final = "SELECT key, sequence, event_id, headers, value FROM outbox WHERE topic = $1 ORDER BY key, sequence"
SENT: Final = """
SELECT count(*) FROM (SELECT DISTINCT o.key, o.sequence FROM outbox o, outbox_progress p
WHERE o.topic = $1 AND p.sent @> o.id) AS sent
"""
READ: Final = """
SELECT (SELECT coalesce(sum(sequence), 0) FROM key_position WHERE topic = $1)::bigint
     - (SELECT count(*) FROM dead_letter d JOIN key_position k USING (topic, key)
        WHERE topic = $1 AND d.resolution = 'discarded' AND d.sequence <= k.sequence) AS consumed,
       (SELECT count(*) FROM waiting_event WHERE topic = $1) AS waiting,
       (SELECT count(DISTINCT (d.key, d.sequence)) FROM dead_letter d LEFT JOIN key_position k USING (topic, key)
        WHERE topic = $1 AND d.sequence IS NOT NULL AND d.kind <> 'conflict'
          AND (d.resolution = 'discarded' OR d.resolution IS NULL AND d.sequence > coalesce(k.sequence, 0))) AS dead
"""
STATEMENTS: Final = "SELECT contract, month FROM statement ORDER BY contract, month"
OWED: Final = """
SELECT s.contract, s.month, (s.totals ->> 'closing_pence')::bigint AS closing,
       coalesce((SELECT -sum(l.amount_pence) FROM ledger_line l
                 WHERE l.contract = s.contract AND l.account = 'payable'), 0)
     + coalesce((SELECT sum(t.amount_pence) FROM ledger_transaction t WHERE t.contract = s.contract AND t.kind = 'paid'
                 AND NOT EXISTS (SELECT FROM settlement_line x WHERE x.entry_id = t.id)), 0) AS owed
FROM statement s
WHERE s.month = (SELECT max(month) FROM statement o WHERE o.contract = s.contract)
"""


@dataclass
class Proof:
    """What a reconciliation found. ``differences``: what is not so, the first entry first."""

    transactions: int = 0
    lines: int = 0
    trial_balance_pence: int = 0
    statements: int = 0
    topics: dict[str, dict[str, int]] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether everything is as it must be."""
        return not self.differences


async def prove(connection: Connection, senders: Mapping[str, Pool]) -> Proof:
    """Reconcile. ``senders``: for each topic that is read, its sender's database."""
    ledger = await read_ledger(connection)
    proof = Proof(len(ledger.transactions), len(ledger.lines), ledger.trial_balance())
    if proof.trial_balance_pence:
        proof.differences.append(f"trial_balance {proof.trial_balance_pence}")
    folded = fold_ledger([event async for event in own_events(connection)])
    proof.differences += [f"entry {identity}" for identity in ledger.differences(folded)]
    for row in await connection.fetch(STATEMENTS):
        proof.statements += 1
        root, sealed = await root_of(connection, row["contract"], row["month"])
        if root != sealed:
            proof.differences.append(f"statement {row['contract']} {row['month']}: root {root}, sealed {sealed}")
    for row in await connection.fetch(OWED):
        if row["closing"] != row["owed"]:
            closed = f"{row['month']} closed with {row['closing']}"
            proof.differences.append(f"contract {row['contract']}: {closed}, the ledger owes {row['owed']}")
    for topic, sender in sorted(senders.items()):
        sent = await sender.fetchval(SENT, topic)
        read = dict(await connection.fetchrow(READ, topic) or {})
        proof.topics[topic] = {"sent": sent, **{name: int(value) for name, value in read.items()}}
        if sent != sum(read.values()):
            proof.differences.append(f"topic {topic}: sent {sent}, {json.dumps(proof.topics[topic])}")
    return proof


async def own_events(connection: Connection) -> AsyncIterator[Event]:
    """Yield the service's own events as it has recorded them, each key's in order."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        async for row in connection.cursor(OWN, TOPIC_OUTCOME, prefetch=1000):
            headers: dict[str, Any] = json.loads(row["headers"])
            data = EVENTS[headers["type"]].model.model_validate_json(bytes(row["value"]))
            yield Event(
                row["event_id"], headers["type"], row["key"], row["sequence"], data, parse_rfc3339(headers["time"])
            )
