"""Reading and marking the outbox, above a floor that lets the query stay short.

Rows are found by their flag, never by "last id": an id is given before its transaction commits, so a
later id can be seen first. The floor only skips what is certainly sent: it never passes an unsent row,
nor a row younger than 60 seconds, and no transaction that writes the outbox lives past 30.
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
SAFE_AFTER = timedelta(seconds=60)


@dataclass(slots=True)
class Unsent:
    """The unsent rows of one database, read through the relay's own connection."""

    connection: asyncpg.Connection
    limit: int = 1000
    floor: int = 0
    floor_day: date = date.min
    seen: list[tuple[datetime, int]] = field(default_factory=list)

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
        self.floor, self.floor_day, self.seen = 0, date.min, []

    async def _move_floor(self) -> None:
        """Note the highest id given so far; once that is 60 seconds old and nothing is unsent, skip it."""
        now: datetime = await self.connection.fetchval("SELECT clock_timestamp()")
        highest = await self.connection.fetchval("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM outbox_id")
        while self.seen and self.seen[0][0] <= now - SAFE_AFTER:
            at, self.floor = self.seen.pop(0)
            # a row above the floor began its transaction at most 30 s before it got its id
            self.floor_day = (at - SAFE_AFTER).date()
        if not self.seen or self.seen[-1][1] < highest:
            self.seen.append((now, highest))
