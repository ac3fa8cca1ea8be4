"""The ``pathway`` command: roles that run, and what operators and auditors do by hand."""

import asyncio
from typing import Annotated, Any, Literal

import typer

from services.cli_groups import Deferred, lookup
from services.composition import NAMES, PLACED, NoSuchRole, UnknownService, beside_relay, service_named
from services.kernel.configuration import Role, refuse_open
from services.kernel.logs import configure_logs, log_crash
from services.kernel.operations.printing import Actor, Apply, AsJson, ServiceName, errors
from services.kernel.sealing.root import check_root_key
from services.kernel.service import Service
from services.kernel.settings import Settings, load_settings

AS = {role.value: role for role in Role}
WITH_KEYS = frozenset({"worker", "api", "replay"})
"""Roles that open what is sealed; the others never see a key."""
WITH_PROGRAMMES = frozenset({"worker", "api", "replay"})
"""Roles that decide by programme files; what is wrong with mounted ones is said before anything starts."""

app = typer.Typer(
    cls=Deferred, no_args_is_help=True, add_completion=False, help="Pathway: referral to payment, by events."
)
Names = Annotated[list[str], typer.Argument(metavar="SERVICE...", help=f"Of {', '.join(NAMES)}; or all.")]


def _start(role: str, names: list[str]) -> tuple[list[Service], Settings]:
    """Read settings and put services together, or say what is wrong and exit with 2."""
    try:
        settings = load_settings()
        wanted = list(NAMES) if names == ["all"] else names
        refuse_open(settings, AS.get(role, Role.COMMAND), wanted, PLACED)
        if role in WITH_PROGRAMMES and settings.programmes_dir is not None:
            from services.programmes.reader import load_folder

            load_folder(settings.programmes_dir)
        services = [service_named(name, settings) for name in wanted]
        if role in WITH_KEYS and any(service.subject is not None for service in services):
            check_root_key(settings)
    except (UnknownService, ValueError) as error:
        errors.print(str(error), soft_wrap=True, markup=False)
        raise typer.Exit(2) from error
    configure_logs(settings.log_level, service="+".join(names), role=role)
    return services, settings


def _serve(served: Any, settings: Settings) -> None:
    from services.kernel.http.draining import serve

    serve(served, settings)


@app.command()
def worker(name: ServiceName) -> None:
    """Consume a service's inputs until SIGTERM."""
    from services.kernel.runtime.roles import run_role, run_worker

    services, settings = _start("worker", [name])
    if not services[0].inputs:
        errors.print(str(NoSuchRole(name, "worker")))
        raise typer.Exit(2)
    run_role(run_worker(services[0], settings))


@app.command()
def shadow() -> None:
    """Decide by the rules in PATHWAY_SHADOW_RULES beside triage's live ones until SIGTERM. Emits no event.

    It begins with what is decided from now on; the past is compared by 'pathway rules diff'.
    """
    from services.kernel.runtime.roles import run_role
    from services.triage.trying.shadow_role import candidate_in, follow

    try:
        settings = load_settings()
        refuse_open(settings, Role.WORKER, ("triage",))
        candidate = candidate_in(settings)
        check_root_key(settings)
    except ValueError as error:
        errors.print(str(error), soft_wrap=True)
        raise typer.Exit(2) from error
    configure_logs(settings.log_level, service="triage", role="shadow")
    run_role(follow(candidate, settings))


@app.command()
def relay(names: Names) -> None:
    """Publish the outboxes of one or more services until SIGTERM."""
    from services.kernel.runtime.roles import run_relays, run_role

    services, settings = _start("relay", names)
    run_role(run_relays(services, settings, [one for service in services for one in beside_relay(service, settings)]))


@app.command()
def api(name: ServiceName) -> None:
    """Serve a service's HTTP API until SIGTERM."""
    from services.composition import api_named

    _, settings = _start("api", [name])
    try:
        served = api_named(name, settings)
    except NoSuchRole as error:
        errors.print(str(error))
        raise typer.Exit(2) from error
    _serve(served, settings)


@app.command("dev-issuer")
def dev_issuer() -> None:
    """Serve tokens for development. Refuses unless PATHWAY_ENVIRONMENT=development."""
    from services.kernel.http.dev_issuer import create_issuer

    settings = load_settings()
    configure_logs(settings.log_level, role="dev-issuer")
    try:
        issuer = create_issuer(settings)
    except (ValueError, RuntimeError) as error:
        errors.print(str(error))
        raise typer.Exit(2) from error
    _serve(issuer, settings)


@app.command()
def migrate(names: Names) -> None:
    """Bring databases to their newest revision. Safe to run twice, and by two at once."""
    from services.kernel.migrations.runner import migrate as run

    services, settings = _start("migrate", names)

    async def work() -> None:
        for service in services:
            await run(settings.owner_url(service.name), service.name)
            typer.echo(f"{service.name}: at its newest revision")

    asyncio.run(work())


@app.command()
def restore(
    name: ServiceName,
    actor: Actor,
    apply: Apply = False,
    accept_trimmed: Annotated[
        bool, typer.Option("--accept-trimmed", help="The log's beginning is gone, and the backup is younger than it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """After a backup: fold the service's own log into its database, before anything else serves."""
    from services.kernel.operations.restore_command import run_restore

    run_restore(lookup, name, actor=actor, apply=apply, accept_trimmed=accept_trimmed, as_json=as_json)


@app.command()
def replay(
    from_kafka: Annotated[bool, typer.Option("--from-kafka", help="Read the topics from the broker.")] = False,
    as_json: AsJson = False,
) -> None:
    """Decide everything again from the log and hold it against the databases. Exit code 1 when they differ.

    It looks at one moment: while events are under way they can be in a database and not yet in the log.
    """
    from services.kernel.operations.printing import run_or_exit, show_rows
    from services.kernel.replay.command import replay_from_kafka, summary

    if not from_kafka:
        errors.print("say where the log is: --from-kafka")
        raise typer.Exit(2)
    services, settings = _start("replay", ["all"])
    configure_logs("WARNING")
    verdict = run_or_exit(replay_from_kafka(services, settings))
    rows = [{"service": name, **found} for name, found in verdict.services.items()]
    if as_json:
        show_rows("", [*rows, *summary(verdict.differences)], as_json=True)
    else:
        show_rows("Replay", rows, as_json=False)
        show_rows("Differences", summary(verdict.differences), as_json=False)
    raise typer.Exit(0 if verdict.equal else 1)


@app.command()
def demo(
    people: Annotated[
        int | None, typer.Option(min=10, help="How many synthetic people are referred; 300, or 4,000 nationally.")
    ] = None,
    scale: Annotated[
        Literal["local", "national"], typer.Option(help="Manchester, or all 15 areas in proportion to their fit notes.")
    ] = "local",
    seed: Annotated[int, typer.Option(help="The same seed gives the same people.")] = 20241001,
    keep: Annotated[bool, typer.Option("--keep", help="Leave it running until Ctrl-C; prints addresses.")] = False,
    running: Annotated[
        bool, typer.Option("--running", help="Play in the system that the settings name, and start nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run the whole system on this machine, from referrals to the providers' statements."""
    from services.demo.run import Scale
    from services.demo.run import demo as run

    raise typer.Exit(run(people=people, seed=seed, keep=keep, as_json=as_json, scale=Scale(scale), running=running))


def main() -> None:
    """Entry point. A bug is told by its type and place: the message that Typer would print can quote anybody's data."""
    configure_logs("WARNING")
    try:
        app()
    except Exception as error:
        log_crash(error)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
