"""What documents point at is there: links, files, tests, settings; and the decisions have their form."""

import ast
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from services.canary.settings import CanarySettings
from services.kernel.retention import load_retention
from services.kernel.sealing.errors import WrappingKeyWrong
from services.kernel.settings import Settings
from services.retention.periods import setting_names
from tests.docs.markdown import ROOT, blocks, documents, inline_code, links, name_of

FOLDERS = ("services/", "tests/", "schemas/", "docs/", "requirements/", ".ci/")
DECISIONS = ROOT / "docs" / "decisions"
PARTS = ("Context", "Decision", "Consequences", "Rejected")
# Read by tests and by the settings' reader itself, so no field of Settings.
PERIODS = setting_names(load_retention().classes)
OTHER_SETTINGS = {"PATHWAY_TEST_SEED", "PATHWAY_SECRETS_DIR", "PATHWAY_TEST_KAFKA", "PATHWAY_REQUIRE_KAFKA"} | {
    *("PATHWAY_TOKEN", "PATHWAY_API"),  # of a client of the API
    "PATHWAY_REQUIRE_DOCKER",
    "PATHWAY_REQUIRE_KUBE",
    "PATHWAY_TEST_CLUSTER",
    *re.findall(r"PATHWAY_DEMO_[A-Z]+", (ROOT / "docker-compose.yml").read_text()),
    "PATHWAY_DEMO_TOKENS",
    *(f"PATHWAY_CANARY_{name.upper()}" for name in CanarySettings.model_fields),
    *re.findall(r"PATHWAY_[A-Z]+_PORT", (ROOT / "docker-compose.yml").read_text()),
}


def missing_link(document: Path, target: str) -> bool:
    """Whether a relative link leads nowhere."""
    if re.match(r"[a-z]+:", target):
        return False
    place = target.partition("#")[0]
    return bool(place) and not (document.parent / place).exists()


def missing_file(code: str) -> str | None:
    """What is wrong with inline code that names a file or a test of ours, or None."""
    place, _, test = code.partition("::")
    if not place.startswith(FOLDERS) or re.search(r"[<{\s]", place):
        return None
    found = list(ROOT.glob(place)) if "*" in place else [ROOT / place] if (ROOT / place).exists() else []
    if not found:
        return f"{place} is not there"
    if test and test not in _functions(found[0]):
        return f"{place} has no {test}"
    return None


def _functions(path: Path) -> set[str]:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, functions)}


def test_every_link_leads_somewhere() -> None:
    wrong = [
        f"{name_of(path)}:{line} {target}"
        for path in documents()
        for line, target in links(path.read_text())
        if missing_link(path, target)
    ]
    assert wrong == []


def test_every_file_and_test_that_is_named_exists() -> None:
    wrong = [
        f"{name_of(path)}:{line} {why}"
        for path in documents()
        for line, code in inline_code(path.read_text())
        if (why := missing_file(code))
    ]
    assert wrong == []


def test_every_setting_that_is_named_exists() -> None:
    known = (
        {f"PATHWAY_{name.upper()}" for name in Settings.model_fields}
        | OTHER_SETTINGS
        | PERIODS
        | {"PATHWAY_RETENTION_", "PATHWAY_CANARY_"}
    )
    wrong = [
        f"{name_of(path)}: {name}"
        for path in documents()
        for name in sorted(set(re.findall(r"\bPATHWAY_[A-Z_]+\b", path.read_text())) - known)
    ]
    assert wrong == []


def test_every_setting_is_described() -> None:
    text = (ROOT / "docs" / "operations" / "settings.md").read_text()
    names = {f"PATHWAY_{name.upper()}" for name in Settings.model_fields} | PERIODS
    assert sorted(name for name in names if f"`{name}`" not in text) == []


def test_every_reason_for_a_stop_is_described() -> None:
    text = (ROOT / "docs" / "operations" / "consumer-stopped.md").read_text()
    code = "".join(path.read_text() for path in (ROOT / "services" / "kernel").rglob("*.py"))
    reasons = set(re.findall(r"""\bStop\(\s*"([a-z_]+)\"""", code)) | {"restoring", WrappingKeyWrong.code}
    assert len(reasons) > 8
    described = set(re.findall(r"^\| `([a-z_]+)`", text, re.MULTILINE))
    assert reasons - {"latched"} == described


def test_every_difference_of_a_replay_is_described() -> None:
    text = (ROOT / "docs" / "operations" / "replay.md").read_text()
    code = "".join(path.read_text() for path in (ROOT / "services" / "kernel" / "replay").glob("*.py"))
    found = {*re.findall(r"""_note\([^"\n]*, "([a-z_]+)\"""", code), *re.findall(r"""sequence, "([a-z_]+)\"""", code)}
    assert len(found) > 8
    assert sorted(name for name in found if f"`{name}`" not in text) == []


def test_every_metric_is_described() -> None:
    text = (ROOT / "docs" / "operations" / "metrics.md").read_text()
    code = (ROOT / "services" / "kernel" / "runtime" / "metrics.py").read_text()
    assert [name for name in re.findall(r'"(pathway_[a-z_]+)"', code) if f"`{name}`" not in text] == []


def test_every_block_is_closed_and_can_be_read() -> None:
    readers: dict[str, Callable[[str], object]] = {"python": ast.parse, "json": json.loads}
    for path in documents():
        for block in blocks(path.read_text()):
            readers.get(block.language, str)(block.text)


def pages() -> list[Path]:
    return sorted(path for path in DECISIONS.glob("*.md") if path.name != "README.md")


def test_decisions_are_numbered_and_listed() -> None:
    numbers = [int(path.name[:4]) for path in pages()]
    assert numbers == list(range(1, len(numbers) + 1))
    listed = [target for _, target in links((DECISIONS / "README.md").read_text())]
    assert listed == [path.name for path in pages()]


@pytest.mark.parametrize("page", pages(), ids=lambda path: path.stem)
def test_a_decision_is_one_page_with_its_four_parts(page: Path) -> None:
    text = page.read_text()
    assert tuple(re.findall(r"^## (.+)$", text, re.MULTILINE)) == PARTS
    assert len(text.split()) < 700


def test_the_changelog_begins_with_the_version_that_is_built() -> None:
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert version
    assert newest
    assert version[1] == newest[1]


@pytest.mark.parametrize(
    "code",
    [
        "services/kernel/nowhere.py",
        "tests/unit/*/nothing_*.py",
        "tests/docs/test_references.py::test_that_is_not_there",
    ],
)
def test_a_name_that_leads_nowhere_is_found(code: str) -> None:
    assert missing_file(code) is not None


def test_a_link_that_leads_nowhere_is_found() -> None:
    assert missing_link(ROOT / "README.md", "docs/nowhere.md")
    assert not missing_link(ROOT / "README.md", "docs/decisions/README.md#top")


def test_the_kernels_readme_names_every_module() -> None:
    kernel = ROOT / "services" / "kernel"
    text = (kernel / "README.md").read_text()
    modules = [*kernel.glob("*.py"), *(kernel / "runtime").glob("*.py")]
    assert sorted(path.name for path in modules if path.name != "__init__.py" and f"{path.name}`" not in text) == []
