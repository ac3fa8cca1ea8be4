"""Copies of the repository's programmes with some of their text replaced."""

import shutil
from pathlib import Path

from services.programmes.document import Problem
from services.programmes.reader import FOLDER

MANCHESTER = "workwell-greater-manchester/2024.1.yaml"
LANCASHIRE = "workwell-lancashire-and-south-cumbria/2024.1.yaml"
CORNWALL = "workwell-cornwall-and-the-isles-of-scilly/2024.1.yaml"
BLACK_COUNTRY = "workwell-black-country/2024.1.yaml"
LONDON = "workwell-north-central-london/2024.1.yaml"
IN_WORK = "working-well-in-work/2024.1.yaml"

Replaced = tuple[str, str]


def copied(to: Path, *names: str) -> Path:
    """Copy files of the repository into a folder of their own (none named: all of them)."""
    for name in names or tuple(str(path.relative_to(FOLDER)) for path in FOLDER.glob("*/*.yaml")):
        (to / name).parent.mkdir(exist_ok=True, parents=True)
        shutil.copy(FOLDER / name, to / name)
    return to


def change(path: Path, *replaced: Replaced) -> Path:
    """Replace text, each once; it must be there."""
    text = path.read_text()
    for old, new in replaced:
        assert old in text, old
        text = text.replace(old, new, 1)
    path.write_text(text)
    return path


def line_of(path: Path, text: str) -> int:
    """Return the first line that holds ``text``."""
    return next(n for n, line in enumerate(path.read_text().splitlines(), 1) if text in line)


def codes(problems: list[Problem]) -> list[str]:
    """Return the codes, in order."""
    return [problem.code for problem in problems]
