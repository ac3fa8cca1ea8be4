"""Closes a month in processes that die: ``python -m tests.faults.closing_victim DATABASE PROGRAMME MONTH``.

One child after the other is forked; the first is killed by SIGKILL just before its first call of the database, the next
before its second, and so on; who comes so far dies just after the database has answered its commit. Prints for each
child its exit status and how many statements, settled lines and events there were after it; ends when the month is
closed.
"""

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime
from typing import Any, NoReturn

import asyncpg
from asyncpg.connection import Connection
from asyncpg.cursor import Cursor

from services.kernel.runtime.commands import Commands
from services.kernel.runtime.database import open_pool
from services.outcomes.service import build
from services.outcomes.settlement.closing import close
from services.programmes.reader import load_book

NOW = datetime(2025, 6, 2, 9, tzinfo=UTC)
CALLS = (
    *((Connection, name) for name in ("execute", "fetch", "fetchval", "fetchrow", "copy_records_to_table")),
    (Cursor, "fetch"),
)
COUNTS = """
SELECT (SELECT count(*) FROM statement), (SELECT count(*) FROM settlement_line),
       (SELECT count(*) FROM outbox WHERE headers ->> 'type' LIKE '%statement%')
"""
CLOSED = "SELECT count(*) FROM statement WHERE month = $1"
MOST = 200


def die_at(point: int) -> None:
    made = 0

    def dying(method: Any) -> Any:
        async def call(self: Any, *args: Any, **options: Any) -> Any:
            nonlocal made
            made += 1
            if made == point:
                os.kill(os.getpid(), signal.SIGKILL)
            answer = await method(self, *args, **options)
            if args and str(args[0]).startswith("COMMIT"):
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        return call

    for owner, name in CALLS:
        setattr(owner, name, dying(getattr(owner, name)))


async def shut(dsn: str, programme: str, month: str, policy: Any, book: Any) -> None:
    pool = await open_pool(dsn, size=2)
    commands = Commands(pool, build(), policy, lambda: NOW)
    await close(commands, book, programme, month, by="ann", confirm=True)
    pool.terminate()


def child(dsn: str, programme: str, month: str, point: int, policy: Any, book: Any) -> NoReturn:
    die_at(point)
    asyncio.run(shut(dsn, programme, month, policy, book))
    os._exit(0)


async def look(dsn: str, month: str) -> tuple[bool, list[int]]:
    connection = await asyncpg.connect(dsn)
    try:
        return bool(await connection.fetchval(CLOSED, month)), list(await connection.fetchrow(COUNTS) or ())
    finally:
        await connection.close()


def main(dsn: str, programme: str, month: str) -> None:
    policy, book = build().policy(), load_book()
    for point in range(1, MOST):
        pid = os.fork()
        if pid == 0:
            child(dsn, programme, month, point, policy, book)
        _, status = os.waitpid(pid, 0)
        closed, counts = asyncio.run(look(dsn, month))
        print(os.waitstatus_to_exitcode(status), *counts, flush=True)
        if closed:
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
