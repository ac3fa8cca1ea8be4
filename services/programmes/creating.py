"""Writes a new programme's file from the template, checked before anything stands on disk."""

import tempfile
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from string import Template

from pydantic import TypeAdapter, ValidationError

from services.programmes.areas import AreaCodes
from services.programmes.document import FileRefused, Problem
from services.programmes.reader import FOLDER, check_file, read_programme, register_of
from services.programmes.register import load_areas
from services.programmes.tiers import Slug, VersionNumber

TEMPLATE = FOLDER / "template.yaml"


class NotCreated(ValueError):
    """A file cannot be written: what is in the way, and what to do."""


@dataclass(frozen=True, slots=True)
class NewProgramme:
    """What the template asks for. ``published_on`` None: 15 days before it takes effect.

    ``skills_earnings_limit`` False: the area said that the national limit for skills does not hold there.
    """

    id: str
    title: str
    ods_code: str
    effective_from: date
    version: str | None = None
    published_on: date | None = None
    skills_earnings_limit: bool = True

    @property
    def number(self) -> str:
        """The version's number: as given, or the first of the year."""
        return self.version or f"{self.effective_from.year}.1"


def text_of(new: NewProgramme, areas: AreaCodes) -> str:
    """Return the file's text. Raises NotCreated when a value does not fit."""
    for kind, value, what in ((Slug, new.id, "id"), (VersionNumber, new.number, "version")):
        try:
            TypeAdapter(kind).validate_python(value)
        except ValidationError as error:
            raise NotCreated(f"{value!r} is no {what} of a programme: {error.errors()[0]['msg']}.") from None
    if not new.title.strip() or any(mark in new.title for mark in "\n:#\"'{}[]&*!|>%@`$"):
        raise NotCreated(f"The title {new.title!r} must be plain words, without signs that YAML reads.")
    entry = areas.find(new.ods_code)
    if entry is None:
        raise NotCreated(f"The register of areas holds no code {new.ods_code}; add it to areas.yaml first.")
    published_on = new.published_on or new.effective_from - timedelta(days=15)
    return Template(TEMPLATE.read_text("utf-8")).substitute(
        id=new.id,
        slug=new.id.removeprefix("workwell-"),
        title=new.title,
        version=new.number,
        published_on=published_on,
        effective_from=new.effective_from,
        ods_code=new.ods_code,
        area_title=entry.title,
        skills_earnings_limit="true" if new.skills_earnings_limit else "false",
    )


def create(new: NewProgramme, folder: Path) -> Path:
    """Write ``<folder>/<id>/<version>.yaml`` and return its path; nothing is ever overwritten.

    Raises NotCreated when it is there already or a value does not fit, FileRefused when what the template
    gives has problems, so that no file is left that the services would refuse.
    """
    areas = load_areas(register_of(folder))
    text = text_of(new, areas)
    path = folder / new.id / f"{new.number}.yaml"
    if path.exists():
        raise NotCreated(f"{path} is there already; give another --version, a file is never overwritten.")
    with tempfile.TemporaryDirectory() as aside:
        draft = Path(aside) / new.id / path.name
        draft.parent.mkdir()
        draft.write_text(text, "utf-8")
        _, problems = read_programme(draft, areas)
    if problems:
        raise FileRefused([Problem(str(path), p.line, p.code, p.message, p.fix) for p in problems])
    made = not path.parent.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
    among = check_file(path)
    if among:
        path.unlink()
        if made:
            path.parent.rmdir()
        raise FileRefused(among)
    return path
