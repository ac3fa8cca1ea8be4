"""What would change under another rule file: files, cases, saved facts; as data and as a command."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli import app
from services.triage.domain.comparing import Aspect
from services.triage.domain.matching import Engine
from services.triage.domain.rule_changes import rules_changed
from services.triage.rule_book.page import page
from services.triage.trying.files import FactsRefused, known_from_cases, known_from_file
from services.triage.trying.report import report
from services.triage.trying.tally import Tally
from tests.unit.triage.trying import FROM_11, LIVE, OTHER_WORDS, STEP_3, candidate, rules

RUN = CliRunner()

SOMEBODY: dict[str, Any] = {
    "age": 35,
    "route": "gp",
    "work_status": "employed",
    "attendance": "working",
    "local_gp": True,
    "conditions": [],
    "stressors": [],
    "barriers": [],
    "asks": [],
    "phq9": 0,
    "gad7": 0,
    "start_msk": 0,
    "wsas": 0,
    "phq9_item9": 0,
    "secondary_mental_health_care": False,
    "job_at_risk": False,
    "complex_needs": False,
    "highest_qualification_level": 3,
    "earnings_band": "from_35k",
    "area_code": "QOP",
    "referred_on": None,
}
PARAMETERS = {"out_of_work_limit_days": 182, "skills_earnings_limit": False}


def saved(path: Path, *groups: tuple[int, dict[str, Any]]) -> Path:
    """Write a file of facts: so many people each, who differ from somebody without needs."""
    lines: list[str] = []
    for count, given in groups:
        for _ in range(count):
            one = {"id": f"p{len(lines)}", "given": {**SOMEBODY, **given}, "parameters": PARAMETERS}
            lines.append(json.dumps({**one, "programme": "workwell-greater-manchester"}))
    path.write_text("\n".join(lines))
    return path


def compared(new: Path, facts: Path) -> Tally:
    tally = Tally(rules(), rules(new))
    for known in known_from_file(facts, tally.old):
        tally.add(known)
    return tally


def test_a_file_changes_nothing_against_itself(tmp_path: Path) -> None:
    tally = Tally(rules(), rules(candidate(tmp_path)))
    for known in known_from_cases(tally.old, tally.new):
        tally.add(known)
    assert tally.total > 150
    assert (tally.otherwise, tally.reasons_only) == ([], [])


@pytest.mark.parametrize(
    ("title", "change", "expected"),
    [
        ("a definition shows under the rules that use it", FROM_11, {"R10": ["definition moderate_score"]}),
        (
            "a definition under what it takes for a key worker",
            ("work_status, in: [unemployed, inactive]}\n  skills", "work_status, is: inactive}\n  skills"),
            {"intensity": ["definition out_of_work"], "R31": ["definition out_of_work"]},
        ),
        ("words", OTHER_WORDS, {"R10": ["title"]}),
        ("what a rule gives", STEP_3, {"R10": ["package"]}),
        ("what it takes for a key worker", ("needs_at_least: 4", "needs_at_least: 5"), {"intensity": ["changed"]}),
        ("words of a need", ("  skills: Skills\n", "  skills: Skills and learning\n"), {"needs": ["changed"]}),
    ],
)
def test_what_files_differ_in(tmp_path: Path, title: str, change: tuple[str, str], expected: dict[str, Any]) -> None:
    found = rules_changed(rules(), rules(candidate(tmp_path, change)))
    assert expected.items() <= found.items(), title
    assert "R20" not in found


def test_a_definition_shows_under_a_rule_that_gives_something_only_where_it_holds(tmp_path: Path) -> None:
    where = ("when: {field: barriers, includes: debt}}", "when: {definition: in_debt}}")
    named = ("definitions:\n", "definitions:\n  in_debt: {field: barriers, includes: debt}\n")
    other = ("includes: debt}\n  adult", "includes_any: [debt, other]}\n  adult")
    old = rules(candidate(tmp_path, where, named))
    new = rules(candidate(tmp_path, where, named, other, version="2024.3"))
    assert rules_changed(old, new) == {"R50": ["definition in_debt"]}
    assert page([old, new]).count("## R50 ") == 2, "nor is it the same in the rule book"


def test_a_moved_threshold_changes_those_who_stand_at_it_and_says_by_which_rule(tmp_path: Path) -> None:
    facts = saved(tmp_path / "facts.jsonl", (7, {"phq9": 10}), (20, {"phq9": 11}), (30, {"phq9": 9}))
    tally = compared(candidate(tmp_path, FROM_11), facts)
    assert (tally.total, len(tally.otherwise)) == (57, 7)
    assert tally.aspects()[Aspect.SUPPORT_REMOVED] == 7
    assert {(s.rule, s.before, s.after): n for s, n in tally.because().items()} == {
        ("R10", "fired", "not_met"): 7,
        ("R00", "not_met", "fired"): 7,
    }
    assert tally.supports() == {"added": {"coach_assessment": 7}, "removed": {"talking_therapies": 7}}


def test_other_words_change_no_recommendation(tmp_path: Path) -> None:
    facts = saved(tmp_path / "facts.jsonl", (7, {"phq9": 10}))
    tally = compared(candidate(tmp_path, OTHER_WORDS), facts)
    assert (tally.otherwise, tally.reasons_only) == ([], [])


def test_a_red_flag_holds_under_both(tmp_path: Path) -> None:
    facts = saved(tmp_path / "facts.jsonl", (6, {"phq9": 10, "phq9_item9": 1}))
    tally = compared(candidate(tmp_path, FROM_11), facts)
    assert (tally.total, tally.otherwise) == (6, [])


def test_small_groups_are_hidden_and_totals_do_not_give_them_away(tmp_path: Path) -> None:
    facts = saved(
        tmp_path / "facts.jsonl",
        *((12, {"phq9": 10}), (2, {"phq9": 10, "route": "self"}), (9, {"phq9": 10, "route": "pharmacist"})),
        *((40, {}), (30, {"route": "self"}), (3, {"route": "hospital"})),
    )
    tally = compared(candidate(tmp_path, FROM_11), facts)
    found = report(tally, people=True, listed=False)
    rows = {row["group"]: (row["compared"], row["changed"]) for row in found["groups"] if row["by"] == "route"}
    assert (found["compared"], found["changed"]) == (95, 25)
    # 3 of hospital are too few, and would follow from the total: the smallest other group is hidden with them.
    # Of those changed none of hospital and 2 of self are too few, and so few together that 9 of pharmacist go too.
    assert rows == {"gp": (50, 10), "self": (30, None), "pharmacist": (None, None), "hospital": (None, None)}
    assert "referrals" not in found
    exact = report(tally, people=False, listed=True)
    assert (exact["compared"], exact["changed"], len(exact["referrals"])) == (96, 23, 23)


def test_of_a_group_that_is_hidden_nothing_is_shown(tmp_path: Path) -> None:
    facts = saved(
        tmp_path / "facts.jsonl",
        *((3, {"route": "self"}), (12, {"phq9": 10, "route": "pharmacist"}), (6, {"phq9": 10}), (44, {})),
    )
    found = report(compared(candidate(tmp_path, FROM_11), facts), people=True, listed=False)
    rows = {row["group"]: (row["compared"], row["changed"]) for row in found["groups"] if row["by"] == "route"}
    assert rows == {"self": (None, None), "pharmacist": (None, None), "gp": (50, None)}


def test_another_rule_for_the_same_recommendation_is_counted_apart(tmp_path: Path) -> None:
    facts = saved(tmp_path / "facts.jsonl", (7, {"phq9": 12}))
    tally = compared(candidate(tmp_path, ("R10", "R15")), facts)
    assert (len(tally.otherwise), len(tally.reasons_only)) == (0, 7)
    assert [shift.rule for shift in tally.reasons_only[0].because] == ["R10", "R15"]


def test_a_file_of_facts_is_refused_with_every_line_and_without_what_stands_there(tmp_path: Path) -> None:
    path = tmp_path / "facts.jsonl"
    good = {"id": "a", "given": {"phq9": 3}, "parameters": PARAMETERS}
    lines = [
        json.dumps(good),
        "{",
        json.dumps({**good, "name": "Ada Secret"}),
        json.dumps({**good, "given": {"phq9": 28}}),
        json.dumps({**good, "given": {"birthday": "1986-04-12"}}),
        "[1]",
    ]
    path.write_text("\n".join(lines))
    with pytest.raises(FactsRefused) as refused:
        list(known_from_file(path, rules()))
    told = str(refused.value).replace(str(path), "facts.jsonl")
    assert [line.split(":")[1] for line in told.splitlines()] == ["2", "3", "4", "5", "6"]
    assert "Ada" not in told and "1986" not in told and "28" not in told  # noqa: PT018  one sentence
    path.write_text("\n")
    with pytest.raises(FactsRefused, match="there is no line"):
        list(known_from_file(path, rules()))


def diff(*words: object) -> Any:
    return RUN.invoke(app, ["rules", "diff", *map(str, words)])


def test_the_command_answers_as_diff_does(tmp_path: Path) -> None:
    same, other = candidate(tmp_path), candidate(tmp_path, FROM_11, version="2024.3")
    nothing = diff(LIVE, same, "--from-cases")
    assert (nothing.exit_code, "recommended otherwise 0" in nothing.stdout) == (0, True)
    something = diff(LIVE, other, "--from-cases", "--json")
    assert something.exit_code == 1
    found = json.loads(something.stdout)
    assert found["new"]["version"] == "2024.3"
    assert found["small_numbers_hidden"] is False
    assert any(one["id"] == "R10 PHQ-9 10" for one in found["referrals"])


def test_the_command_hides_small_numbers_of_saved_facts(tmp_path: Path) -> None:
    other = candidate(tmp_path, FROM_11)
    facts = saved(tmp_path / "facts.jsonl", (3, {"phq9": 10}), (40, {}))
    found = json.loads(diff(LIVE, other, "--facts", facts, "--json").stdout)
    assert (found["compared"], found["changed"]) == (45, None)
    assert all(row["changed"] is None for row in (*found["groups"], *found["because"], *found["aspects"]))
    listed = json.loads(diff(LIVE, other, "--facts", facts, "--referrals", "--json").stdout)
    assert [one["id"] for one in listed["referrals"]] == ["p0", "p1", "p2"]
    assert "fewer than 5" in diff(LIVE, other, "--facts", facts).stdout


def test_a_file_that_fails_on_somebody_is_counted_and_is_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = saved(tmp_path / "facts.jsonl", (6, {"phq9": 10}), (1, {"phq9": 20}))
    asked = Engine.match

    def breaks(self: Engine, given: Any, awaits: Any) -> Any:
        if self.rules.version == "2024.2" and given["phq9"] == 20:
            raise ZeroDivisionError
        return asked(self, given, awaits)

    monkeypatch.setattr(Engine, "match", breaks)
    result = diff(LIVE, candidate(tmp_path, FROM_11), "--facts", facts, "--json")
    assert result.exit_code == 2
    found = json.loads(result.stdout)
    assert (found["compared"], found["changed"], found["not_compared"]["failed"]) == (5, 5, None)
    shown = diff(LIVE, candidate(tmp_path, FROM_11), "--facts", facts).stdout
    assert "not compared: failed *" in " ".join(shown.split())


def test_what_cannot_be_told_is_2(tmp_path: Path) -> None:
    other = candidate(tmp_path, FROM_11)
    broken = candidate(tmp_path, ("suppresses: all", "suppresses: [gp]"), version="2024.4")
    care = LIVE.parent / "care-and-support-matching-2024.1.yaml"
    for words, said in (
        ((LIVE, other), "say whose facts"),
        ((LIVE, other, "--from-cases", "--from-kafka"), "say whose facts"),
        ((LIVE, broken, "--from-cases"), "red_flag_stops_all"),
        ((LIVE, care, "--from-cases"), "two rule sets"),
        ((LIVE, other, "--facts", tmp_path / "nowhere"), "nowhere"),
    ):
        result = diff(*words)
        assert result.exit_code == 2, words
        assert said in " ".join(result.stderr.split()), result.stderr
