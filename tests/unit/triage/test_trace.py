"""A decision taken apart: what each rule looked at, what became of it, and what would change it."""

from datetime import timedelta
from typing import Any

import pytest

from services.contracts.codes import Condition, Intensity, WithdrawalReason
from services.contracts.referral import ReferralWithdrawn, Withdrawal
from services.contracts.triage_codes import RunnerUpLoss
from services.contracts.types import REFERRAL_WITHDRAWN
from services.kernel.sealing.content import ContentErased, unlock
from services.kernel.sealing.subject_key import ERASED
from services.triage.domain.compiled import KEY_WORKER_SUPPORT, MANY_NEEDS, USUAL
from services.triage.domain.facts import facts_of
from services.triage.domain.matching import Engine
from services.triage.domain.trace import FactRead, Node, NodeKind, RuleKind, RuleTrace, Status, Trace
from services.triage.domain.tracing import trace, trace_of
from services.triage.rulefile import FOLDER, load_rules
from tests.parts.keys import key_of
from tests.spec.people import NOW, PERSON, PROGRAMME, TODAY, answered, findings, first, policy, referral
from tests.unit.triage.test_decide import Triage

ENGINE = policy().engine(PROGRAMME, TODAY)


def traced(**given: Any) -> Trace:
    of = referral(**given)
    answers = answered(of)
    found = findings(first(of))
    return trace(ENGINE, facts_of(of, of.facts, of.asks, answers, TODAY), found.awaits, answers=answers)


def rule(of: Trace, rule_id: str) -> RuleTrace:
    found = of.rule(rule_id)
    assert found is not None
    return found


def test_every_rule_is_told_with_its_words() -> None:
    of = traced()
    assert [one.rule for one in of.rules] == [one.id for one in ENGINE.rules.every_rule()]
    assert {one.kind for one in of.rules} == set(RuleKind)
    assert all(one.title and one.text and one.code for one in of.rules)
    assert of.ruleset == ENGINE.ruleset


STATUS: list[tuple[str, dict[str, Any], str, Status, tuple[str, ...]]] = [
    ("true", {"phq9": 12}, "R10", Status.FIRED, ()),
    ("false", {"phq9": 9}, "R10", Status.NOT_MET, ()),
    ("too little asked", {"phq9": None, "gad7": None}, "R10", Status.NOT_KNOWN, ()),
    ("decided in spite of a question not asked", {"phq9": 12, "gad7": None}, "R10", Status.FIRED, ()),
    ("a stronger one", {"phq9": 12, "gad7": 15}, "R10", Status.SUPPRESSED, ("R11",)),
    ("a hold", {"phq9": 12, "item9": 1}, "R10", Status.STOPPED, ("R02",)),
    ("an emergency and a hold", {"phq9": 12, "item9": 1, "red_flags": {"chest_pain": True}}, "R10", Status.STOPPED,
     ("R01", "R02")),
    ("urgent back pain stops what gives physiotherapy alone",
     {"conditions": ["back_pain"], "start_msk": 6, "red_flags": {"fever": True}}, "R21", Status.STOPPED, ("R03",)),
    ("and nothing else", {"conditions": ["back_pain"], "start_msk": 2, "red_flags": {"fever": True}}, "R20",
     Status.FIRED, ()),
    ("a red flag", {"item9": 1}, "R02", Status.FIRED, ()),
    ("a red flag that is not positive", {}, "R02", Status.NOT_MET, ()),
    ("a red flag that was not asked about", {"red_flags": None}, "R01", Status.NOT_KNOWN, ()),
    ("urgent signs were not asked, and there is no back pain", {"red_flags": None}, "R03", Status.NOT_MET, ()),
    ("urgent signs were not asked, and there is", {"red_flags": None, "conditions": ["back_pain"]}, "R03",
     Status.NOT_KNOWN, ()),
    ("the last resort", {}, "R00", Status.FIRED, ()),
    ("the last resort, under a hold", {"item9": 1}, "R00", Status.NOT_MET, ()),
    ("the last resort is true, under a hold", {"item9": 1, "conditions": None}, "R00", Status.STOPPED, ("R02",)),
]  # fmt: skip


@pytest.mark.parametrize(("title", "given", "rule_id", "status", "by"), STATUS, ids=[row[0] for row in STATUS])
def test_status(title: str, given: dict[str, Any], rule_id: str, status: Status, by: tuple[str, ...]) -> None:
    found = rule(traced(**given), rule_id)
    assert (found.status, found.by) == (status, by), title


def test_the_facts_that_a_rule_looked_at_with_what_was_not_asked() -> None:
    found = rule(traced(phq9=12, gad7=None, conditions=["cancer"]), "R10")
    assert found.facts == (
        FactRead(field="age", value=35, asked=True),
        FactRead(field="secondary_mental_health_care", value=False, asked=True),
        FactRead(field="conditions", value=("cancer",), asked=True),
        FactRead(field="local_gp", value=True, asked=True),
        FactRead(field="phq9", value=12, asked=True),
        FactRead(field="gad7", value=None, asked=False),
    )
    assert found.not_asked == ("gad7",)


def test_the_facts_of_a_red_flag_are_its_items() -> None:
    of = traced(item9=1, red_flags={"self_harm_disclosure": None}, conditions=["back_pain"])
    assert {fact.field: fact.value for fact in rule(of, "R02").facts} == {"self_harm_disclosure": None, "phq9_item9": 1}
    assert rule(of, "R03").facts[-1] == FactRead(field="conditions", value=("back_pain",), asked=True)
    assert len(rule(of, "R01").facts) == 7


def test_a_condition_part_by_part() -> None:
    node = rule(traced(phq9=12, gad7=None), "R10").condition
    assert node is not None
    assert (node.kind, node.truth, len(node.parts)) == (NodeKind.ALL, True, 2)
    open_, score = node.parts
    assert (open_.kind, open_.name, open_.truth) == (NodeKind.DEFINITION, "talking_therapies_open", True)
    tests = {(one.field, one.operator, one.wanted): one.truth for one in leaves(score)}
    assert tests == {
        ("phq9", "at_least", 10): True,
        ("phq9", "at_most", 15): True,
        ("gad7", "at_least", 8): None,
        ("gad7", "at_most", 14): None,
    }


def test_a_parameter_is_told_with_the_area_s_value() -> None:
    found = rule(traced(work="unemployed", attendance=None, unemployed_since="2024-11-01"), "R32")
    assert found.condition is not None
    days = next(one for one in leaves(found.condition) if one.field == "out_of_work_days")
    assert (days.operator, days.wanted, days.truth) == ("at_most", 182, True)


def leaves(node: Node) -> list[Node]:
    return [node] if node.kind is NodeKind.TEST else [leaf for part in node.parts for leaf in leaves(part)]


CHANGES: list[tuple[str, dict[str, Any], str, tuple[str, Any, Any, bool] | None]] = [
    ("a score just below", {"phq9": 9}, "R10", ("phq9", 9, 10, True)),
    ("a score just above", {"phq9": 16, "gad7": 0}, "R10", ("phq9", 16, 15, True)),
    ("what would take it away", {"phq9": 10}, "R10", ("phq9", 10, 9, False)),
    ("a question not asked comes first", {"phq9": 9, "gad7": None}, "R10", ("gad7", None, 8, True)),
    ("a stronger rule that the answer would bring", {"phq9": 12, "gad7": None}, "R10", ("gad7", None, 15, False)),
    ("what suppresses it would have to go", {"phq9": 12, "gad7": 15}, "R10", ("gad7", 15, 14, True)),
    ("yes or no", {"phq9": 12, "local_gp": False}, "R10", ("local_gp", False, True, True)),
    ("the area's own limit", {"work": "unemployed", "attendance": None, "unemployed_since": "2024-05-19"}, "R32",
     ("out_of_work_days", 183, 182, True)),
    ("one more of a list", {}, "R50", ("barriers", (), ("debt",), True)),
    ("one less", {"barriers": ["debt", "transport"]}, "R50",
     ("barriers", ("debt", "transport"), ("transport",), False)),
    ("a band of age", {"phq9": 12, "age_band": "16-17"}, "R10", ("age", 16, 18, True)),
    ("two facts at least", {"age_band": "16-17", "phq9": 0, "gad7": 0, "local_gp": False}, "R10", None),
    ("the last resort: what is missing", {"conditions": ["musculoskeletal"], "start_msk": None, "barriers": ["debt"]},
     "R00", ("start_msk", None, 0, False)),
    ("no fact releases a hold", {"phq9": 12, "item9": 1}, "R10", None),
    ("nor what urgent back pain stops", {"conditions": ["back_pain"], "start_msk": 6, "red_flags": {"fever": True}},
     "R21", None),
    ("nor a red flag itself", {"item9": 1}, "R02", None),
]  # fmt: skip


@pytest.mark.parametrize(("title", "given", "rule_id", "expected"), CHANGES, ids=[row[0] for row in CHANGES])
def test_what_would_change_it(title: str, given: dict[str, Any], rule_id: str, expected: Any) -> None:
    change = rule(traced(**given), rule_id).would_change
    assert (None if change is None else (change.field, change.before, change.after, change.fires)) == expected, title


def test_needs_with_winner_and_what_came_second() -> None:
    of = traced(phq9=12, gad7=15, stressors=["bereavement"], conditions=["back_pain"], start_msk=6)
    by_need = {need.need: need for need in of.needs}
    assert list(by_need) == list(ENGINE.rules.needs)
    mental = by_need["mental_health"]
    assert (mental.winner, mental.also, mental.title) == ("R11", (), "Mental health")
    assert mental.runner_up is not None
    assert (mental.runner_up.rule, mental.runner_up.lost, mental.runner_up.by) == (
        "R10",
        RunnerUpLoss.SUPPRESSED,
        ("R11",),
    )
    assert (by_need["skills"].winner, by_need["skills"].runner_up) == (None, None)


def test_the_package_with_the_rules_that_gave_it_and_why_a_key_worker() -> None:
    of = traced(conditions=["cancer"], age_band="16-17", phq9=12, barriers=["debt"], attendance="off_sick")
    assert [(given.item.support, given.rules) for given in of.package] == [
        ("debt_advice", ("R50",)),
        ("condition_service", ("R14", "R33")),
        ("employer_conversation", ("R30",)),
    ]
    assert (of.intensity.intensity, of.intensity.because) == (Intensity.KEY_WORKER, (MANY_NEEDS,))
    because = traced(complex_needs=True).intensity.because
    assert because == (KEY_WORKER_SUPPORT,)
    out = {"work": "unemployed", "attendance": None, "unemployed_since": "2024-11-01"}
    assert traced(**out, wsas=21).intensity.because == ("out_of_work_and_severely_limited",)
    care = Engine(load_rules(FOLDER / "care-and-support-matching-2024.1.yaml"), ENGINE.parameters)
    assert trace(care, {}, ()).intensity.because == (USUAL,)


def test_a_decision_of_a_referral_is_taken_apart_from_what_it_was_decided_on() -> None:
    triage = Triage(phq9=12, item9=1)
    assert triage.state is not None
    of = trace_of(triage.state, ENGINE)
    assert (rule(of, "R02").status, rule(of, "R10").status) == (Status.FIRED, Status.STOPPED)
    triage.acknowledge()
    after = trace_of(triage.state, ENGINE)
    assert (rule(after, "R02").status, rule(after, "R10").status) == (Status.ACKNOWLEDGED, Status.FIRED)
    decision = triage.state.decision
    assert tuple(given.item for given in after.package) == decision.package
    assert decision.ruleset == after.ruleset
    unlock([decision.sealed.findings, *([decision.sealed.assessment] if decision.sealed.assessment else [])], ERASED)
    with pytest.raises(ContentErased):
        trace_of(triage.state, ENGINE)


def test_what_is_passed_on_later_does_not_move_the_day_that_was_decided_on() -> None:
    triage = Triage(work="unemployed", attendance=None, unemployed_since="2024-05-20")
    assert triage.state is not None
    before = trace_of(triage.state, ENGINE)
    assert rule(before, "R32").status is Status.FIRED, "182 days on the day of the decision, and the limit is 182"
    change = Withdrawal(by="nurse-7", reason=WithdrawalReason.CHANGED_MIND, channel=None)
    later = triage.common(occurred_on=TODAY + timedelta(days=30))
    triage.receive(REFERRAL_WITHDRAWN, ReferralWithdrawn(**later, received_at=NOW, change=change))
    assert triage.state.withdrawn
    assert trace_of(triage.state, ENGINE) == before


def test_a_trace_is_plain_data_and_back() -> None:
    of = traced(phq9=12, conditions=[Condition.BACK_PAIN.value], start_msk=None)
    assert Trace.model_validate_json(of.model_dump_json()) == of
    assert key_of(PERSON).subject not in of.model_dump_json()
