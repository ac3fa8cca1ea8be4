"""``pathway caseload``: work lists and coaches as of a day, and who held a plan, as a Typer app."""

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Final

import typer

from services.coaching.caseload.coaches import coaches, holders
from services.coaching.caseload.reading import Reach, work
from services.coaching.domain.caseload.work import WorkList
from services.coaching.domain.command_fields import EARLIEST, LATEST
from services.coaching.domain.dates import london_day
from services.kernel.clock import system_clock
from services.kernel.operations.audit import OperationRefused, Pool
from services.kernel.operations.printing import AsJson, Lookup, show_rows, with_pool
from services.kernel.service import Service
from services.kernel.settings import Settings

NAME: Final = "coaching"
IN_WORK: Final = ("list", "referral_id", "coach", "due_on", "overdue")
IN_COACHES: Final = ("coach_id", "open_plans", "ceiling", "free_places", "away", "cover")
"""What a table shows, so that it fits on a screen; JSON has all."""
OVERDUE: Final = 3
"""Exit code of ``pathway caseload work``: something is overdue."""
_REFERRAL = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

AsOf = Annotated[
    datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="The London day that is asked about; today.")
]
ProgrammeId = Annotated[str | None, typer.Option("--programme", help="Only this programme's; all.")]
ProviderId = Annotated[str | None, typer.Option("--provider", help="Only this provider's, and nobody's; all.")]
CoachId = Annotated[str | None, typer.Option("--coach", help="Only this coach's, by pseudonym; all.")]
Lists = Annotated[list[WorkList] | None, typer.Option("--list", help="Only this list; may be given again; all.")]
Referral = Annotated[str, typer.Argument(metavar="REFERRAL", help="A referral's id (UUID).")]


def caseload_commands(lookup: Lookup) -> typer.Typer:
    """Build ``pathway caseload``."""
    app = typer.Typer(no_args_is_help=True, help="Caseloads: what is to be seen to, and who can take more.")

    @app.callback()
    def caseload() -> None:
        """Caseloads: what is to be seen to, and who can take more."""

    @app.command("work")
    def list_work(
        as_of: AsOf = None,
        programme: ProgrammeId = None,
        provider: ProviderId = None,
        coach: CoachId = None,
        lists: Lists = None,
        as_json: AsJson = False,
    ) -> None:
        """List what is to be seen to at the end of a day, what is due first first. Exit code 3 when any is overdue."""
        day = _day(as_of)

        async def ask(pool: Pool, service: Service, _: Settings) -> Sequence[dict[str, Any]]:
            policy = service.policy()
            _known_programme(policy, programme)
            mine = None if coach is None else frozenset({coach})
            reach = Reach(programme, provider, mine, free=coach is None)
            found = await work(pool, policy, day, reach, frozenset(lists) if lists else None)
            return [one.as_dict() for one in found]

        rows = with_pool(lookup, NAME, ask)
        show_rows(f"To see to, {day}", rows if as_json else _short(rows, IN_WORK), as_json=as_json)
        raise typer.Exit(OVERDUE if any(row["overdue"] for row in rows) else 0)

    @app.command("coaches")
    def list_coaches(
        as_of: AsOf = None, programme: ProgrammeId = None, provider: ProviderId = None, as_json: AsJson = False
    ) -> None:
        """List coaches with their open plans, ceiling and free places, those with the most free places first."""
        day = _day(as_of)

        async def ask(pool: Pool, service: Service, _: Settings) -> Sequence[dict[str, Any]]:
            policy = service.policy()
            _known_programme(policy, programme)
            found = await coaches(pool, policy, day, programme, provider)
            return [one.model_dump(mode="json") for one in found]

        rows = with_pool(lookup, NAME, ask)
        show_rows(f"Coaches, {day}", rows if as_json else _short(rows, IN_COACHES), as_json=as_json)

    @app.command("history")
    def history(referral: Referral, as_json: AsJson = False) -> None:
        """Show who has held a plan and since when, the first first."""
        if not _REFERRAL.fullmatch(referral):
            raise typer.BadParameter("a referral's id is a UUID in small letters", param_hint="REFERRAL")

        async def ask(pool: Pool, _: Service, __: Settings) -> Sequence[dict[str, Any]]:
            return [one.model_dump(mode="json") for one in await holders(pool, referral)]

        show_rows("Held by", with_pool(lookup, NAME, ask), as_json=as_json)

    return app


def _short(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    return [{name: row[name] for name in names} for row in rows]


def _day(as_of: datetime | None) -> date:
    day = london_day(system_clock()) if as_of is None else as_of.date()
    if not EARLIEST <= day <= LATEST:
        raise typer.BadParameter(f"a day from {EARLIEST} to {LATEST}", param_hint="--as-of")
    return day


def _known_programme(policy: Any, programme: str | None) -> None:
    if programme is not None and programme not in policy.book:
        raise OperationRefused("programme_unknown", f"there is no programme {programme}: pathway programme show")
