"""Makes the secrets of one Compose project, once, as files in a volume for each that reads them. Development only.

Passwords are random for each project. A second run changes nothing: PostgreSQL was set up with the first ones.
"""

import secrets
import sys
from collections.abc import Callable
from pathlib import Path

from services.kernel.sealing.root_file import write_key_file

SERVICES = ("intake", "triage", "coaching", "outcomes")
SERVER = "postgres:5432"


def main(root: Path) -> None:
    """Write all files below ``root``, unless the last of them is there."""
    done = root / "postgres" / "setup.sql"
    if done.exists():
        return
    password = {name: secrets.token_hex(16) for name in ROLES}
    owner = secrets.token_hex(16)
    hmac_key = secrets.token_hex(32)
    key_file = root / "vault" / "root.key"
    key_file.unlink(missing_ok=True)
    write_key_file(key_file)
    for name in SERVICES:
        vault = "vault_mint" if name == "intake" else "vault_read"
        write(root, name, "pathway_database_url", url(f"{name}_run", password[f"{name}_run"], name))
        write(root, name, "pathway_read_url", url(f"{name}_read", password[f"{name}_read"], name))
        write(root, name, "pathway_vault_url", url(vault, password[vault], "vault"))
        write(root, name, "pathway_idempotency_hmac_key", hmac_key)
        write(root, name, "root.key", key_file.read_text(), 0o400)
    write(root, "vault", "pathway_database_url", url("vault_run", password["vault_run"], "vault"))
    write(root, "vault", "pathway_idempotency_hmac_key", hmac_key)
    write(root, "migrate", "pathway_migrate_url", url("{service}_owner", owner, "{service}"))
    write(root, "auditor", "pathway_database_url", url("auditor", password["auditor"], "{service}"))
    write(root, "auditor", "pathway_vault_url", url("vault_read", password["vault_read"], "vault"))
    write(root, "auditor", "root.key", key_file.read_text(), 0o400)
    write(root, "postgres", "password", secrets.token_hex(16))
    secret = {**password, **{f"{name}_owner": owner for name in (*SERVICES, "vault")}}
    lines = statements(lambda role: f" PASSWORD '{secret[role]}'")
    write(root, "postgres", "setup.sql", "".join(f"{line};\n" for line in lines))


ROLES = (
    *(f"{name}_{kind}" for name in SERVICES for kind in ("run", "read")),
    *("vault_run", "vault_read", "vault_mint", "vault_audit", "triage_shadow", "auditor"),
)
OF_AUDITOR = (*(f"{name}_read" for name in SERVICES), "vault_audit")
"""What the auditor may do: whatever these may."""


def url(user: str, password: str, service: str) -> str:
    """Return a database's address."""
    return f"postgresql://{user}:{password}@{SERVER}/pathway_{service}"


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
