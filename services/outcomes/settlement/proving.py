"""What must be so between ledger, statements and the service's own events, and the first entry of which it is not.

1. The trial balance is 0.
2. The ledger is the fold of the service's own events, entry by entry.
3. Every sealed statement has the root of its lines and of its event, and the ledger owes what the last one closed with.

The events are read from the outbox or, by :data:`ON_LOG`, from a copy of the log. Both streams are in the order of
their keys, so that one key's entries are in memory at a time.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

from services.contracts.registry import EVENTS
from services.contracts.statement import StatementSealed
from services.contracts.types import OUTCOME_RECORDED, STATEMENT_SEALED, TOPIC_OUTCOME
from services.kernel.clock import parse_rfc3339
from services.kernel.decision import Event
from services.kernel.runtime.tables import Connection
from services.outcomes.domain.ledger import Ledger, fold_ledger
from services.outcomes.settlement.canonical import root_of
from services.outcomes.store import ledgers_by_key

IN_OUTBOX: Final = "SELECT key, sequence, event_id, headers, value FROM outbox WHERE topic = $1 ORDER BY key, sequence"
ON_LOG: Final = """
SELECT key, sequence, event_id, headers, value FROM (
    SELECT DISTINCT ON (l.key, l.sequence) l.key, l.sequence, l.event_id, l.headers, l.value FROM logged l
    WHERE l.topic = $1 AND (NOT l.late OR EXISTS (
        SELECT FROM outbox o WHERE o.topic = $1 AND o.key = l.key AND o.sequence = l.sequence))
    ORDER BY l.key, l.sequence, l.partition, l.record_offset) AS on_log
UNION ALL
SELECT o.key, o.sequence, o.event_id, o.headers::text, o.value FROM outbox o, outbox_progress p
WHERE o.topic = $1 AND NOT p.sent @> o.id
  AND NOT EXISTS (SELECT FROM sent s WHERE s.topic = $1 AND s.key = o.key AND s.sequence = o.sequence)
ORDER BY key, sequence
"""
"""The log's own events in a copy of it, and those that are on their way to it."""
LINES: Final = "SELECT count(*) AS lines, coalesce(sum(amount_pence), 0)::bigint AS balance FROM ledger_line"
STATEMENTS: Final = "SELECT contract, month, event_id FROM statement ORDER BY contract, month"
OWED: Final = """
SELECT s.contract, s.month, (s.totals ->> 'closing_pence')::bigint AS closing,
       coalesce((SELECT -sum(l.amount_pence) FROM ledger_line l
                 WHERE l.contract = s.contract AND l.account = 'payable'), 0)
     + coalesce((SELECT sum(t.amount_pence) FROM ledger_transaction t WHERE t.contract = s.contract AND t.kind = 'paid'
                 AND NOT EXISTS (SELECT FROM settlement_line x WHERE x.entry_id = t.id)), 0) AS owed
FROM statement s
WHERE s.month = (SELECT max(month) FROM statement o WHERE o.contract = s.contract)
"""
EVENTS_OF: Final = frozenset(contract.type for contract in EVENTS if contract.topic == TOPIC_OUTCOME)
POSTING: Final = frozenset({OUTCOME_RECORDED, STATEMENT_SEALED})
"""The types that post something."""


@dataclass
class Proof:
    """What was held against what. ``differences``: what is not so, the first entry first."""

    transactions: int = 0
    lines: int = 0
    trial_balance_pence: int = 0
    statements: int = 0
    differences: list[str] = field(default_factory=list)
    entries: list[tuple[str, str]] = field(default_factory=list)
    roots: dict[str, str] = field(default_factory=dict)

    @property
    def equal(self) -> bool:
        """Whether everything is as it must be."""
        return not self.differences


async def prove(connection: Connection, own: str = IN_OUTBOX) -> Proof:
    """Prove the ledger, as of one moment. ``own``: the query of the service's own events."""
    proof = Proof()
    async with connection.transaction(isolation=None if connection.is_in_transaction() else "repeatable_read"):
        sums = await connection.fetchrow(LINES)
        proof.lines, proof.trial_balance_pence = sums["lines"], sums["balance"]  # type: ignore[index]
        if proof.trial_balance_pence:
            proof.differences.append(f"trial_balance {proof.trial_balance_pence}")
        await _compare(connection, own, proof)
        proof.differences += [f"entry {identity}" for _, identity in sorted(proof.entries)]
        await _statements(connection, proof)
    return proof


async def _compare(connection: Connection, own: str, proof: Proof) -> None:
    """Walk through both streams; the ledger's key or the log's, whichever comes first."""
    folded, kept = _folded(connection, own, proof), ledgers_by_key(connection)
    log, database = await anext(folded, None), await anext(kept, None)
    while log or database:
        key = min(found[0] for found in (log, database) if found)
        there = log[1] if log and log[0] == key else Ledger()
        here = database[1] if database and database[0] == key else Ledger()
        proof.transactions += len(here.transactions)
        proof.entries += [(here.known(there, identity), identity) for identity in here.differences(there)]
        if log and log[0] == key:
            log = await anext(folded, None)
        if database and database[0] == key:
            database = await anext(kept, None)


async def _folded(connection: Connection, own: str, proof: Proof) -> AsyncIterator[tuple[str, Ledger]]:
    """Yield each key with the ledger that its events make, in the order of the keys."""
    key, events = "", list[Event]()
    async for event in own_events(connection, own, only=POSTING):
        if event.key != key:
            if events:
                yield key, fold_ledger(events)
            key, events = event.key, []
        events.append(event)
        if isinstance(event.data, StatementSealed):
            proof.roots[event.id] = event.data.root
    if events:
        yield key, fold_ledger(events)


async def own_events(
    connection: Connection, own: str = IN_OUTBOX, *, only: frozenset[str] = EVENTS_OF
) -> AsyncIterator[Event]:
    """Yield the service's own events of the types ``only``, each key's in order. Needs a transaction."""
    async for row in connection.cursor(own, TOPIC_OUTCOME, prefetch=1000):
        headers: dict[str, Any] = json.loads(row["headers"])
        if headers["type"] in only:
            data = EVENTS[headers["type"]].model.model_validate_json(bytes(row["value"]))
            at = parse_rfc3339(headers["time"])
            yield Event(row["event_id"], headers["type"], row["key"], row["sequence"], data, at)


async def _statements(connection: Connection, proof: Proof) -> None:
    for row in await connection.fetch(STATEMENTS):
        proof.statements += 1
        root, sealed = await root_of(connection, row["contract"], row["month"])
        published = proof.roots.pop(str(row["event_id"]), None)
        if not root == sealed == published:
            said = f"root {root}, sealed {sealed}, published {published}"
            proof.differences.append(f"statement {row['contract']} {row['month']}: {said}")
    proof.differences += [f"statement of event {identity}: only published" for identity in sorted(proof.roots)]
    for row in await connection.fetch(OWED):
        if row["closing"] != row["owed"]:
            closed = f"{row['month']} closed with {row['closing']}"
            proof.differences.append(f"contract {row['contract']}: {closed}, the ledger owes {row['owed']}")
