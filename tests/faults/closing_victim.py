"""Closes a month in a process of its own and dies at a given database call: ``python -m tests.faults.closing_victim``.

Arguments: the database, the programme, the month, then call numbers. For each number a child is forked, which is killed
by SIGKILL just before that call or, for ``commit``, just after the database has answered the commit. Prints each
child's exit status.
"""

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime
from typing import Any, NoReturn

import asyncpg

from services.kernel.runtime.commands import Commands
from services.kernel.runtime.database import open_pool
from services.outcomes.service import build
from services.outcomes.settlement.closing import close
from services.programmes.reader import load_book

NOW = datetime(2025, 6, 2, 9, tzinfo=UTC)
CALLS = ("execute", "fetch", "fetchval", "fetchrow", "copy_records_to_table")


def die_at(point: str) -> None:
    made = 0

    def dying(method: Any) -> Any:
        async def call(self: Any, *args: Any, **options: Any) -> Any:
            nonlocal made
            made += 1
            if str(made) == point:
                os.kill(os.getpid(), signal.SIGKILL)
            answer = await method(self, *args, **options)
            if point == "commit" and args and str(args[0]).startswith("COMMIT"):
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        return call

    for name in CALLS:
        setattr(asyncpg.connection.Connection, name, dying(getattr(asyncpg.connection.Connection, name)))


async def shut(dsn: str, programme: str, month: str, policy: Any, book: Any) -> None:
    pool = await open_pool(dsn, size=2)
    commands = Commands(pool, build(), policy, lambda: NOW)
    await close(commands, book, programme, month, by="ann", confirm=True)
    pool.terminate()


def child(dsn: str, programme: str, month: str, point: str, policy: Any, book: Any) -> NoReturn:
    die_at(point)
    asyncio.run(shut(dsn, programme, month, policy, book))
    os._exit(0)


def main(dsn: str, programme: str, month: str, *points: str) -> None:
    policy, book = build().policy(), load_book()
    for point in points:
        pid = os.fork()
        if pid == 0:
            child(dsn, programme, month, point, policy, book)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
