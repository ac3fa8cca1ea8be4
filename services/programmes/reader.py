"""Reads programme files: all that is wrong at once, with file and line; then the book of them."""

from datetime import date
from pathlib import Path

from services.programmes.across import Read, problems_across
from services.programmes.areas import AreaCodes
from services.programmes.book import ProgrammeBook
from services.programmes.checks import programme_problems
from services.programmes.document import Document, FileRefused, Problem, read_document, read_model
from services.programmes.effective import frozen_problems, name_of, unlisted_problems
from services.programmes.model import AnyProgramme, EmployerProgramme, Programme
from services.programmes.register import AREAS, area_problems, load_areas

FOLDER = Path(__file__).parent
"""The programmes of this repository: ``<programme>/<version>.yaml``."""
FILES = "[!.]*/*.yaml"
"""Those of a folder. Kubernetes keeps what it mounts once more, in folders that begin with a dot."""


def register_of(folder: Path) -> Path:
    """Return the register of areas that goes with a folder of programmes: its own, else that of this package."""
    own = folder / AREAS.name
    return own if own.exists() else AREAS


def read_programme(path: Path, areas: AreaCodes) -> tuple[Read | None, list[Problem]]:
    """Return a file and its programme, and all that is wrong within it. None: its fields are not well-formed."""
    document, problems = read_document(path)
    if document is None:
        return None, problems
    if not isinstance(document.data, dict):
        return None, [*problems, document.problem((), "not_a_programme", "A programme file holds keys and values.")]
    if "sha256" in document.data:
        message = "A file cannot hold its own hash."
        return None, [*problems, document.problem(("sha256",), "extra_forbidden", message, "Remove it.")]
    whole = Document(document.file, {**document.data, "sha256": document.sha256}, document.lines, document.sha256)
    programme: AnyProgramme | None
    if document.data.get("serves") == "employers":
        programme, more = read_model(whole, EmployerProgramme)
    else:
        programme, more = read_model(whole, Programme)
    problems += more
    if programme is None:
        return None, problems
    problems += programme_problems(document, programme, areas)
    problems += _place(path, document, programme)
    return (document, programme), problems


def _place(path: Path, document: Document, programme: AnyProgramme) -> list[Problem]:
    found = []
    if path.stem != programme.version:
        message = f"Version {programme.version} stands in a file called {path.name}."
        found.append(document.problem(("version",), "file_name", message, f"Call it {programme.version}.yaml."))
    if path.resolve().parent.name != programme.programme:
        message = f"Programme {programme.programme} stands in a folder called {path.resolve().parent.name}."
        fix = f"Put it in a folder {programme.programme}."
        found.append(document.problem(("programme",), "folder_name", message, fix))
    return found


def _folder(folder: Path) -> tuple[list[Read], list[Problem]]:
    """Read every file of a folder: what is well-formed, and all that is wrong whatever the day."""
    register = register_of(folder)
    problems = area_problems(register)
    if problems:
        return [], problems
    areas = load_areas(register)
    reads: list[Read] = []
    broken: set[str] = set()
    for path in sorted(folder.glob(FILES)):
        read, found = read_programme(path, areas)
        problems += found
        if read is None:
            broken.add(f"{path.parent.name}/{path.name}")
        else:
            reads.append(read)
    problems += problems_across(reads)
    hashes = {name_of(read): read[0].sha256 for read in reads}
    problems += frozen_problems(folder, {**dict.fromkeys(broken, ""), **hashes})
    if not reads and not problems:
        problems.append(Problem(str(folder), 1, "no_programmes", "There is no <programme>/<version>.yaml here."))
    return reads, problems


def check_file(path: Path, as_of: date | None = None) -> list[Problem]:
    """Return all that is wrong with a programme file, by line, among the files beside it.

    Only problems of this file are told; a broken neighbour is left to its own check. ``as_of``: on that day
    files in effect must be in the list of those that never change; None: that is not asked.
    """
    folder = path.resolve().parent.parent
    register = register_of(folder)
    if broken := area_problems(register):
        return broken
    areas = load_areas(register)
    read, problems = read_programme(path, areas)
    if read is None:
        return _sorted(problems)
    if path.resolve().parent.name == read[1].programme:
        beside = [other for other in sorted(folder.glob(FILES)) if other != path.resolve()]
        others = [found for found, _ in (read_programme(other, areas) for other in beside) if found is not None]
        problems += [problem for problem in problems_across([*others, read]) if problem.file == read[0].file]
        hashes = {name_of(one): one[0].sha256 for one in (*others, read)}
        frozen = [p for p in frozen_problems(folder, hashes) if p.file == str(folder / name_of(read))]
        problems += [Problem(read[0].file, p.line, p.code, p.message, p.fix) for p in frozen]
        problems += unlisted_problems(folder, [read], as_of) if as_of else []
    return _sorted(problems)


def check_folder(folder: Path, as_of: date | None = None) -> list[Problem]:
    """Return all that is wrong with all files of a folder, its register and its list of hashes."""
    reads, problems = _folder(folder)
    return sorted({*problems, *(unlisted_problems(folder, reads, as_of) if as_of else [])})


def _sorted(problems: list[Problem]) -> list[Problem]:
    return sorted(set(problems), key=lambda p: (p.line, p.code, p.message))


def load_file(path: Path) -> AnyProgramme:
    """Return the programme of one file. Raises FileRefused with everything that is wrong with it."""
    read, problems = read_programme(path, load_areas(register_of(path.resolve().parent.parent)))
    if read is None or problems:
        raise FileRefused(sorted(problems))
    return read[1]


def load_folder(folder: Path = FOLDER) -> list[Read]:
    """Return every file of a folder with its document. Raises FileRefused."""
    reads, problems = _folder(folder)
    if problems:
        raise FileRefused(sorted(problems))
    return reads


def load_book(folder: Path = FOLDER) -> ProgrammeBook:
    """Read every ``<programme>/<version>.yaml`` under ``folder``.

    Raises FileRefused with everything that is wrong with all of them, or when there is none, or when one
    that has been in effect was changed.
    """
    return ProgrammeBook(programme for _, programme in load_folder(folder))
