"""Words that a file must not hold; each rule with a case that breaks it."""

from pathlib import Path

import pytest

from tests.architecture import rules
from tests.architecture.files import KERNEL, ROOT, named, sources, tracked

CODE = {".py", ".toml", ".yaml", ".yml", ".sql", ".sh", ".in"}


def readable() -> list[Path]:
    """Every file of text that is in git."""
    return [path for path in tracked() if b"\x00" not in path.read_bytes()[:8192]]


def test_the_kernel_holds_no_word_of_health_or_work() -> None:
    found = [fault for path in sources(KERNEL) for fault in rules.words_of_the_field(path)]
    assert found == []


def test_nothing_is_left_for_later() -> None:
    code = [path for path in readable() if path.suffix in CODE or path.name in {"Makefile", "run"}]
    assert len(code) > 200
    assert [fault for path in code for fault in rules.left_over(path)] == []


def test_no_file_names_a_registry_or_a_machine() -> None:
    found = [fault for path in readable() for fault in rules.places(path.read_text(), named(path))]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        '"""Waits for a referral."""',
        "key = event.referral_id",
        'role = "coach"',
        "# the NHS number",
        "class TriageBatch: ...",
        "topic = 'intake'",
        "KINDS = ('employer',)",
    ],
)
def test_a_word_of_the_field_is_found(text: str, tmp_path: Path) -> None:
    guilty = tmp_path / "guilty.py"
    guilty.write_text(text)
    assert list(rules.words_of_the_field(guilty)) != []


@pytest.mark.parametrize("text", ["async def work() -> None: ...", "counts = outcome", "a plan of the query", "gpu"])
def test_plain_words_are_no_words_of_the_field(text: str, tmp_path: Path) -> None:
    innocent = tmp_path / "innocent.py"
    innocent.write_text(text)
    assert list(rules.words_of_the_field(innocent)) == []


@pytest.mark.parametrize("word", ["TO" + "DO", "FIX" + "ME"])
def test_what_is_left_for_later_is_found(word: str, tmp_path: Path) -> None:
    guilty = tmp_path / "guilty.py"
    guilty.write_text(f"x = 1  # {word} later\n")
    assert list(rules.left_over(guilty)) != []


def test_a_function_that_is_not_written_is_found(tmp_path: Path) -> None:
    guilty = tmp_path / "guilty.py"
    guilty.write_text("def later() -> None:\n    raise " + "NotImplementedError\n")
    assert list(rules.left_over(guilty)) != []


@pytest.mark.parametrize(
    "text",
    [
        "https://files.python" + "hosted.org/packages/a.whl",
        "--index" + "-url https://mirror.example/simple",
        "image: gh" + "cr.io/example/pathway",
        "cd /ho" + "me/ada/pathway",
        "/ro" + "ot/.m2/settings.xml",
        f"see {ROOT}/README.md",
    ],
)
def test_a_place_is_found(text: str) -> None:
    assert list(rules.places(text, "guilty.md")) != []


@pytest.mark.parametrize("text", ["pointer /work/attendance", "see services/kernel/README.md", "https://example.org"])
def test_pointers_and_examples_are_no_places(text: str) -> None:
    assert list(rules.places(text, "innocent.md")) == []
