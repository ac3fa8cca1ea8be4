"""Prints the Secrets that Pathway's pods mount, with random passwords and a new root key, for `kubectl create`.

    python -m deploy.k8s.make_secrets | kubectl create --namespace pathway -f -

`create` and not `apply`: a second run must not replace the passwords, and never the root key, under which everybody's
keys are wrapped. In production your own store of secrets gives the same names; the root key is one of AWS KMS there.
"""

import base64
import os
import sys
from typing import Any, Final

import yaml

from deploy.compose import make_secrets as compose
from services.kernel.sealing.subject_key import KEY_BYTES

SERVER: Final = "pathway-database-rw:5432"
QUERY: Final = "?sslmode=verify-full&sslrootcert=/run/certificates/database/ca.crt"


def secret(name: str, data: dict[str, str], kind: str = "Opaque") -> dict[str, Any]:
    """Return a Secret."""
    found = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": kind, "stringData": data}
    if kind != "Opaque":
        found["metadata"] = {"name": name, "labels": {"cnpg.io/reload": "true"}}
    return found


def made() -> list[dict[str, Any]]:
    """Return all Secrets: one for each who mounts files, one for each role of the databases."""
    password = compose.passwords()
    root_key = base64.b64encode(os.urandom(KEY_BYTES)).decode() + "\n"
    mounted: dict[str, dict[str, str]] = {}
    for (who, name), text in compose.files(password, root_key, SERVER, QUERY).items():
        mounted.setdefault(f"{who}-secrets", {})[name] = text
    of_roles = {
        f"database-{role.replace('_', '-')}": {"username": role, "password": word} for role, word in password.items()
    }
    return [
        *(secret(name, data) for name, data in mounted.items()),
        *(secret(name, data, "kubernetes.io/basic-auth") for name, data in of_roles.items()),
    ]


if __name__ == "__main__":
    sys.stdout.write(yaml.safe_dump_all(made(), sort_keys=False))
