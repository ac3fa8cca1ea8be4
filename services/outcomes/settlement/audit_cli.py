"""``pathway claim``, ``audit`` and ``forecast``: what auditors and commissioners ask of the money."""

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from services.kernel.clock import system_clock
from services.kernel.operations.audit import Pool
from services.kernel.operations.printing import Actor, AsJson, Lookup, console, show_fields, show_rows, with_pool
from services.kernel.runtime.database import open_pool
from services.kernel.runtime.log_view import open_log
from services.kernel.service import Service
from services.kernel.settings import Settings
from services.outcomes.domain.months import london_day
from services.outcomes.settlement import auditing
from services.outcomes.settlement.claim import claim_pack, place_on_log
from services.outcomes.settlement.cli import NAME, Out, ProgrammeId, book_of
from services.outcomes.settlement.forecast import forecast as forecast_of
from services.outcomes.settlement.sampling import Claim

Seed = Annotated[int, typer.Option("--seed", min=0, help="Agreed by both sides before the month is known.")]
Size = Annotated[int, typer.Option("--size", min=1, help="How many claims.")]
First = Annotated[str, typer.Option("--from", help="First month, as 2024-11.")]
Last = Annotated[str, typer.Option("--to", help="Last month, as 2025-01.")]


def claim_command(lookup: Lookup) -> Any:
    """Build ``pathway claim``."""

    def claim(
        referral: Annotated[str, typer.Argument(metavar="REFERRAL", help="A referral's id (UUID).")],
        milestone: Annotated[str, typer.Argument(metavar="MILESTONE", help="The milestone's code.")],
        occurrence: Annotated[int, typer.Option("--occurrence", min=1, help="Which time it was reached.")] = 1,
        out: Out = None,
    ) -> None:
        """Put everything that justifies one claim into one file. Exit codes: 0; 1 there is no such claim."""

        async def work(pool: Pool, _: Service, settings: Settings) -> dict[str, Any]:
            coaching = await open_pool(settings.reader_url("coaching"), size=1, point_lookups=False)
            try:
                async with pool.acquire() as connection, coaching.acquire() as other:
                    pack = await claim_pack(connection, other, book_of(settings), referral, milestone, occurrence)
                async with open_log(settings) as log:
                    await place_on_log(log, pack)
                return pack
            finally:
                coaching.terminate()

        text = json.dumps(with_pool(lookup, NAME, work), indent=2) + "\n"
        if out is None:
            typer.echo(text, nl=False)
        else:
            out.write_text(text, "utf-8")

    return claim


def audit_commands(lookup: Lookup) -> typer.Typer:  # noqa: C901  one function a command
    """Build ``pathway audit``."""
    app = typer.Typer(no_args_is_help=True, help="Audits of sealed statements.")

    @app.command("sample")
    def sample(
        seed: Seed,
        size: Size,
        programme: Annotated[str | None, typer.Option("--programme", help="The programme's id.")] = None,
        first: Annotated[str, typer.Option("--from", help="First month, as 2024-11.")] = "2000-01",
        last: Annotated[str, typer.Option("--to", help="Last month, as 2025-01.")] = "2099-12",
        statement: Annotated[
            list[Path] | None, typer.Option("--statement", exists=True, help="A canonical statement; may be repeated.")
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """Draw a sample: from the database, or, without one, from canonical statements. Both give the same."""
        if (programme is None) == (not statement):
            raise typer.BadParameter("either --programme or --statement", param_hint="--programme")

        async def work(pool: Pool, _: Service, __: Settings) -> list[Claim]:
            async with pool.acquire() as connection:
                return await auditing.population(connection, programme or "", first, last)

        if statement:
            claims = auditing.population_of(path.read_text("utf-8") for path in statement)
        else:
            claims = with_pool(lookup, NAME, work)
        found = auditing.drawn(claims, seed, size)
        if as_json:
            show_fields_json(found)
            return
        show_rows("Sample", found.pop("sample"), as_json=False)
        show_fields("Population", found, as_json=False)

    @app.command("record")
    def record(
        file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, help="CSV: entry_id,right_pence,reason.")],
        seed: Seed,
        size: Size,
        programme: ProgrammeId,
        first: First,
        last: Last,
        actor: Actor,
    ) -> None:
        """Keep what was found of the sampled claims. A finding that is kept already stays as it is."""

        async def work(pool: Pool, _: Service, __: Settings) -> int:
            async with pool.acquire() as connection:
                claims = await auditing.population(connection, programme, first, last)
                with file.open(encoding="utf-8-sig", newline="") as lines:
                    return await auditing.record(connection, claims, seed, size, lines, actor)

        console.print(f"{with_pool(lookup, NAME, work)} findings")

    @app.command("result")
    def result(
        seed: Seed, size: Size, programme: ProgrammeId, first: First, last: Last, as_json: AsJson = False
    ) -> None:
        """Say what the findings mean for all claims: the error rate and the error in money, each with its interval."""

        async def work(pool: Pool, _: Service, __: Settings) -> dict[str, Any]:
            async with pool.acquire() as connection:
                claims = await auditing.population(connection, programme, first, last)
                return await auditing.result(connection, claims, seed, size)

        found = with_pool(lookup, NAME, work)
        if as_json:
            show_fields_json(found)
        else:
            show_fields("Result", found, as_json=False)

    return app


def show_fields_json(found: dict[str, Any]) -> None:
    """Print JSON with nested parts."""
    typer.echo(json.dumps(found, indent=2))


def forecast_command(lookup: Lookup) -> Any:
    """Build ``pathway forecast``."""

    def forecast(
        programme: ProgrammeId,
        as_of: Annotated[
            datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="The London day; today.")
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """Say what is earned, what open plans may bring, and when each ceiling is reached; and by which method."""
        day = london_day(system_clock()) if as_of is None else as_of.date()

        async def work(pool: Pool, _: Service, settings: Settings) -> dict[str, Any]:
            async with pool.acquire() as connection:
                return await forecast_of(connection, book_of(settings), programme, day)

        found = with_pool(lookup, NAME, work)
        if as_json:
            show_fields_json(found)
            return
        tiers = found.pop("tiers")
        show_fields("Forecast", found, as_json=False)
        show_rows("Ceilings", tiers, as_json=False)

    return forecast
