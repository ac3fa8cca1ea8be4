"""YAML that remembers its lines, so that whoever wrote a file is told where it is wrong.

Only plain data is read: strings, whole numbers, true, false, null and dates. A decimal number is refused
(money is whole pence, and an unquoted version such as 2024.10 would silently become 2024.1), and so are
duplicate keys, anchors and tags, because each makes a file mean something that it does not seem to say.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

Path_ = tuple[str | int, ...]
"""Where a value stands in a document: keys and list positions from the root."""

MAX_BYTES = 256 * 1024

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong with a file: where it is, a stable code, what is wrong and what to do."""

    file: str
    line: int
    code: str
    message: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.code}: {self.message}" + (f" {self.fix}" if self.fix else "")


class FileRefused(ValueError):
    """One or more files cannot be used. ``problems`` holds everything that is wrong, not only the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(p) for p in self.problems))


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: its plain data, the line of each value, and the SHA-256 of its bytes."""

    file: str
    data: Any
    lines: dict[Path_, int]
    sha256: str

    def line(self, path: Sequence[Any]) -> int:
        """Return the line of ``path``, or of the nearest value that contains it.

        Parts that are not in the file (a union's tag in a pydantic location) are passed over.
        """
        here: Path_ = ()
        for part in path:
            if (*here, part) in self.lines:
                here = (*here, part)
        return self.lines.get(here, 1)

    def problem(self, path: Sequence[Any], code: str, message: str, fix: str = "") -> Problem:
        """Return a problem at ``path``."""
        return Problem(self.file, self.line(path), code, message, fix)


def read_document(path: Path) -> tuple[Document | None, list[Problem]]:
    """Read a YAML file. The document is None only when nothing could be parsed at all."""
    name = str(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        fix = "Give the path of a YAML file that this user may read."
        return None, [Problem(name, 1, "unreadable", f"The file cannot be read: {error.strerror}.", fix)]
    if len(raw) > MAX_BYTES:
        return None, [Problem(name, 1, "too_large", f"The file is larger than {MAX_BYTES} bytes.")]
    return parse_document(name, raw)


def parse_document(name: str, raw: bytes) -> tuple[Document | None, list[Problem]]:
    """Parse the bytes of a YAML file called ``name``."""
    try:
        root = yaml.compose(raw.decode("utf-8"), Loader=yaml.CSafeLoader)
    except UnicodeDecodeError:
        return None, [Problem(name, 1, "not_utf8", "The file is not UTF-8 text.", "Save it as UTF-8.")]
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return None, [Problem(name, line, "not_yaml", f"This is not YAML: {error.problem}.", "Check the indent.")]
    except yaml.YAMLError as error:
        return None, [Problem(name, 1, "not_yaml", f"This is not YAML: {error}.")]
    if root is None:
        return None, [Problem(name, 1, "empty", "The file is empty.")]
    walk = _Walk(name)
    data = walk.value(root, ())
    return Document(name, data, walk.lines, hashlib.sha256(raw).hexdigest()), walk.problems


class _Walk:
    """One pass over the node tree: builds the data, notes lines, collects what is refused."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: dict[Path_, int] = {}
        self.problems: list[Problem] = []
        self._seen: set[int] = set()

    def value(self, node: yaml.Node, path: Path_, line: int | None = None) -> Any:
        self.lines[path] = line or node.start_mark.line + 1
        if not isinstance(node, yaml.ScalarNode):
            if id(node) in self._seen:
                self._refuse(node, "alias", "Anchors and aliases are not read here.", "Write the value out.")
                return None
            self._seen.add(id(node))
            if node.tag not in {"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}:
                self._refuse(node, "tag", "Tags are not read here.", "Remove the word that begins with !.")
                return None
        if isinstance(node, yaml.MappingNode):
            return dict(self._pairs(node, path))
        if isinstance(node, yaml.SequenceNode):
            return tuple(self.value(child, (*path, index)) for index, child in enumerate(node.value))
        return self._scalar(node)

    def _pairs(self, node: yaml.MappingNode, path: Path_) -> Iterator[tuple[str, Any]]:
        first: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is None:
                self._refuse(key_node, "key", "A key must be a plain word.")
            elif key in first:
                message = f"The key {key!r} stands twice; it was first on line {first[key]}."
                self._refuse(key_node, "duplicate_key", message, "Keep one of the two.")
            else:
                first[key] = line
                yield key, self.value(value_node, (*path, key), line)

    def _scalar(self, node: yaml.Node) -> Any:
        try:
            value = yaml.SafeLoader("").construct_object(node, deep=True)
        except (yaml.YAMLError, ValueError):
            self._refuse(node, "value", f"{node.value!r} cannot be read.", "Put it in quotes if it is text.")
            return None
        if isinstance(value, float):
            self._refuse(node, "decimal", f"{node.value} is a decimal number.", "Use whole pence, or quote a version.")
            return None
        if value is None or isinstance(value, str | int) or type(value) is date:
            return value
        fix = "Use text, a whole number, true, false or a date."
        self._refuse(node, "value", f"{node.value!r} is no plain value.", fix)
        return None

    def _refuse(self, node: yaml.Node, code: str, message: str, fix: str = "") -> None:
        self.problems.append(Problem(self.name, node.start_mark.line + 1, code, message, fix))


_FIXES = {
    "missing": "Add it.",
    "extra_forbidden": "Remove it, or correct its spelling.",
    "int_type": "Write a whole number without quotes.",
    "string_type": "Put it in quotes.",
    "bool_type": "Write true or false.",
    "date_type": "Write a date as 2024-10-01.",
}


def model_problems(document: Document, error: ValidationError) -> list[Problem]:
    """Turn pydantic's findings into problems with lines."""
    found = []
    for item in error.errors(include_url=False, include_context=False):
        where = ".".join(str(part) for part in item["loc"]) or "the file"
        message = f"{where}: {item['msg']}."
        found.append(document.problem(item["loc"], item["type"], message, _FIXES.get(item["type"], "")))
    return found


def read_model(document: Document, model: type[M]) -> tuple[M | None, list[Problem]]:
    """Validate a document against ``model``."""
    try:
        return model.model_validate(document.data), []
    except ValidationError as error:
        return None, model_problems(document, error)
