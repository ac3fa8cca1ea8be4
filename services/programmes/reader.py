"""Reads programme files: all that is wrong at once, with file and line; then the book of them."""

from pathlib import Path

from services.programmes.book import ProgrammeBook
from services.programmes.checks import programme_problems, version_problems
from services.programmes.document import Document, FileRefused, Problem, read_document, read_model
from services.programmes.model import Programme

FOLDER = Path(__file__).parent
"""The programmes of this repository: ``<programme>/<version>.yaml``."""

Read = tuple[Document, Programme]


def _read(path: Path) -> tuple[Read | None, list[Problem]]:
    document, problems = read_document(path)
    if document is None:
        return None, problems
    if not isinstance(document.data, dict):
        return None, [*problems, document.problem((), "not_a_programme", "A programme file holds keys and values.")]
    if "sha256" in document.data:
        message = "A file cannot hold its own hash."
        return None, [*problems, document.problem(("sha256",), "extra_forbidden", message, "Remove it.")]
    whole = Document(document.file, {**document.data, "sha256": document.sha256}, document.lines, document.sha256)
    programme, more = read_model(whole, Programme)
    problems += more
    if programme is None:
        return None, problems
    problems += programme_problems(document, programme)
    problems += _place(path, document, programme)
    return (document, programme), problems


def _place(path: Path, document: Document, programme: Programme) -> list[Problem]:
    found = []
    if path.stem != programme.version:
        message = f"Version {programme.version} stands in a file called {path.name}."
        found.append(document.problem(("version",), "file_name", message, f"Call it {programme.version}.yaml."))
    if path.resolve().parent.name != programme.programme:
        message = f"Programme {programme.programme} stands in a folder called {path.resolve().parent.name}."
        fix = f"Put it in a folder {programme.programme}."
        found.append(document.problem(("programme",), "folder_name", message, fix))
    return found


def check_file(path: Path) -> list[Problem]:
    """Return all that is wrong with a programme file, by line, versions beside it included.

    Only problems of this file are told; a broken neighbour is left to its own check.
    """
    read, problems = _read(path)
    if read is not None:
        beside = [path_ for path_ in sorted(path.parent.glob("*.yaml")) if path_.name != path.name]
        others = [found for found, _ in map(_read, beside) if found is not None]
        problems += [p for p in version_problems([*others, read]) if p.file == read[0].file]
    return sorted(set(problems), key=lambda p: (p.line, p.code, p.message))


def load_file(path: Path) -> Programme:
    """Return the programme of one file. Raises FileRefused with everything that is wrong with it."""
    read, problems = _read(path)
    if read is None or problems:
        raise FileRefused(sorted(problems))
    return read[1]


def load_book(folder: Path = FOLDER) -> ProgrammeBook:
    """Read every ``<programme>/<version>.yaml`` under ``folder``.

    Raises FileRefused with everything that is wrong with all of them, or when there is none.
    """
    reads: list[Read] = []
    problems: list[Problem] = []
    for path in sorted(folder.glob("*/*.yaml")):
        read, found = _read(path)
        problems += found
        if read is not None:
            reads.append(read)
    problems += version_problems(reads)
    if not reads and not problems:
        problems.append(Problem(str(folder), 1, "no_programmes", "There is no <programme>/<version>.yaml here."))
    if problems:
        raise FileRefused(sorted(problems))
    return ProgrammeBook(programme for _, programme in reads)
