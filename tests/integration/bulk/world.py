"""Intake's API and an issuer as processes, and files of synthetic people to import."""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from services.demo.world import CLI, free_ports
from services.embedded.postgres import Postgres
from services.embedded.processes import Child, Supervisor
from tests.parts.databases import Databases

PROGRAMME: Final = "workwell-greater-manchester"
HEADINGS: Final = (
    *("Reference", "Surname", "First name", "Date of birth", "Postcode", "Mobile", "NHS number"),
    *("Employment status", "Attendance", "Referral date", "Consent", "Consent date", "Wants to work"),
    "Right to work",
)
FIXED: Final = ("--set", "route=gp", "--set", "referrer.ods_code=P84001", "--set", "locality=manchester")
_LETTERS: Final = "abcdefghijklmnop"


def named(number: int) -> str:
    """A family name that is nobody else's, nor near to one: made of the digits of ``number``."""
    return "Q" + "".join(_LETTERS[int(digit)] * 3 for digit in str(number))


def row(number: int, **changes: str) -> dict[str, str]:
    """A person without an NHS number, as a spreadsheet shows them."""
    return {
        "Reference": f"REF-{number}",
        "Surname": named(number),
        "First name": "Ada",
        "Date of birth": f"{number % 28 + 1:02d}/{number % 12 + 1:02d}/{1950 + number % 50}",
        "Postcode": "M1 1AE",
        "Mobile": "07700900001",
        "NHS number": "",
        "Employment status": "Employed",
        "Attendance": "Off sick",
        "Referral date": "18/11/2024",
        "Consent": "Yes",
        "Consent date": "18/11/2024",
        "Wants to work": "yes",
        "Right to work": "yes",
        **changes,
    }


def sheet(*rows: dict[str, str], separator: str = ",") -> str:
    """The text of a file."""
    made = io.StringIO(newline="")
    headings = list(dict.fromkeys([*HEADINGS, *(name for one in rows for name in one)]))
    writer = csv.DictWriter(made, headings, delimiter=separator, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return made.getvalue()


@dataclass
class Imported:
    """How a run of the command ended."""

    status: int
    output: str
    errors: str

    @property
    def told(self) -> dict[str, Any]:
        """What it printed as JSON."""
        found: dict[str, Any] = json.loads(self.output)
        return found


@dataclass
class World:
    """The processes of one module's tests; the database is emptied between them."""

    postgres: Postgres
    databases: Databases
    processes: Supervisor
    ports: dict[str, int]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.ports['api']}"

    def start_api(self) -> Child:
        """Start the API and wait until it serves."""
        if "api" in self.processes.children:
            del self.processes.children["api"]
        environment = {"PATHWAY_HTTP_PORT": str(self.ports["api"])}
        child = self.processes.python("api", *CLI, "api", "intake", env=environment)
        child.wait_for_http(f"{self.address}/readyz", 60.0)
        return child

    def token(self, kind: str = "nhs", org: str = "P84001", programme: str = PROGRAMME, sub: str = "importer") -> str:
        claims = {"sub": sub, "org": org, "organisation_kind": kind, "programme": programme, "role": "referrer"}
        answer = httpx.post(f"http://127.0.0.1:{self.ports['issuer']}/token", json=claims)
        token: str = answer.json()["access_token"]
        return token

    def command(self, file: Path, *words: str) -> list[str]:
        asked = ("import", str(file), "--api", self.address, "--programme", PROGRAMME)
        return [sys.executable, *CLI, *asked, *words]

    def environment(self, token: str | None = None) -> dict[str, str]:
        return {**os.environ, "PATHWAY_TOKEN": token or self.token()}

    def run(self, file: Path, *words: str, token: str | None = None, fixed: Sequence[str] = FIXED) -> Imported:
        """Run ``pathway import`` to its end."""
        done = subprocess.run(
            self.command(file, *fixed, "--json", *words),
            env=self.environment(token),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return Imported(done.returncode, done.stdout, done.stderr)

    def ask(self, sql: str) -> str:
        return self.postgres.execute(sql, self.databases("intake").name)

    def accepted(self) -> dict[str, int]:
        """How many referrals there are to each reference."""
        rows = self.ask("SELECT reference, count(*) FROM referral GROUP BY reference")
        return {name: int(count) for name, count in (line.split("|") for line in rows.splitlines())}


@contextmanager
def open_world(postgres: Postgres, templates: dict[str, str], folder: Path) -> Iterator[World]:
    """Start everything; stop it at the end."""
    databases = Databases(postgres, templates)
    ports = dict(zip(("issuer", "api", "broker"), free_ports(3), strict=True))
    issuer = f"http://127.0.0.1:{ports['issuer']}"
    environment = {
        **databases.environment("intake"),
        "PATHWAY_ENVIRONMENT": "development",
        "PATHWAY_KAFKA_BOOTSTRAP": f"127.0.0.1:{ports['broker']}",  # nobody is there: an import needs none
        "PATHWAY_ISSUER_URL": issuer,
        "PATHWAY_JWKS_URL": f"{issuer}/jwks",
        "PATHWAY_LOG_LEVEL": "WARNING",
    }
    try:
        with Supervisor(folder, environment) as processes:
            world = World(postgres, databases, processes, ports)
            made = processes.python("issuer", *CLI, "dev-issuer", env={"PATHWAY_HTTP_PORT": str(ports["issuer"])})
            made.wait_for_http(f"{issuer}/livez", 60.0)
            world.start_api()
            yield world
    finally:
        databases.close()
