"""Bad rule files: everything that is wrong at once; and no edit may let a red flag pass."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from services.programmes.book import ProgrammeBook
from services.programmes.document import FileRefused, Problem
from services.programmes.reader import load_book
from services.triage.domain.policy import RuleBook, TriagePolicy, UnknownRuleset
from services.triage.rulefile import FOLDER, check_rules, load_rulebook, load_rules

GOOD = FOLDER / "workwell-matching-2024.1.yaml"

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a copy of the good file with some of its text replaced."""

    def _write(*changes: tuple[str, str]) -> Path:
        text = GOOD.read_text()
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new, 1)
        (tmp_path / GOOD.name).write_text(text)
        return tmp_path / GOOD.name

    return _write


def line_of(path: Path, text: str) -> int:
    return next(n for n, line in enumerate(path.read_text().splitlines(), 1) if text in line)


def codes(problems: list[Problem]) -> list[str]:
    return [problem.code for problem in problems]


def test_nothing_is_wrong_with_the_rules_of_the_repository() -> None:
    assert check_rules(GOOD) == []
    rules = load_rules(GOOD)
    ids = [rule.id for rule in rules.every_rule()]
    assert " ".join(ids) == "R01 R02 R03 R10 R11 R12 R13 R14 R20 R21 R30 R31 R32 R33 R40 R50 R00"
    assert rules.rule("R99") is None


def test_all_that_is_wrong_is_told_at_once_with_lines(write: Write) -> None:
    path = write(
        ("{field: age, at_least: 18}", "{field: age, at_least: 21}"),
        ("phq9, at_least: 10}, {field", "phq99, at_least: 10}, {field"),
        ("{field: gad7, below: 8}", "{field: gad7, below: 22}"),
        ("suppresses: [R20]", "suppresses: [R22]"),
        ("{parameter: skills_earnings_limit, is: false}", "{parameter: skills_limit, is: false}"),
    )
    assert [(p.line, p.code) for p in check_rules(path)] == [
        (line_of(path, "at_least: 21"), "condition"),
        (line_of(path, "phq99"), "condition"),
        (line_of(path, "below: 22"), "condition"),
        (line_of(path, "skills_limit"), "condition"),
        (line_of(path, "[R22]"), "unknown_rule"),
    ]


@pytest.mark.parametrize(
    ("title", "old", "new", "code"),
    [
        ("a level without a rule", "level: urgent", "level: hold", "red_flag_level"),
        ("an emergency that stops little", "suppresses: all", "suppresses: [physiotherapy]", "red_flag_stops_all"),
        ("urgent that stops all", "suppresses: [physiotherapy]", "suppresses: all", "red_flag_stops_all"),
        ("a red flag by another name", "id: R02\n    level", "id: R04\n    level", "red_flag_id"),
        (
            "a conditional red flag",
            "package: [{support: crisis}]",
            "package: [{support: crisis, when: {field: phq9, at_least: 27}}]",
            "red_flag_condition",
        ),
        (
            "a red flag with its own condition",
            "level: hold",
            "level: hold\n    when: {definition: adult}",
            "extra_forbidden",
        ),
        ("a rule that suppresses a red flag", "suppresses: [R20]", "suppresses: [R02]", "unknown_rule"),
        ("a rule that suppresses the fallback", "suppresses: [R20]", "suppresses: [R00]", "unknown_rule"),
        ("rules that suppress one another", "suppresses: [R20]", "suppresses: [R20, R31]", "circle"),
        ("an id twice", "id: R50", "id: R40", "repeated"),
        (
            "a conditional fallback",
            "package: [{support: coach_assessment, intensity: light_touch}]",
            "package: [{support: coach_assessment, when: {definition: adult}}]",
            "fallback_condition",
        ),
        ("a support without a place", "  - {support: volunteering}\n", "", "sequence"),
        ("a support twice in the sequence", "{support: volunteering}\n", "{support: gp}\n", "repeated"),
        (
            "after one that comes later",
            "{support: crisis}\n  - {support: gp, after: [crisis]}",
            "{support: crisis, after: [gp]}\n  - {support: gp}",
            "sequence",
        ),
        ("an age inside a band", "{field: age, at_least: 19}", "{field: age, at_most: 19}", "condition"),
        ("a band asked for equality", "{field: age, at_least: 19}", "{field: age, equals: 19}", "condition"),
        ("a code that is not there", "includes: severe_mental_illness", "includes: severe_illness", "condition"),
        ("a support that is not there", "[{support: skills}]", "[{support: skill}]", "enum"),
        ("another version than its name", 'version: "2024.1"', 'version: "2024.2"', "file_name"),
    ],
)
def test_each_fault_has_its_code(write: Write, title: str, old: str, new: str, code: str) -> None:
    changes = [(old, new)]
    if code == "circle":
        changes.append(("suppresses: [R32]", "suppresses: [R21]"))
    problems = check_rules(write(*changes))
    assert code in codes(problems), (title, problems)


def test_a_book_tells_of_every_file(write: Write, tmp_path: Path) -> None:
    broken = write(("id: R50", "id: R40"))
    (tmp_path / "other.yaml").write_text("[]")
    with pytest.raises(FileRefused) as refused:
        load_rulebook(tmp_path)
    assert {Path(p.file).name for p in refused.value.problems} == {broken.name, "other.yaml"}
    with pytest.raises(FileRefused, match="R40 stands twice"):
        load_rules(broken)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="no_rules"):
        load_rulebook(tmp_path)


def test_a_programme_whose_rules_are_missing_is_told_at_the_start() -> None:
    manchester = load_book().version_for("workwell-greater-manchester", date(2024, 10, 1))
    with pytest.raises(UnknownRuleset, match=r"workwell-greater-manchester 2024\.1 names .* workwell-matching 2024\.1"):
        TriagePolicy(ProgrammeBook([manchester]), RuleBook([]))


CARE = FOLDER / "care-and-support-matching-2024.1.yaml"


def test_care_and_support_shares_its_clinical_rules_with_workwell_word_for_word() -> None:
    shared, own = load_rules(GOOD), load_rules(CARE)
    assert own.red_flags == shared.red_flags
    assert own.sequence == shared.sequence
    assert all(shared.definitions[name] == condition for name, condition in own.definitions.items())
    known = {rule.id: rule for rule in shared.rules}
    assert [rule for rule in own.rules if rule.id < "R60" and rule != known[rule.id]] == []
    assert {"R10", "R11", "R12", "R13", "R14", "R20", "R21"} <= {rule.id for rule in own.rules}


@pytest.mark.parametrize("path", [GOOD, CARE], ids=lambda path: path.stem)
def test_every_rule_says_what_it_means_in_plain_words(path: Path) -> None:
    for rule in load_rules(path).every_rule():
        assert len(rule.text.split()) > 8, rule.id
        assert rule.text.endswith("."), rule.id
