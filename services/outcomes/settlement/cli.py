"""``pathway period`` and ``pathway statement``: months are closed, and shown."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from services.kernel.clock import parse_rfc3339, system_clock
from services.kernel.operations.audit import Pool, record_action
from services.kernel.operations.printing import (
    Actor,
    AsJson,
    Lookup,
    console,
    show_rows,
    with_pool,
)
from services.kernel.runtime.commands import Commands
from services.kernel.runtime.memory import collect_rarely
from services.kernel.service import Service
from services.kernel.settings import Settings
from services.outcomes.settlement import closing
from services.outcomes.settlement.showing import Form, shown_statements
from services.programmes.book import ProgrammeBook
from services.programmes.reader import FOLDER, load_book

NAME = "outcomes"

MOVED = ("opening_pence", "earned_pence", "fees_pence", "reversed_pence", "capped_pence", "paid_pence")
SEAL = 8
"""So many digits of a root are shown in a table."""

ProgrammeId = Annotated[str, typer.Option("--programme", help="The programme's id.")]
MonthOption = Annotated[str, typer.Option("--month", help="The month, as 2024-11.")]
ContractId = Annotated[str, typer.Option("--contract", help="The contract's id.")]
Confirm = Annotated[bool, typer.Option("--confirm", help="Do it. Without this nothing changes: a dry run.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done; this is the default.")]
Despite = Annotated[bool, typer.Option("--despite", help="Close though events wait or are set aside; it is kept.")]
Out = Annotated[Path | None, typer.Option("--out", help="A file to write it to; standard output.")]


def book_of(settings: Settings) -> ProgrammeBook:
    """Return the programmes of this installation."""
    return load_book(settings.programmes_dir or FOLDER)


def commands_of(pool: Pool, service: Service) -> Commands:
    """Return what opens transactions for commands."""
    return Commands(pool, service, service.policy(), system_clock)


def period_commands(lookup: Lookup) -> typer.Typer:
    """Build ``pathway period``."""
    app = typer.Typer(no_args_is_help=True, help="Months: closing them.")

    @app.callback()
    def period() -> None:
        """Months: closing them."""

    @app.command("close")
    def close(
        programme: ProgrammeId,
        month: MonthOption,
        actor: Actor,
        dry_run: DryRun = False,
        confirm: Confirm = False,
        despite: Despite = False,
        as_json: AsJson = False,
    ) -> None:
        """Close a month: settle what is unsettled, seal a statement for each contract. Exit codes: 0; 1 refused."""
        if dry_run and confirm:
            raise typer.BadParameter("either --dry-run or --confirm", param_hint="--confirm")

        async def work(pool: Pool, service: Service, settings: Settings) -> closing.Closed:
            collect_rarely()
            done = await closing.close(
                commands_of(pool, service),
                book_of(settings),
                programme,
                month,
                by=actor,
                confirm=confirm,
                despite_waiting=despite,
            )
            if confirm and not done.again:
                async with pool.acquire() as connection:
                    detail = {"waiting": done.waiting, "statements": len(done.statements)}
                    await record_action(connection, actor, "period_close", f"{programme} {month}", "", detail)
            return done

        done = with_pool(lookup, NAME, work)
        rows = [one.as_dict() for one in done.statements]
        if as_json:
            told = {"programme": programme, "sealed": done.sealed, "again": done.again, "waiting": done.waiting}
            show_rows("", [{**told, **row} for row in rows], as_json=True)
            return
        moved = [name for name in MOVED if any(row[name] for row in rows)]
        names = ("contract", "lines", *moved, "closing_pence")
        short = [{**{name: row[name] for name in names}, "seal": str(row["root"])[:SEAL]} for row in rows]
        show_rows(f"{programme}, {month}", short, as_json=False)
        if done.again:
            console.print("This month was closed before; this is what was sealed then.")
        elif not done.sealed:
            console.print("Dry run: nothing was changed. Add --confirm to close the month.")

    return app


def statement_command(
    lookup: Lookup,
) -> Any:
    """Build ``pathway statement``."""

    def statement(
        provider: Annotated[str, typer.Option("--provider", help="The provider's id.")],
        month: MonthOption,
        effective: Annotated[
            datetime | None, typer.Option("--effective", formats=["%Y-%m-%d"], help="Last effective day counted.")
        ] = None,
        known: Annotated[
            str | None, typer.Option("--known", help="Facts recorded until then: a day, or a moment (RFC 3339).")
        ] = None,
        as_json: AsJson = False,
        as_csv: Annotated[bool, typer.Option("--csv", help="Print the lines as CSV.")] = False,
        as_html: Annotated[bool, typer.Option("--html", help="Print a page for screen and paper.")] = False,
        canonical: Annotated[
            bool, typer.Option("--canonical", help="Print the text whose SHA-256 is the root; one contract only.")
        ] = False,
        contract: Annotated[str | None, typer.Option("--contract", help="Only this contract's.")] = None,
        out: Out = None,
    ) -> None:
        """Show a provider's statements of a month. Exit codes: 0; 1 refused or out of reach; 2 a wrong option."""
        forms = {Form.JSON: as_json, Form.CSV: as_csv, Form.HTML: as_html, Form.CANONICAL: canonical}
        chosen = [form for form, wanted in forms.items() if wanted]
        if len(chosen) > 1:
            raise typer.BadParameter("one form at a time", param_hint="--json")
        form = chosen[0] if chosen else Form.TABLE
        until = effective.date() if effective else None
        moment = _moment(known)

        async def work(_: Pool, __: Service, settings: Settings) -> str:
            return await shown_statements(settings, form, provider, month, until, moment, contract)

        text = with_pool(lookup, NAME, work)
        if out is None:
            typer.echo(text, nl=False)
        else:
            out.write_text(text, "utf-8")

    return statement


def _moment(text: str | None) -> datetime:
    if text is None:
        return system_clock()
    try:
        if len(text) == len("2025-01-31"):
            date.fromisoformat(text)
            return parse_rfc3339(f"{text}T23:59:59.999Z")
        return parse_rfc3339(text)
    except ValueError as error:
        raise typer.BadParameter(
            "a day as 2025-01-31, or a moment as 2025-01-31T09:00:00Z", param_hint="--known"
        ) from (error)
