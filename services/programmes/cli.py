"""``pathway programme``: check a file before it is used, and read it as a table."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from services.kernel.money import pounds
from services.programmes.document import FileRefused, Problem
from services.programmes.reader import check_file, load_file
from services.programmes.tiers import Limits

app = typer.Typer(no_args_is_help=True, help="Programme files: check and show.")

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A programme's YAML file.")]


@app.command()
def check(
    file: FileArgument, as_json: Annotated[bool, typer.Option("--json", help="Print the problems as JSON.")] = False
) -> None:
    """Say all that is wrong with a programme file, with line numbers. Exit code 1 when anything is."""
    problems = check_file(file)
    if as_json:
        typer.echo(json.dumps([asdict(problem) for problem in problems], indent=2))
    else:
        _print(file, problems)
    raise typer.Exit(1 if problems else 0)


def _print(file: Path, problems: list[Problem]) -> None:
    for problem in problems:
        typer.echo(str(problem))
    found = f"{len(problems)} problem{'' if len(problems) == 1 else 's'}" if problems else "nothing is wrong"
    typer.echo(f"{file}: {found}")


@app.command()
def show(file: FileArgument) -> None:
    """Print a programme's tiers with people, money and dates."""
    try:
        programme = load_file(file)
    except FileRefused as refused:
        _print(file, list(refused.problems))
        raise typer.Exit(1) from None
    tiers = programme.tiers
    table = Table("tier", "participants", "ceiling", "from", "to", title=f"{programme.title} {programme.version}")
    if tiers.national is not None:
        _row(table, tiers.national.title, tiers.national)
    _row(table, f"  {tiers.area.title} ({tiers.area.ods_code})", tiers.area)
    for place in tiers.localities:
        _row(table, f"    {place.title}", place)
        for contract in place.contracts:
            _row(table, f"      {contract.id}", contract)
    Console().print(table)


def _row(table: Table, name: str, tier: Limits) -> None:
    table.add_row(
        name,
        f"{tier.participants:,}" if tier.participants else "not published",
        pounds(tier.ceiling_pence) if tier.ceiling_pence else "not published",
        str(tier.starts),
        str(tier.ends or "open"),
    )
