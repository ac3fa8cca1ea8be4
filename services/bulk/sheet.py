"""Reads a file of columns as spreadsheets write it: whatever encoding, separator and quotes, and writes one back."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MAX_BYTES: Final = 256 * 1024 * 1024
SEPARATORS: Final = ",;\t|"
_BOMS: Final = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_WORKBOOKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_TOLD: Final = re.compile(r"""[ ]*sep=([^\w\s"]|\t)[ ]*(?:\r\n|\r|\n|$)""", re.IGNORECASE)
_FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")
_MARKED: Final = re.compile(r"'+[=+\-@\t\r]")


class SheetRefused(Exception):
    """The file cannot be read; the message says what to do. ``code`` is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Row:
    """A row that is not blank. ``number`` is what the spreadsheet shows beside it: the headings are row 1."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file's headings and rows. ``notices`` say how it was read where that was not certain."""

    headings: tuple[str, ...]
    rows: tuple[Row, ...]
    separator: str
    notices: tuple[str, ...] = ()


def read_sheet(content: bytes) -> Sheet:
    """Read a file. Raises SheetRefused where no rows can be told apart for certain."""
    text, notices = _decoded(content)
    separator, text = _separator(text)
    records = _records(text, separator)
    if not records:
        raise SheetRefused("empty_file", "the file has no headings")
    headings = tuple(cell.strip() for cell in records[0])
    width = max((n for n, heading in enumerate(headings, 1) if heading), default=0)
    if not width:
        raise SheetRefused("no_headings", "the first row is blank; it must hold the headings")
    rows = []
    for number, record in enumerate(records[1:], 2):
        cells = tuple(map(plain_text, record))
        if not any(cell.strip() for cell in cells):
            continue
        if any(cell.strip() for cell in cells[width:]):
            message = f"row {number} is longer than the headings; is something in it not quoted?"
            raise SheetRefused("row_too_long", message)
        rows.append(Row(number, (*cells[:width], *("",) * (width - len(cells)))))
    return Sheet(headings[:width], tuple(rows), separator, tuple(notices))


def _decoded(content: bytes) -> tuple[str, list[str]]:
    if len(content) > MAX_BYTES:
        raise SheetRefused("file_too_large", f"a file holds at most {MAX_BYTES // 2**20} MiB; split it")
    if content.startswith(_WORKBOOKS):
        raise SheetRefused("a_workbook", "this is an Excel workbook; save the sheet as 'CSV UTF-8' and give that")
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return _decode(content[len(mark) :], encoding), []
    if b"\x00" in content[:2]:
        return _decode(content, "utf-16-be" if content[:1] == b"\x00" else "utf-16-le"), []
    try:
        return content.decode("utf-8"), []
    except UnicodeDecodeError:
        notice = "the file is not UTF-8 and was read as Windows-1252: look at a name with an accent before importing"
        return _decode(content, "cp1252"), [notice]


def _decode(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        raise SheetRefused("unknown_encoding", "the file's letters cannot be read; save it as 'CSV UTF-8'") from None


def _separator(text: str) -> tuple[str, str]:
    """Return what separates columns, and the text without Excel's own line about it."""
    told = _TOLD.match(text)
    if told is not None:
        return told[1], text[told.end() :]
    header = _first_record(text)
    return max(SEPARATORS, key=lambda one: _columns(header, one)), text


def _columns(header: str, separator: str) -> int:
    try:
        return len(next(csv.reader(io.StringIO(header, newline=""), delimiter=separator), []))
    except csv.Error:
        return 0


def _first_record(text: str) -> str:
    quoted = False
    for place, letter in enumerate(text):
        if letter == '"':
            quoted = not quoted
        elif letter in "\r\n" and not quoted:
            return text[:place]
    return text


def _records(text: str, separator: str) -> list[list[str]]:
    if "\x00" in text:
        raise SheetRefused("nul_character", "the file holds NUL characters; save it as 'CSV UTF-8'")
    csv.field_size_limit(MAX_BYTES)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        return list(reader)
    except csv.Error:
        message = f"a quote that is opened near line {reader.line_num} is not closed as it should be"
        raise SheetRefused("quotes", message) from None


def plain_text(cell: str) -> str:
    """Return a cell without the mark that keeps a spreadsheet from taking its text for a formula."""
    return cell[1:] if _MARKED.match(cell) else cell


def safe_text(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula; :func:`plain_text` gives it back."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def write_sheet(path: Path, headings: Sequence[str], rows: Iterable[Sequence[str]], separator: str) -> None:
    """Write a file for a spreadsheet, whole or not at all, for nobody's eyes but its owner's: it names people."""
    made = path.with_name(f".{path.name}.new")
    made.unlink(missing_ok=True)
    made.touch(mode=0o600)
    with made.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=separator)
        writer.writerow([safe_text(heading) for heading in headings])
        writer.writerows([safe_text(cell) for cell in row] for row in rows)
    made.replace(path)
