"""Reading and marking the outbox, with a floor that keeps both short.

What is sent is a set of ids, kept as ranges in one row beside the outbox. Unsent is what stands in the set's
gaps and above it: never "after the last id", since an id is given before its transaction commits, so a later id
can be seen first. A gap stays open until it is certain that nothing can appear in it any more: 60 seconds have
passed since its ids were given (no transaction that writes the outbox lives past 30), every transaction that ran
then has ended (neither a clock that is set nor a commit that waits long for a standby hides a row), and no row is
in it. Then the floor passes it.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from services.kernel.runtime.packing import SPILL

READ = """
SELECT o.* FROM outbox_progress p
CROSS JOIN unnest(int8multirange(int8range(1, NULL)) - p.sent) AS gap
CROSS JOIN LATERAL (
    SELECT id, topic, key, recorded_ms, headers, value FROM outbox
    WHERE id >= lower(gap) AND id < coalesce(upper(gap), 9223372036854775807) AND day >= p.floor_day
    ORDER BY id LIMIT $1
) o ORDER BY o.id LIMIT $1
"""
MARK = """
UPDATE outbox_progress SET sent = sent + (
    SELECT range_agg(int8range(first, last, '[]')) FROM unnest($1::bigint[], $2::bigint[]) AS run(first, last))
"""
HIGHEST = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM outbox_id"
NOW = """
SELECT clock_timestamp() AS now, pg_snapshot_xmax(s)::text::bigint AS begun, pg_snapshot_xmin(s)::text::bigint AS ended
FROM pg_current_snapshot() s
"""
MOVE_FLOOR = """
UPDATE outbox_progress p SET sent = p.sent + int8multirange(int8range(1, $1, '[]')), floor_day = $2
WHERE NOT EXISTS (
    SELECT FROM unnest(int8multirange(int8range(1, $1, '[]')) - p.sent) AS gap
    JOIN outbox o ON o.id >= lower(gap) AND o.id < upper(gap))
"""
SESSION = {
    # with these off, ids come from the indexes in order, and a read stops at its limit; a plan that sorts would go
    # through the whole backlog for each thousand
    "enable_sort": "off",
    "enable_bitmapscan": "off",
    "enable_seqscan": "off",
    "jit": "off",
    # a mark that a crash of the server takes back is an event sent twice, which readers skip
    "synchronous_commit": "off",
}
"""What the connection must be opened with."""
SAFE_AFTER = timedelta(seconds=60)
LOOK_EVERY_SECONDS = 5.0
CLOCK_ERROR = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Moment:
    """At that time ids up to ``highest`` were given, by transactions numbered below ``begun``."""

    at: datetime
    highest: int
    begun: int


@dataclass(slots=True)
class Unsent:
    """The unsent rows of one database, read through the relay's own connection."""

    connection: asyncpg.Connection
    limit: int = 1000
    seconds: Callable[[], float] = time.monotonic
    seen: list[Moment] = field(default_factory=list)
    look_at: float = 0.0

    async def read(self) -> Sequence[Any]:
        """Return unsent rows in id order, a few more than ``limit``; from time to time move the floor first.

        The few are there to find the rest of what began before the limit.
        """
        if self.seconds() >= self.look_at:
            await self.move_floor()
            self.look_at = self.seconds() + LOOK_EVERY_SECONDS
        return await self.connection.fetch(READ, self.limit + SPILL)

    async def mark(self, ids: Sequence[int]) -> None:
        """Say that rows, in ascending order of their ids, are sent. One that was marked already stays as it is."""
        await self.connection.execute(MARK, *runs(ids))

    async def move_floor(self) -> None:
        """Note the highest id given so far; pass it when it is old, its time's transactions ended, all is sent."""
        highest: int = await self.connection.fetchval(HIGHEST)  # first: who took an id has a number by now
        row = await self.connection.fetchrow(NOW)
        assert row is not None  # noqa: S101  a function has one row
        passed = None
        while self.seen and self.seen[0].at <= row["now"] - SAFE_AFTER and self.seen[0].begun <= row["ended"]:
            passed = self.seen.pop(0)
        if passed is not None:
            # its snapshot is younger than what said that those transactions ended: it sees all they wrote
            await self.connection.execute(MOVE_FLOOR, passed.highest, (passed.at - CLOCK_ERROR).date())
        if highest > 0 and (not self.seen or self.seen[-1].highest < highest):
            self.seen.append(Moment(row["now"], highest, row["begun"]))


def runs(ids: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return the first and the last of each unbroken run of ascending ids."""
    firsts = [n for i, n in enumerate(ids) if i == 0 or ids[i - 1] != n - 1]
    lasts = [n for i, n in enumerate(ids) if i == len(ids) - 1 or ids[i + 1] != n + 1]
    return firsts, lasts
