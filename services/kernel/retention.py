"""How long what is held is kept: classes with periods, and the class of every table of every database.

``retention.yaml`` holds the classes; ``tables/<service>.yaml`` says of each table of a service's database which class
it has, whose its rows are and since when, how a legal hold keeps them, and how private each column is. The kernel's
own tables stand once, in ``tables/kernel.yaml``. A folder with faults is refused whole, with every fault.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from services.kernel.catalogue import Catalogue, CatalogueError, Entry, Fault, Name, load_catalogue, read_entry

SCHEMAS: Final = Path(__file__).resolve().parents[2] / "schemas"
KERNEL: Final = "kernel"
Text = Annotated[str, Field(min_length=1)]
ColumnPath = Annotated[str, Field(pattern=r"^([a-z_]+\.)?[a-z_]+$")]


class EndsBy(StrEnum):
    """What happens when a period is over."""

    ERASING = "erasing"
    DELETING = "deleting"
    EMPTYING = "emptying"
    PRUNING = "pruning"
    ARCHIVING = "archiving"
    STAYING = "staying"


class ColumnClass(StrEnum):
    """How private a column is: the most private thing that can stand in it."""

    OPEN = "open"
    RESTRICTED = "restricted"
    SEALED = "sealed"
    IDENTIFYING = "identifying"
    SECRET = "secret"  # noqa: S105  the name of a class


class OwnerKind(StrEnum):
    """How a column says whose a row is."""

    SUBJECT = "subject"
    KEY = "key"
    ROW_OF = "row_of"
    MENTION = "mention"


class RetentionClass(Entry):
    """One class. Without a period it has no end of its own.

    ``until_age``: kept at least until the subject is so old. ``source`` begins with where the period comes from.
    """

    description: Text
    years: int | None = Field(default=None, ge=1, le=100)
    days: int | None = Field(default=None, ge=1, le=36_500)
    until_age: int | None = Field(default=None, ge=1, le=120)
    at_least_days: int = Field(default=1, ge=1)
    setting: str | None = Field(default=None, pattern=r"^PATHWAY_[A-Z_]+$")
    counts_from: Text
    ends_by: EndsBy
    source: str = Field(pattern=r"^\[(common|illustrative|design|published)\] .+")


class Whose(Entry):
    """Which column says whose a row is: a subject, an aggregate's key, a row of another table; or a text names them."""

    column: Name
    kind: OwnerKind = Field(alias="is")
    table: Name | None = None


class LegalHold(Entry):
    """How a hold keeps a row: by whose it is, or not at all, because of something."""

    by: str = Field(pattern=r"^(whose|none)$")
    because: Text | None = None


class TableEntry(Entry):
    """One table. ``since``: the column that says since when, or one of a table that it belongs to.

    ``when_over`` says what becomes of a row when its subject is erased.
    """

    description: Text
    retention_class: Name
    whose: Whose | None = None
    since: ColumnPath | None = None
    legal_hold: LegalHold
    when_over: Text | None = None
    columns: Mapping[Name, ColumnClass] = Field(min_length=1)


class Basis(Entry):
    """On which legal basis fields of a class, or those whose path matches, are held; the deployer confirms it."""

    classes: tuple[ColumnClass, ...] = ()
    paths: tuple[str, ...] = ()
    basis: Text
    source: Text


class _Classes(Entry):
    classes: Mapping[Name, RetentionClass] = Field(min_length=1)
    bases: tuple[Basis, ...] = Field(min_length=1)


class _Tables(Entry):
    service: Name
    keys_are: Text
    tables: Mapping[Name, TableEntry]


@dataclass(frozen=True, slots=True)
class Retention:
    """The whole: classes, tables by service (the kernel's among each service's), topics."""

    classes: Mapping[str, RetentionClass]
    bases: tuple[Basis, ...]
    tables: Mapping[str, Mapping[str, TableEntry]]
    topics: Catalogue

    def services(self) -> tuple[str, ...]:
        """The services that have a file, sorted."""
        return tuple(sorted(name for name in self.tables if name != KERNEL))

    def tables_of(self, service: str) -> dict[str, TableEntry]:
        """Return every table of a service's database."""
        return {**self.tables[KERNEL], **self.tables[service]}

    def described(self) -> dict[tuple[str, str], str]:
        """Return what each (service, table) holds."""
        return {(s, name): entry.description for s in self.services() for name, entry in self.tables_of(s).items()}


def load_retention(folder: Path = SCHEMAS) -> Retention:
    """Read ``retention.yaml``, ``tables/`` and ``topics/``. Raises CatalogueError with all faults."""
    topics = load_catalogue(folder / "topics")
    faults: list[Fault] = []
    classes = read_entry(folder / "retention.yaml", _Classes, faults)
    files = {file: read_entry(file, _Tables, faults) for file in sorted((folder / "tables").glob("*.yaml"))}
    tables = {entry.service: entry.tables for entry in files.values() if entry is not None}
    if classes is not None:
        faults += _class_faults(classes)
        for file, entry in files.items():
            if entry is not None:
                faults += _table_faults(file, entry, classes.classes)
        for topic in topics.values():
            if topic.retention_class not in classes.classes:
                faults.append(_unknown(f"{topic.topic}.yaml", "retention_class", topic.retention_class))
    if KERNEL not in tables:
        faults.append(Fault(f"{KERNEL}.yaml", "", "the kernel's tables are nowhere", "Add tables/kernel.yaml"))
    if faults or classes is None:
        raise CatalogueError(tuple(faults))
    return Retention(classes.classes, classes.bases, tables, topics)


def _class_faults(found: _Classes) -> Iterator[Fault]:
    for name, entry in found.classes.items():
        place = f"classes.{name}"
        dated = entry.years is not None or entry.days is not None
        if entry.years is not None and entry.days is not None:
            yield Fault("retention.yaml", place, "years and days both", "Give one of them")
        if not dated and entry.ends_by not in {EndsBy.ARCHIVING, EndsBy.STAYING}:
            yield Fault("retention.yaml", place, f"it ends by {entry.ends_by} and has no period", "Add years or days")
    covered = {one for basis in found.bases for one in basis.classes}
    for missing in sorted(set(ColumnClass) - covered):
        yield Fault("retention.yaml", "bases", f"no basis for class {missing}", "Add one")


def _table_faults(file: Path, found: _Tables, classes: Mapping[str, RetentionClass]) -> Iterator[Fault]:
    if file.stem != found.service:
        yield Fault(file.name, "service", f"the file is named {file.stem}", f"Name the file {found.service}.yaml")
    for name, entry in found.tables.items():
        place = f"tables.{name}"
        retention = classes.get(entry.retention_class)
        if retention is None:
            yield _unknown(file.name, f"{place}.retention_class", entry.retention_class)
        elif (retention.ends_by is EndsBy.ERASING) != (entry.when_over is not None):
            yield Fault(file.name, f"{place}.when_over", "belongs to classes that end by erasing", "Add or remove it")
        if entry.whose is not None and entry.whose.column not in entry.columns:
            yield Fault(file.name, f"{place}.whose", f"no column {entry.whose.column}", "Name a column")
        if entry.whose is not None and (entry.whose.kind is OwnerKind.ROW_OF) != (entry.whose.table in found.tables):
            yield Fault(file.name, f"{place}.whose.table", "a row of which table", "Name a table of this file")
        if entry.since is not None and not _is_column(entry.since, entry, found.tables):
            yield Fault(file.name, f"{place}.since", f"no column {entry.since}", "Name a column")
        if (entry.legal_hold.by == "none") != (entry.legal_hold.because is not None):
            yield Fault(file.name, f"{place}.legal_hold", "what no hold keeps needs a reason", "Add or remove because")
        if entry.legal_hold.by == "whose" and entry.whose is None:
            yield Fault(file.name, f"{place}.legal_hold", "whose the rows are is not said", "Add whose")


def _is_column(since: str, entry: TableEntry, tables: Mapping[str, TableEntry]) -> bool:
    table, _, column = since.rpartition(".")
    if not table:
        return column in entry.columns
    return table in tables and column in tables[table].columns


def _unknown(file: str, place: str, name: str) -> Fault:
    return Fault(file, place, f"there is no class {name}", "Name one of retention.yaml")
