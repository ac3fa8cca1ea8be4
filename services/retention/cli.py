"""``pathway retention``: what is kept how long, what is due, its removal; and legal holds, which stop it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from services.kernel.clock import Clock, system_clock
from services.kernel.operations.audit import Pool
from services.kernel.operations.printing import (
    Actor,
    Apply,
    AsJson,
    Lookup,
    Reason,
    console,
    errors,
    progress_bar,
    run_or_exit,
    say_dry_run,
    show_done,
    show_fields,
    show_rows,
)
from services.kernel.retention import load_retention
from services.kernel.service import Service
from services.kernel.settings import Settings
from services.persons.cli import NhsNumber, PersonId
from services.persons.elsewhere import services_know
from services.persons.find import asked_number, find
from services.retention import report
from services.retention.periods import periods
from services.retention.run import Outcome, Run, open_pools
from services.vault.cli import with_vault
from services.vault.holds import UNCONFIRMED, Holds, list_holds

DUE = 3
"""The exit code of a dry run that found something which has to go."""
Case = Annotated[str | None, typer.Option("--case", help="The matter for which somebody is held.")]


def retention_commands(lookup: Lookup, clock: Clock = system_clock) -> typer.Typer:
    """Build ``pathway retention``."""
    app = typer.Typer(no_args_is_help=True, help="What is kept how long; what is due; legal holds.")
    app.add_typer(_hold_commands(lookup), name="hold")

    @app.command()
    def show(as_json: AsJson = False) -> None:
        """Show each class with its period, the setting that changes it, and where the period comes from."""

        async def work() -> list[dict[str, Any]]:
            _, settings = lookup("vault")
            retention = load_retention()
            found = periods(retention.classes, settings)
            return [
                {
                    "class": name,
                    "kept_for": found[name].words(),
                    "counts_from": entry.counts_from,
                    "ends_by": entry.ends_by.value,
                    "setting": found[name].setting,
                    "source": entry.source,
                }
                for name, entry in retention.classes.items()
            ]

        show_rows("Retention", run_or_exit(work()), as_json=as_json)

    @app.command()
    def run(
        actor: Actor,
        key_backups: Annotated[Path | None, typer.Option(file_okay=False, help="The folder of key backups.")] = None,
        apply: Apply = False,
        as_json: AsJson = False,
    ) -> None:
        """Find what has been kept long enough, and with --apply remove it. Can be broken off and run again.

        Exit codes: 0 nothing is left to remove; 1 refused or out of reach; 2 a wrong setting or option; 3 a dry run
        found something that has to go.
        """
        _, settings = lookup("vault")
        retention = load_retention()
        try:
            found = periods(retention.classes, settings)
        except ValueError as error:
            errors.print(str(error))
            raise typer.Exit(2) from error

        async def work() -> Outcome:
            async with open_pools(settings, retention.services()) as pools:
                doing = Run(settings, retention, found, clock(), actor, pools)
                with progress_bar("people") as progress:
                    return await doing.run(apply=apply, key_backups=key_backups, progress=progress)

        outcome = run_or_exit(work())
        rows, people = report.tables(retention, found, outcome), report.people(outcome)
        if as_json:
            show_fields("", {"applied": apply, "people": people, "tables": rows}, as_json=True)
        else:
            show_rows("Retention", rows, as_json=False)
            show_fields("People", people, as_json=False)
            console.print("Topics and outboxes keep everything: there is no archive yet. The ledger is never removed.")
            if not outcome.holds_confirmed:
                console.print(f"Nothing can be removed now: {UNCONFIRMED}")
            console.print("Each service scrubs what identifies a person when it reads that they were erased.")
        say_dry_run(applied=apply, as_json=as_json)
        raise typer.Exit(DUE if outcome.is_due and not apply else 0)

    return app


def _hold_commands(lookup: Lookup) -> typer.Typer:
    app = typer.Typer(no_args_is_help=True, help="Legal holds: nothing of whoever is held is removed or erased.")

    @app.command()
    def add(
        actor: Actor,
        person: PersonId = None,
        nhs_number: NhsNumber = None,
        case: Case = None,
        reason: Reason = "",
        apply: Apply = False,
        as_json: AsJson = False,
    ) -> None:
        """Hold a person, for a case where there is one. Needs --reason."""

        async def work(pool: Pool, _: Service, settings: Settings) -> dict[str, Any]:
            meant = await find(settings, person, asked_number(nhs_number))
            return await Holds(pool, actor, knows=services_know(settings)).add(
                meant, case=case or "", reason=reason, apply=apply
            )

        show_done("Hold", with_vault(lookup, work), apply=apply, as_json=as_json)

    @app.command()
    def release(
        actor: Actor,
        person: PersonId = None,
        nhs_number: NhsNumber = None,
        case: Case = None,
        reason: Reason = "",
        apply: Apply = False,
        as_json: AsJson = False,
    ) -> None:
        """End the holds of a person, of a case, or of a person for a case. Needs --reason."""

        async def work(pool: Pool, _: Service, settings: Settings) -> list[dict[str, Any]]:
            meant = None
            if person is not None or nhs_number is not None:
                meant = await find(settings, person, asked_number(nhs_number))
            holds = Holds(pool, actor, knows=services_know(settings))
            return await holds.release(meant, case=case, reason=reason, apply=apply)

        show_rows("Holds that end", with_vault(lookup, work), as_json=as_json)
        say_dry_run(applied=apply, as_json=as_json)

    @app.command("list")
    def list_(
        everything: Annotated[bool, typer.Option("--all", help="Those that ended, too.")] = False,
        case: Case = None,
        as_json: AsJson = False,
    ) -> None:
        """List holds, the first first."""
        found = with_vault(lookup, lambda pool, *_: list_holds(pool, everything=everything, case=case))
        show_rows("Holds", found, as_json=as_json)

    @app.command()
    def confirm(actor: Actor, reason: Reason = "", apply: Apply = False, as_json: AsJson = False) -> None:
        """After the vault was put back from a backup: say that its holds are all there. Needs --reason."""

        async def work(pool: Pool, *_: Any) -> dict[str, Any]:
            return {"held": await Holds(pool, actor).confirm(reason=reason, apply=apply)}

        show_done("Holds", with_vault(lookup, work), apply=apply, as_json=as_json)

    return app
