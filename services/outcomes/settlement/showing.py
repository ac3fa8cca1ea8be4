"""Statements for a terminal: a table, JSON, CSV, a page, or the canonical text of a sealed one."""

import json
from datetime import date, datetime
from enum import StrEnum

from rich.console import Console
from rich.table import Column, Table

from services.kernel.money import pounds
from services.kernel.operations.audit import OperationRefused
from services.kernel.runtime.database import open_pool
from services.kernel.runtime.reading import reading_session
from services.kernel.settings import Settings
from services.outcomes import reading
from services.outcomes.domain.months import month_of
from services.outcomes.domain.statement import Statement
from services.outcomes.settlement import page
from services.outcomes.settlement.canonical import canonical
from services.outcomes.settlement.columns import statement_csv
from services.programmes.reader import FOLDER, load_book


class Form(StrEnum):
    """How statements are shown."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    HTML = "html"
    CANONICAL = "canonical"


async def shown_statements(
    settings: Settings,
    form: Form,
    provider: str,
    month: str,
    effective: date | None,
    known: datetime,
    contract: str | None,
) -> str:
    """Return a provider's statements in a form. Raises OperationRefused: no_month, effective_outside_month."""
    try:
        first, last = month_of(month)
    except ValueError as error:
        raise OperationRefused("no_month", str(error)) from error
    until = effective or last
    if not first <= until <= last:
        raise OperationRefused("effective_outside_month", f"--effective must be a day of {month}")
    url = settings.service_url("outcomes")
    async with reading_session(url) as session:
        everything = reading.Scope(None, None)
        found = await reading.statements(session, everything, provider, month, until, known)
    found = [one for one in found if contract in {None, one.contract}]
    match form:
        case Form.JSON:
            return json.dumps([one.model_dump(mode="json") for one in found], indent=2) + "\n"
        case Form.CSV:
            return statement_csv(found)
        case Form.HTML:
            return page.render(found, load_book(settings.programmes_dir or FOLDER))
        case Form.CANONICAL:
            return await _canonical(url, found, month)
        case Form.TABLE:
            return _table(found)


async def _canonical(url: str, found: list[Statement], month: str) -> str:
    if len(found) != 1:
        raise OperationRefused("one_contract", "name one contract with --contract: each statement has its own text")
    pool = await open_pool(url, size=1, point_lookups=False)
    try:
        async with pool.acquire() as connection:
            return "".join([line async for line in canonical(connection, found[0].contract, month)])
    finally:
        pool.terminate()


def _table(found: list[Statement]) -> str:
    console = Console(width=100)
    with console.capture() as captured:
        for one in found:
            console.print(f"[bold]{one.contract}, {one.month}[/bold]", soft_wrap=True)
            table = Table("for", *(Column(name, justify="right") for name in ("lines", "amount", "withheld", "to pay")))
            table.add_row("brought forward", "", "", "", pounds(one.opening_pence))
            for row in page.summary(one):
                amounts = (row["amount_pence"], row["withheld_pence"], row["to_pay_pence"])
                table.add_row(row["what"], str(row["lines"]), *map(pounds, amounts))
            table.add_section()
            table.add_row("balance", str(len(one.lines)), "", pounds(one.capped_pence), pounds(one.closing_pence))
            table.add_row("payable", "", "", "", pounds(one.payable_pence))
            console.print(table)
            stands = f"sealed {one.sealed.root}" if one.sealed else "not closed"
            console.print(stands, soft_wrap=True)
        if not found:
            console.print("There is no statement.")
    return captured.get()
