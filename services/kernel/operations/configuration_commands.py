"""``pathway config``: what this process would run with, and whether it would be allowed to."""

from typing import Annotated, Any
from urllib.parse import urlsplit, urlunsplit

import typer
from pydantic import SecretStr, ValidationError

from services.kernel.configuration import Role, missing
from services.kernel.operations.printing import AsJson, errors, show_rows
from services.kernel.settings import Settings, load_settings

MASK = "***"
NOT_SECRET = frozenset({"database_url", "read_url", "migrate_url", "vault_url", "shadow_url"})
"""Secret for the password in them alone."""

RoleName = Annotated[Role | None, typer.Option("--role", help="Only what this role needs; all roles without.")]
Services = Annotated[list[str] | None, typer.Argument(metavar="[SERVICE...]", help="The services; all without.")]


def shown(settings: Settings) -> list[dict[str, Any]]:
    """Return each setting with the value in effect, secrets masked, and whether somebody set it."""
    return [
        {
            "setting": f"PATHWAY_{name.upper()}",
            "value": _masked(name, getattr(settings, name)),
            "from": "set" if name in settings.model_fields_set else "default",
        }
        for name in Settings.model_fields
    ]


def _masked(name: str, value: Any) -> str | int | float | None:
    if not isinstance(value, SecretStr):
        return value if value is None or isinstance(value, int | float) else str(value)
    text = value.get_secret_value()
    if name in NOT_SECRET:
        return without_password(text)
    return MASK if text else ""


def without_password(url: str) -> str:
    """Return a database's address with a mask for its password, also where that stands in the query."""
    parts = urlsplit(url)
    words = [
        f"{word.partition('=')[0]}={MASK}" if word.lower().startswith(("password=", "sslpassword=")) else word
        for word in parts.query.split("&")
    ]
    before, at, host = parts.netloc.rpartition("@")
    user, colon, _ = before.partition(":")
    place = f"{user}{colon}{MASK if colon else ''}{at}{host}"
    return urlunsplit((parts.scheme, place, parts.path, "&".join(words), ""))


def configuration_commands(names: tuple[str, ...], placed: str) -> typer.Typer:
    """Build ``pathway config``; ``names`` are all services, ``placed`` the one that needs tables of places."""
    app = typer.Typer(no_args_is_help=True, help="The effective settings, and what a start would be refused for.")

    @app.command()
    def show(as_json: AsJson = False) -> None:
        """Print every setting, secrets masked, and whether it was set. Exit code 2: a value is impossible."""
        show_rows("Settings", shown(_load()), as_json=as_json)

    @app.command()
    def check(services: Services = None, role: RoleName = None, as_json: AsJson = False) -> None:
        """Say all that a start would be refused for. Exit code 0: nothing; 1: something; 2: an impossible value."""
        settings = _load()
        wanted = [role] if role else list(Role)
        found = {fault for one in wanted for fault in missing(settings, one, services or names, placed)}
        rows = [
            {"code": fault.code, "setting": fault.setting, "found": fault.message, "do": fault.remedy}
            for fault in sorted(found, key=lambda one: (one.setting, one.code))
        ]
        show_rows("Refused for", rows, as_json=as_json)
        raise typer.Exit(1 if rows else 0)

    return app


def _load() -> Settings:
    try:
        return load_settings()
    except ValidationError as error:
        for one in error.errors(include_input=False):
            errors.print(f"impossible_value: PATHWAY_{str(one['loc'][0]).upper()} {one['msg']}", soft_wrap=True)
        raise typer.Exit(2) from error
