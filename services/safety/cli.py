"""``pathway safety``: what waits for a named person in every service, as a Typer app."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from services.kernel.clock import system_clock
from services.kernel.operations.audit import Pool
from services.kernel.operations.printing import AsJson, Lookup, show_rows, with_pool
from services.kernel.service import Service
from services.kernel.settings import Settings
from services.safety.tasks import Reach, limits_of, waiting

KEEPERS = ("intake", "triage")
"""The services that keep safety tasks."""
BREACHED = 3
"""Exit code: the time of at least one task is over."""
IN_TABLE = ("service", "task_id", "response", "role", "raised_at", "breached")

AsOf = Annotated[
    datetime | None,
    typer.Option(
        "--as-of", formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"], help="The moment that is asked about, in UTC; now."
    ),
]
ProgrammeId = Annotated[str | None, typer.Option("--programme", help="Only this programme's; all.")]


def safety_commands(lookup: Lookup) -> typer.Typer:
    """Build ``pathway safety``."""
    app = typer.Typer(no_args_is_help=True, help="Safety: positive red flags that await a named person.")

    @app.callback()
    def safety() -> None:
        """Safety: positive red flags that await a named person."""

    @app.command("list")
    def list_tasks(as_of: AsOf = None, programme: ProgrammeId = None, as_json: AsJson = False) -> None:
        """List the safety tasks of every service, the longest waiting first. Exit code 3 when any is breached."""
        moment = system_clock() if as_of is None else as_of.replace(tzinfo=UTC)

        async def work(pool: Pool, service: Service, settings: Settings) -> list[dict[str, Any]]:
            found = await waiting(pool, moment, limits_of(settings), reach=Reach(programme))
            return [{"service": service.name, **asdict(one)} for one in found]

        rows = [row for name in KEEPERS for row in with_pool(lookup, name, work)]
        rows.sort(key=lambda row: (row["raised_at"], row["task_id"]))
        shown = rows if as_json else [{name: row[name] for name in IN_TABLE} for row in rows]
        show_rows("Safety tasks", shown, as_json=as_json)
        raise typer.Exit(BREACHED if any(row["breached"] for row in rows) else 0)

    return app
