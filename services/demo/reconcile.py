"""Reconciliation: the ledger in the database against the topics, as recorded while the demo ran.

Twice: the ledger must equal the fold of ``outcome.recorded``, and every event of ``outcome.recorded`` must
be what outcomes' ``decide`` says again, byte for byte, when it reads ``plan.updated`` from the start.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import asyncpg

from services.contracts.registry import EVENTS
from services.contracts.types import TOPIC_OUTCOME, TOPIC_PLAN
from services.demo.record import LostRange, Recorded
from services.kernel.decision import Event
from services.kernel.envelope import from_headers
from services.kernel.runtime.fold import Aggregate, Lineage, Output, apply
from services.kernel.runtime.records import Decoded, decode
from services.outcomes.domain.ledger import Ledger, fold_ledger
from services.outcomes.service import build
from services.outcomes.store import read_ledger


@dataclass(frozen=True)
class Reconciliation:
    """What was compared and what differs; ``lost`` ranges make it fail, since nothing can be said of them."""

    transactions: int
    lines: int
    trial_balance_pence: int
    differences: list[str]
    not_decided_again: list[str]
    lost: list[LostRange] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether ledger, topics and decisions say the same, and nothing is missing."""
        return not (self.differences or self.not_decided_again or self.lost or self.trial_balance_pence)


async def reconcile(dsn: str, records: Sequence[Recorded], lost: list[LostRange]) -> Reconciliation:
    """Compare what ``dsn``, outcomes' database, holds with what was recorded from the topics."""
    connection = await asyncpg.connect(dsn)
    try:
        kept = await read_ledger(connection)
    finally:
        await connection.close()
    return compare(kept, records, lost)


def compare(kept: Ledger, records: Sequence[Recorded], lost: list[LostRange]) -> Reconciliation:
    """Compare a ledger with the topics."""
    return Reconciliation(
        len(kept.transactions),
        len(kept.lines),
        kept.trial_balance(),
        kept.differences(fold_ledger(events_of(records, TOPIC_OUTCOME))),
        different(values_of(records, TOPIC_OUTCOME), decide_again(records)),
        lost,
    )


def once(records: Iterable[Recorded], topic: str) -> list[Recorded]:
    """One topic's records without repetitions, each key's in the order of its sequence."""
    first: dict[tuple[bytes | None, int], Recorded] = {}
    for recorded in records:
        if recorded.record.topic == topic:
            first.setdefault((recorded.record.key, int(recorded.attributes["sequence"])), recorded)
    return [first[place] for place in sorted(first, key=lambda place: (place[0] or b"", place[1]))]


def events_of(records: Iterable[Recorded], topic: str) -> list[Event]:
    """One topic's records as the events that their service folded."""
    found = []
    for recorded in once(records, topic):
        envelope = from_headers(recorded.record.headers, recorded.record.key)
        data = EVENTS[envelope.type].model.model_validate_json(recorded.record.value or b"")
        found.append(Event(envelope.id, envelope.type, envelope.subject, envelope.sequence, data, envelope.time))
    return found


def values_of(records: Iterable[Recorded], topic: str) -> dict[str, bytes]:
    """One topic's values by event id."""
    return {recorded.attributes["id"]: recorded.record.value or b"" for recorded in once(records, topic)}


def decide_again(records: Iterable[Recorded]) -> dict[str, bytes]:
    """What outcomes decides when it reads ``plan.updated`` from the start: values by event id."""
    service = build()
    policy = service.policy()
    aggregates: dict[str, Aggregate] = {}
    output = Output()
    for recorded in once(records, TOPIC_PLAN):
        item = decode(service, recorded.record)
        if not isinstance(item, Decoded) or item.cause is None:
            continue
        envelope = item.envelope
        aggregate = aggregates.setdefault(item.cause.key, Aggregate(item.cause.key))
        lineage = Lineage(envelope.recordedtime, envelope.correlationid)
        apply(service, policy, aggregate, item.cause, envelope.recordedtime, lineage, output)
    return {event_id: value for _, _, _, event_id, _, _, value in output.outbox}


def different(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    """The ids that are in one only, or in both with other bytes."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
