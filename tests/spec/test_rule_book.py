"""The published rule book: each case of each rule file is one test with its title, and the page is made of them."""

from functools import cache
from pathlib import Path

import pytest

from services.triage.domain.cases import Case
from services.triage.domain.rules import RuleSet
from services.triage.domain.trial import Trial
from services.triage.rule_book.page import book_of, page
from services.triage.rulefile import FOLDER, load_rules

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "docs" / "rule-book.md"
FILES = sorted(FOLDER.glob("*.yaml"))


@cache
def trial(path: Path) -> tuple[Trial, frozenset[int]]:
    found = Trial(load_rules(path))
    return found, frozenset(failure.index for failure in found.failures())


def cases() -> list[object]:
    return [
        pytest.param(path, index, id=f"{path.stem} {case.rule}: {case.title}")
        for path in FILES
        for index, case in enumerate(load_rules(path).cases)
    ]


@pytest.mark.parametrize(("path", "index"), cases())
def test_case(path: Path, index: int) -> None:
    assert index not in trial(path)[1]


def test_the_page_is_the_rules() -> None:
    assert BOOK.read_text("utf-8") == book_of(FILES), "run: make rule-book"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_rule_of_a_file_stands_in_the_page_with_its_words_and_all_its_cases(path: Path) -> None:
    rules = load_rules(path)
    text = page([rules])
    for rule in rules.every_rule():
        assert f"## {rule.id} {rule.title}\n{rule.text}\n" in text
    for case in rules.cases:
        assert row(case) in text, case.title


def row(case: Case) -> str:
    return f"\n| {case.title} | "


def test_a_rule_that_is_the_same_in_two_files_stands_once_and_one_that_differs_in_a_threshold_twice() -> None:
    rules = load_rules(FOLDER / "workwell-matching-2024.1.yaml")
    twice = page([rules, rules])
    assert twice.count("## R10 ") == 1
    assert "## The same as above, word for word" in twice
    moved = moved_by_one(rules)
    assert page([rules, moved]).count("## R21 ") == 2
    assert "is 6 or more" in page([moved])


def moved_by_one(rules: RuleSet) -> RuleSet:
    text = rules.model_dump_json(by_alias=True)
    assert '"start_msk","parameter":null,"operator":"at_least","value":5' in text
    wanted = '"start_msk","parameter":null,"operator":"at_least","value":'
    return RuleSet.model_validate_json(text.replace(f"{wanted}5", f"{wanted}6"), strict=False)


def test_nothing_of_python_or_of_codes_is_on_the_page() -> None:
    text = BOOK.read_text("utf-8")
    words = {word for line in text.splitlines() for word in line.replace("`", " ").split()}
    assert [word for word in words if "_" in word] == []
    assert not words & {"None", "True", "False", "null", "at_least", "includes_any"}
