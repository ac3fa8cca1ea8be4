"""The audit row of an operator's act, and the dry run that undoes it."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from services.kernel.runtime.failures import Stop
from services.kernel.runtime.tables import Connection

Pool = asyncpg.Pool
ACTION = "INSERT INTO operator_action (actor, action, target, reason, detail) VALUES ($1, $2, $3, $4, $5)"


class OperationRefused(Exception):
    """An act that makes no sense or would do harm. ``code`` is stable; the text says what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@asynccontextmanager
async def transaction(pool: asyncpg.Pool, *, apply: bool) -> AsyncIterator[Connection]:
    """Open a transaction that commits only with ``apply``: a dry run does everything, then undoes it.

    What would stop the consumer is refused.
    """
    async with pool.acquire() as connection:
        work = connection.transaction()
        await work.start()
        try:
            yield connection
        except Stop as stop:
            await work.rollback()
            raise OperationRefused(stop.reason, stop.detail) from stop
        except BaseException:
            await work.rollback()
            raise
        if apply:
            await work.commit()
        else:
            await work.rollback()


async def record_action(
    connection: Connection, actor: str, action: str, target: str, reason: str, detail: Mapping[str, Any] | None = None
) -> None:
    """Write down who did what to what, and why."""
    await connection.execute(ACTION, actor, action, target, reason, json.dumps(detail or {}))
