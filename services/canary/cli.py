"""``pathway canary run``: once, or every so many seconds as a role."""

import asyncio
import json
from typing import Annotated

import typer

from services.canary.client import Client
from services.canary.person import Minute
from services.canary.play import Result, play
from services.canary.settings import CanarySettings, canary_settings
from services.kernel.clock import system_clock
from services.kernel.logs import configure_logs
from services.kernel.operations.printing import errors
from services.kernel.settings import Environment, Settings, load_settings

app = typer.Typer(no_args_is_help=True, help="A synthetic referral, played end to end through the APIs.")


@app.callback()
def canary() -> None:
    """A group, so that more may follow."""


@app.command()
def run(
    once: Annotated[bool, typer.Option("--once", help="One run, now.")] = False,
    every: Annotated[
        int | None, typer.Option("--every", min=60, help="Seconds between two runs, until SIGTERM.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Refer a synthetic person and follow them to the end. Exit code 0: all held. 1: a stage failed. 2: not started."""
    if once == (every is not None):
        errors.print("say --once or --every SECONDS")
        raise typer.Exit(2)
    try:
        settings, mine = load_settings(), canary_settings()
        refuse_open(settings, mine)
    except ValueError as error:
        errors.print(str(error), soft_wrap=True, markup=False)
        raise typer.Exit(2) from error
    if every is not None:
        _every(every, settings, mine)
        return
    configure_logs("WARNING")
    result = asyncio.run(_once(settings, mine))
    typer.echo(json.dumps(result.told()) if as_json else _words(result))
    raise typer.Exit(0 if result.failed is None else 1)


def refuse_open(settings: Settings, mine: CanarySettings) -> None:
    """Raise ValueError with everything that is missing outside development."""
    if settings.environment is Environment.DEVELOPMENT:
        return
    missing = [
        f"set {name}: {why}"
        for name, here, why in (
            ("PATHWAY_CANARY_COACH_SECRET", mine.coach_secret.get_secret_value(), "the secret of its coach's client"),
            ("PATHWAY_CANARY_FINANCE_SECRET", mine.finance_secret.get_secret_value(), "the secret of its finance's"),
            ("PATHWAY_CANARY_TOKENS_URL", mine.tokens_url.startswith("https://"), "the issuer's endpoint, by https"),
        )
        if not here
    ]
    if missing:
        raise ValueError("; ".join(missing))


def _every(seconds: int, settings: Settings, mine: CanarySettings) -> None:
    from services.canary.role import Canary  # noqa: PLC0415  its metrics belong to the role alone
    from services.kernel.runtime.roles import run_role, run_roles  # noqa: PLC0415

    configure_logs(settings.log_level, service="canary", role="canary")

    async def role() -> None:
        await run_roles([Canary(mine, settings.issuer_url, seconds, system_clock)], settings, list)

    run_role(role())


async def _once(settings: Settings, mine: CanarySettings) -> Result:
    async with Client(mine, settings.issuer_url) as client:
        return await play(client, Minute.of(system_clock()), mine.patience_seconds)


def _words(result: Result) -> str:
    said = [f"{stage.value:8} {seconds:7.3f} s" for stage, seconds in result.seconds.items()]
    if result.failed is not None:
        said += [f"failed at {result.failed.value}: {result.why}", f"look at: {result.told()['look_at']}"]
    return "\n".join(said)
