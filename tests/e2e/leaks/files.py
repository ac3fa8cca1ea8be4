"""Files of people to import: the same referrals as columns, well and badly written."""

import csv
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from services.bulk.fields import all_fields
from tests.e2e.leaks.acts import WRONG
from tests.e2e.leaks.markers import GRAVE, Person

TOKEN_FILE: Final = "import.token"


def columns(document: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """A referral's fields by their paths, as cells."""
    for name, value in document.items():
        path = f"{above}{name}"
        if isinstance(value, Mapping):
            yield from columns(value, f"{path}.")
        elif path in all_fields() and value is not None:
            yield path, ";".join(value) if isinstance(value, list) else str(value)


def people(good: Person, known: Person) -> list[dict[str, str]]:
    """Rows: one that is accepted, a duplicate, one whose reference was used, one wrong in every column."""
    first = dict(columns(good.referral(GRAVE)))
    again = {**dict(columns(known.referral())), "referrer.reference": "again"}
    used = {**first, "person.nhs_number": "", "referrer.reference": known.referral()["referrer"]["reference"]}
    return [first, again, used, dict.fromkeys(first, f"{WRONG}!"), {**first, "person.nhs_number": "9.99E+09"}]


def write(folder: Path, rows: list[dict[str, str]], token: str) -> Path:
    """Write a file to import, and beside it a token."""
    folder.mkdir()
    with os.fdopen(os.open(folder / TOKEN_FILE, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
        file.write(token)
    with (folder / "people.csv").open("w", newline="", encoding="utf-8") as made:
        writer = csv.DictWriter(made, list(rows[0]), restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    headless = [list(row.values()) for row in rows]
    with (folder / "headless.csv").open("w", newline="", encoding="utf-8") as made:
        csv.writer(made).writerows(headless)
    return folder / "people.csv"
