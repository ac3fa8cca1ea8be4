"""``pathway replay``: the whole log folded again and held against every database."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import asyncpg
from rich.progress import Progress

from services.kernel.operations.printing import errors
from services.kernel.replay.comparing import compare, set_aside
from services.kernel.replay.folding import replay
from services.kernel.replay.history import Difference, History, read_histories
from services.kernel.runtime.log_view import LogView, open_log
from services.kernel.runtime.records import Record
from services.kernel.sealing.keyring import open_keys
from services.kernel.sealing.subject_key import KeyFound
from services.kernel.service import Service
from services.kernel.settings import Settings

KEYS_AT_ONCE = 5_000
"""A vault must answer within seconds, however long the log is."""


@dataclass
class Verdict:
    """What a replay found, per service and in all."""

    services: dict[str, dict[str, int]] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether log and databases agree and every decision was made again, byte for byte."""
        return not self.differences


async def replay_from_kafka(services: Sequence[Service], settings: Settings) -> Verdict:
    """Read all topics of the services to their end, fold, compare. Shows its progress on stderr."""
    with Progress(console=errors, transient=True) as bar:
        async with open_log(settings) as log:
            return await verify(services, settings, _whole_log(log, services, bar), bar)


async def verify(
    services: Sequence[Service],
    settings: Settings,
    log: AsyncIterator[Sequence[Record]],
    bar: Progress,
    fetch: Callable[[History], Awaitable[Mapping[str, KeyFound]]] | None = None,
) -> Verdict:
    """Fold a log into empty states and compare states, events and derived tables with the databases.

    ``fetch`` replaces the vault in tests.
    """
    verdict = Verdict()
    for history in await read_histories(services, log):
        service = history.service
        task = bar.add_task(f"{service.name}: deciding again", total=None)
        keys = await keys_of(history, settings) if fetch is None else await fetch(history)
        connection = await asyncpg.connect(settings.service_url(service.name))
        try:
            replayed = replay(history, service.policy(), await set_aside(connection), keys)
            differences = [*replayed.differences, *await compare(connection, history, replayed)]
        finally:
            await connection.close()
        bar.remove_task(task)
        verdict.differences += differences
        verdict.services[service.name] = {
            "keys": len(replayed.aggregates),
            "events": sum(len(own) for own in history.own.values()),
            "decided_again": replayed.decided_again,
            "folded_only": replayed.folded_only,
            "accepted_on_digest": replayed.on_digest,
            "set_aside": replayed.set_aside,
            "rows": sum(1 for table, _ in replayed.rows if table in service.derived),
            "differences": len(differences),
        }
    return verdict


async def keys_of(history: History, settings: Settings) -> Mapping[str, KeyFound]:
    """Return the keys of everybody whom a history concerns."""
    keys = await open_keys(history.service, settings)
    if keys is None:
        return {}
    found: dict[str, KeyFound] = {}
    subjects = sorted(set(history.subjects().values()))
    try:
        for start in range(0, len(subjects), KEYS_AT_ONCE):
            found |= await keys.get(subjects[start : start + KEYS_AT_ONCE])
        return found
    finally:
        keys.close()


async def _whole_log(log: LogView, services: Sequence[Service], bar: Progress) -> AsyncIterator[Sequence[Record]]:
    extents = await log.extents_of(sorted({s.output for s in services}))
    task = bar.add_task("reading the topics", total=sum(e.end - e.earliest for e in extents.values()))
    async for records in log.read({place: (e.earliest, e.end) for place, e in extents.items()}):
        bar.advance(task, len(records))
        yield records


def summary(differences: Sequence[Difference]) -> list[dict[str, object]]:
    """Count differences by service and kind, with an example of each."""
    counts = Counter((d.service, d.what) for d in differences)
    examples = {(d.service, d.what): d for d in reversed(differences)}
    return [
        {"service": s, "what": w, "count": n, "example": f"{examples[s, w].key} {examples[s, w].sequence}"}
        for (s, w), n in sorted(counts.items())
    ]
