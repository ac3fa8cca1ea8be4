"""A file that has been in effect never changes: the list of hashes, and what happens when one does."""

import hashlib
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.programmes.cli import app
from services.programmes.document import FileRefused
from services.programmes.effective import NAME
from services.programmes.reader import FOLDER, check_file, check_folder, load_book
from tests.unit.programmes.folders import CORNWALL, MANCHESTER, change, codes, copied

BEFORE, FIRST = date(2024, 9, 30), date(2024, 10, 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files, both listed."""
    copied(tmp_path, MANCHESTER, CORNWALL)
    assert run("freeze", str(tmp_path), "--as-of", str(FIRST))[0] == 0
    return tmp_path


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, words)
    return result.exit_code, result.stdout


def test_no_file_of_the_repository_that_has_been_in_effect_was_changed() -> None:
    assert check_folder(FOLDER, datetime.now(UTC).date()) == []


def test_the_list_is_as_sha256sum_writes_it(folder: Path) -> None:
    lines = (folder / NAME).read_text().splitlines()
    assert sorted(lines) == sorted(
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}" for name in (MANCHESTER, CORNWALL)
    )


def test_a_listed_file_that_changed_is_told_and_stops_a_worker(folder: Path) -> None:
    changed = change(folder / CORNWALL, ("title: WorkWell Cornwall", "title: WorkWell  Cornwall"))
    for problems in (check_folder(folder, FIRST), check_folder(folder), check_file(changed)):
        assert codes(problems) == ["changed_after_effect"]
        assert problems[0].file == str(changed)
    with pytest.raises(FileRefused, match="changed_after_effect"):
        load_book(folder)


def test_a_comment_is_a_change_too(folder: Path) -> None:
    changed = folder / CORNWALL
    changed.write_text(changed.read_text() + "# corrected\n")
    assert codes(check_folder(folder)) == ["changed_after_effect"]


def test_a_listed_file_that_is_broken_is_changed_as_well(folder: Path) -> None:
    change(folder / CORNWALL, ("serves: people ", "serves: dogs "))
    assert sorted(codes(check_folder(folder))) == ["changed_after_effect", "literal_error"]


def test_a_listed_file_that_is_gone_is_told_and_stops_a_worker(folder: Path) -> None:
    (folder / CORNWALL).unlink()
    (problem,) = check_folder(folder)
    assert (problem.code, Path(problem.file).name) == ("effective_missing", NAME)
    with pytest.raises(FileRefused, match="effective_missing"):
        load_book(folder)


def test_the_day_decides_which_files_must_be_listed(folder: Path) -> None:
    (folder / NAME).unlink()
    assert check_folder(folder, BEFORE) == []
    assert codes(check_folder(folder, FIRST)) == ["not_frozen", "not_frozen"]
    assert codes(check_file(folder / CORNWALL, FIRST)) == ["not_frozen"]
    assert check_file(folder / CORNWALL, BEFORE) == []


def test_a_later_version_may_change_until_it_takes_effect(folder: Path) -> None:
    later = folder / CORNWALL.replace("2024.1", "2025.1")
    later.write_text((folder / CORNWALL).read_text())
    change(later, ('version: "2024.1"', 'version: "2025.1"'), ("effective_from: 2024-10", "effective_from: 2025-04"))
    assert check_folder(folder, date(2025, 3, 31)) == []
    later.write_text(later.read_text() + "# still open\n")
    assert check_folder(folder, date(2025, 3, 31)) == []
    assert codes(check_folder(folder, date(2025, 4, 1))) == ["not_frozen"]
    before = (folder / NAME).read_text()
    assert run("freeze", str(folder), "--as-of", "2025-03-31") == (0, f"0 added to {folder / NAME}\n")
    code, said = run("freeze", str(folder), "--as-of", "2025-04-01")
    assert (code, said.splitlines()[0]) == (0, "workwell-cornwall-and-the-isles-of-scilly/2025.1.yaml: frozen")
    assert (folder / NAME).read_text().startswith(before)
    assert check_folder(folder, date(2025, 4, 1)) == []


def test_freezing_never_takes_a_change_in(folder: Path) -> None:
    before = (folder / NAME).read_text()
    change(folder / CORNWALL, ("title: WorkWell Cornwall", "title: WorkWell  Cornwall"))
    code, said = run("freeze", str(folder), "--as-of", "2030-01-01")
    assert code == 1
    assert "changed_after_effect" in said
    assert (folder / NAME).read_text() == before


@pytest.mark.parametrize(
    ("title", "line", "code"),
    [
        ("no hash", "abc  workwell-a/2024.1.yaml", "not_a_hash_line"),
        ("one space", f"{'a' * 64} workwell-a/2024.1.yaml", "not_a_hash_line"),
        ("a path that leads out", f"{'a' * 64}  ../2024.1.yaml", "not_a_hash_line"),
        ("an empty line", "", "not_a_hash_line"),
        ("a file twice", f"{'a' * 64}  {CORNWALL}", "repeated"),
    ],
)
def test_a_list_that_is_wrong_is_told_with_its_line(folder: Path, title: str, line: str, code: str) -> None:
    with (folder / NAME).open("a") as file:
        file.write(line + "\n")
    (problem,) = check_folder(folder)
    assert (problem.code, problem.line, Path(problem.file).name) == (code, 3, NAME), title


def test_without_a_list_nothing_is_frozen(folder: Path) -> None:
    (folder / NAME).unlink()
    change(folder / CORNWALL, ("title: WorkWell Cornwall", "title: WorkWell  Cornwall"))
    assert check_folder(folder) == []
    load_book(folder)
