"""What the documents hold: fenced blocks, inline code, links. A reader of the few forms that ours use."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(r"^ {0,3}```(?P<info>\S*)\s*$")
_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_SHELL = {"sh", "bash", "console"}
_LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block: where it begins, its language and its text."""

    line: int
    language: str
    text: str


def documents() -> list[Path]:
    """Every document of the repository."""
    folders = ("docs", "services", "schemas", "tests")
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.md")]
    return sorted([*ROOT.glob("*.md"), *found])


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a document, in order. Raises ValueError for one that is not closed."""
    found: list[Block] = []
    opened: tuple[int, str] | None = None
    held: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        fence = _FENCE.match(line)
        if fence and opened is None:
            opened, held = (number, fence["info"]), []
        elif fence and opened is not None and not fence["info"]:
            found.append(Block(*opened, "\n".join(held) + "\n"))
            opened = None
        elif opened is not None:
            held.append(line)
    if opened is not None:
        raise ValueError(f"the block of line {opened[0]} is not closed")
    return found


def shell_lines(text: str) -> Iterator[tuple[int, str]]:
    """The commands of shell blocks, continued lines joined, prompts and comments taken off."""
    for block in blocks(text):
        if block.language in _SHELL:
            joined = re.sub(r"\\\n\s*", " ", block.text)
            for line in joined.splitlines():
                yield block.line, line.strip().removeprefix("$ ")


def prose(text: str) -> Iterator[tuple[int, str]]:
    """The lines outside fenced blocks, with their numbers."""
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        if _FENCE.match(line):
            inside = not inside
        elif not inside:
            yield number, line


def inline_code(text: str) -> Iterator[tuple[int, str]]:
    """What stands between single backticks outside blocks."""
    return ((number, code) for number, line in prose(text) for code in _CODE.findall(line))


def links(text: str) -> Iterator[tuple[int, str]]:
    """Targets of links outside blocks."""
    return ((number, target) for number, line in prose(text) for target in _LINK.findall(_CODE.sub("", line)))


def section(text: str, title: str) -> str:
    """The part of a document under a heading, up to the next heading of its level or above."""
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if re.fullmatch(rf"#+ {re.escape(title)}", line)), None)
    if start is None:
        raise ValueError(f"there is no heading {title!r}")
    level = len(lines[start]) - len(lines[start].lstrip("#"))
    ends = re.compile(rf"#{{1,{level}}} ")
    end = next((i for i, line in enumerate(lines[start + 1 :], start + 1) if ends.match(line)), len(lines))
    return "\n".join(lines[start:end]) + "\n"
