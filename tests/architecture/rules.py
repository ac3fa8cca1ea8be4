"""The rules that an import graph does not show, as functions from a file to what is wrong with it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.files import ROOT, named

MAX_LINES = 300

# Whole words, in any case. Words that the field shares with computing are not among them: "work", "person",
# "health" of a process, "plan" of a query, the "outcome" of a record.
FIELD_WORDS = (
    "referrals? referred referral_ids? patients? nhs ods gps? clinic clinics clinical clinicians? medical "
    "disabilit(y|ies) diagnos[ei]s symptoms? illness sick therap(y|ies|ist|ists) physiotherapy "
    "counselling coach(es|ing)? triage intake outcomes employ(er|ers|ment|ed)? unemployed jobcentre "
    "assessments? participants? milestones? engagements? fit.notes? wellbeing workwell benefits?"
)
_FIELD = re.compile(rf"(?<![A-Za-z])(?:{'|'.join(FIELD_WORDS.split())})(?![A-Za-z])", re.IGNORECASE)

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")

_LEFT_OVER = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b|raise NotImplemented" + "Error")

# Built from parts, so that this file does not hold what it looks for.
_REGISTRIES = [
    r"py" + r"pi\.org",
    r"python" + r"hosted\.org",
    r"repo1?\.maven",
    r"maven\.apache\.org",
    r"npm" + r"js\.",
    r"registry-1\.",
    r"registry\.[a-z]+\.[a-z]+",
    r"(?:gh|g|q)cr\.io",
    r"quay" + r"\.io",
    r"docker" + r"\.io",
    r"--(?:extra-)?index-url",
]
_HOST = re.compile("|".join(_REGISTRIES))
_HOME = re.compile(r"(?<![\w.])/(?:root|home|Users)/[\w.]|[A-Z]:\\Users")

_CLOCK_AND_CHANCE = {
    "now": "reads the clock",
    "today": "reads the clock",
    "utcnow": "reads the clock",
    "system_clock": "reads the clock",
    "uuid1": "reads the clock",
    "uuid4": "draws a random number",
    "uuid7": "draws a random number",
    "token_hex": "draws a random number",
    "open": "does I/O",
    "print": "does I/O",
    "read_text": "does I/O",
    "read_bytes": "does I/O",
}


def too_long(path: Path) -> Iterator[str]:
    """A module has one reason to exist; above 300 lines it has found a second."""
    lines = len(path.read_text().splitlines())
    if lines > MAX_LINES:
        yield f"{named(path)} has {lines} lines; at most {MAX_LINES}"


def words_of_the_field(path: Path) -> Iterator[str]:
    """The kernel could carry any domain, so it holds no word of this one: not in names, texts or comments."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        for found in _FIELD.finditer(_CAMEL.sub(" ", line).replace("_", " ")):
            yield f"{named(path)}:{number} says {found.group()!r}"


def left_over(path: Path) -> Iterator[str]:
    """Nothing is left for later in a file; what is not there stands in the README."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if found := _LEFT_OVER.search(line):
            yield f"{named(path)}:{number} says {found.group()}"


def places(text: str, name: str) -> Iterator[str]:
    """No file names a package registry or a folder of somebody's machine."""
    for number, line in enumerate(text.splitlines(), 1):
        for pattern in (_HOST, _HOME):
            if found := pattern.search(line):
                yield f"{name}:{number} names {found.group()!r}"
        if str(ROOT) in line:
            yield f"{name}:{number} names the folder of this checkout"


def impure(path: Path) -> Iterator[str]:
    """Below domain/ time and chance are arguments."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called in _CLOCK_AND_CHANCE:
            yield f"{named(path)}:{node.lineno} calls {called}(): it {_CLOCK_AND_CHANCE[called]}"


def inexact(path: Path) -> Iterator[str]:
    """Money is whole pence: no float, no true division."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield f"{named(path)}:{node.lineno} holds the float {node.value}"
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            yield f"{named(path)}:{node.lineno} divides with a remainder lost"
        if isinstance(node, ast.Name) and node.id == "float":
            yield f"{named(path)}:{node.lineno} says float"


def undescribed(folder: Path) -> Iterator[str]:
    """A folder says in a README, or in its package's docstring, what it owns; files of data say it themselves."""
    if (folder / "README.md").is_file() and (folder / "README.md").read_text().strip():
        return
    files = [path for path in folder.iterdir() if path.is_file()]
    if files and all(path.suffix == ".yaml" and path.read_text().startswith("# ") for path in files):
        return
    package = folder / "__init__.py"
    if package.is_file() and ast.get_docstring(ast.parse(package.read_text())):
        return
    yield f"{named(folder)} has neither a README nor a docstring"
