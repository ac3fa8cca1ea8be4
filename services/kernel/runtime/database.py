"""Connections of the run role."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import asyncpg


class PlainConnection(asyncpg.Connection):
    """A connection that leaves nothing behind in its session, so nothing is reset when it is given back.

    What uses the pool sets no variable, holds no session lock and listens to nothing; a transaction that
    was left open is rolled back all the same. The reset costs a round trip for each batch and command.
    """

    def get_reset_query(self) -> str:
        """Return nothing to run."""
        return ""


POINT_LOOKUPS = {
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
}
"""Each statement of a batch or a command finds its rows by key, through an index, also while the planner takes a table
for small: it would read all of it, and keep to that as the table grows. One case is left: a table that autovacuum meets
while its very first rows are uncommitted counts as one row, and a join may read its index whole for the minute until
autovacuum looks again. As no plan depends on what is asked for, each is made once a connection: planning was up to a
third of PostgreSQL's work for a request."""


async def open_pool(
    dsn: str,
    *,
    size: int = 2,
    connect_seconds: float = 10.0,
    point_lookups: bool = True,
    meet: Callable[[Any], Coroutine[Any, Any, None]] | None = None,
) -> asyncpg.Pool:
    """Open a pool of ``size`` connections; each is opened when it is first needed.

    A statement that does not return in 15 seconds raises TimeoutError: the server's own 10 seconds may
    never be told to us when the network is lost. Without ``point_lookups`` the planner chooses as it likes.
    ``meet`` sees each new connection before it is used.
    """
    return await asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=size,
        command_timeout=15,
        timeout=connect_seconds,
        max_inactive_connection_lifetime=60,
        connection_class=PlainConnection,
        server_settings=POINT_LOOKUPS if point_lookups else {},
        init=meet,
    )


@asynccontextmanager
async def comparing_session(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """Yield a session for a comparison of everything: no statement and no idle transaction of it is cut off.

    It writes nothing but temporary tables, so no other waits for it; a role that only reads may make those too, once
    it is not held to transactions that are marked so.
    """
    unlimited = {"statement_timeout": "0", "idle_in_transaction_session_timeout": "0", "client_min_messages": "error"}
    settings = {**unlimited, "default_transaction_read_only": "off"}
    connection = await asyncpg.connect(dsn, timeout=10.0, server_settings=settings)
    try:
        yield connection
    finally:
        connection.terminate()
