"""The list of files that have been in effect, by hash: such a file never changes again.

``effective.sha256`` holds lines as ``sha256sum`` writes them: a hash, two spaces, ``<programme>/<version>.yaml``.
A file that is listed is frozen, whatever the day. A day is needed only to tell which files must be listed.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from services.programmes.across import Read
from services.programmes.document import Problem

NAME = "effective.sha256"

_LINE = re.compile(r"(?P<sha256>[0-9a-f]{64})  (?P<file>[a-z0-9-]+/20[0-9]{2}\.[0-9]+\.yaml)")


def list_of(folder: Path) -> tuple[dict[str, tuple[int, str]], list[Problem]]:
    """Return line and hash of each listed file, and what is wrong with the list. No list: nothing is frozen."""
    path = folder / NAME
    found: dict[str, tuple[int, str]] = {}
    problems: list[Problem] = []
    text = path.read_text("utf-8") if path.exists() else ""
    for number, line in enumerate(text.splitlines(), 1):
        match = _LINE.fullmatch(line)
        if match is None:
            fix = "Write a hash, two spaces, <programme>/<version>.yaml."
            problems.append(Problem(str(path), number, "not_a_hash_line", f"{line!r} cannot be read.", fix))
        elif match["file"] in found:
            message = f"{match['file']} stands twice; it was first on line {found[match['file']][0]}."
            problems.append(Problem(str(path), number, "repeated", message, "Keep the one that is true."))
        else:
            found[match["file"]] = (number, match["sha256"])
    return found, problems


def frozen_problems(folder: Path, hashes: dict[str, str]) -> list[Problem]:
    """Return which listed files were changed or are missing. ``hashes``: those of the files that are there."""
    listed, problems = list_of(folder)
    for name, (line, sha256) in listed.items():
        if name not in hashes:
            message = f"{name} has been in effect and is not here."
            fix = "Put it back: referrals, plans and payments still run under it."
            problems.append(Problem(str(folder / NAME), line, "effective_missing", message, fix))
        elif hashes[name] != sha256:
            message = f"It has been in effect (line {line} of {NAME}) and was changed since."
            fix = "Put it back as it was, and write a new version that takes effect later."
            problems.append(Problem(str(folder / name), 1, "changed_after_effect", message, fix))
    return problems


def unlisted(folder: Path, reads: Iterable[Read], as_of: date) -> list[Read]:
    """Return the files that are in effect on ``as_of``, or were, and are not listed."""
    listed, _ = list_of(folder)
    return [read for read in reads if read[1].effective_from <= as_of and name_of(read) not in listed]


def unlisted_problems(folder: Path, reads: Iterable[Read], as_of: date) -> list[Problem]:
    """Return a problem for each file that should be listed on ``as_of``."""
    message = f"It took effect on or before {as_of} and is not in {NAME}, so nothing keeps it from being changed."
    return [
        document.problem(("effective_from",), "not_frozen", message, "Run: pathway programme freeze")
        for document, _ in unlisted(folder, reads, as_of)
    ]


def add(folder: Path, reads: Sequence[Read]) -> None:
    """Add the hashes of files to the list; lines that stand there are never touched."""
    path = folder / NAME
    text = path.read_text("utf-8") if path.exists() else ""
    lines = [f"{document.sha256}  {name_of((document, programme))}\n" for document, programme in reads]
    path.write_text(text + "".join(lines), "utf-8")


def name_of(read: Read) -> str:
    """Return how the list names a file."""
    return f"{read[1].programme}/{read[1].version}.yaml"
