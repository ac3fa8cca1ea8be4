"""Connections of the run role."""

import asyncpg


async def open_pool(dsn: str, *, size: int = 2) -> asyncpg.Pool:
    """Open a pool of ``size`` connections; each is opened when it is first needed.

    A statement that does not return in 15 seconds raises TimeoutError: the server's own 10 seconds may
    never be told to us when the network is lost.
    """
    return await asyncpg.create_pool(
        dsn, min_size=0, max_size=size, command_timeout=15, timeout=10, max_inactive_connection_lifetime=60
    )
