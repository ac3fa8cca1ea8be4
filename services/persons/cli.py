"""``pathway person``: what is held of people and what may be done with them, as a Typer app."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from services.contracts.identifiers import is_nhs_number
from services.contracts.person_codes import ErasureReason, RestrictionReason
from services.kernel.operations.audit import Pool
from services.kernel.operations.printing import (
    Actor,
    Apply,
    AsJson,
    Lookup,
    console,
    errors,
    say_dry_run,
    show_fields,
    show_rows,
)
from services.kernel.operations.printing import Reason as Note
from services.kernel.retention import load_retention
from services.kernel.service import Service
from services.kernel.settings import Settings
from services.persons.dossier import gather
from services.persons.elsewhere import services_know
from services.persons.erasing import WAIT, Erasing
from services.persons.erasing import erase as erase_person
from services.persons.files import write
from services.persons.find import ASK, TYPED, asked_number, find
from services.persons.merging import MERGED, merge_decided
from services.persons.summary import summary
from services.vault.cli import with_vault
from services.vault.people import Done, People, list_erasures


def _refuse_typed(context: typer.Context, given: str | None) -> str | None:
    """Let :data:`ASK` pass in place of a number; ends with exit code 2 for a number, which the message does not repeat.

    It ends while the words are read, before anything else is done.
    """
    if given is None or given == ASK or context.resilient_parsing:
        return given
    errors.print(f"[bold]number_on_command_line[/bold]: {TYPED}", soft_wrap=True)
    raise typer.Exit(2)


def _refuse_number(context: typer.Context, given: str | None) -> str | None:
    """Do the same for a number that stands where a pseudonym belongs."""
    if given is None or not is_nhs_number("".join(given.split())):
        return given
    return _refuse_typed(context, given)


def _person(name: str) -> Any:
    return typer.Argument(metavar=f"[{name}]", help="A person's pseudonym (UUID).", callback=_refuse_number)


def _number(option: str, name: str) -> Any:
    told = f"Always {ASK}, in place of {name}: the number is asked for, or read from standard input."
    return typer.Option(option, metavar=ASK, help=told, callback=_refuse_typed)


PersonId = Annotated[str | None, _person("PERSON")]
NhsNumber = Annotated[str | None, _number("--nhs-number", "PERSON")]
Folder = Annotated[Path, typer.Option("--to", file_okay=False, help="Where the files go; they are for you alone.")]
Despite = Annotated[
    str | None,
    typer.Option("--despite-safety-tasks", metavar="REASON", help="Why, although somebody has to look; audited."),
]
WAITS = (
    "somebody has to look at this person first: acknowledge what waits (pathway safety list), let triage read what was "
    "sent, or say with --despite-safety-tasks why nobody will"
)
Act = Callable[[People, str], Awaitable[Done]]


def person_commands(lookup: Lookup) -> typer.Typer:
    """Build ``pathway person``."""
    app = typer.Typer(
        no_args_is_help=True,
        help="What is held of people; erase, restrict and merge them. What cannot be undone says so.",
    )
    _add_reading(app, lookup)
    _add_acts(app, lookup)
    _add_merge(app, lookup)
    _add_merge_decided(app, lookup)
    return app


def _add_reading(app: typer.Typer, lookup: Lookup) -> None:
    @app.command()
    def export(
        actor: Actor,
        person: PersonId = None,
        nhs_number: NhsNumber = None,
        folder: Folder = Path(),
        note: Note = "",
        as_json: AsJson = False,
    ) -> None:
        """Write everything that is held of a person into a JSON file and a page to print. Changes nothing."""

        async def work(pool: Pool, settings: Settings, meant: str) -> dict[str, Any]:
            dossier = await gather(pool, settings, meant, open_sealed=True)
            described = load_retention().described()
            files = await write(pool, dossier, folder, described, actor=actor, note=note)
            counts = {"rows": dossier.rows, "opened": dossier.opened, "unreadable": dossier.unreadable}
            return {"people": list(dossier.person_ids), "referrals": len(dossier.referrals), **counts, **files}

        show_fields("Export", _reading(lookup, person, nhs_number, work), as_json=as_json)

    @app.command()
    def show(person: PersonId = None, nhs_number: NhsNumber = None, as_json: AsJson = False) -> None:
        """Say which referrals a person has, how they stand, which consents there are, what may be done."""

        async def work(pool: Pool, settings: Settings, meant: str) -> dict[str, Any]:
            return summary(await gather(pool, settings, meant, open_sealed=False))

        found = _reading(lookup, person, nhs_number, work)
        if as_json:
            show_fields("", found, as_json=True)
            return
        referrals, consents = found.pop("referrals"), found.pop("consents")
        show_fields("Person", found, as_json=False)
        show_rows("Referrals", referrals, as_json=False)
        show_rows("Consents", consents, as_json=False)

    @app.command("list-erasures")
    def list_erased(
        since: Annotated[datetime | None, typer.Option(help="From this moment (UTC).")] = None,
        limit: Annotated[int, typer.Option(min=1)] = 1000,
        as_json: AsJson = False,
    ) -> None:
        """List who was erased, the first first."""
        moment = None if since is None else since.replace(tzinfo=UTC)
        found = with_vault(lookup, lambda pool, *_: list_erasures(pool, since=moment, limit=limit))
        show_rows("Erasures", found, as_json=as_json)


def _add_acts(app: typer.Typer, lookup: Lookup) -> None:
    @app.command()
    def erase(
        why: Annotated[ErasureReason, typer.Option("--why")],
        actor: Actor,
        person: PersonId = None,
        nhs_number: NhsNumber = None,
        note: Note = "",
        despite: Despite = None,
        apply: Apply = False,
        as_json: AsJson = False,
    ) -> None:
        """Destroy a person's keys, for good: what they sealed can never be read again.

        Exit code 1 also where a safety task of theirs waits.
        """

        async def work(pool: Pool, service: Service, settings: Settings) -> Erasing:
            people = People(pool, service, actor, knows=services_know(settings))
            meant = await find(settings, person, asked_number(nhs_number))
            return await erase_person(people, settings, meant, why, note=note, apply=apply, despite=despite)

        _tell_erasing(with_vault(lookup, work), apply, as_json)

    @app.command()
    def restrict(
        why: Annotated[RestrictionReason, typer.Option("--why")],
        actor: Actor,
        person: PersonId = None,
        nhs_number: NhsNumber = None,
        note: Note = "",
        apply: Apply = False,
        as_json: AsJson = False,
    ) -> None:
        """Keep what is held of a person, and stop its use."""
        act: Act = lambda people, meant: people.restrict(meant, why, note=note, apply=apply)  # noqa: E731
        _act(lookup, actor, (person, nhs_number), act, apply, as_json)

    @app.command()
    def unrestrict(
        actor: Actor,
        person: PersonId = None,
        nhs_number: NhsNumber = None,
        note: Note = "",
        apply: Apply = False,
        as_json: AsJson = False,
    ) -> None:
        """Allow the use again."""
        act: Act = lambda people, meant: people.unrestrict(meant, note=note, apply=apply)  # noqa: E731
        _act(lookup, actor, (person, nhs_number), act, apply, as_json)


def _add_merge(app: typer.Typer, lookup: Lookup) -> None:
    @app.command()
    def merge(
        actor: Actor,
        survivor: Annotated[str | None, _person("SURVIVOR")] = None,
        merged: Annotated[str | None, _person("MERGED")] = None,
        survivor_number: Annotated[str | None, _number("--survivor-nhs-number", "SURVIVOR")] = None,
        merged_number: Annotated[str | None, _number("--merged-nhs-number", "MERGED")] = None,
        note: Note = "",
        apply: Apply = False,
        as_json: AsJson = False,
    ) -> None:
        """Say that two pseudonyms are one person."""
        if survivor_number is not None and merged is None:
            survivor, merged = None, survivor  # the only word left is the other one

        async def work(pool: Pool, service: Service, settings: Settings) -> Done:
            into = await find(settings, survivor, asked_number(survivor_number))
            from_ = await find(settings, merged, asked_number(merged_number))
            people = People(pool, service, actor, knows=services_know(settings))
            return await people.merge(into, from_, note=note, apply=apply)

        _tell(with_vault(lookup, work), apply, as_json)


def _add_merge_decided(app: typer.Typer, lookup: Lookup) -> None:
    @app.command("merge-decided")
    def merge_all(actor: Actor, apply: Apply = False, as_json: AsJson = False) -> None:
        """Merge the pairs that staff have decided to be one person. Exit code 1 when one of them cannot be."""

        async def work(pool: Pool, service: Service, settings: Settings) -> list[dict[str, Any]]:
            return await merge_decided(
                People(pool, service, actor, knows=services_know(settings)), settings, apply=apply
            )

        found = with_vault(lookup, work)
        show_rows("Decided to be one person", found, as_json=as_json)
        say_dry_run(applied=apply, as_json=as_json)
        if not all(row["outcome"] in MERGED for row in found):
            raise typer.Exit(1)


def _reading(lookup: Lookup, person: str | None, nhs_number: str | None, work: Any) -> Any:
    async def found(pool: Pool, _: Service, settings: Settings) -> Any:
        return await work(pool, settings, await find(settings, person, asked_number(nhs_number)))

    return with_vault(lookup, found)


def _act(
    lookup: Lookup, actor: str, named: tuple[str | None, str | None], act: Act, apply: bool, as_json: bool
) -> None:
    async def work(pool: Pool, service: Service, settings: Settings) -> Done:
        person, nhs_number = named
        people = People(pool, service, actor, knows=services_know(settings))
        return await act(people, await find(settings, person, asked_number(nhs_number)))

    _tell(with_vault(lookup, work), apply, as_json)


def _tell_erasing(found: Erasing, apply: bool, as_json: bool) -> None:
    if as_json:
        show_fields("", {**found.as_json(), "applied": apply and found.done is not None}, as_json=True)
    else:
        if found.waiting.tasks:
            show_rows("Safety tasks that wait", found.waiting.tasks, as_json=False)
        for referral in found.waiting.unread:
            console.print(f"Triage has not read all of {referral}: a task may follow.")
        if found.done is not None:
            _tell(found.done, apply, as_json=False)
    if found.done is None:
        errors.print(f"[bold]{WAIT}[/bold]: {WAITS}", soft_wrap=True)
        raise typer.Exit(1)


def _tell(done: Done, apply: bool, as_json: bool) -> None:
    if as_json:
        show_fields("", {**done.as_json(), "applied": apply}, as_json=True)
    else:
        show_fields(f"{done.act}", {"people": ", ".join(done.people), "events": len(done.events)}, as_json=False)
        if not done.events:
            console.print("There was nothing left to do.")
    say_dry_run(applied=apply, as_json=as_json)
