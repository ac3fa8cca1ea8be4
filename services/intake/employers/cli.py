"""``pathway employers``: the report on employers, as a Typer app. No patient is in it, and no name."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from services.intake.employers.report import EmployersReport, report
from services.kernel.operations.audit import OperationRefused, Pool
from services.kernel.operations.printing import AsJson, Lookup, show_fields, show_rows, with_pool
from services.kernel.service import Service
from services.kernel.settings import Settings

NAME = "intake"
FORMAT = ["%Y-%m-%d"]
First = Annotated[datetime, typer.Option("--from", formats=FORMAT, help="The first day.")]
Last = Annotated[datetime, typer.Option("--to", formats=FORMAT, help="The last day.")]
ProgrammeId = Annotated[str | None, typer.Option("--programme", help="Only this programme's; all.")]

TABLES = {
    "sizes": "By size",
    "sectors": "By sector",
    "occupational_health": "By occupational health",
    "commitments": "By commitment",
    "activities": "By activity",
}


def employer_commands(lookup: Lookup) -> typer.Typer:
    """Build ``pathway employers``."""
    app = typer.Typer(no_args_is_help=True, help="Employers that Working Well in work works with.")

    @app.callback()
    def employers() -> None:
        """Employers that Working Well in work works with."""

    @app.command("report")
    def show_report(first: First, last: Last, programme: ProgrammeId = None, as_json: AsJson = False) -> None:
        """Count a period's employers by size, sector, occupational health, commitments and activities.

        Exit codes: 0; 1 refused or out of reach; 2 a wrong option.
        """

        async def work(pool: Pool, service: Service, _: Settings) -> EmployersReport:
            if first > last:
                raise OperationRefused("period_backwards", "the first day is after the last")
            known = service.policy().book.employer_programmes()
            if programme is not None and programme not in known:
                raise OperationRefused("programme_unknown", f"programmes about employers: {', '.join(known) or 'none'}")
            days = first.date(), last.date()

            async with (
                pool.acquire() as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):

                async def rows(query: str) -> Sequence[Mapping[str, Any]]:
                    return [dict(row) for row in await connection.fetch(query, *days, programme)]

                return await report(rows, *days, programme)

        _print(with_pool(lookup, NAME, work), as_json=as_json)

    return app


def _print(found: EmployersReport, *, as_json: bool) -> None:
    fields = found.model_dump(mode="json")
    if as_json:
        show_fields("", fields, as_json=True)
        return
    tables = {name: fields.pop(name) for name in TABLES}
    show_fields("Employers", fields, as_json=False)
    for name, title in TABLES.items():
        show_rows(title, [line for line in tables[name] if line["employers"]], as_json=False)
