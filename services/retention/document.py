"""The tables of ``docs/privacy.md`` from the catalogue: ``python -m services.retention.document [--check]``.

What stands between a pair of marks is written here and held equal by a test; the words around it are people's.
"""

import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from services.kernel.retention import KERNEL, ColumnClass, Retention, load_retention
from services.kernel.settings import Settings
from services.retention.periods import FOR_EVER, Period, periods

PAGE = Path(__file__).resolve().parents[2] / "docs" / "privacy.md"
MARKS = re.compile(r"<!-- begin (\w+) -->\n.*?<!-- end \1 -->\n", re.DOTALL)
NOTHING: Mapping[str, str] = {}


def texts(retention: Retention) -> dict[str, str]:
    """Return what stands between each pair of marks."""
    found = periods(retention.classes, Settings(), NOTHING)
    return {
        "classes": _table(
            ("class", "what", "kept", "counted from", "ends by", "setting", "where the period comes from"),
            _classes(retention, found),
        ),
        "bases": _table(("", "fields", "basis", "source"), _bases(retention)),
        "topics": _table(("topic", "class", "fields", "basis", "kept", "read by"), _topics(retention, found)),
        "columns": _table(("table", "class", "columns", "basis", "kept", "read by"), _columns(retention, found)),
    }


def _classes(retention: Retention, found: Mapping[str, Period]) -> Iterator[tuple[str, ...]]:
    for name, entry in retention.classes.items():
        setting = found[name].setting
        words = found[name].words()
        yield (
            f"`{name}`",
            entry.description,
            words,
            entry.counts_from,
            entry.ends_by.value,
            "" if setting is None else f"`{setting}`",
            entry.source,
        )


def _bases(retention: Retention) -> Iterator[tuple[str, ...]]:
    for number, basis in enumerate(retention.bases, 1):
        fields = [*(f"`{path}`" for path in basis.paths), *(f"*{one.value}*" for one in basis.classes)]
        yield str(number), ", ".join(fields), basis.basis, basis.source


def basis_of(retention: Retention, path: str, field_class: ColumnClass) -> int:
    """Return the place of the basis on which a field is held, from 1."""
    for number, basis in enumerate(retention.bases, 1):
        if field_class in basis.classes or any(fnmatchcase(path, pattern) for pattern in basis.paths):
            return number
    raise ValueError(f"no basis for {path}")


def _topics(retention: Retention, found: Mapping[str, Period]) -> Iterator[tuple[str, ...]]:
    for name, topic in sorted(retention.topics.items()):
        classes = {path: ColumnClass(one.value) for event in topic.types for path, one in topic.classes(event).items()}
        readers = ", ".join((*dict.fromkeys((*topic.producers, *topic.consumers)),))
        words = found[topic.retention_class].words()
        kept = f"{topic.retention_class}: {words}" + (
            "" if words == FOR_EVER else "; until there is an archive, for ever"
        )
        yield from _grouped(retention, name, classes, kept, readers)


def _columns(retention: Retention, found: Mapping[str, Period]) -> Iterator[tuple[str, ...]]:
    for service, tables in sorted(retention.tables.items()):
        readers = "each service, its own" if service == KERNEL else service
        for table, entry in tables.items():
            kept = f"{entry.retention_class}: {found[entry.retention_class].words()}"
            name = f"{'each' if service == KERNEL else service}.{table}"
            yield from _grouped(retention, name, entry.columns, kept, readers)


def _grouped(
    retention: Retention, name: str, classes: Mapping[str, ColumnClass], kept: str, readers: str
) -> Iterator[tuple[str, ...]]:
    """Return a row for each class and basis, with all fields that have them."""
    groups: dict[tuple[int, int], list[str]] = defaultdict(list)
    order = list(ColumnClass)
    for path, one in classes.items():
        groups[order.index(one), basis_of(retention, path, one)].append(f"`{path}`")
    for (place, basis), paths in sorted(groups.items()):
        reads = f"{readers}; with the person's key" if order[place] is ColumnClass.SEALED else readers
        yield f"`{name}`", f"*{order[place].value}*", " ".join(paths), f"{basis}", kept, reads


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def written(page: str, retention: Retention) -> str:
    """Return a page with what stands between its marks as it should be. Raises ValueError where marks are missing."""
    wanted = texts(retention)
    missing = wanted.keys() - {mark[1] for mark in MARKS.finditer(page)}
    if missing:
        raise ValueError(f"no marks for {', '.join(sorted(missing))}")
    return MARKS.sub(lambda mark: f"<!-- begin {mark[1]} -->\n\n{wanted[mark[1]]}\n<!-- end {mark[1]} -->\n", page)


def main(arguments: list[str], file: Path = PAGE) -> int:
    """Write the page anew; with ``--check`` only say whether it differs, and answer 1."""
    before = file.read_text("utf-8")
    after = written(before, load_retention())
    if before == after:
        return 0
    if "--check" in arguments:
        print(f"{file.name} differs from the catalogue. Run: python -m services.retention.document")
        return 1
    file.write_text(after, "utf-8")
    print(f"wrote {file.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
