"""Runs the ``bash`` blocks of a document in one shell and holds what they print against the ``json`` blocks.

A shown answer says what matters: every field that it names must be there, with that value. ``...`` in a text
stands for anything; a list may hold more at its end than is shown.
"""

import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.docs.markdown import Block

_MARK = "@@ block {} @@"


@dataclass(frozen=True)
class Step:
    """One block that is run, and the answer that the document shows for it (None: it shows none)."""

    block: Block
    shown: Any = None


def steps(blocks: list[Block]) -> list[Step]:
    """Pair each ``bash`` block with the ``json`` block right behind it. Other blocks are not run."""
    found = []
    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        if block.language == "bash":
            answers = following is not None and following.language == "json"
            found.append(Step(block, json.loads(following.text) if answers and following else None))
    return found


def run(found: list[Step], environment: Mapping[str, str], seconds: float) -> list[str]:
    """Run the blocks in one shell; return what each printed. Raises AssertionError when a command fails."""
    parts = [f"{step.block.text}\nprintf '\\n%s\\n' '{_MARK.format(n)}'\n" for n, step in enumerate(found)]
    script = "set -euo pipefail\n" + "".join(parts)
    done = subprocess.run(
        ["bash"], input=script, env=dict(environment), capture_output=True, text=True, timeout=seconds, check=False
    )
    rest, outputs = done.stdout, []
    for number, step in enumerate(found):
        output, mark, rest = rest.partition(f"\n{_MARK.format(number)}\n")
        assert mark, f"the block of line {step.block.line} failed:\n{step.block.text}\n{output}\n{done.stderr}"
        outputs.append(output)
    assert done.returncode == 0, done.stderr
    return outputs


def differences(shown: Any, said: Any, place: str = "") -> Iterator[str]:
    """What a document shows and the system did not say."""
    match shown, said:
        case dict(), dict():
            yield from _of_objects(shown, said, place)
        case list(), list():
            yield from _of_lists(shown, said, place)
        case str(), str() if "..." in shown:
            before, _, behind = shown.partition("...")
            if not (said.startswith(before) and said.endswith(behind)):
                yield f"{place} is {said!r}, the document shows {shown!r}"
        case _:
            if shown != said or type(shown) is not type(said):
                yield f"{place} is {said!r}, the document shows {shown!r}"


def _of_objects(shown: dict[str, Any], said: dict[str, Any], place: str) -> Iterator[str]:
    for name, value in shown.items():
        if name in said:
            yield from differences(value, said[name], f"{place}/{name}")
        else:
            yield f"{place} has no {name}"


def _of_lists(shown: list[Any], said: list[Any], place: str) -> Iterator[str]:
    if len(said) < len(shown) or (said and not shown):
        yield f"{place} holds {len(said)} items, the document shows {len(shown)}"
    for number, (one, other) in enumerate(zip(shown, said, strict=False)):
        yield from differences(one, other, f"{place}/{number}")
