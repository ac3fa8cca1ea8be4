"""The rows behind idempotency keys: claimed before anything else, kept with the answer that was given.

A key's row is inserted first, in its command's own transaction. A second request with the same key therefore waits on
the unique index until the first has committed, and then reads the stored answer; when the first was refused or
failed, its row is gone with it and the second runs. Many keys take one statement of each kind. Stored answers hold
codes and ids only.
"""

import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from services.kernel.decision import Refused
from services.kernel.http.problems import Problem, unavailable
from services.kernel.runtime import stops
from services.kernel.runtime.commands import BEHIND, Transaction

KEPT_FOR = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Answer:
    """A success: its status, its body of codes and ids, the address of what it made (or None)."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)
    location: str | None = None


class IdempotencyConflict(Problem):
    """The key was used for another request."""

    def __init__(self) -> None:
        super().__init__(
            422, "idempotency_key_reused", "this Idempotency-Key was used for another request; use a new one"
        )


@dataclass(frozen=True, slots=True)
class Claims:
    """The keys of one client on one route, in one transaction."""

    tx: Transaction
    client: str
    route: str

    async def claim(self, requests: Mapping[str, bytes]) -> set[str]:
        """Insert the rows of keys, each with its request's digest; return those that were nobody's before.

        Raises Refused while the database is behind the service's own log, before anything else is looked at: what an
        old database answers would be wrong even where nothing is written.
        """
        claimed = await self._insert(requests)
        others = sorted(requests.keys() - claimed)
        if others and (expired := await self._fetch(_EXPIRE, others, self.tx.now - KEPT_FOR)):
            claimed |= await self._insert({row["key"]: requests[row["key"]] for row in expired})
        return claimed

    async def stored(self, requests: Mapping[str, bytes]) -> dict[str, Answer | Problem]:
        """Return what was answered to requests that came before: or why one is not the same request."""
        if not requests:
            return {}
        rows = {row["key"]: row for row in await self._fetch(_READ, sorted(requests))}
        return {key: _answer(rows.get(key), digest) for key, digest in requests.items()}

    async def keep(self, answers: Mapping[str, Answer]) -> None:
        """Store the answers of claimed keys."""
        if answers:
            texts = [json.dumps({"body": dict(a.body), "location": a.location}) for a in answers.values()]
            statuses = [answer.status for answer in answers.values()]
            await self.tx.conn.execute(_KEEP, self.client, self.route, list(answers), statuses, texts)

    async def release(self, keys: Iterable[str]) -> None:
        """Give up claimed keys whose requests were refused: they may be used again."""
        if wanted := sorted(keys):
            await self.tx.conn.execute(_RELEASE, self.client, self.route, wanted)

    async def _insert(self, requests: Mapping[str, bytes]) -> set[str]:
        keys = sorted(requests)  # two requests with the same keys never wait for each other in a circle
        digests = [requests[key] for key in keys]
        found = await self.tx.conn.fetchrow(_CLAIM, self.client, self.route, keys, digests, self.tx.now)
        assert found is not None  # noqa: S101  a SELECT without FROM has one row
        if found["behind"]:
            raise Refused(BEHIND, status=503)
        return set(found["claimed"])

    async def _fetch(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        rows: list[asyncpg.Record] = await self.tx.conn.fetch(statement, self.client, self.route, *arguments)
        return rows


def _answer(row: asyncpg.Record | None, digest: bytes) -> Answer | Problem:
    if row is None:  # swept between two statements: the caller's next attempt runs it
        return unavailable("the key has just expired; try again")
    if not hmac.compare_digest(row["request_hmac"], digest):
        return IdempotencyConflict()
    stored = json.loads(row["answer"])
    return Answer(row["status"], stored["body"], stored["location"])


_CLAIM = f"""WITH mine AS (
    INSERT INTO idempotency (client, route, key, request_hmac, created_at)
    SELECT $1, $2, n.key, n.digest, $5 FROM unnest($3::text[], $4::bytea[]) AS n(key, digest)
    ON CONFLICT DO NOTHING RETURNING key)
SELECT ARRAY(SELECT key FROM mine) AS claimed, EXISTS (SELECT {stops.BEHIND}) AS behind"""  # noqa: S608  our own words
_EXPIRE = """DELETE FROM idempotency WHERE client = $1 AND route = $2 AND key = ANY($3::text[]) AND created_at < $4
RETURNING key"""
_READ = """SELECT key, request_hmac, status, answer::text AS answer FROM idempotency
WHERE client = $1 AND route = $2 AND key = ANY($3::text[])"""
# "= ANY" beside the join: without it the planner, who takes a new table for empty, may read all keys of the client
_KEEP = """UPDATE idempotency i SET status = n.status, answer = n.answer::json
FROM unnest($3::text[], $4::int[], $5::text[]) AS n(key, status, answer)
WHERE i.key = ANY($3::text[]) AND i.key = n.key AND i.client = $1 AND i.route = $2"""
_RELEASE = "DELETE FROM idempotency WHERE client = $1 AND route = $2 AND key = ANY($3::text[])"
_SWEEP = "DELETE FROM idempotency WHERE created_at < $1"


async def sweep(pool: asyncpg.Pool, now: datetime) -> None:
    """Delete the keys that are older than ``KEPT_FOR``."""
    await pool.execute(_SWEEP, now - KEPT_FOR)
