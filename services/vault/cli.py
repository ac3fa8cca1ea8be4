"""``pathway vault``: keys, as a Typer app; and how a command works on the vault's database."""

from pathlib import Path
from typing import Annotated, Any

import typer

from services.kernel.clock import system_clock
from services.kernel.operations.audit import Pool
from services.kernel.operations.printing import (
    Actor,
    Apply,
    AsJson,
    Lookup,
    errors,
    progress_bar,
    run_or_exit,
    say_dry_run,
    show_done,
    show_fields,
    show_rows,
    with_pool,
)
from services.kernel.sealing.root import root_key
from services.kernel.sealing.root_file import write_key_file
from services.kernel.service import Service
from services.kernel.settings import Settings
from services.vault import backups, keys

NAME = "vault"
Folder = Annotated[Path, typer.Argument(metavar="DIR", file_okay=False)]


def vault_commands(lookup: Lookup) -> typer.Typer:
    """Build ``pathway vault``."""
    app = typer.Typer(no_args_is_help=True, help="Keys: the first, new ones, backups.")
    _add_keys(app, lookup)
    _add_wrapping(app, lookup)
    _add_backups(app, lookup)
    return app


def _add_keys(app: typer.Typer, lookup: Lookup) -> None:
    @app.command("new-root-key")
    def new_root_key(file: Annotated[Path, typer.Argument(dir_okay=False)], as_json: AsJson = False) -> None:
        """Write a new root key into a file that only you can read. Never overwrites one."""
        try:
            write_key_file(file)
        except OSError as error:
            errors.print(f"[bold]file_refused[/bold]: {file}: {error.strerror}")
            raise typer.Exit(1) from error
        show_fields("Root key", {"file": str(file), "setting": f"PATHWAY_ROOT_KEY=file:{file}"}, as_json=as_json)

    @app.command()
    def status(as_json: AsJson = False) -> None:
        """Say what the vault holds and whether it serves. Exit code 1 when it does not."""
        found = with_vault(lookup, lambda pool, *_: keys.status(pool))
        if as_json:
            show_fields("", found, as_json=True)
        else:
            keks = found.pop("key_encryption_keys")
            show_fields("Vault", found, as_json=False)
            show_rows("Key-encryption keys", keks, as_json=False)
        raise typer.Exit(0 if found["served"] else 1)

    @app.command()
    def init(actor: Actor, apply: Apply = False, as_json: AsJson = False) -> None:
        """Make the first key-encryption key; where there is one, see that the root key opens it."""

        async def work(pool: Pool, _: Service, settings: Settings) -> dict[str, Any]:
            return await keys.init(pool, root_key(settings), actor=actor, apply=apply)

        show_done("Key-encryption key", with_vault(lookup, work), apply=apply, as_json=as_json)


def _add_wrapping(app: typer.Typer, lookup: Lookup) -> None:
    @app.command()
    def rotate(actor: Actor, apply: Apply = False, as_json: AsJson = False) -> None:
        """Wrap every key under a new key-encryption key and destroy the old ones. Goes on where it was broken off."""

        async def work(pool: Pool, _: Service, settings: Settings) -> dict[str, Any]:
            with progress_bar("wrapping keys") as progress:
                return await keys.rotate(pool, root_key(settings), actor=actor, apply=apply, progress=progress)

        show_done("Rotation", with_vault(lookup, work), apply=apply, as_json=as_json)

    @app.command()
    def rewrap(
        new: Annotated[str, typer.Argument(metavar="ROOT-KEY", help="file:<path> or aws-kms:<key id>")],
        actor: Actor,
        apply: Apply = False,
        as_json: AsJson = False,
    ) -> None:
        """Wrap the key-encryption keys under another root key, which every process can use already."""

        async def work(pool: Pool, _: Service, settings: Settings) -> dict[str, Any]:
            return await keys.rewrap(pool, root_key(settings), root_key(settings, new), actor=actor, apply=apply)

        show_done("Root key", with_vault(lookup, work), apply=apply, as_json=as_json)


def _add_backups(app: typer.Typer, lookup: Lookup) -> None:
    @app.command()
    def backup(folder: Folder, as_json: AsJson = False) -> None:
        """Write all wrapped keys into a new file."""

        async def work(pool: Pool, *_: Any) -> dict[str, Any]:
            with progress_bar("writing keys") as progress:
                return await backups.backup(pool, folder, system_clock(), progress=progress)

        show_fields("Backup", with_vault(lookup, work), as_json=as_json)

    @app.command()
    def restore(
        file: Annotated[Path, typer.Argument(dir_okay=False)],
        actor: Actor,
        apply: Apply = False,
        as_json: AsJson = False,
    ) -> None:
        """Put back keys that the vault lacks; then 'pathway restore vault' before anything is served."""

        async def work(pool: Pool, _: Service, settings: Settings) -> dict[str, Any]:
            with progress_bar("putting keys back") as progress:
                return await backups.restore_keys(
                    pool, root_key(settings), file, actor=actor, apply=apply, progress=progress
                )

        show_done("Keys", with_vault(lookup, work), apply=apply, as_json=as_json)

    @app.command()
    def prune(folder: Folder, apply: Apply = False, as_json: AsJson = False) -> None:
        """Delete backups of keys that are older than PATHWAY_KEY_BACKUP_DAYS.

        Exit code 1 when a file could not be read or deleted; the others go all the same.
        """
        _, settings = lookup(NAME)

        async def work() -> list[dict[str, Any]]:
            return backups.prune(folder, settings.key_backup_days, system_clock(), apply=apply)

        found = run_or_exit(work())
        show_rows("Backups that go", found, as_json=as_json)
        say_dry_run(applied=apply, as_json=as_json)
        raise typer.Exit(1 if any(one["stays"] for one in found) else 0)


def with_vault(lookup: Lookup, work: Any) -> Any:
    """Run ``work`` on the vault's database; a key that does not fit is said in a line, exit code 1."""
    return with_pool(lookup, NAME, work)
