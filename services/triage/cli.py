"""``pathway rules``: check a rule file, test it against its own cases, try it, print the schema of such files."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from services.programmes.document import FileRefused, Problem
from services.triage.domain.rules import RuleSet
from services.triage.domain.trial import Trial
from services.triage.rule_book.page import book_of
from services.triage.rule_schema import schema_text
from services.triage.rulefile import FOLDER, check_rules, read_cases
from services.triage.trying.cli import diff
from services.triage.trying.shadow_cli import shadow

app = typer.Typer(no_args_is_help=True, help="Rule files of triage: check, test against their own cases, try, schema.")
app.command("diff")(diff)
app.command("shadow")(shadow)

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A YAML file of matching rules.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print what is found as JSON.")]

FAILED, REFUSED = 1, 2
"""Exit codes: something is wrong or fails; the file cannot be tested at all."""


@app.command()
def check(file: FileArgument, as_json: AsJson = False) -> None:
    """Say all that is wrong with a rule file, with lines and what to do. Exit code 1 when anything is."""
    problems = check_rules(file)
    if as_json:
        typer.echo(json.dumps([asdict(problem) for problem in problems], indent=2))
    else:
        _print(file, problems)
    raise typer.Exit(FAILED if problems else 0)


@app.command("test")
def try_cases(file: FileArgument, as_json: AsJson = False) -> None:
    """Hold a rule file against the cases in it, and say where a boundary has none.

    Exit code 1 when a case fails or a boundary has no case, 2 when the file is not a sound rule file.
    """
    try:
        rules, lines = read_cases(file)
    except FileRefused as refused:
        if as_json:
            typer.echo(json.dumps({"refused": [asdict(problem) for problem in refused.problems]}, indent=2))
        else:
            _print(file, list(refused.problems))
        raise typer.Exit(REFUSED) from None
    found = _found(file, rules, lines)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        _show(file, found)
    raise typer.Exit(FAILED if found["failed"] or found["gaps"] else 0)


@app.command()
def book(
    files: Annotated[list[Path] | None, typer.Argument(metavar="[FILE]...", help="Rule files; all of them.")] = None,
) -> None:
    """Print the rule book: rule files and their cases as a page of Markdown that a clinician can read.

    Exit code 2 when a file is not a sound rule file.
    """
    try:
        typer.echo(book_of(files or sorted(FOLDER.glob("*.yaml"))), nl=False)
    except FileRefused as refused:
        for problem in refused.problems:
            typer.echo(str(problem), err=True)
        raise typer.Exit(REFUSED) from None


@app.command()
def schema() -> None:
    """Print the JSON Schema of rule files: what schemas/rules.schema.json holds."""
    typer.echo(schema_text(), nl=False)


def _print(file: Path, problems: list[Problem]) -> None:
    for problem in problems:
        typer.echo(str(problem))
    found = f"{len(problems)} problem{'' if len(problems) == 1 else 's'}" if problems else "nothing is wrong"
    typer.echo(f"{file}: {found}")


def _found(file: Path, rules: RuleSet, lines: list[int]) -> dict[str, object]:
    trial = Trial(rules)
    failed = [
        {"file": str(file), "line": lines[f.index], "rule": f.case.rule, "title": f.case.title, "what": list(f.what)}
        for f in trial.failures()
    ]
    gaps = [{"rule": gap.rule, "what": gap.what} for gap in trial.gaps()]
    return {"cases": len(rules.cases), "failed": failed, "gaps": gaps}


def _show(file: Path, found: dict[str, object]) -> None:
    failed, gaps = found["failed"], found["gaps"]
    assert isinstance(failed, list)  # noqa: S101  as _found makes it
    assert isinstance(gaps, list)  # noqa: S101  as _found makes it
    for one in failed:
        typer.echo(f"{one['file']}:{one['line']}: {one['rule']} {one['title']}: {'; '.join(one['what'])}")
    if gaps:
        table = Table("rule", "what no case stands at", title="Boundaries without a case")
        for gap in gaps:
            table.add_row(gap["rule"], gap["what"])
        Console().print(table)
    typer.echo(f"{file}: {found['cases']} cases, {len(failed)} failed, {len(gaps)} boundaries without a case")
