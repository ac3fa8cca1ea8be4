"""How the operator's commands answer: a table for people, JSON beside it for scripts."""

import asyncio
import datetime
import getpass
import json
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar

import asyncpg
import typer
from aiokafka.errors import KafkaError
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from services.kernel.money import pounds
from services.kernel.operations.audit import OperationRefused
from services.kernel.runtime.database import open_pool
from services.kernel.runtime.failures import DATABASE_ERRORS, is_transient
from services.kernel.sealing.errors import VaultUnavailable, WrappingKeyWrong
from services.kernel.service import Service
from services.kernel.settings import Settings

T = TypeVar("T")
Lookup = Callable[[str], tuple[Service, Settings]]
"""Finds a service and the process's settings by the service's name."""

ServiceName = Annotated[str, typer.Argument(metavar="SERVICE", help="The service, by its name.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Apply = Annotated[bool, typer.Option("--apply", help="Do it. Without this nothing changes: a dry run.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the audit row.")]
Actor = Annotated[str, typer.Option("--actor", help="Who; kept in the audit row.", default_factory=getpass.getuser)]

PENCE = "_pence"
"""What the names of amounts end with."""
FOLDED = 30
"""A cell of a table is folded from so many characters on, if the terminal is narrow."""

console = Console()
errors = Console(stderr=True)


def with_pool(lookup: Lookup, name: str, work: Callable[[asyncpg.Pool, Service, Settings], Awaitable[T]]) -> T:
    """Run ``work`` on a service's database. What is refused or out of reach ends with exit code 1."""

    async def run() -> T:
        service, settings = lookup(name)
        pool = await open_pool(settings.service_url(service.name), point_lookups=False)
        try:
            return await work(pool, service, settings)
        finally:
            pool.terminate()

    return run_or_exit(run())


def run_or_exit(work: Coroutine[Any, Any, T], code: int = 1) -> T:
    """Run ``work``; what is refused or out of reach is said in a line and ends with the exit code ``code``."""
    try:
        return asyncio.run(work)
    except OperationRefused as refused:
        errors.print(f"[bold]{refused.code}[/bold]: {refused}")
    except (VaultUnavailable, WrappingKeyWrong) as error:
        errors.print(f"[bold]{error.code}[/bold]: {error}; check PATHWAY_VAULT_URL, PATHWAY_ROOT_KEY and the vault")
    except ValidationError as error:  # its message quotes what it was given
        found = [f"{'.'.join(map(str, e['loc']))} ({e['type']})" for e in error.errors(include_input=False)]
        errors.print(f"[bold]unreadable[/bold]: {error.title}: {', '.join(found)}", soft_wrap=True)
    except ValueError as error:
        errors.print(str(error))
    except (OSError, *DATABASE_ERRORS) as error:
        if is_transient(error) or isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
            errors.print(f"[bold]database_unreachable[/bold]: {type(error).__name__}; check PATHWAY_DATABASE_URL")
        else:
            errors.print(f"[bold]database_refused[/bold]: {type(error).__name__}; nothing was changed")
    except KafkaError as error:
        errors.print(f"[bold]broker_unreachable[/bold]: {type(error).__name__}; check PATHWAY_KAFKA_BOOTSTRAP")
    raise typer.Exit(code)


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar while the block runs; it is given how many are done, of how many."""
    with Progress(console=errors, transient=True) as bar:
        task = bar.add_task(what)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def show_rows(title: str, rows: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Print rows as a table, or as a JSON array.

    In the table money (``..._pence``) is in pounds. Where the terminal is too narrow for it, each row is a paragraph.
    """
    if as_json:
        typer.echo(json.dumps([dict(row) for row in rows], default=_plain, indent=2))
        return
    if not rows:
        console.print(f"{title}: none")
        return
    shown = [{_heading(name): _cell(name, value) for name, value in row.items()} for row in rows]
    widths = {name: max(len(name), *(len(row[name]) for row in shown)) for name in shown[0]}
    if sum(min(width, FOLDED) + len(" | ") for width in widths.values()) >= console.width:
        console.print(f"[bold]{title}[/bold]")
        for row in shown:
            first, *others = ((name, text) for name, text in row.items() if text)
            console.print(first[1], style="bold", highlight=False, soft_wrap=True)
            for name, text in others:
                console.print(f"  {name}: {text}", highlight=False, soft_wrap=True, markup=False)
        return
    table = Table(title=title, title_justify="left")
    for name in shown[0]:
        table.add_column(name, overflow="fold", justify="right" if name + PENCE in rows[0] else "left")
    for row in shown:
        table.add_row(*(escape(text) for text in row.values()))
    console.print(table)


def show_fields(title: str, fields: Mapping[str, Any], *, as_json: bool) -> None:
    """Print one thing's fields, or a JSON object."""
    if as_json:
        typer.echo(json.dumps(dict(fields), default=_plain, indent=2))
        return
    console.print(f"[bold]{title}[/bold]")
    for name, value in fields.items():
        console.print(f"  {name}: {_plain(value) if value is not None else '-'}")


def show_done(title: str, found: Mapping[str, Any], *, apply: bool, as_json: bool) -> None:
    """Print what an act found, whether it was done, and that nothing changed where it was not."""
    show_fields(title, {**found, "applied": apply}, as_json=as_json)
    say_dry_run(applied=apply, as_json=as_json)


def say_dry_run(*, applied: bool, as_json: bool) -> None:
    """Say that nothing changed, where nothing did."""
    if not applied and not as_json:
        console.print("Dry run: nothing was changed. Add --apply to do it.")


def _heading(name: str) -> str:
    return str(name).removesuffix(PENCE)


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    return pounds(value) if str(name).endswith(PENCE) and isinstance(value, int) else _short(value)


def _short(value: Any) -> str:
    """Return a value for a table's cell: times to the second."""
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    return str(_plain(value))


def _plain(value: Any) -> Any:
    match value:
        case datetime.datetime() | datetime.date():
            return value.isoformat()
        case bytes():
            return value.decode(errors="backslashreplace")
        case float():
            return round(value, 3)
        case _:
            return value if isinstance(value, int | str | bool) else str(value)
