"""The four services over a log in memory.

The kernel's own :class:`Inbox` and :class:`Transaction` do the work, on :mod:`tests.property.memory`.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final, cast

import asyncpg

from services.coaching.service import build as coaching
from services.contracts import types
from services.demo.settle import READS
from services.intake.service import build as intake
from services.kernel.decision import Command, Refused
from services.kernel.envelope import to_headers
from services.kernel.ids import uuid7
from services.kernel.replay.folding import Replayed, replay
from services.kernel.replay.history import History
from services.kernel.runtime.commands import Transaction
from services.kernel.runtime.inbox import Inbox
from services.kernel.runtime.partition import partition_of
from services.kernel.runtime.records import Record
from services.kernel.runtime.tables import finish
from services.kernel.service import Service
from services.outcomes.service import build as outcomes
from services.triage.service import build as triage
from tests.parts.keys import MadeKeys
from tests.property.memory import Memory, now
from tests.unit.coaching.desk import NOW

PARTITIONS: Final = 2
UNREADABLE: Final = b"\xff"
"""A value that is poison; it is only written to ``plan.updated``."""
MANY_TURNS: Final = 10_000
Place = tuple[str, int]


@cache
def services() -> dict[str, tuple[Service, Any]]:
    """The services and their policies."""
    made = {service.name: service for service in (intake(), triage(), coaching(), outcomes())}
    return {name: (service, service.policy()) for name, service in made.items()}


@dataclass
class World:
    """Four databases, everybody's keys and the log. ``step`` numbers what happens, so that ids are the same every time.

    The clock stands still within a round, so that two readings write down the same times; ``ticking`` makes it
    move at every look, for laws about one reading alone.
    """

    log: dict[Place, list[Record]] = field(default_factory=lambda: defaultdict(list))
    step: int = 0
    round: int = 0
    refused: list[str] = field(default_factory=list)
    ticking: bool = False
    looks: int = 0
    turns: int = 0
    keys: MadeKeys = field(default_factory=MadeKeys)

    def __post_init__(self) -> None:
        self.parts = {name: Memory(service, self.clock) for name, (service, _) in services().items()}

    def clock(self) -> datetime:
        self.looks += self.ticking
        return NOW + timedelta(hours=self.round, seconds=self.looks)

    def command(self, service: str, kind: str, key: str, data: Any) -> None:
        """Execute a command as the HTTP API does; a refusal is written down."""
        self.step += 1
        at = self.clock()
        command = Command(uuid7(at, self.step.to_bytes(10, "big")), kind, key, data, "coach-1")

        async def work() -> None:
            memory = self.parts[service]
            connection = cast("asyncpg.Connection", memory)
            async with memory.transaction():
                found, policy = services()[service]
                transaction = Transaction(connection, found, policy, at, command.id, self.keys)
                await transaction.execute(command)
                await finish(connection, transaction.output)

        try:
            now(work())
        except Refused as refused:
            self.refused.append(f"{self.step} {kind}: {refused}")

    def publish(self, name: str, rows: Sequence[Any], *, mark: bool = True) -> None:
        """Send outbox rows as the relay does; without ``mark`` it dies before it has noted that."""
        for (topic, key, _), row in rows:
            _, _, headers, value, _ = row
            self.append(topic, partition_of(key, PARTITIONS), key.encode(), value, to_headers(json.loads(headers)))
            if mark:
                row[-1] = True

    def append(self, topic: str, partition: int, key: bytes, value: bytes, headers: Any) -> None:
        """Write a record to the end of a partition."""
        records = self.log[topic, partition]
        records.append(Record(topic, partition, len(records), key, value, headers))

    def places(self) -> Iterator[tuple[str, Place]]:
        """Who reads what."""
        for name, topics in READS.items():
            for topic in topics:
                yield from ((name, (topic, number)) for number in range(PARTITIONS))

    def position(self, name: str, place: Place) -> int:
        return int(self.parts[name].tables["stream_position"].get(place, 0))

    def unread(self) -> list[tuple[str, Place]]:
        return [(name, place) for name, place in self.places() if self.position(name, place) < len(self.log[place])]

    def unsent(self) -> list[str]:
        return [name for name, memory in self.parts.items() if memory.unsent()]

    def busy(self) -> bool:
        """Tell whether there is anything to send or to read. Raises AssertionError when that never ends."""
        self.turns += 1
        assert self.turns < MANY_TURNS, "the topics are never read to their end"
        return bool(self.unsent() or self.unread())

    def take(self, name: str, place: Place, first: int, end: int) -> None:
        """Hand a service a batch of one partition."""
        service, policy = services()[name]
        pool = cast("asyncpg.Pool", self.parts[name])
        now(Inbox(service, policy, pool, self.clock, self.keys).process(self.log[place][first:end]))

    def read_in_order(self) -> None:
        """Every service reads everything, partition after partition, once."""
        while self.busy():
            for name in self.unsent():
                self.publish(name, self.parts[name].unsent())
            for name, place in self.unread():
                self.take(name, place, self.position(name, place), len(self.log[place]))

    def replay(self, name: str) -> Replayed:
        """What an audit finds in the log about one service, with the keys that are left."""
        service, policy = services()[name]
        history = History(service)
        for place in sorted(self.log):
            for record in self.log[place]:
                history.add(record)
        return replay(history, policy, keys=now(self.keys.get(history.subjects().values())))

    def kept(self, name: str) -> dict[str, tuple[int, Any]]:
        """Sequence and state of every aggregate that has one."""
        memory = self.parts[name]
        return {key: (n, memory.state(key)) for key, (n, state) in memory.tables["aggregate"].items() if state}

    def found(self) -> dict[str, Any]:
        """Everything that must be the same."""
        unreadable = sum(record.value == UNREADABLE for records in self.log.values() for record in records)
        readers = sum(types.TOPIC_PLAN in topics for topics in READS.values())
        return {
            "refused": self.refused,
            "dead": sum(len(memory.tables["dead"]) for memory in self.parts.values()) - unreadable * readers,
            **{name: memory.found() for name, memory in self.parts.items()},
        }
