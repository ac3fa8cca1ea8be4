"""Each command that a page of docs/operations shows is run: by the page's drill, or by a test that is named for it."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.markdown import ROOT
from tests.docs.test_commands import leaf
from tests.operations.elsewhere import ELSEWHERE, where
from tests.operations.exported import may_export, rows, sampled
from tests.operations.page import OPERATIONS, Page, commands, drilled

PAGES = {path.stem: commands(path.read_text()) for path in sorted(OPERATIONS.glob("*.md"))}


def opened(source: str) -> set[str]:
    """The pages that the drills of a module open for all of their commands: ``async with site.page("name")``."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.AsyncWith):
            for item in node.items:
                found |= set(re.findall(r"site\.page\('([a-z-]+)'", ast.unparse(item.context_expr)))
    return found


def drills() -> set[str]:
    return set().union(*(opened(path.read_text()) for path in (ROOT / "tests/operations").glob("test_drills*.py")))


def wrong_with(command: str, test: str) -> str | None:
    """Why a test cannot be the one that runs a command, or None: it must be there and name the command's words."""
    place, _, function = test.partition("::")
    path = ROOT / place
    if not path.is_file():
        return f"there is no {place}"
    text = path.read_text()
    if function and not re.search(rf"^(async )?def {function}\(", text, re.MULTILINE):
        return f"{place} has no {function}"
    missing = [word for word in named(command) if not re.search(rf"\b{re.escape(word)}\b", text)]
    return f"{place} does not say {' '.join(missing)}" if missing else None


def named(command: str) -> Iterator[str]:
    """The words of our command line that name the command."""
    words = shlex.split(re.sub(r"^(\w+=\S+\s+)*", "", command), comments=True)
    if words[0] == "pathway":
        _, rest = leaf(words[1:])
        yield from words[1 : len(words) - len(rest)]


def test_every_command_of_every_page_is_run() -> None:
    left = {name: lines for name in PAGES if name not in drills() and (lines := drilled(name))}
    assert left == {}, "write a drill (tests/operations/test_drills*.py) or say in elsewhere.py which test runs it"


def test_what_is_run_elsewhere_is_run_there() -> None:
    wrong = [
        f"{name}: {command}: {why}"
        for name, shown in PAGES.items()
        for command in shown
        if (test := where(name, command)) and (why := wrong_with(command, test))
    ]
    assert wrong == []


def test_nothing_stands_for_a_command_that_no_page_shows() -> None:
    idle = [
        f"{page}: {begins}"
        for page, lines in ELSEWHERE.items()
        for begins in lines
        if not any(command.startswith(begins) for command in PAGES.get(page, []))
    ]
    assert idle == []


async def test_a_drill_that_leaves_a_command_out_fails(tmp_path: Path) -> None:
    nowhere: Any = None
    with pytest.raises(AssertionError, match="its drill does not run"):
        async with Page("scaling", nowhere, tmp_path):
            pass
    with pytest.raises(AssertionError, match=r"scaling\.md does not show"):
        await Page("scaling", nowhere, tmp_path).run("pathway topics apply")


def test_a_metric_that_no_process_has_and_one_without_a_row_are_told_apart() -> None:
    table = rows("| metric | from | says |\n|---|---|---|\n| `pathway_a_total`, `pathway_b` | triage's worker | x |\n")
    assert table == dict.fromkeys(("pathway_a_total", "pathway_b"), "triage's worker")
    assert sampled("# TYPE pathway_a counter\n# TYPE pathway_b gauge\npathway_b 1.0\n") == {"pathway_b"}
    assert may_export("worker, api", "intake-api")
    assert may_export("outcomes' worker", "outcomes-worker")
    assert not may_export("triage's worker", "outcomes-worker")
    assert not may_export("relay", "triage-worker")


def test_a_page_without_a_drill_is_found() -> None:
    assert "dead-letters" in drills()
    body = "    await page.run('pathway topics check')"
    assert opened(f"async def test() -> None:\n  async with site.page('new', A='1') as page:\n{body}") == {"new"}
    assert opened(f"async def test() -> None:\n  page = site.page('new')\n{body[2:]}") == set()
    assert commands("```sh\npathway new thing   # at night\n# said\n```\n") == ["pathway new thing"]


@pytest.mark.parametrize(
    ("command", "test"),
    [
        ("pathway dlq list triage", "tests/operations/nowhere.py"),
        ("pathway dlq list triage", "tests/operations/test_pages.py::test_that_is_not_there"),
        ("pathway vault rewrap new.key", "tests/operations/site.py"),
    ],
)
def test_a_test_that_does_not_run_a_command_is_found(command: str, test: str) -> None:
    assert wrong_with(command, test) is not None
