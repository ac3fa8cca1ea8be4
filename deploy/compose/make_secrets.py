"""Makes the secrets of one Compose project, once, as files in a volume for each that reads them. Development only.

Passwords are random for each project. A second run changes nothing: PostgreSQL was set up with the first ones.
"""

import secrets
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from services.kernel.sealing.root_file import write_key_file

SERVICES = ("intake", "triage", "coaching", "outcomes")
SERVER = "postgres:5432"


def main(root: Path) -> None:
    """Write all files below ``root``, unless the last of them is there."""
    done = root / "postgres" / "setup.sql"
    if done.exists():
        return
    password = passwords()
    key_file = root / "vault" / "root.key"
    key_file.unlink(missing_ok=True)
    write_key_file(key_file)
    for (who, name), text in files(password, key_file.read_text(), SERVER).items():
        if (who, name) != ("vault", "root.key"):
            write(root, who, name, text, 0o400 if name == "root.key" else 0o444)
    write(root, "postgres", "password", secrets.token_hex(16))
    lines = statements(lambda role: f" PASSWORD '{password[role]}'")
    write(root, "postgres", "setup.sql", "".join(f"{line};\n" for line in lines))


def passwords() -> dict[str, str]:
    """Return a password for each role; the owners have one, because one job migrates all databases."""
    owner = secrets.token_hex(16)
    return {name: secrets.token_hex(16) for name in ROLES} | {f"{name}_owner": owner for name in (*SERVICES, "vault")}


def files(password: Mapping[str, str], root_key: str, server: str, query: str = "") -> dict[tuple[str, str], str]:
    """Return each file by who reads it and its name. ``query`` ends the databases' addresses."""

    def url(user: str, service: str, role: str = "") -> str:
        return f"postgresql://{user}:{password[role or user]}@{server}/pathway_{service}{query}"

    hmac_key = secrets.token_hex(32)
    found: dict[tuple[str, str], str] = {}
    for name in SERVICES:
        found[name, "pathway_database_url"] = url(f"{name}_run", name)
        found[name, "pathway_read_url"] = url(f"{name}_read", name)
        found[name, "pathway_vault_url"] = url("vault_mint" if name == "intake" else "vault_read", "vault")
        found[name, "pathway_idempotency_hmac_key"] = hmac_key
        found[name, "root.key"] = root_key
    found["vault", "pathway_database_url"] = url("vault_run", "vault")
    found["vault", "pathway_idempotency_hmac_key"] = hmac_key
    found["vault", "root.key"] = root_key
    found["migrate", "pathway_migrate_url"] = url("{service}_owner", "{service}", "vault_owner")
    found["auditor", "pathway_database_url"] = url("auditor", "{service}")
    found["auditor", "pathway_read_url"] = url("auditor", "{service}")
    found["auditor", "pathway_vault_url"] = url("vault_read", "vault")
    found["auditor", "pathway_idempotency_hmac_key"] = hmac_key
    found["auditor", "root.key"] = root_key
    return found


ROLES = (
    *(f"{name}_{kind}" for name in SERVICES for kind in ("run", "read")),
    *("vault_run", "vault_read", "vault_mint", "vault_audit", "triage_shadow", "auditor"),
)
OF_AUDITOR = (*(f"{name}_read" for name in SERVICES), "vault_audit")
"""What the auditor may do: whatever these may."""


def statements(secret: Callable[[str], str]) -> list[str]:
    """Return what PostgreSQL runs when it is made: the roles, and for each service an owner and a database.

    ``secret`` gives what stands behind LOGIN for a role: its password, or nothing where another sets it.
    """
    lines = [f'CREATE ROLE "{name}" LOGIN{secret(name)}' for name in ROLES]
    for name in (*SERVICES, "vault"):
        mine = of_owner(name)
        lines += [
            f'CREATE ROLE "{name}_owner" LOGIN CREATEROLE{secret(f"{name}_owner")}',
            *(f'GRANT "{role}" TO "{name}_owner" WITH ADMIN OPTION, INHERIT FALSE, SET FALSE' for role in mine),
            f"CREATE DATABASE \"pathway_{name}\" OWNER \"{name}_owner\" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'",
            f'REVOKE CONNECT, TEMPORARY ON DATABASE "pathway_{name}" FROM PUBLIC',
            *(f'GRANT CONNECT ON DATABASE "pathway_{name}" TO "{role}"' for role in (*mine, "auditor")),
            f'GRANT TEMPORARY ON DATABASE "pathway_{name}" TO "auditor"',  # pathway reconcile copies the log there
        ]
    return [*lines, *(f'GRANT "{role}" TO "auditor"' for role in OF_AUDITOR)]


def of_owner(service: str) -> list[str]:
    """Return the roles that a service's owner administers."""
    return [role for role in ROLES if role.startswith(f"{service}_")]


def write(root: Path, who: str, name: str, text: str, mode: int = 0o444) -> None:
    """Write one secret, a root key for its reader alone; its volume is mounted where it is read and nowhere else."""
    (root / who / name).unlink(missing_ok=True)
    (root / who / name).write_text(text)
    (root / who / name).chmod(mode)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
