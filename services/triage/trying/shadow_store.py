"""What a candidate found, in the two tables that its database role has."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final, NamedTuple

from services.kernel.runtime.database import open_pool
from services.kernel.runtime.log_view import Place
from services.kernel.sealing.content import SealedAs
from services.kernel.settings import Settings
from services.triage.domain.comparing import Difference
from services.triage.domain.rules import RuleSet

FIELD: Final = "shadow_difference"
"""What a difference is sealed as."""

SEALED: Final = SealedAs(FIELD, Difference)

POSITIONS = "SELECT topic, partition, next_offset FROM triage_shadow_progress WHERE candidate = $1"
PLACE = """
INSERT INTO triage_shadow_progress (candidate, ruleset, version, topic, partition, next_offset)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (candidate, topic, partition) DO UPDATE SET next_offset = excluded.next_offset
"""
MOVE = """
UPDATE triage_shadow_progress SET next_offset = $5, agreeing = agreeing + $6, disagreeing = disagreeing + $7,
    left_out = left_out + $8, failed = failed + $9
WHERE candidate = $1 AND topic = $2 AND partition = $3 AND next_offset = $4
"""
ADD = """
INSERT INTO triage_shadow_difference (candidate, referral_id, revision, programme, difference)
SELECT $1, * FROM unnest($2::text[], $3::int[], $4::text[], $5::text[]) ON CONFLICT DO NOTHING
"""
TOTALS = """
SELECT candidate, ruleset, version, min(since) AS since, sum(agreeing)::bigint AS agreeing,
       sum(disagreeing)::bigint AS disagreeing, sum(left_out)::bigint AS left_out, sum(failed)::bigint AS failed
FROM triage_shadow_progress GROUP BY candidate, ruleset, version ORDER BY since DESC, candidate
"""
NEWEST = """
SELECT referral_id, revision, programme, difference, found_at FROM triage_shadow_difference
WHERE candidate = $1 ORDER BY found_at DESC, referral_id, revision DESC LIMIT $2
"""


class Row(NamedTuple):
    """A decision on which a candidate differs; ``difference`` is a sealed token."""

    referral_id: str
    revision: int
    programme: str
    difference: str


class Total(NamedTuple):
    """What a candidate has found since it began."""

    candidate: str
    ruleset: str
    version: str
    since: datetime
    agreeing: int
    disagreeing: int
    left_out: int
    failed: int


class AnotherFollows(ValueError):
    """The position is not where it was: another process follows the same topic with the same candidate."""


class ShadowStore:
    """The candidate's tables, through a pool of its own role."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    async def positions(self, candidate: RuleSet) -> dict[Place, int]:
        """Return the next offset of each partition that the candidate has begun."""
        rows = await self._pool.fetch(POSITIONS, candidate.sha256)
        return {(topic, partition): offset for topic, partition, offset in rows}

    async def place(self, candidate: RuleSet, place: Place, offset: int) -> None:
        """Begin a partition, or begin it again."""
        await self._pool.execute(PLACE, candidate.sha256, candidate.ruleset, candidate.version, *place, offset)

    async def save(
        self,
        candidate: RuleSet,
        place: Place,
        first: int,
        following: int,
        counts: Mapping[str, int],
        rows: Sequence[Row],
    ) -> None:
        """Write what records ``first`` up to ``following`` came to, with the position. Raises AnotherFollows."""
        async with self._pool.acquire() as connection, connection.transaction():
            numbers = [counts.get(name, 0) for name in ("agreeing", "disagreeing", "left_out", "failed")]
            moved = await connection.execute(MOVE, candidate.sha256, *place, first, following, *numbers)
            if not moved.endswith(" 1"):
                raise AnotherFollows(f"{place[0]} {place[1]} is followed by another process with {candidate.version}")
            if rows:
                await connection.execute(ADD, candidate.sha256, *map(list, zip(*rows, strict=True)))

    async def totals(self) -> list[Total]:
        """Return what each candidate has found, the newest first."""
        return [Total(*row) for row in await self._pool.fetch(TOTALS)]

    async def newest(self, candidate: str, limit: int) -> list[Mapping[str, Any]]:
        """Return the newest differences of a candidate, sealed."""
        return [dict(row) for row in await self._pool.fetch(NEWEST, candidate, limit)]


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[ShadowStore]:
    """Open the candidate's tables as its own role."""
    pool = await open_pool(settings.beside_url("triage"), point_lookups=False)
    try:
        yield ShadowStore(pool)
    finally:
        pool.terminate()
