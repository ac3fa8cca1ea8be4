"""A table as a file: comma-separated, one row a line, a header; problems are collected, not raised one by one."""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

MOST_SHOWN: Final = 500
"""Problems that are kept; the others are only counted, so that a wrong separator does not fill the memory."""
EVERY: Final = 20_000
"""Rows between two ticks."""

Tick = Callable[[int], object]


def no_tick(_: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class TableProblem:
    """One thing that is wrong with a table: where it stands, a stable code, what is wrong and what to do."""

    file: str
    line: int
    column: str
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.column}: {self.code}: {self.message}"


class Problems:
    """What is wrong with the tables, in the order in which it was found."""

    def __init__(self) -> None:
        self.shown: list[TableProblem] = []
        self.count = 0

    def __bool__(self) -> bool:
        return bool(self.count)

    def add(self, path: Path, line: int, column: str, code: str, message: str) -> None:
        """Note one."""
        self.count += 1
        if len(self.shown) < MOST_SHOWN:
            self.shown.append(TableProblem(path.name, line, column, code, message))

    def as_rows(self) -> list[dict[str, Any]]:
        """Return what is shown as plain data."""
        return [asdict(problem) for problem in self.shown]

    def __str__(self) -> str:
        left = self.count - len(self.shown)
        return "\n".join([*map(str, self.shown), *([f"and {left} more"] if left else [])])


class TablesRefused(ValueError):
    """The tables cannot be used. ``problems`` holds everything that is wrong."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        super().__init__(str(problems))


def rows(
    path: Path, columns: Sequence[str], problems: Problems, tick: Tick = no_tick
) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with its line. Lines that are empty or begin with # say nothing.

    UTF-8, with or without a byte order mark. The header names exactly ``columns``, in this order.
    """
    named = ",".join(columns)
    header, before = False, problems.count
    for line, row in _lines(path, problems, tick):
        if not header:
            header = True
            if [cell.strip() for cell in row] != list(columns):
                problems.add(path, line, "", "header", f"the first row must be {named}")
                return
        elif len(row) != len(columns):
            problems.add(path, line, "", "cells", f"{len(row)} cells where {len(columns)} belong")
        else:
            yield line, row
    if not header and problems.count == before:
        problems.add(path, 0, "", "header", f"there is no row to read; the first must be {named}")


def _lines(path: Path, problems: Problems, tick: Tick) -> Iterator[tuple[int, list[str]]]:
    told = line = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for line, text in enumerate(file, 1):
                told += len(text)
                if line % EVERY == 0:
                    tick(told)
                    told = 0
                if text[0] not in "#\r\n":
                    yield line, _cells(text)
    except OSError as error:
        problems.add(path, 0, "", "unreadable", f"the file cannot be read: {error.strerror}; every table must be there")
    except UnicodeDecodeError:
        problems.add(path, line, "", "encoding", "what follows is not UTF-8; save the file as UTF-8")
    except csv.Error as error:
        problems.add(path, line, "", "quoting", f"the row cannot be read: {error}")
    tick(told)


def _cells(text: str) -> list[str]:
    if '"' not in text:
        return text.rstrip("\r\n").split(",")
    return next(csv.reader([text], strict=True), [])
