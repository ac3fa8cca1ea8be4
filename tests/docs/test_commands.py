"""Every command that a document shows exists, with its options."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from services.cli import app
from services.composition import NAMES
from tests.docs.markdown import ROOT, documents, inline_code, name_of, shell_lines

ROOT_COMMAND: Any = typer.main.get_command(app)


def our_commands(text: str) -> Iterator[tuple[int, list[str]]]:
    """The words after ``pathway`` of each command in a document."""
    for line, command in shell_lines(text):
        found = re.match(r"(?:\w+=\S+\s+)*(?:\.venv/bin/)?pathway\s+(.*)", command)
        if found:
            yield line, shlex.split(re.split(r"\s<{1,3}\s", found[1])[0], comments=True)


def leaf(words: list[str]) -> tuple[Any, list[str]]:
    """The command that ``words`` name and what is left for it. Raises KeyError for an unknown one."""
    command, rest = ROOT_COMMAND, list(words)
    while rest and hasattr(command, "commands"):
        name = rest.pop(0)
        command = command.get_command(typer.Context(command), name)
        if command is None:
            raise KeyError(name)
    return command, rest


def fault(words: list[str]) -> str | None:
    """What is wrong with a command line, or None."""
    try:
        command, rest = leaf(words)
    except KeyError as error:
        return f"there is no command {error}"
    if hasattr(command, "commands"):
        return "names a group, not a command"
    try:
        context = command.make_context("pathway", rest)
    except Exception as error:  # whatever the parser raises is what a person would read
        return f"{type(error).__name__}: {getattr(error, 'message', error)}"
    named = context.params.get("name"), *(context.params.get("names") or [])
    unknown = [name for name in named if name is not None and name not in {*NAMES, "all"}]
    return f"there is no service {unknown[0]}" if unknown else None


def test_every_pathway_command_in_a_block_parses() -> None:
    found = [(path, line, words) for path in documents() for line, words in our_commands(path.read_text())]
    assert len(found) > 20
    wrong = [
        f"{name_of(path)}:{line} {shlex.join(words)}: {why}" for path, line, words in found if (why := fault(words))
    ]
    assert wrong == []


def test_every_pathway_command_in_a_sentence_exists() -> None:
    wrong = []
    for path in documents():
        for line, code in inline_code(path.read_text()):
            words = code.split()
            if words[:1] != ["pathway"]:
                continue
            names = [word for word in words[1:] if re.fullmatch(r"[a-z][a-z-]*", word)]
            try:
                leaf(names)
            except KeyError as error:
                wrong.append(f"{name_of(path)}:{line} {code}: there is no {error}")
    assert wrong == []


def test_every_make_target_in_a_document_exists() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    wrong = []
    for path in documents():
        text = path.read_text()
        said = [(line, code) for line, code in (*inline_code(text), *shell_lines(text)) if code.startswith("make ")]
        wrong += [f"{name_of(path)}:{line} {code}" for line, code in said if code.split()[1] not in targets]
    assert wrong == []


def test_every_command_is_described_somewhere() -> None:
    """An operator finds each command in a document."""
    shown = {tuple(words[:2]) for path in documents() for _, words in our_commands(path.read_text())}
    told = {tuple(code.split()[1:3]) for path in documents() for _, code in inline_code(path.read_text())}
    ours = [(name, *sub) for name, command in ROOT_COMMAND.commands.items() for sub in _below(command)]
    missing = [words for words in ours if not any(found[: len(words)] == words for found in shown | told)]
    assert missing == []


def _below(command: Any) -> list[tuple[str, ...]]:
    """The names below a command: one for each of a group, else nothing to add."""
    return [(name,) for name in getattr(command, "commands", {})] or [()]


@pytest.mark.parametrize(
    "line",
    [
        "dlq lst triage",
        "dlq list",
        "dlq list elsewhere",
        "dlq redrive triage three",
        "dlq discard triage 3 --because x",
        "consumer",
        "outbox resend triage",
        "worker triage --apply",
    ],
)
def test_a_command_that_is_not_there_is_found(line: str) -> None:
    assert fault(shlex.split(line)) is not None


def test_a_command_that_is_there_is_no_fault() -> None:
    assert fault(shlex.split("dlq discard triage 3 4 --reason 'lost twice' --apply")) is None
    assert fault(shlex.split("relay intake triage")) is None
