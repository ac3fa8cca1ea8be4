"""Reading and marking the outbox, above a floor that lets the query stay short.

Rows are found by their flag, never by "last id": an id is given before its transaction commits, so a
later id can be seen first. The floor only skips what is certainly sent: it never passes an unsent row,
nor a row younger than 60 seconds, and no transaction that writes the outbox lives past 30. Nor does it
pass an id before every transaction that ran when it was given has ended, so that neither a clock that is
set nor a commit that waits long for a standby hides a row.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import asyncpg

READ = """
SELECT id, day, topic, key, recorded_ms, headers, value
FROM outbox WHERE sent_at IS NULL AND id > $1 AND day >= $2 ORDER BY id LIMIT $3
"""
MARK = """
UPDATE outbox SET sent_at = clock_timestamp()
WHERE id = ANY($1::bigint[]) AND day BETWEEN $2 AND $3 AND sent_at IS NULL
"""
HIGHEST = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM outbox_id"
NOW = """
SELECT clock_timestamp() AS now, pg_snapshot_xmax(s)::text::bigint AS begun, pg_snapshot_xmin(s)::text::bigint AS ended
FROM pg_current_snapshot() s
"""
SAFE_AFTER = timedelta(seconds=60)
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
    floor: int = 0
    floor_day: date = date.min
    seen: list[Moment] = field(default_factory=list)
    ended: int = 0

    async def read(self) -> Sequence[Any]:
        """Return unsent rows in id order, at most ``limit``; when there are none, move the floor."""
        rows = await self.connection.fetch(READ, self.floor, self.floor_day, self.limit)
        if not rows:
            await self._move_floor()
        return rows

    async def mark(self, rows: Sequence[Any]) -> None:
        """Say that rows are sent. One that was marked already stays as it is."""
        days = [row["day"] for row in rows]
        await self.connection.execute(MARK, [row["id"] for row in rows], min(days), max(days))

    def forget_floor(self) -> None:
        """Look at every row again: an operator made sent rows unsent."""
        self.floor, self.floor_day, self.seen, self.ended = 0, date.min, [], 0

    async def _move_floor(self) -> None:
        """Note the highest id given so far; skip it when it is old, its time's transactions ended, all is sent.

        Called when a read found nothing. What had ended before that read is what it saw; what ended since is
        left for the next.
        """
        highest: int = await self.connection.fetchval(HIGHEST)  # first: who took an id has a number by now
        row = await self.connection.fetchrow(NOW)
        assert row is not None  # noqa: S101  a function has one row
        while self.seen and self.seen[0].at <= row["now"] - SAFE_AFTER and self.seen[0].begun <= self.ended:
            moment = self.seen.pop(0)
            self.floor = moment.highest
            self.floor_day = (moment.at - CLOCK_ERROR).date()
        self.ended = row["ended"]
        if not self.seen or self.seen[-1].highest < highest:
            self.seen.append(Moment(row["now"], highest, row["begun"]))
