"""Rules of some areas and some days: held against the area code and the day of the referral, never of today."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from services.contracts.base import carry
from services.contracts.codes import EligibilityDecision
from services.contracts.referral import EligibilityDecided, ReferralEligibilityDecided
from services.contracts.triage_codes import RunnerUpLoss
from services.contracts.types import REFERRAL_CREATED, REFERRAL_ELIGIBILITY_DECIDED, TRIAGE_COMPLETED, TRIAGE_RELAYED
from services.programmes.reader import load_book
from services.triage.domain.decide import decide
from services.triage.domain.matching import Engine
from services.triage.domain.policy import RuleBook, TriagePolicy
from services.triage.domain.rules import RuleSet
from services.triage.domain.trace import Status
from services.triage.domain.tracing import trace
from services.triage.rulefile import FOLDER, check_rules, load_rules
from tests.spec.people import NOW, TODAY, fold, received, referral, supports
from tests.spec.people import rules as found_by

PARAMETERS = {"out_of_work_limit_days": 182, "skills_earnings_limit": False}
GOOD = FOLDER / "workwell-matching-2024.1.yaml"
DEBT: dict[str, Any] = {"barriers": ("debt",), "conditions": (), "red_flag_answers": 14}

Engines = Callable[[str], Engine]


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    """The good file with a scope for R50."""

    def _written(scope: str) -> Path:
        text = GOOD.read_text("utf-8")
        path = tmp_path / GOOD.name
        path.write_text(text.replace("  - id: R50\n", f"  - id: R50\n{scope}", 1), "utf-8")
        return path

    return _written


@pytest.fixture
def engine(written: Callable[[str], Path]) -> Engines:
    return lambda scope: Engine(load_rules(written(scope)), PARAMETERS)


def fired(engine: Engine, area: str | None, on: date = TODAY) -> bool:
    facts = {**DEBT, "area_code": area, "referred_on": on}
    found = [reason.rule for reason in engine.match(facts, ()).reasons]
    assert found in (["R50"], ["R00"]), "a package is never empty, in scope or out of it"
    return found == ["R50"]


AREAS = "    areas: [QOP, QE1]\n"
DAYS = "    from: 2024-10-01\n    to: 2025-07-31\n"


@pytest.mark.parametrize(
    ("title", "area", "expected"),
    [
        ("one of them", "QOP", True),
        ("another of them", "QE1", True),
        ("none", "QHL", False),
        ("not known", None, False),
    ],
)
def test_areas(engine: Engines, title: str, area: str | None, *, expected: bool) -> None:
    assert fired(engine(AREAS), area) is expected, title


@pytest.mark.parametrize(
    ("title", "on", "expected"),
    [
        ("the day before", date(2024, 9, 30), False),
        ("the first day", date(2024, 10, 1), True),
        ("the last day", date(2025, 7, 31), True),
        ("the day after", date(2025, 8, 1), False),
    ],
)
def test_days(engine: Engines, title: str, on: date, *, expected: bool) -> None:
    assert fired(engine(DAYS), "QHL", on) is expected, title


@pytest.mark.parametrize(
    ("title", "scope", "on", "expected"),
    [
        ("open to the front, last day", "    to: 2025-07-31\n", date(2025, 7, 31), True),
        ("open to the front, after", "    to: 2025-07-31\n", date(2025, 8, 1), False),
        ("open to the end, first day", "    from: 2025-08-01\n", date(2025, 8, 1), True),
        ("open to the end, before", "    from: 2025-08-01\n", date(2025, 7, 31), False),
        ("both, in", AREAS + DAYS, date(2025, 1, 1), True),
        ("both, day out", AREAS + DAYS, date(2026, 1, 1), False),
    ],
)
def test_halves_and_both(engine: Engines, title: str, scope: str, on: date, *, expected: bool) -> None:
    assert fired(engine(scope), "QOP", on) is expected, title


def test_a_rule_that_is_out_of_scope_suppresses_nothing(tmp_path: Path) -> None:
    text = GOOD.read_text("utf-8").replace("  - id: R11\n", "  - id: R11\n    areas: [QHL]\n", 1)
    path = tmp_path / GOOD.name
    path.write_text(text, "utf-8")
    scoped = Engine(load_rules(path), PARAMETERS)
    facts: dict[str, Any] = {
        **DEBT,
        "barriers": (),
        "age": 35,
        "secondary_mental_health_care": False,
        "local_gp": True,
        "phq9": 12,
        "gad7": 15,
        "referred_on": TODAY,
    }
    reasons = {area: scoped.match({**facts, "area_code": area}, ()).reasons for area in ("QHL", "QOP", None)}
    assert [reason.rule for reason in reasons["QHL"]] == ["R11"]
    assert [reason.rule for reason in reasons["QOP"]] == ["R10"]
    assert [reason.rule for reason in reasons[None]] == ["R10"], "where the area is not known, R11 is not known"
    (second,) = scoped.match({**facts, "area_code": None}, ()).runners_up
    assert (second.rule, second.lost) == ("R11", RunnerUpLoss.NOT_KNOWN)


def test_a_trace_tells_out_of_scope_from_not_met_and_not_known(engine: Engines) -> None:
    statuses = {}
    for area in ("QOP", "QHL", None):
        rule = trace(engine(AREAS), {**DEBT, "area_code": area, "referred_on": TODAY}, ()).rule("R50")
        assert rule is not None
        statuses[area] = rule.status
        assert [fact.field for fact in rule.facts] == ["area_code", "barriers"]
        if area is None:
            assert rule.not_asked == ("area_code",)
        assert rule.would_change is None or rule.would_change.field == "barriers", "no area is a fact to change"
    assert statuses == {"QOP": Status.FIRED, "QHL": Status.OUT_OF_SCOPE, None: Status.NOT_KNOWN}


@pytest.mark.parametrize(
    ("title", "scope", "code"),
    [
        ("the days are exchanged", "    from: 2025-07-31\n    to: 2024-10-01\n", "scope"),
        ("an area twice", "    areas: [QOP, QOP]\n", "repeated"),
        ("an area that is no code", "    areas: [Manchester]\n", "string_pattern_mismatch"),
        ("a day that is none", "    from: soon\n", "date_type"),
    ],
)
def test_a_scope_that_cannot_be_is_refused(written: Callable[[str], Path], title: str, scope: str, code: str) -> None:
    assert code in [problem.code for problem in check_rules(written(scope))], title


@pytest.mark.parametrize("part", ["red_flags:\n  - id: R01\n", "fallback:\n  id: R00\n"])
def test_no_red_flag_and_no_last_resort_has_a_scope(tmp_path: Path, part: str) -> None:
    indent = "    " if "red_flags" in part else "  "
    path = tmp_path / GOOD.name
    path.write_text(GOOD.read_text("utf-8").replace(part, f"{part}{indent}areas: [QOP]\n", 1), "utf-8")
    assert "extra_forbidden" in [problem.code for problem in check_rules(path)]


def test_when_a_person_has_named_the_area_triage_decides_again(written: Callable[[str], Path]) -> None:
    rules: RuleSet = load_rules(written(AREAS))
    before, after = named(rules, "QOP")
    assert before == ["R00", "coach_assessment"]
    assert after == [TRIAGE_RELAYED, TRIAGE_COMPLETED, "R50", "debt_advice"]
    _, after = named(rules, "QHL")
    assert after == [TRIAGE_RELAYED, "R00", "coach_assessment"], "nothing follows from it, so nothing is decided again"


ANOTHER = """\
  - id: R51
    areas: [QOP]
    code: debt_in_this_area
    need: money_and_home
    title: Debt advice in this area
    text: The same advice, by a rule of one area.
    when: {field: barriers, includes: debt}
    package: [{support: debt_advice}]

# Fires when no other rule did"""


def test_triage_decides_again_where_another_rule_gives_the_same(tmp_path: Path) -> None:
    path = tmp_path / GOOD.name
    path.write_text(GOOD.read_text("utf-8").replace("# Fires when no other rule did", ANOTHER, 1), "utf-8")
    before, after = named(load_rules(path), "QOP")
    assert before == ["R50", "debt_advice"]
    assert after == [TRIAGE_RELAYED, TRIAGE_COMPLETED, "R50", "R51", "debt_advice"], "else it could not be explained"


def named(rules: RuleSet, area: str) -> tuple[list[str], list[str]]:
    """Return what was found of somebody with debt before a person named the area; what followed, what is found then."""
    manchester = load_book().version_for("workwell-greater-manchester", TODAY)
    policy = TriagePolicy(type(load_book())([manchester]), RuleBook([rules]))
    unknown = referral(barriers=["debt"]).model_copy(update={"area_code": None})
    state = fold(None, "c1", decide(None, received(REFERRAL_CREATED, unknown, 1), policy=policy, now=NOW))
    change = EligibilityDecided(
        by="lead-1",
        outcome=EligibilityDecision.ELIGIBLE,
        reasons=(),
        unmet=(),
        alternatives=(),
        area_code=area,
        contested=False,
    )
    data = ReferralEligibilityDecided(**{**carry(unknown), "area_code": area}, received_at=NOW, change=change)
    drafts = decide(state, received(REFERRAL_ELIGIBILITY_DECIDED, data, 2), policy=policy, now=NOW)
    after = fold(state, "c2", drafts, 1)
    assert state is not None
    assert after is not None
    found = [[*found_by(decision), *supports(decision)] for decision in (state.decision, after.decision)]
    return found[0], [*(draft.type for draft in drafts), *found[1]]
