"""Rule files against their own cases; and that the cases would see a threshold that moved."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli import app
from services.programmes.conditions import All, AnyOf, Defined, Not, Operator, Test, Undecided
from services.programmes.vocabulary import Number
from services.triage.domain.facts import FIELDS
from services.triage.domain.rules import RuleSet
from services.triage.domain.trial import Trial
from services.triage.rule_schema import schema_text
from services.triage.rulefile import FOLDER, load_rules

ROOT = Path(__file__).resolve().parents[3]
FILES = sorted(FOLDER.glob("*.yaml"))
WORKWELL = FOLDER / "workwell-matching-2024.1.yaml"
RUN = CliRunner()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_case_comes_out_as_it_says_and_no_boundary_is_without_one(path: Path) -> None:
    trial = Trial(load_rules(path))
    assert list(trial.failures()) == []
    assert trial.gaps() == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_rule_has_cases(path: Path) -> None:
    rules = load_rules(path)
    for rule in rules.every_rule():
        assert {case.fires for case in rules.cases if case.rule == rule.id} == {True, False}, rule.id


def moved(condition: Any, at: tuple[Any, ...], step: int) -> Any:
    """Return a condition with the number of the test at ``at`` moved by ``step``."""
    if not at:
        return condition.model_copy(update={"value": condition.value + step})
    key, *rest = at
    if isinstance(condition, All | AnyOf):
        name = "all" if isinstance(condition, All) else "any"
        parts = list(getattr(condition, name))
        parts[key] = moved(parts[key], tuple(rest), step)
        return condition.model_copy(update={name: tuple(parts)})
    name = "condition" if isinstance(condition, Not) else "undecided"
    return condition.model_copy(update={name: moved(getattr(condition, name), tuple(rest), step)})


def thresholds(condition: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Test]]:
    """Yield the tests with a number of their own, with where they are."""
    match condition:
        case All(all=parts) | AnyOf(any=parts):
            for index, part in enumerate(parts):
                yield from thresholds(part, (*at, index))
        case Not(condition=inner) | Undecided(undecided=inner):
            yield from thresholds(inner, (*at, 0))
        case Test() if isinstance(condition.value, int) and not isinstance(condition.value, bool):
            yield at, condition
        case Test() | Defined():
            return


def mutants(rules: RuleSet) -> Iterator[tuple[str, RuleSet]]:
    """Yield a rule set for each threshold that a file can move by the least step, both ways."""
    for name, condition in rules.definitions.items():
        for label, changed in _moves(condition):
            yield f"{name}: {label}", rules.model_copy(update={"definitions": {**rules.definitions, name: changed}})
    for index, rule in enumerate(rules.rules):
        for label, changed in _moves(rule.when):
            every = list(rules.rules)
            every[index] = rule.model_copy(update={"when": changed})
            yield f"{rule.id}: {label}", rules.model_copy(update={"rules": tuple(every)})
    for label, changed in _moves(rules.fallback.when):
        fallback = rules.fallback.model_copy(update={"when": changed})
        yield f"{rules.fallback.id}: {label}", rules.model_copy(update={"fallback": fallback})
    for index, reason in enumerate(rules.intensity.key_worker):
        for label, changed in _moves(reason.when):
            every_reason = list(rules.intensity.key_worker)
            every_reason[index] = reason.model_copy(update={"when": changed})
            intensity = rules.intensity.model_copy(update={"key_worker": tuple(every_reason)})
            yield f"{reason.code}: {label}", rules.model_copy(update={"intensity": intensity})


def _moves(condition: Any) -> Iterator[tuple[str, Any]]:
    for at, test in thresholds(condition):
        kind = FIELDS[str(test.field)]
        assert isinstance(kind, Number)
        for way in (-1, 1):
            step = way
            if kind.edges:  # to the next band that a file may cut at
                assert isinstance(test.value, int)
                cut = test.value + (0 if test.operator in {Operator.AT_LEAST, Operator.BELOW} else 1)
                further = [edge for edge in kind.edges if (edge - cut) * way > 0]
                if not further:
                    continue
                step = (min(further) if way > 0 else max(further)) - cut
            yield f"{test.field} {test.operator} {test.value} {step:+}", moved(condition, at, step)


EQUIVALENT = {
    # a PHQ-9 of 16, or a GAD-7 of 15, is a severe need as well, which takes the moderate one's place everywhere
    "moderate_score: phq9 at_most 15 +1",
    "moderate_score: gad7 at_most 14 +1",
    # at 5, R21 is true too and takes R20's place
    "R20: start_msk at_most 4 +1",
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_threshold_that_moves_by_one_is_seen_by_a_case(path: Path) -> None:
    every = dict(mutants(load_rules(path)))
    assert len(every) > 20
    unseen = {label for label, rules in every.items() if next(Trial(rules).failures(), None) is None}
    assert unseen <= EQUIVALENT


def test_a_suppression_that_goes_is_seen_by_a_case() -> None:
    rules = load_rules(WORKWELL)
    unseen = set()
    for index, rule in enumerate(rules.rules):
        for other in rule.suppresses:
            every = list(rules.rules)
            left = tuple(one for one in rule.suppresses if one != other)
            every[index] = rule.model_copy(update={"suppresses": left})
            if next(Trial(rules.model_copy(update={"rules": tuple(every)})).failures(), None) is None:
                unseen.add(f"{rule.id} over {other}")
    # These pairs are never both true: their conditions exclude one another, and the file says it twice.
    assert unseen == {"R13 over R10", "R13 over R11", "R14 over R10", "R14 over R11", "R21 over R20"}


def write(tmp_path: Path, *changes: tuple[str, str]) -> Path:
    text = WORKWELL.read_text("utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    path = tmp_path / WORKWELL.name
    path.write_text(text, "utf-8")
    return path


def test_the_command_tests_a_file(tmp_path: Path) -> None:
    good = RUN.invoke(app, ["rules", "test", str(WORKWELL)])
    assert (good.exit_code, "0 failed" in good.stdout) == (0, True)
    path = write(tmp_path, ("{field: start_msk, at_least: 5}", "{field: start_msk, at_least: 6}"))
    bad = RUN.invoke(app, ["rules", "test", "--json", str(path)])
    found = json.loads(bad.stdout)
    assert bad.exit_code == 1
    first = found["failed"][0]
    assert {"file", "line", "rule", "title", "what"} == set(first)
    assert path.read_text("utf-8").splitlines()[first["line"] - 1].lstrip().startswith("- ")
    assert any(one["rule"] == "R21" and one["title"].startswith("5") for one in found["failed"])
    assert {"rule": "R21", "what": "no case with start_msk at 5"} not in found["gaps"], "4 and 5 have cases; 6 has"
    plain = RUN.invoke(app, ["rules", "test", str(path)])
    assert plain.exit_code == 1
    assert f"{path}:{first['line']}: {first['rule']}" in plain.stdout


def test_a_boundary_without_a_case_is_told(tmp_path: Path) -> None:
    path = write(tmp_path)
    text = path.read_text("utf-8")
    path.write_text(text[: text.index("\ncases:")] + "\n", "utf-8")
    found = json.loads(RUN.invoke(app, ["rules", "test", "--json", str(path)]).stdout)
    assert found["cases"] == 0
    assert {"rule": "R01", "what": "no case in which it fires"} in found["gaps"]
    assert {"rule": "R13", "what": "no case in which too little was asked to tell"} in found["gaps"]


def test_a_file_that_is_not_sound_is_not_tested(tmp_path: Path) -> None:
    path = write(tmp_path, ("given: {phq9_item9: 1}", "given: {phq9_item9: 4}"), ("need: skills", "need: skill"))
    refused = RUN.invoke(app, ["rules", "test", "--json", str(path)])
    assert refused.exit_code == 2
    assert {problem["code"] for problem in json.loads(refused.stdout)["refused"]} == {
        "case",
        "unknown_need",
        "unused_need",
    }
    checked = RUN.invoke(app, ["rules", "check", str(path)])
    assert checked.exit_code == 1
    assert f"{path}:" in checked.stdout
    assert "3 problems" in checked.stdout
    assert RUN.invoke(app, ["rules", "check", str(tmp_path / "none.yaml")]).exit_code == 1
    assert RUN.invoke(app, ["rules", "check", str(WORKWELL)]).exit_code == 0
    assert len(json.loads(RUN.invoke(app, ["rules", "check", "--json", str(path)]).stdout)) == 3


@pytest.mark.parametrize(
    ("title", "old", "new", "message"),
    [
        ("a fact that is not there", "given: {phq9_item9: 1}", "given: {phq9_item10: 1}", "no fact 'phq9_item10'"),
        ("a score out of range", "given: {phq9: 27}", "given: {phq9: 28}", "no whole number from 0 to 27"),
        ("an age inside a band", "given: {phq9: 10, age: 18}", "given: {phq9: 10, age: 20}", "lowest of a band"),
        ("a code of no list", "given: {attendance: struggling}", "given: {attendance: tired}", "not in the code list"),
        ("a red flag of no list", "{red_flags: {chest_pain: true}}", "{red_flags: {chest: true}}", "no red-flag"),
        ("a rule that is not there", "rules: [R01, R02]", "rules: [R01, R99]", "no rule R99"),
        ("a parameter left out", "    out_of_work_limit_days: 182\n", "", "no value for out_of_work_limit_days"),
    ],
)
def test_a_case_that_says_what_cannot_be_is_refused(
    tmp_path: Path, title: str, old: str, new: str, message: str
) -> None:
    answer = RUN.invoke(app, ["rules", "check", str(write(tmp_path, (old, new)))])
    assert (answer.exit_code, message in answer.stdout) == (1, True), (title, answer.stdout)


def test_the_schema_in_the_repository_is_the_one_that_the_model_makes() -> None:
    file = ROOT / "schemas" / "rules.schema.json"
    assert file.read_text("utf-8") == schema_text(), "run: pathway rules schema > schemas/rules.schema.json"
    assert RUN.invoke(app, ["rules", "schema"]).stdout == schema_text()
