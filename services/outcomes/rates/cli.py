"""``pathway rates``: check a rate card's file, copy a template, explain what one participant earned and why."""

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from services.kernel.money import pounds
from services.kernel.operations.printing import AsJson, Lookup, run_or_exit
from services.kernel.replay.history import History
from services.kernel.runtime.log_view import open_log
from services.kernel.service import Service
from services.kernel.settings import Settings
from services.outcomes.rates.explaining import Caused, Explanation, Posted, explain
from services.outcomes.rates.files import check as check_cards
from services.outcomes.rates.files import names, text_of

NAME: Final = "outcomes"
_REFERRAL: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_REFUSED: Final = 1

CardFile = Annotated[Path, typer.Argument(metavar="FILE", help="A programme's file, or one of rate cards alone.")]
Referral = Annotated[str, typer.Argument(metavar="REFERRAL", help="A referral's id (UUID).")]
TemplateName = Annotated[str | None, typer.Argument(metavar="[NAME]", help="Which; none: their names.")]


def rate_commands(lookup: Lookup) -> typer.Typer:  # noqa: C901  one function a command
    """Return ``pathway rates``."""
    app = typer.Typer(no_args_is_help=True, help="Rate cards: check, copy, explain what somebody earned.")

    @app.command()
    def check(file: CardFile, as_json: AsJson = False) -> None:
        """Say all that is wrong, with file, line and what to do. Exit code 1 when anything is."""
        problems = check_cards(file)
        if as_json:
            typer.echo(json.dumps([asdict(problem) for problem in problems], indent=2))
        else:
            for problem in problems:
                typer.echo(str(problem))
            typer.echo(f"{file}: {_counted(len(problems))}")
        raise typer.Exit(_REFUSED if problems else 0)

    @app.command()
    def template(which: TemplateName = None) -> None:
        """Print a rate card to copy; its prices are illustrative. Exit code 2: there is none of that name."""
        if which is None:
            for known in names():
                typer.echo(known)
            return
        try:
            typer.echo(text_of(which), nl=False)
        except KeyError:
            message = f"{which!r} is none; there are {', '.join(names())}"
            raise typer.BadParameter(message, param_hint="NAME") from None

    @app.command(name="explain")
    def explain_referral(referral: Referral, as_json: AsJson = False) -> None:
        """Say of each fact of a plan what it earned, or why nothing, by which card, with the running total.

        It reads the topics, not a database. Exit codes: 0; 1 no such referral, or the broker is out of reach; 2 a wrong
        word.
        """
        if not _REFERRAL.fullmatch(referral):
            raise typer.BadParameter("a referral's id is a UUID in small letters", param_hint="REFERRAL")
        service, settings = lookup(NAME)
        told = run_or_exit(_told(service, settings, referral))
        if told is None:
            typer.echo("no topic holds a plan of this referral; check the id", err=True)
            raise typer.Exit(_REFUSED)
        if as_json:
            typer.echo(told.model_dump_json(indent=2))
        else:
            print_explanation(told, Console())

    return app


def _counted(problems: int) -> str:
    return f"{problems} problem{'' if problems == 1 else 's'}" if problems else "nothing is wrong"


async def _told(service: Service, settings: Settings, referral: str) -> Explanation | None:
    history = History(service)
    async with open_log(settings) as log:
        topics = sorted({service.output, *service.inputs})
        places = [place for topic in topics for place in await log.partitions(topic)]
        extents = await log.extents(places)
        spans = {place: (extent.earliest, extent.end) for place, extent in extents.items()}
        async for records in log.read(spans):
            for record in records:
                if record.key == referral.encode():
                    history.add(record)
    return explained(history, referral)


def explained(history: History, referral: str) -> Explanation | None:
    """Return the explanation of a referral from its part of the log; None: nothing is there."""
    causes = [
        Caused(cause=item.cause, recorded_at=item.envelope.recordedtime)
        for item in history.causes(referral)
        if item.cause is not None
    ]
    if not causes:
        return None
    own = history.events(referral)
    posted = [Posted(event=o.event, cause_id=o.envelope.causationid, recorded_at=o.envelope.recordedtime) for o in own]
    return explain(referral, causes, posted, history.service.policy())


def print_explanation(told: Explanation, console: Console) -> None:
    """Print an explanation: a line for each fact, under it the rule and the card, and the total."""
    table = Table("#", "day", "fact", Column("amount", justify="right"), Column("total", justify="right"), box=SIMPLE)
    for line in told.lines:
        name = "" if line.milestone is None else f": {line.milestone} {line.occurrence or ''}".rstrip()
        card = "" if line.card is None else f" ({line.card.id} {line.card.version})"
        table.add_row(
            "finance" if line.plan_version is None else str(line.plan_version),
            str(line.occurred_on),
            f"{line.fact}{name}\n[dim]{line.code}: {escape(line.reason)}{escape(card)}[/dim]",
            pounds(line.amount_pence) if line.entry_id else "",
            pounds(line.running_pence),
        )
    console.print(table)
    console.print(f"Earned and not taken back: {pounds(told.total_pence)}", highlight=False)
    for claim in told.claimable:
        console.print(f"Claimable, waits for evidence: {claim}", highlight=False)
