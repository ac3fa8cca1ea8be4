"""The end of the demo's story: every month is closed, and one contract's first statement goes all the way to paid."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

from rich.progress import Progress

from services.composition import service_named
from services.demo.client import Client, commissioner_of, finance_of
from services.demo.scene import Scene
from services.kernel.clock import system_clock
from services.kernel.runtime.commands import Commands
from services.kernel.runtime.database import open_pool
from services.outcomes.domain.months import month_after
from services.outcomes.settlement.closing import close
from services.outcomes.settlement.remittance import COLUMNS, bring_in
from services.outcomes.settlement.sealed import SealedStatement
from services.outcomes.settlement.terms import first_month_of
from services.programmes.reader import FOLDER, load_book

OPERATOR: Final = "demo"
HTTP_OK: Final = 200
EXPORTED: Final = "SELECT file_sha256 FROM statement_act WHERE contract = $1 AND month = $2 AND act = 'exported'"


async def settle_months(
    world: Scene, client: Client, programmes: Iterable[str], last: str, progress: Progress
) -> list[str]:
    """Close the months of each programme up to ``last``, as ``pathway period close --confirm`` does; pay one statement.

    The first statement with something to pay is handed in, approved and exported over HTTP, by three persons, and paid
    by a remittance. Returns what went wrong, in words.
    """
    settings = world.settings()
    service = service_named("outcomes", settings)
    book = load_book(settings.programmes_dir or FOLDER)
    wanted = [(name, month) for name in programmes for month in _months(first_month_of(book, name), last)]
    bar = progress.add_task("closing months", total=len(wanted))
    pool = await open_pool(settings.service_url("outcomes"), size=2)
    try:
        commands = Commands(pool, service, service.policy(), system_clock)
        wrong: list[str] = []
        paid = False
        for name, month in wanted:
            closed = await close(commands, book, name, month, by=OPERATOR, confirm=True)
            payable = [one for one in closed.statements if one.totals.payable_pence]
            if payable and not paid:
                wrong, paid = await _pay(client, commands, name, payable[0]), True
            progress.advance(bar)
        return wrong
    finally:
        pool.terminate()


def _months(first: str, last: str) -> Sequence[str]:
    found = []
    while first <= last:
        found.append(first)
        first = month_after(first)
    return found


async def _pay(client: Client, commands: Commands, programme: str, statement: SealedStatement) -> list[str]:
    finance = finance_of(statement.provider, programme)
    approver, payer = (commissioner_of(programme, number) for number in (1, 2))
    path = f"/statements/{statement.contract}/{statement.month}"
    for kind, who in (("submit", finance), ("approve", approver), ("export", payer)):
        reply = await client.post("outcomes", f"{path}/commands", {"kind": kind}, who, f"demo-{kind}-{statement.root}")
        if reply.status != HTTP_OK:
            return [f"{kind} of {statement.contract} {statement.month}: {', '.join(reply.codes)}"]
    digest = await commands.pool.fetchval(EXPORTED, statement.contract, statement.month)
    paid_on = f"{month_after(statement.month)}-20"
    line = (statement.contract, statement.month, digest, "DEMO-1", paid_on, statement.totals.payable_pence)
    done = await bring_in(commands, _text(COLUMNS, line), by=OPERATOR, confirm=True)
    return [f"remittance: {fault.code}" for fault in done.faults]


def _text(*rows: Sequence[object]) -> list[str]:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().splitlines()
