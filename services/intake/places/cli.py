"""``pathway places``: check a deployer's tables before they are used."""

import json
import time
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from services.intake.domain.places import Places
from services.intake.places.loader import read_places
from services.intake.places.table import Problems

TABLES: Final = ("postcodes.csv", "practices.csv", "jobcentres.csv")

app = typer.Typer(no_args_is_help=True, help="Tables of places: check.")


@app.callback()
def _group() -> None:
    """Keep ``check`` a command of its own name."""


@app.command()
def check(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder with the three tables.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Say all that is wrong with the tables of places, by file, line and column. Exit code 1 when anything is."""
    problems, began = Problems(), time.monotonic()
    size = sum(file.stat().st_size for name in TABLES if (file := folder / name).is_file())
    with Progress(console=Console(stderr=True), transient=True, disable=as_json) as progress:
        task = progress.add_task("reading", total=size)
        places = read_places(folder, problems, lambda done: progress.advance(task, done))
    seconds = round(time.monotonic() - began, 2)
    if as_json:
        found = {"problems": problems.as_rows(), "count": problems.count, "areas": _areas(places), "seconds": seconds}
        typer.echo(json.dumps(found, indent=2))
    else:
        _print(folder, places, problems, seconds)
    raise typer.Exit(1 if problems else 0)


def _areas(places: Places) -> list[dict[str, Any]]:
    """Return how much each table says of each area; a postcode row counts once, whole or a prefix."""
    postcodes: Counter[str] = Counter()
    held = places.postcodes
    for number in held.prefixes.values():
        postcodes[held.places[number].area or ""] += 1
    for units in held.sectors.values():
        for number in units:
            if number:
                postcodes[held.places[number].area or ""] += 1
    practices = Counter(area or "" for area in places.practices.values())
    offices = Counter(area or "" for area in places.jobcentres.values())
    return [
        {"area": area, "postcodes": postcodes[area], "practices": practices[area], "jobcentres": offices[area]}
        for area in sorted({*postcodes, *practices, *offices})
    ]


def _print(folder: Path, places: Places, problems: Problems, seconds: float) -> None:
    if problems:
        typer.echo(str(problems))
    table = Table("area", "postcode rows", "practice rows", "jobcentres", title=str(folder))
    for row in _areas(places):
        counts = (f"{row[name]:,}" for name in ("postcodes", "practices", "jobcentres"))
        table.add_row(row["area"] or "not known", *counts)
    Console().print(table)
    found = f"{problems.count} problem{'' if problems.count == 1 else 's'}" if problems else "nothing is wrong"
    typer.echo(f"{folder}: {found}; read in {seconds} s")
