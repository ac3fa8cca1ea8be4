"""``pathway programme``: check files before they are used, read one, compare two, write a new one."""

import json
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from services.programmes import effective
from services.programmes.changes import changes
from services.programmes.creating import NewProgramme, NotCreated, create
from services.programmes.document import FileRefused, Problem
from services.programmes.model import AnyProgramme
from services.programmes.reader import FOLDER, check_file, check_folder, load_file, load_folder
from services.programmes.showing import as_json as json_of
from services.programmes.showing import show as print_programme

app = typer.Typer(no_args_is_help=True, help="Programme files: check, show, compare, write.")

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A programme's YAML file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
FolderOption = Annotated[Path, typer.Option("--folder", help="The folder of programmes.")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="A day, such as 2025-04-01; today unless said.")]


def _day(text: str | None, name: str) -> date:
    if text is None:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no date; write it as 2024-10-01.", param_hint=name) from None


@app.command()
def check(
    path: Annotated[Path, typer.Argument(metavar="[FILE|FOLDER]", help="One file, or all of a folder.")] = FOLDER,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Say all that is wrong, with file, line and what to do. Exit code 1 when anything is.

    A folder is checked whole: each file, between files, the register of areas, and the list of files that
    never change because they were in effect on or before --as-of.
    """
    day = _day(as_of, "--as-of")
    if path.is_dir():
        problems = check_folder(path, day)
    else:
        listed = (path.resolve().parent.parent / effective.NAME).exists()
        problems = check_file(path, day if listed else None)
    _print(path, problems, as_json=as_json)
    raise typer.Exit(1 if problems else 0)


def _print(path: Path, problems: list[Problem], *, as_json: bool = False) -> None:
    if as_json:
        typer.echo(json.dumps([asdict(problem) for problem in problems], indent=2))
        return
    for problem in problems:
        typer.echo(str(problem))
    found = f"{len(problems)} problem{'' if len(problems) == 1 else 's'}" if problems else "nothing is wrong"
    typer.echo(f"{path}: {found}")


def _load(path: Path, *, as_json: bool, exit_code: int = 1) -> AnyProgramme:
    try:
        return load_file(path)
    except FileRefused as refused:
        _print(path, list(refused.problems), as_json=as_json)
        raise typer.Exit(exit_code) from None


@app.command()
def show(file: FileArgument, as_json: AsJson = False) -> None:
    """Print a programme: its tiers with people and money, routes, eligibility, support. Unknown is not published."""
    programme = _load(file, as_json=as_json)
    if as_json:
        typer.echo(json_of(programme))
    else:
        print_programme(programme, Console())


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The earlier file.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The later file.")],
    as_json: AsJson = False,
) -> None:
    """Say what changes for whom, section by section. Exit code 0: nothing; 1: something; 2: a file is refused."""
    before, after = (_load(path, as_json=as_json, exit_code=2) for path in (old, new))
    found = changes(before, after)
    if as_json:
        typer.echo(json.dumps([asdict(change) for change in found], indent=2, ensure_ascii=False))
    else:
        typer.echo(f"{before.programme} {before.version} -> {after.programme} {after.version}")
        for section in dict.fromkeys(change.section for change in found):
            typer.echo(f"\n{section}")
            for change in found:
                if change.section == section:
                    typer.echo(f"  for {change.whom}: {change.what}")
        if not found:
            typer.echo("nothing changes for anybody")
    raise typer.Exit(1 if found else 0)


@app.command()
def new(
    programme_id: Annotated[str, typer.Argument(metavar="ID", help="Such as workwell-essex.")],
    title: Annotated[str, typer.Option(help="The programme's name, plain words.")],
    area: Annotated[str, typer.Option(help="The area's ODS code on the day it takes effect.")],
    effective_from: Annotated[str, typer.Option(help="The day on which it takes effect.")],
    version: Annotated[str | None, typer.Option(help="Such as 2025.2; the first of the year unless said.")] = None,
    published_on: Annotated[str | None, typer.Option(help="15 days before it takes effect unless said.")] = None,
    skills_limit: Annotated[bool, typer.Option(help="Whether the earnings limit for skills holds there.")] = True,
    folder: FolderOption = FOLDER,
) -> None:
    """Write a new programme's file from the template, checked. Exit code 1: nothing was written."""
    published = None if published_on is None else _day(published_on, "--published-on")
    wanted = NewProgramme(
        programme_id, title, area, _day(effective_from, "--effective-from"), version, published, skills_limit
    )
    try:
        path = create(wanted, folder)
    except NotCreated as error:
        typer.echo(str(error))
        raise typer.Exit(1) from None
    except FileRefused as refused:
        _print(folder / programme_id, list(refused.problems))
        raise typer.Exit(1) from None
    typer.echo(f"{path}: written; what it marks [illustrative] is yours to replace before it takes effect")
    today = _day(None, "--effective-from")
    if wanted.effective_from <= today:
        typer.echo(
            f"warning: it takes effect on {wanted.effective_from}, which is not after today ({today}): once a service "
            "reads it, referrals of those days are judged by it. Publish a file before the day on which it takes effect"
        )


@app.command()
def freeze(folder: Annotated[Path, typer.Argument(metavar="[FOLDER]")] = FOLDER, as_of: AsOf = None) -> None:
    """Add each file that is in effect to the list of files that never change again.

    Lines that stand there are never touched. Exit code 1: something is wrong, and nothing was added.
    """
    day = _day(as_of, "--as-of")
    try:
        reads = load_folder(folder)
    except FileRefused as refused:
        _print(folder, list(refused.problems))
        raise typer.Exit(1) from None
    added = effective.unlisted(folder, reads, day)
    effective.add(folder, added)
    for read in added:
        typer.echo(f"{effective.name_of(read)}: frozen")
    typer.echo(f"{len(added)} added to {folder / effective.NAME}")
