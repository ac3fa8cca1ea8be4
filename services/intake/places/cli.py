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
from services.programmes.register import load_areas

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
    """Say all that is wrong with the tables of places, by file, line and column. Exit code 1 when anything is.

    Warns of postcode rows with a code of today from which no area of an earlier day can be told: a referral of then
    would need a person's decision.
    """
    problems, began = Problems(), time.monotonic()
    size = sum(file.stat().st_size for name in TABLES if (file := folder / name).is_file())
    with Progress(console=Console(stderr=True), transient=True, disable=as_json) as progress:
        task = progress.add_task("reading", total=size)
        places = read_places(folder, problems, lambda done: progress.advance(task, done))
    seconds = round(time.monotonic() - began, 2)
    if as_json:
        found = {
            "problems": problems.as_rows(),
            "count": problems.count,
            "areas": _areas(places),
            "seconds": seconds,
            "tell_too_little": _too_little(places),
        }
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


def _too_little(places: Places) -> dict[str, int]:
    """Return how many postcode rows have a code of today, and nothing that tells which area it was before."""
    register, held = load_areas(), places.postcodes
    unclear = [one.area is not None and register.tells_too_little(one.area, one.local_authority) for one in held.places]
    found = Counter(number for number in held.prefixes.values() if unclear[number])
    for units in held.sectors.values() if any(unclear) else ():
        found.update(number for number in units if unclear[number])
    areas: Counter[str] = Counter()
    for number, count in found.items():
        areas[held.places[number].area or ""] += count
    return dict(sorted(areas.items()))


def _print(folder: Path, places: Places, problems: Problems, seconds: float) -> None:
    if problems:
        typer.echo(str(problems))
    table = Table("area", "postcode rows", "practice rows", "jobcentres", title=str(folder))
    for row in _areas(places):
        counts = (f"{row[name]:,}" for name in ("postcodes", "practices", "jobcentres"))
        table.add_row(row["area"] or "not known", *counts)
    Console().print(table)
    for area, count in _too_little(places).items():
        typer.echo(
            f"warning: {count:,} postcode rows have the code {area}, from which no area of before it can be told; "
            "keep the area's earlier code, or name a local authority that the register knows"
        )
    found = f"{problems.count} problem{'' if problems.count == 1 else 's'}" if problems else "nothing is wrong"
    typer.echo(f"{folder}: {found}; read in {seconds} s")
