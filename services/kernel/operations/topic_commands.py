"""``pathway topics``: the catalogue's topics on the broker."""

from dataclasses import asdict
from pathlib import Path

import typer

from services.kernel.catalogue import load_catalogue
from services.kernel.configuration import Role, refuse_open
from services.kernel.operations.printing import AsJson, errors, run_or_exit, show_rows
from services.kernel.operations.topics import Made, apply_topics
from services.kernel.settings import load_settings


def topic_commands(folder: Path) -> typer.Typer:
    """Build ``pathway topics``; ``folder`` holds the catalogue."""
    app = typer.Typer(no_args_is_help=True, help="The topics of the catalogue, on the broker.")

    @app.command("apply")
    def apply_(as_json: AsJson = False) -> None:
        """Make the topics that are missing; safe to run again. Exit code 1: one is there and differs."""
        _tell(_run(folder, apply=True), as_json=as_json)

    @app.command()
    def check(as_json: AsJson = False) -> None:
        """Compare the broker's topics with the catalogue and change nothing. Exit code 1: one is missing or differs."""
        _tell(_run(folder, apply=False), as_json=as_json)

    return app


def _run(folder: Path, *, apply: bool) -> list[Made]:
    try:
        settings = load_settings()
        refuse_open(settings, Role.TOPICS, ())
    except ValueError as error:
        errors.print(str(error), soft_wrap=True, markup=False)
        raise typer.Exit(2) from error
    return run_or_exit(apply_topics(load_catalogue(folder), settings, apply=apply))


def _tell(found: list[Made], *, as_json: bool) -> None:
    rows = [{**asdict(one), "differences": "; ".join(one.differences)} for one in found]
    show_rows("Topics", rows, as_json=as_json)
    raise typer.Exit(1 if any(one.result in {"missing", "differs"} for one in found) else 0)
