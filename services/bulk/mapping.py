"""Which column fills which field; a row becomes a referral."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from services.bulk.cells import Told, read_cell
from services.bulk.fields import Field, all_fields, by_heading, plain
from services.bulk.sheet import Row, Sheet

LEFT_OUT: Final = "-"
LETTERS: Final = 26
SEALED: Final = ("assessment", "additional_information", "work.annual_earnings_pence")
"""What intake keeps sealed, or not at all."""
ADDED: Final = ("row", "errors")
"""Columns of a rejects file that say nothing of the referral: corrected and fed again, they are passed over."""


class MapRefused(Exception):
    """The columns cannot be told: every reason, each with what to do."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = tuple(reasons)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user says of the columns: headings to field paths, and values that stand for every row."""

    columns: Mapping[str, str]
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the file that fills a field."""

    index: int
    heading: str
    field: Field


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that are used, and the values that stand for every row."""

    columns: tuple[Column, ...]
    values: tuple[tuple[Field, str], ...]
    programme: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a row, or was put right in it: the column's heading (None: the row), a code, a sentence."""

    column: str | None
    code: str
    message: str


@dataclass(slots=True)
class Referral:
    """A row as a referral. With ``faults`` it must not be sent to stay: the API is only asked what else is wrong."""

    row: Row
    document: dict[str, Any]
    faults: list[Problem] = field(default_factory=list)
    mended: list[Problem] = field(default_factory=list)
    fault_at: set[str] = field(default_factory=set)

    def line(self) -> bytes:
        """Return it as the API takes it; the same row always gives the same bytes."""
        return _canonical(self.document) + b"\n"


def read_map(pairs: Iterable[str], values: Iterable[str], file: Path | None) -> Asked:
    """Read ``COLUMN=field`` and ``field=value`` as given, and a file of both. Raises MapRefused."""
    columns: dict[str, str] = {}
    fixed: dict[str, str] = {}
    wrong = []
    if file is not None:
        columns, fixed = _of_file(file)
    for pair in pairs:
        heading, equals, path = pair.rpartition("=")
        if equals and heading:
            columns[heading] = path.strip()
        else:
            wrong.append("--map is COLUMN=field")
    for pair in values:
        path, equals, value = pair.partition("=")
        if equals:
            fixed[path.strip()] = value
        else:
            wrong.append("--set is field=value")
    if wrong:
        raise MapRefused(wrong)
    return Asked(columns, fixed)


def _of_file(file: Path) -> tuple[dict[str, str], dict[str, str]]:
    shape = "the map file holds two tables: columns (heading: field) and, if wanted, set (field: value)"
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        raise MapRefused(["the map file cannot be read as YAML"]) from None
    if not isinstance(found, dict) or not found.keys() <= {"columns", "set"}:
        raise MapRefused([shape])
    columns, fixed = found.get("columns") or {}, found.get("set") or {}
    if not isinstance(columns, dict) or not isinstance(fixed, dict):
        raise MapRefused([shape])
    return {str(k): str(v) for k, v in columns.items()}, {str(k): str(v) for k, v in fixed.items()}


def find_columns(sheet: Sheet, asked: Asked, programme: str) -> Columns:
    """Return what each column fills. Raises MapRefused with everything that is wrong: nothing is guessed or lost."""
    wrong: list[str] = []
    headings = {plain(heading) for heading in sheet.headings}
    missing = (heading for heading in asked.columns if plain(heading) not in headings)
    wrong += [f"--map: the file has no column {heading!r}" for heading in missing]
    chosen = {plain(heading): path for heading, path in asked.columns.items()}
    columns = []
    for index, heading in enumerate(sheet.headings):
        path = chosen.get(plain(heading))
        if path == LEFT_OUT or (path is None and (heading in ADDED or _is_blank(sheet, index))):
            continue
        found = by_heading().get(plain(heading)) if path is None else all_fields().get(path)
        if found is not None:
            columns.append(Column(index, heading, found))
        elif path is not None:
            wrong.append(f"--map: there is no field {path!r} (column {letters(index)}); see 'pathway import --fields'")
        else:  # a first row that is data would be repeated here, were its words
            name = letters(index) if heading else f"{letters(index)} has no heading and"
            wrong.append(
                f"column {name} is not known: --map 'HEADING=field' says what it is, 'HEADING=-' leaves it out"
            )
    if not columns:
        raise MapRefused(["no column of the first row is known: does the file begin with its headings?"])
    wrong += _twice(columns)
    values = _values(asked, {column.field.path for column in columns}, wrong)
    if wrong:
        raise MapRefused(wrong)
    return Columns(tuple(columns), values, programme)


def letters(index: int) -> str:
    """Return what a spreadsheet shows above a column."""
    found = ""
    while index >= 0:
        found = chr(ord("A") + index % LETTERS) + found
        index = index // LETTERS - 1
    return found


def _is_blank(sheet: Sheet, index: int) -> bool:
    return not sheet.headings[index] and not any(row.cells[index].strip() for row in sheet.rows)


def _values(asked: Asked, filled: set[str], wrong: list[str]) -> tuple[tuple[Field, str], ...]:
    """Return the fields that are the same in every row; adds what is wrong with them to ``wrong``."""
    values = []
    for path, value in asked.values.items():
        if path not in all_fields():
            wrong.append(f"--set: there is no field {path!r}; see 'pathway import --fields'")
        elif path in filled:
            wrong.append(f"--set: the field {path!r} has a column of its own")
        elif (fault := read_cell(all_fields()[path], value).fault) is not None:
            wrong.append(f"--set {path}: {fault.message}")
        else:
            values.append((all_fields()[path], value))
    return tuple(values)


def _twice(columns: Sequence[Column]) -> list[str]:
    first: dict[str, str] = {}
    wrong = []
    for column in columns:
        path = column.field.path
        if path in first:
            message = f"columns {first[path]!r} and {column.heading!r} both fill {path}: leave one out with 'COLUMN=-'"
            wrong.append(message)
        first.setdefault(path, column.heading)
    return wrong


def read_row(mapping: Columns, row: Row) -> Referral:
    """Return a row as a referral. One without a reference of its own gets one that follows from what it says.

    So a row that was sent before is recognised for good, also in another file and after its idempotency key. It follows
    from what intake keeps in clear beside it: a digest of a few answers about health could be guessed. Rows that differ
    in nothing else have one reference, and the second is told so. A row that lacks its referrer is left for the API to
    refuse.
    """
    referral = Referral(row, {"programme": mapping.programme})
    for filled, text in mapping.values:
        _put(referral, filled, text, filled.path)
    for column in mapping.columns:
        _put(referral, column.field, row.cells[column.index], column.heading)
    referrer = referral.document.get("referrer")
    if referrer is None and referral.document.get("route") == "self":
        referrer = referral.document["referrer"] = {}
    if referrer is not None and "reference" not in referrer:
        clear = _without(referral.document, SEALED)
        referrer["reference"] = f"row-{hashlib.sha256(_canonical(clear)).hexdigest()[:32]}"
    return referral


def _without(document: Mapping[str, Any], paths: Iterable[str]) -> dict[str, Any]:
    found = dict(document)
    for path in paths:
        part, _, name = path.partition(".")
        if not name:
            found.pop(part, None)
        elif isinstance(found.get(part), dict):
            found[part] = {key: value for key, value in found[part].items() if key != name}
    return found


def _put(referral: Referral, filled: Field, text: str, heading: str) -> None:
    cell = read_cell(filled, text)
    if cell.fault is not None:
        referral.faults.append(_problem(heading, cell.fault))
        referral.fault_at.add(filled.pointer)
    if cell.mended is not None:
        referral.mended.append(_problem(heading, cell.mended))
    if cell.value is None:
        return
    *parents, last = filled.path.split(".")
    here: dict[str, Any] = referral.document
    for name in parents:
        here = here.setdefault(name, {})
    here[last] = cell.value


def _problem(column: str, told: Told) -> Problem:
    return Problem(column, told.code, told.message)


def _canonical(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
