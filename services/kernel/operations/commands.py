"""``pathway dlq``, ``consumer``, ``outbox``: the operator's commands as Typer apps."""

from collections.abc import Mapping
from typing import Annotated, Any

import asyncpg
import typer

from services.kernel.operations import consumer, dead_letters, outbox
from services.kernel.operations.audit import OperationRefused
from services.kernel.operations.dead_letters import DeadLetters, Result
from services.kernel.operations.printing import (
    Actor,
    Apply,
    AsJson,
    Lookup,
    Reason,
    ServiceName,
    errors,
    say_dry_run,
    show_fields,
    show_rows,
    with_pool,
)
from services.kernel.runtime.log_view import open_log
from services.kernel.sealing.keyring import open_keys
from services.kernel.service import Service
from services.kernel.settings import Settings

Ids = Annotated[list[int], typer.Argument(metavar="ID...", help="Dead letters, as 'list' shows them.")]


def dead_letter_commands(lookup: Lookup) -> typer.Typer:
    """Build ``pathway dlq``."""
    app = typer.Typer(no_args_is_help=True, help="Dead letters: look, apply again, give up.")

    @app.command("list")
    def list_(
        name: ServiceName,
        everything: Annotated[bool, typer.Option("--all", help="Resolved ones too.")] = False,
        limit: Annotated[int, typer.Option(min=1)] = 100,
        as_json: AsJson = False,
    ) -> None:
        """List dead letters, oldest first."""

        async def work(pool: asyncpg.Pool, _: Service, __: Settings) -> list[dict[str, Any]]:
            return [dict(row) for row in await dead_letters.list_letters(pool, everything=everything, limit=limit)]

        rows = with_pool(lookup, name, work)
        show_rows(f"Dead letters of {name}", rows if as_json else [_summary(row) for row in rows], as_json=as_json)

    @app.command()
    def show(name: ServiceName, letter: Annotated[int, typer.Argument(metavar="ID")], as_json: AsJson = False) -> None:
        """Show one dead letter whole, with its original bytes. It may hold a person's data."""
        found = with_pool(lookup, name, lambda pool, *_: dead_letters.get_letter(pool, letter))
        show_fields(f"Dead letter {letter} of {name}", dict(found), as_json=as_json)

    @app.command()
    def redrive(
        name: ServiceName,
        letters: Ids,
        actor: Actor,
        reason: Reason = "",
        apply: Apply = False,
        as_json: AsJson = False,
    ) -> None:
        """Apply dead letters again, in the order given; stops at the first that is refused."""

        async def work(pool: asyncpg.Pool, service: Service, settings: Settings) -> list[Result]:
            doing = await _doing(pool, service, settings, actor)
            return [await _named(letter, doing.redrive(letter, apply=apply, reason=reason)) for letter in letters]

        _show_results(with_pool(lookup, name, work), apply=apply, as_json=as_json)

    @app.command()
    def discard(
        name: ServiceName,
        actor: Actor,
        letters: Annotated[list[int] | None, typer.Argument(metavar="ID...")] = None,
        topic: Annotated[str, typer.Option(help="With --key and --sequence: a gap that has no dead letter.")] = "",
        key: Annotated[str, typer.Option()] = "",
        sequence: Annotated[int, typer.Option()] = 0,
        reason: Reason = "",
        apply: Apply = False,
        as_json: AsJson = False,
    ) -> None:
        """Give dead letters (or one missing sequence) up: their keys go on behind them. Needs --reason."""

        async def work(pool: asyncpg.Pool, service: Service, settings: Settings) -> list[Result]:
            doing = await _doing(pool, service, settings, actor)
            if key:
                return [await doing.give_up(topic, key, sequence, reason=reason, apply=apply)]
            return [await _named(i, doing.discard(i, reason=reason, apply=apply)) for i in letters or []]

        if bool(letters) == bool(key):
            errors.print("name dead letters, or --topic, --key and --sequence of a gap")
            raise typer.Exit(2)
        _show_results(with_pool(lookup, name, work), apply=apply, as_json=as_json)

    return app


def _summary(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what fits a line of a terminal."""
    return {
        "id": row["id"],
        "where": f"{row['topic']}/{row['partition']}@{row['record_offset']}",
        "key": row["key"],
        "seq": row["sequence"],
        "kind": row["kind"],
        "code": row["code"],
        "since": row["created_at"],
        "now": row["resolution"] or "open",
    }


async def _doing(pool: asyncpg.Pool, service: Service, settings: Settings, actor: str) -> DeadLetters:
    return DeadLetters(service, service.policy(), pool, actor, keys=await open_keys(service, settings))


async def _named(letter: int, work: Any) -> Result:
    """Say which of several was refused."""
    try:
        result: Result = await work
    except OperationRefused as refused:
        raise OperationRefused(refused.code, f"dead letter {letter}: {refused}") from refused
    return result


def _show_results(results: list[Result], *, apply: bool, as_json: bool) -> None:
    show_rows("Results", [result.as_json() for result in results], as_json=as_json)
    say_dry_run(applied=apply, as_json=as_json)


def consumer_commands(lookup: Lookup) -> typer.Typer:
    """Build ``pathway consumer``."""
    app = typer.Typer(no_args_is_help=True, help="Where a consumer stands; taking back latched stops.")

    @app.command()
    def status(
        name: ServiceName,
        lag: Annotated[bool, typer.Option(help="Ask the broker how far each partition lags.")] = False,
        as_json: AsJson = False,
    ) -> None:
        """Show positions, what waits, stopped keys and latched stops. Exit code 1 when a stop is latched."""

        async def work(pool: asyncpg.Pool, _: Service, settings: Settings) -> dict[str, Any]:
            if not lag:
                return await consumer.status(pool)
            async with open_log(settings) as log:
                return await consumer.status(pool, log)

        found = with_pool(lookup, name, work)
        latched = bool(found["stops"])
        if as_json:
            show_fields(name, found, as_json=True)
        else:
            for title, rows in (("Positions", "positions"), ("Stopped keys", "stopped"), ("Latched stops", "stops")):
                show_rows(f"{title} of {name}", found.pop(rows), as_json=False)
            show_fields(f"Consumer of {name}", found, as_json=False)
        raise typer.Exit(1 if latched else 0)

    @app.command()
    def resume(
        name: ServiceName,
        actor: Actor,
        reason: Reason = "",
        apply: Apply = False,
        stop: Annotated[list[str] | None, typer.Option(help="Only the stop with this reason; may be repeated.")] = None,
        topic: Annotated[str, typer.Option(help="Also accept the log as it is: stand at --offset there.")] = "",
        partition: Annotated[int, typer.Option()] = 0,
        offset: Annotated[int, typer.Option(min=0)] = 0,
        as_json: AsJson = False,
    ) -> None:
        """Take back latched stops; the running consumer goes on within a second when none is left. Needs --reason.

        All that an operator may take back, or those named by --stop. What ends by a restore alone is left.
        """

        async def work(pool: asyncpg.Pool, _: Service, __: Settings) -> dict[str, Any]:
            stand_at = (topic, partition, offset) if topic else None
            return await consumer.resume(
                pool, actor=actor, reason=reason, apply=apply, only=stop or (), stand_at=stand_at
            )

        show_fields(f"Stops of {name}", with_pool(lookup, name, work), as_json=as_json)
        say_dry_run(applied=apply, as_json=as_json)

    return app


def outbox_commands(lookup: Lookup) -> typer.Typer:
    """Build ``pathway outbox``."""
    app = typer.Typer(no_args_is_help=True, help="What is decided and not yet sent; sending again.")

    @app.command()
    def status(name: ServiceName, as_json: AsJson = False) -> None:
        """Show how much is unsent and how old the oldest is."""
        found = with_pool(lookup, name, lambda pool, *_: outbox.status(pool))
        show_fields(f"Outbox of {name}", found, as_json=as_json)

    @app.command()
    def resend(
        name: ServiceName,
        key: Annotated[str, typer.Argument(help="The key whose events are sent again.")],
        actor: Actor,
        first: Annotated[int, typer.Option("--from", min=1, help="First sequence.")] = 1,
        last: Annotated[int | None, typer.Option("--to", min=1, help="Last sequence (default: the last).")] = None,
        reason: Reason = "",
        apply: Apply = False,
        as_json: AsJson = False,
    ) -> None:
        """Send a key's events again. Harmless: readers skip what they have."""

        async def work(pool: asyncpg.Pool, _: Service, __: Settings) -> list[int]:
            return await outbox.resend(pool, key, first, last, actor=actor, reason=reason, apply=apply)

        found = with_pool(lookup, name, work)
        show_rows(f"Sent again: {key}", [{"sequence": sequence} for sequence in found], as_json=as_json)
        say_dry_run(applied=apply, as_json=as_json)

    return app
