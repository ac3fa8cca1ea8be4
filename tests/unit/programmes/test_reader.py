"""Bad programme files: everything that is wrong at once, each with its line and what to do."""

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli import app as pathway
from services.programmes.book import NoProgramme, ProgrammeBook, version_key
from services.programmes.cli import app
from services.programmes.document import FileRefused, Problem, parse_document
from services.programmes.model import Programme
from services.programmes.reader import FOLDER, check_file, load_book, load_file

GOOD = FOLDER / "workwell-greater-manchester" / "2024.1.yaml"
ID = "workwell-greater-manchester"

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a copy of the good file with some of its text replaced."""

    def _write(*changes: tuple[str, str], name: str = "2024.1.yaml") -> Path:
        text = GOOD.read_text()
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new, 1)
        folder = tmp_path / ID
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)
        return folder / name

    return _write


def line_of(path: Path, text: str) -> int:
    return next(n for n, line in enumerate(path.read_text().splitlines(), 1) if text in line)


def codes(problems: list[Problem]) -> list[str]:
    return [problem.code for problem in problems]


def people(path: Path) -> Programme:
    programme = load_file(path)
    assert isinstance(programme, Programme)
    return programme


def test_nothing_is_wrong_with_the_file_of_the_repository() -> None:
    assert check_file(GOOD) == []


def test_all_that_is_wrong_is_told_at_once_with_lines(write: Write) -> None:
    path = write(
        ("participants: 1620", "participants: 9000"),
        ("provider: big-life", "provider: big-live"),
        ("at_least: 16}", "at_leest: 16}"),
        ("published_on: 2024-09-16", "published_on: 2024-10-01"),
        ("review_every_weeks: 6 ", "review_every_weeks: six "),
        ("outcome_window_days: 182 ", "outcome_window: 182 "),
    )
    first = check_file(path)
    assert {(p.line, p.code) for p in first} == {
        (line_of(path, "at_leest"), "value_error"),
        (line_of(path, "review_every_weeks"), "int_type"),
        (line_of(path, "support:"), "missing"),
        (line_of(path, "outcome_window:"), "extra_forbidden"),
    }
    assert all(p.message.endswith((".", "!")) for p in first)
    whole = write(
        ("participants: 1620", "participants: 9000"),
        ("provider: big-life", "provider: big-live"),
        ("published_on: 2024-09-16", "published_on: 2024-10-01"),
        ("{field: age, at_least: 16}", "{field: agee, at_least: 16}"),
    )
    second = check_file(whole)
    assert [(p.line, p.code) for p in second] == [
        (line_of(whole, "effective_from: 2024-10-01    #"), "published_too_late"),
        (line_of(whole, "participants: 9000"), "wider_participants"),
        (line_of(whole, "provider: big-live"), "unknown_provider"),
        (line_of(whole, "agee"), "condition"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("ceiling_pence: 130000000", "ceiling_pence: 700000001", "wider_ceiling"),
        ("to: 2026-03-31\n  localities", "to: 2024-09-30\n  localities", "ends_before_start"),
        (
            "      from: 2024-10-01\n      to: 2026-03-31\n      contracts",
            "      from: 2024-09-01\n      to: 2026-03-31\n      contracts",
            "wider_dates",
        ),
        ("      to: 2026-03-31\n      contracts", "      to: null\n      contracts", "wider_dates"),
        ("id: wwgm-manchester-big-life", "id: wwgm-manchester-growth-company", "repeated"),
        ("- id: acmhs", "- id: alchemy-arts", "repeated"),
        ("        - wwgm-manchester-acmhs", "        - wwgm-manchester-acms", "unknown_contract"),
        ("        - wwgm-manchester-acmhs\n", "", "unpriced_contract"),
        ("{definition: in_work}", "{definition: at_work}", "condition"),
        (
            "    in_work:\n      field: work_status\n      in: [employed, self_employed]",
            "    in_work: {definition: in_work}",
            "condition",
        ),
        ("in: [employed, self_employed]", "in: [employd]", "condition"),
        ("in: [employed, self_employed]", "in: employed", "condition"),
        ("in: [employed, self_employed]", "at_least: 3", "condition"),
        ("{field: age, at_least: 16}", "{field: age, at_least: 131}", "condition"),
        ("{field: age, at_least: 16}", "{field: age, at_least: {parameter: minimum}}", "condition"),
        ("{field: right_to_work, is: true}", "{field: right_to_work, is: 1}", "condition"),
        ("{field: right_to_work, is: true}", "{is: true}", "value_error"),
        ("amount_pence: 40200", "amount_pence: 402.00", "decimal"),
        ("amount_pence: 40200", "amount_pence: -1", "greater_than_equal"),
        ('version: "2024.1"\nserves', "version: 2024.1\nserves", "decimal"),
        ('version: "2024.1"\nserves', 'version: "2024.2"\nserves', "file_name"),
        ("programme: workwell-greater-manchester", "programme: workwell", "folder_name"),
        ("title: WorkWell Greater Manchester", "title: WorkWell\ntitle: Twice", "duplicate_key"),
        ("title: WorkWell Greater Manchester", "title: &a WorkWell\nother: [*a]", "extra_forbidden"),
        ("title: WorkWell Greater Manchester", "sha256: abc\ntitle: WorkWell", "extra_forbidden"),
        ("ods_code: QOP", "ods_code: qop", "string_pattern_mismatch"),
        ("effective_to: null ", "effective_to: 2024-01-01 ", "ends_before_start"),
    ],
)
def test_each_fault_has_its_code_and_line(write: Write, old: str, new: str, code: str) -> None:
    path = write((old, new))
    problems = check_file(path)
    assert code in codes(problems), problems
    assert all(problem.file == str(path) for problem in problems)
    changed = {n for n, line in enumerate(path.read_text().splitlines(), 1) if line not in GOOD.read_text()}
    told = {problem.line for problem in problems if problem.code == code}
    assert not changed or told & changed or code in {"wider_dates", "unpriced_contract", "condition"}, (told, changed)


def test_sibling_contracts_do_not_add_up_to_more_than_their_locality(write: Write) -> None:
    path = write(
        ("provider: growth-company", "provider: growth-company\n          participants: 1000"),
        ("provider: big-life", "provider: big-life\n          participants: 1000"),
    )
    assert codes(check_file(path)) == ["parts_exceed_participants"]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "empty"),
        (b"\xff", "not_utf8"),
        (b"a: [", "not_yaml"),
        (b"a: 1\na: 2", "duplicate_key"),
        (b"? [1]\n: 2", "key"),
        (b"a: &x [1]\nb: *x", "alias"),
        (b"a: 1.5", "decimal"),
        (b"a: .nan", "decimal"),
        (b"a: !!binary aGk=", "value"),
        (b"a: !!python/object:os.system {}", "tag"),
        (b"a: !!set {b, c}", "tag"),
        (b"a: 2024-99-99", "value"),
        (b"a: 2024-01-01 10:00:00", "value"),
        (b"a: \x00", "not_yaml"),
    ],
)
def test_what_is_no_plain_data_is_refused(raw: bytes, code: str) -> None:
    _, problems = parse_document("f.yaml", raw)
    assert code in codes(problems)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert codes(check_file(tmp_path / "2024.1.yaml")) == ["unreadable"]


def test_a_file_that_is_a_list(tmp_path: Path) -> None:
    (tmp_path / "2024.1.yaml").write_text("- 1")
    assert codes(check_file(tmp_path / "2024.1.yaml")) == ["not_a_programme"]


SECOND = (
    ('version: "2024.1"\nserves', 'version: "2025.1"\nserves'),
    ("effective_from: 2024-10-01    #", "effective_from: 2025-04-01    #"),
)


def test_a_version_ends_when_the_next_begins(write: Write, tmp_path: Path) -> None:
    write()
    assert check_file(write(*SECOND, name="2025.1.yaml")) == []
    book = load_book(tmp_path)
    assert book.version_for(ID, date(2025, 3, 31)).version == "2024.1"
    assert book.version_for(ID, date(2025, 4, 1)).version == "2025.1"
    assert book.version_for(ID, date(2035, 1, 1)).version == "2025.1"
    assert [version.version for version in book] == ["2024.1", "2025.1"]


@pytest.mark.parametrize(
    ("title", "first", "second", "code"),
    [
        ("both begin on one day", (), (SECOND[0],), "overlapping_versions"),
        (
            "the first says that it goes on",
            (("effective_to: null ", "effective_to: 2025-04-01 "),),
            SECOND,
            "overlapping_versions",
        ),
        (
            "the later one has the lower number",
            (),
            (('version: "2024.1"\nserves', 'version: "2023.1"\nserves'), SECOND[1]),
            "version_order",
        ),
    ],
)
def test_versions_never_overlap(
    write: Write,
    tmp_path: Path,
    title: str,
    first: tuple[tuple[str, str], ...],
    second: tuple[tuple[str, str], ...],
    code: str,
) -> None:
    write(*first)
    name = "2023.1.yaml" if code == "version_order" else "2025.1.yaml"
    assert code in codes(check_file(write(*second, name=name))), title
    with pytest.raises(FileRefused) as refused:
        load_book(tmp_path)
    assert code in codes(list(refused.value.problems))


def test_no_version_covers_a_day_before_the_first_or_after_the_last(write: Write) -> None:
    ended = write(("effective_to: null ", "effective_to: 2026-03-31 "))
    book = ProgrammeBook([load_file(ended)])
    assert book.find(ID, date(2026, 3, 31)) is not None
    for programme, day in ((ID, date(2024, 9, 30)), (ID, date(2026, 4, 1)), ("workwell-elsewhere", date(2025, 1, 1))):
        with pytest.raises(NoProgramme, match=programme) as missing:
            book.version_for(programme, day)
        assert (missing.value.programme_id, missing.value.on) == (programme, day)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="no_programmes"):
        load_book(tmp_path)


def test_every_broken_file_of_a_folder_is_told(write: Write, tmp_path: Path) -> None:
    write(("participants: 1620", "participants: 9000"))
    write(*SECOND, ("provider: big-life", "provider: big-live"), name="2025.1.yaml")
    with pytest.raises(FileRefused) as refused:
        load_book(tmp_path)
    assert {Path(p.file).name for p in refused.value.problems} == {"2024.1.yaml", "2025.1.yaml"}


def test_a_folder_that_kubernetes_mounts_is_read_once(write: Write, tmp_path: Path) -> None:
    """It keeps the files in ``..<date>``, links ``..data`` to that, and what is asked for to ``..data``."""
    whole = tmp_path / "..2026_11_23" / ID
    whole.parent.mkdir()
    write().parent.rename(whole)
    (whole.parent / "areas.yaml").write_bytes((FOLDER / "areas.yaml").read_bytes())
    (tmp_path / "..data").symlink_to("..2026_11_23")
    for name in ("areas.yaml", ID):
        (tmp_path / name).symlink_to(f"..data/{name}")
    assert [one.version for one in load_book(tmp_path)] == ["2024.1"]
    assert check_file(tmp_path / ID / "2024.1.yaml") == []


def test_a_role_with_a_broken_file_says_so_before_it_starts(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(("participants: 1620", "participants: 9000"))
    monkeypatch.setenv("PATHWAY_PROGRAMMES_DIR", str(tmp_path))
    monkeypatch.setenv("PATHWAY_ENVIRONMENT", "development")
    for role in ("worker", "api"):
        done = CliRunner().invoke(pathway, [role, "triage"])
        assert done.exit_code == 2
        assert "2024.1.yaml:" in done.output


def test_the_hash_is_of_the_files_bytes(write: Write) -> None:
    first = people(GOOD)
    assert first.ref.header().startswith(f"{ID};2024.1;")
    assert load_file(write()).sha256 == first.sha256
    commented = people(write(("# What triage reads.", "# What triage reads, too.")))
    assert commented.sha256 != first.sha256
    assert commented.payment.rate_cards[0].sha256 == first.payment.rate_cards[0].sha256, "the card is the same"


def test_versions_are_ordered_by_number() -> None:
    assert sorted(["2024.10", "2024.2", "2025.1"], key=version_key) == ["2024.2", "2024.10", "2025.1"]


def test_the_published_figures_stand_as_published() -> None:
    programme = people(GOOD)
    tiers = programme.tiers
    manchester = tiers.locality("manchester")
    assert manchester is not None
    assert tiers.national is not None
    assert [(t.participants, t.ceiling_pence) for t in (tiers.national, tiers.area, manchester)] == [
        (59_000, 64_000_000_00),
        (8_000, 7_000_000_00),
        (1_620, 1_300_000_00),
    ]
    card = programme.payment.card_for("wwgm-manchester-big-life", date(2024, 11, 18))
    assert card is not None
    assert card.illustrative
    participant, engagement = card.price("participant"), card.price("engagement")
    assert participant is not None
    assert engagement is not None
    each = participant.amount_pence + engagement.at_most * engagement.amount_pence
    assert each == 802_00
    assert each * 1_620 == 1_299_240_00
    assert programme.payment.card_for("wwgm-manchester-big-life", date(2024, 9, 30)) is None


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, words)
    return result.exit_code, result.stdout


def test_the_command_says_so_and_exits(write: Write, tmp_path: Path) -> None:
    assert run("check", str(GOOD)) == (0, f"{GOOD}: nothing is wrong\n")
    path = write(("participants: 1620", "participants: 9000"))
    code, said = run("check", str(path))
    assert code == 1
    assert f"{path}:{line_of(path, 'participants: 9000')}: wider_participants: " in said
    assert said.endswith("1 problem\n")
    code, said = run("check", str(path), "--json")
    (problem,) = json.loads(said)
    assert (code, sorted(problem)) == (1, ["code", "file", "fix", "line", "message"])
    assert run("check", str(GOOD), "--json") == (0, "[]\n")
    code, said = run("show", str(GOOD))
    assert code == 0
    assert "1,620" in said
    assert run("show", str(path))[0] == 1
    shutil.rmtree(tmp_path / ID)
