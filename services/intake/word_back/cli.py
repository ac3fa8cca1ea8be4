"""``pathway referrals``: what people by hand ask of referrals, as a Typer app."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any

import typer

from services.intake.domain.policy import london_day
from services.intake.word_back.overdue import EARLIEST, LATEST, overdue
from services.kernel.clock import system_clock
from services.kernel.operations.audit import OperationRefused, Pool
from services.kernel.operations.printing import AsJson, Lookup, show_rows, with_pool
from services.kernel.service import Service
from services.kernel.settings import Settings

NAME = "intake"
AsOf = Annotated[
    datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="The London day that is asked about; today.")
]
ProgrammeId = Annotated[str | None, typer.Option("--programme", help="Only this programme's; all.")]


def referral_commands(lookup: Lookup) -> typer.Typer:
    """Build ``pathway referrals``."""
    app = typer.Typer(no_args_is_help=True, help="Referrals: whose referrer waits for word.")

    @app.callback()
    def referrals() -> None:
        """Referrals: whose referrer waits for word."""

    @app.command("overdue")
    def list_overdue(as_of: AsOf = None, programme: ProgrammeId = None, as_json: AsJson = False) -> None:
        """List referrals that nobody had taken up when their due day was over, the longest waiting first."""

        async def work(pool: Pool, service: Service, _: Settings) -> list[dict[str, Any]]:
            book = service.policy().book
            if programme is not None and programme not in book:
                raise OperationRefused(
                    "programme_unknown", f"there is no programme {programme}: pathway programme show"
                )
            day = _day(as_of)
            found = await overdue(pool, book, day, programmes=None if programme is None else [programme])
            return [asdict(one) for one in found]

        show_rows("Overdue", with_pool(lookup, NAME, work), as_json=as_json)

    return app


def _day(as_of: datetime | None) -> date:
    day = london_day(system_clock()) if as_of is None else as_of.date()
    if not EARLIEST <= day <= LATEST:
        raise OperationRefused("day_out_of_range", f"--as-of is a day from {EARLIEST} to {LATEST}")
    return day
