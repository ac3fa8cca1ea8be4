"""When all is through: nothing unsent, every consumer at the end of its topics, the record complete."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final

import asyncpg

from services.composition import service_named
from services.demo.follow import Follower
from services.kernel.settings import Settings

READS: Final = {name: service_named(name, Settings()).inputs for name in ("intake", "triage", "coaching", "outcomes")}
"""The topics of each service that reads any."""
LOOK_SECONDS: Final = 0.1
SETTLE_SECONDS: Final = 30.0

Ends = dict[tuple[str, int], int]


@dataclass
class Health:
    """What the databases say of the machinery; every number but ``sent`` should be 0."""

    sent: dict[str, int] = field(default_factory=dict)
    unsent: dict[str, int] = field(default_factory=dict)
    dead: dict[str, int] = field(default_factory=dict)
    waiting: dict[str, int] = field(default_factory=dict)
    stopped: dict[str, int] = field(default_factory=dict)
    behind: dict[str, int] = field(default_factory=dict)

    @property
    def settled(self) -> bool:
        """Whether nothing is on its way."""
        return not (any(self.unsent.values()) or any(self.behind.values()))

    @property
    def problems(self) -> list[str]:
        """What must not be, in words."""
        wrong = {
            "not sent": self.unsent,
            "dead letters": self.dead,
            "waiting events": self.waiting,
            "stopped consumers": self.stopped,
            "records not consumed": self.behind,
        }
        return [f"{name}: {count} {what}" for what, found in wrong.items() for name, count in found.items() if count]


_COUNTS: Final = """
SELECT (SELECT count(*) FROM outbox o, outbox_progress p WHERE p.sent @> o.id),
       (SELECT count(*) FROM outbox_unsent),
       (SELECT count(*) FROM dead_letter),
       (SELECT coalesce(sum(waiting), 0) FROM key_position),
       (SELECT count(*) FROM consumer_stop WHERE resumed_at IS NULL)
"""
_POSITIONS: Final = "SELECT topic, partition, next_offset FROM stream_position"


async def settle(dsn_of: Callable[[str], str], ends_of: Callable[[], Ends], follower: Follower) -> Health:
    """Wait until all is through, or 30 s; returns what the databases say then.

    ``dsn_of`` gives a service's database, ``ends_of`` the broker's ends (it blocks, so it runs in a thread).
    """
    deadline = time.monotonic() + SETTLE_SECONDS
    async with AsyncExitStack() as stack:
        open_: dict[str, asyncpg.Connection] = {}
        for service in READS:
            open_[service] = await asyncpg.connect(dsn_of(service))
            stack.push_async_callback(open_[service].close)
        while True:
            before = await asyncio.to_thread(ends_of)
            health = await _look(open_, before)
            after = await asyncio.to_thread(ends_of)
            recorded = all(follower.seen.get(place, 0) >= end for place, end in after.items())
            if (health.settled and recorded and before == after) or time.monotonic() > deadline:
                return health
            await asyncio.sleep(LOOK_SECONDS)


async def _look(open_: dict[str, Any], ends: Ends) -> Health:
    health = Health()
    for service, connection in open_.items():
        sent, unsent, dead, waiting, stopped = await connection.fetchrow(_COUNTS)
        health.sent[service], health.unsent[service] = int(sent), int(unsent)
        health.dead[service], health.waiting[service] = int(dead), int(waiting)
        health.stopped[service] = int(stopped)
        done = {(topic, partition): offset for topic, partition, offset in await connection.fetch(_POSITIONS)}
        health.behind[service] = sum(
            max(0, end - done.get(place, 0)) for place, end in ends.items() if place[0] in READS[service]
        )
    return health
