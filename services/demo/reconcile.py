"""Reconciliation: the databases against the topics, as recorded while the demo ran.

Twice: the ledger must equal the fold of ``outcome.recorded``, and a replay of the whole record must decide
every event of every service again, byte for byte, and arrive at the states and tables in the databases.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field

import asyncpg
from rich.progress import Progress

from services.composition import NAMES, service_named
from services.contracts.registry import EVENTS
from services.contracts.types import TOPIC_OUTCOME
from services.demo.record import LostRange, Recorded
from services.kernel.decision import Event
from services.kernel.envelope import from_headers
from services.kernel.replay.command import Verdict, verify
from services.kernel.runtime.records import Record
from services.kernel.settings import Settings
from services.outcomes.domain.ledger import Ledger, fold_ledger
from services.outcomes.store import read_ledger


@dataclass(frozen=True)
class Reconciliation:
    """What was compared and what differs; ``lost`` ranges make it fail, since nothing can be said of them.

    ``differences`` are the ids of ledger entries, ``replay`` what the replay found.
    """

    transactions: int
    lines: int
    trial_balance_pence: int
    differences: list[str]
    replay: Verdict
    lost: list[LostRange] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether ledger, topics and decisions say the same, and nothing is missing."""
        return not (self.differences or self.replay.differences or self.lost or self.trial_balance_pence)


async def reconcile(
    settings: Settings, records: Sequence[Recorded], lost: list[LostRange], progress: Progress
) -> Reconciliation:
    """Compare the databases that ``settings`` name with what was recorded from the topics."""
    services = [service_named(name, settings) for name in NAMES]
    replay = await verify(services, settings, _at_once(records), progress)
    connection = await asyncpg.connect(settings.service_url("outcomes"))
    try:
        kept = await read_ledger(connection)
    finally:
        await connection.close()
    return compare(kept, records, lost, replay)


def compare(kept: Ledger, records: Sequence[Recorded], lost: list[LostRange], replay: Verdict) -> Reconciliation:
    """Compare a ledger with the topics."""
    return Reconciliation(
        len(kept.transactions),
        len(kept.lines),
        kept.trial_balance(),
        kept.differences(fold_ledger(events_of(records, TOPIC_OUTCOME))),
        replay,
        lost,
    )


async def _at_once(records: Sequence[Recorded]) -> AsyncIterator[Sequence[Record]]:
    yield [recorded.record for recorded in records]


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
