"""Laws of the rules: every reason counts, a trace tells the truth, and nothing lets a positive answer pass unseen."""

from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts.assessment import Assessment, Phq9
from services.contracts.codes import (
    Condition,
    RedFlag,
    SafetyLevel,
    Support,
    TriageOutcome,
    Urgency,
)
from services.contracts.types import TRIAGE_COMPLETED
from services.kernel.decision import Received
from services.programmes.conditions import All, Operator, Test
from services.programmes.reader import load_book
from services.triage.domain.checks import rule_faults
from services.triage.domain.decide import decide
from services.triage.domain.matching import Engine, Match
from services.triage.domain.policy import RuleBook, TriagePolicy
from services.triage.domain.rules import RuleSet
from services.triage.domain.state import acknowledged, awaited
from services.triage.domain.trace import Status
from services.triage.domain.tracing import trace
from tests.property.test_triage import DAYS, PARTS, RAW, causes, referrals, with_answers
from tests.spec.people import NOW, PROGRAMME, TODAY, answers, findings, first, fold, policy

ENGINE = policy().engine(PROGRAMME, TODAY)
PARAMETERS = ENGINE.parameters
ASKED = st.fixed_dictionaries({name: st.none() | values for name, values in RAW.items()})
AWAITS = st.sets(st.sampled_from(["R01", "R02", "R03"]), max_size=3).map(lambda found: tuple(sorted(found)))


def without(rules: RuleSet, rule_id: str) -> RuleSet:
    """Return the rules without one of them."""
    left = tuple(
        rule.model_copy(update={"suppresses": tuple(other for other in rule.suppresses if other != rule_id)})
        for rule in rules.rules
        if rule.id != rule_id
    )
    return rules.model_copy(update={"rules": left})


_NEVER = All(
    all=(
        Test(field="age", operator=Operator.KNOWN, value=True),
        Test(field="age", operator=Operator.KNOWN, value=False),
    )
)
NO_LAST_RESORT = Engine(
    ENGINE.rules.model_copy(update={"fallback": ENGINE.rules.fallback.model_copy(update={"when": _NEVER})}), PARAMETERS
)
"""The last resort counts only where nothing else does."""

LESS = {rule.id: Engine(without(ENGINE.rules, rule.id), PARAMETERS) for rule in ENGINE.rules.rules}


@given(ASKED, AWAITS)
def test_without_a_reason_s_rule_the_outcome_changes(facts: dict[str, Any], awaits: tuple[str, ...]) -> None:
    found = ENGINE.match(facts, awaits)
    assert found.reasons, "every outcome has a reason"
    for reason in found.reasons:
        if reason.rule in awaits:
            other = ENGINE.match(facts, tuple(rule for rule in awaits if rule != reason.rule))
            assert (other.outcome, other.urgency, other.package) != (found.outcome, found.urgency, found.package) or (
                len(awaits) > 1
            ), "another red flag asks for the same"
        elif reason.rule not in LESS:
            other = NO_LAST_RESORT.match(facts, awaits)
            assert other.package != found.package or found.reasons == (reason,), "nothing else was there"
        else:
            assert changes_without(reason.rule, found, facts, awaits), reason.rule


def changes_without(rule_id: str, found: Match, facts: dict[str, Any], awaits: tuple[str, ...]) -> bool:
    other = LESS[rule_id].match(facts, awaits)
    if other.package != found.package:
        return True
    compiled = next(rule for rule in ENGINE.in_file_order if rule.id == rule_id)
    given_by_others = {
        support
        for rule in ENGINE.in_file_order
        if rule.id != rule_id and rule.reason in found.reasons
        for support, _ in rule.items(facts, {})
    }
    given_by_others |= {item.support for rule in ENGINE.waiting(awaits) for item in rule.package}
    return all(support in given_by_others for support, _ in compiled.items(facts, {}))


@given(ASKED, AWAITS)
def test_a_trace_comes_to_what_the_decision_comes_to(facts: dict[str, Any], awaits: tuple[str, ...]) -> None:
    found, told = ENGINE.match(facts, awaits), trace(ENGINE, facts, awaits)
    assert (told.outcome, told.urgency, told.cause) == (found.outcome, found.urgency, found.cause)
    assert tuple(one.item for one in told.package) == found.package
    assert all(one.rules for one in told.package), "somebody gave it"
    assert told.alternatives == found.alternatives
    assert told.intensity.intensity is found.intensity
    assert {rule.rule for rule in told.rules if rule.fired} == {reason.rule for reason in found.reasons}
    seconds = [(need.need, need.runner_up) for need in told.needs if need.runner_up is not None]
    assert [(need, second.rule, second.support, second.lost) for need, second in seconds] == [
        (one.need, one.rule, one.support, one.lost) for one in found.runners_up
    ]
    for rule in told.rules:
        if rule.condition is not None:
            assert rule.condition.truth is rule.truth
        if rule.status in {Status.SUPPRESSED, Status.STOPPED}:
            assert rule.by, "by whom"


@settings(max_examples=40)
@given(ASKED)
def test_what_would_change_it_does(facts: dict[str, Any]) -> None:
    for rule in trace(ENGINE, facts, ()).rules:
        change = rule.would_change
        if change is not None:
            after = ENGINE.match({**facts, change.field: change.after}, ())
            assert (rule.rule in {reason.rule for reason in after.reasons}) is change.fires
            assert change.fires is not rule.fired
            assert change.after != change.before


_URGENCIES = [*Urgency]
_ALL_RED_FLAGS = [*RedFlag, "item9"]


@given(PARTS, st.sampled_from(_ALL_RED_FLAGS))
def test_adding_a_red_flag_never_lowers_the_urgency_nor_ends_a_hold(part: Assessment, flag: RedFlag | str) -> None:
    if flag == "item9":
        more = part.model_copy(update={"phq9": Phq9(score=None if part.phq9 is None else part.phq9.score, item9=1)})
    else:
        more = part.model_copy(update={"red_flags": {**(part.red_flags or {}), flag: True}})
    before, after = (first(with_answers(one)) for one in (part, more))
    urgencies = [_URGENCIES.index(findings(one).urgency) for one in (before, after)]
    assert urgencies[1] <= urgencies[0]
    assert set(findings(before).awaits) <= set(findings(after).awaits)
    if before.outcome is TriageOutcome.HELD:
        assert after.outcome is TriageOutcome.HELD


def edits() -> Iterator[tuple[str, Any]]:
    """Edits of a rule file by which somebody might try to let a red flag pass, or to stop it from mattering."""
    rules = ENGINE.rules
    flags = list(rules.red_flags)
    for index, flag in enumerate(flags):
        yield f"{flag.id} is gone", {"red_flags": (*flags[:index], *flags[index + 1 :])}
        for update in ({"suppresses": (Support.COUNSELLING,)}, {"suppresses": "all"}, {"id": "R09"}):
            changed = (*flags[:index], flag.model_copy(update=update), *flags[index + 1 :])
            yield f"{flag.id} {update}", {"red_flags": changed}
        item = flag.package[0].model_copy(update={"support": Support.WELLBEING})
        changed = (*flags[:index], flag.model_copy(update={"package": (item,)}), *flags[index + 1 :])
        yield f"{flag.id} gives wellbeing", {"red_flags": changed}
        for level in SafetyLevel:
            if level is not flag.level:
                changed = (*flags[:index], flag.model_copy(update={"level": level}), *flags[index + 1 :])
                yield f"{flag.id} is of level {level}", {"red_flags": changed}
        for rule in rules.rules:
            suppressing = rule.model_copy(update={"suppresses": (*rule.suppresses, flag.id)})
            every = tuple(suppressing if one.id == rule.id else one for one in rules.rules)
            yield f"{rule.id} suppresses {flag.id}", {"rules": every}
    yield "no rule but the last resort", {"rules": rules.rules[:1], "needs": {rules.rules[0].need: "one"}, "cases": ()}
    yield "any rule may go", {"rules": tuple(rule for rule in rules.rules if rule.id != "R13"), "cases": ()}


EDITS = dict(edits())


def edited(label: str) -> RuleSet | None:
    """Return the rules after an edit, or None when the checks refuse the file."""
    rules = ENGINE.rules.model_copy(update=EDITS[label])
    return None if list(rule_faults(rules)) else rules


USABLE = [rules for label in EDITS if (rules := edited(label)) is not None]
MANCHESTER = load_book().version_for(PROGRAMME, TODAY)
POLICIES = [policy(), *(TriagePolicy(type(load_book())([MANCHESTER]), RuleBook([rules])) for rules in USABLE)]


def test_edits_that_would_let_a_red_flag_pass_are_refused_and_others_are_not() -> None:
    refused = [label for label in EDITS if edited(label) is None]
    assert len(refused) > 50
    assert {label for label in EDITS if edited(label) is not None} == {
        "R01 {'suppresses': 'all'}",
        "R02 {'suppresses': 'all'}",
        "no rule but the last resort",
        "any rule may go",
    }


FEW_ANSWERS = st.fixed_dictionaries(
    {
        "conditions": st.sampled_from([None, [], ["back_pain"], ["anxiety_or_depression"]]),
        "red_flags": st.none()
        | st.dictionaries(st.sampled_from(["fever", "chest_pain", "self_harm_disclosure"]), st.booleans(), max_size=1),
        "item9": st.sampled_from([None, 0, 1]),
        "taken_on": DAYS,
    }
).map(lambda said: answers(**said))
"""Few answers, and those that matter to red flags, so that parts meet each other in every way."""


@settings(max_examples=300)
@given(
    referrals() | FEW_ANSWERS.map(with_answers),
    st.lists(FEW_ANSWERS | PARTS | st.just("acknowledge"), max_size=6),
    st.data(),
)
def test_no_facts_no_edit_and_no_reassessment_let_a_positive_item_pass_unseen(of: Any, steps: Any, data: Any) -> None:
    """What is positive in any part, alone or with anything said before, awaits a person until one acknowledges it.

    The rule file changes under way: each decision may follow another edit of it.
    """
    owed: set[str] = set()
    known: list[Assessment] = []
    state, sequence = None, 0
    for cause in causes(of, steps):
        following = data.draw(st.sampled_from(POLICIES))
        if isinstance(cause, Received):
            assessment = cause.data.sealed.assessment
            if assessment is not None:
                known.append(assessment.content)
                owed |= {["R01", "R02", "R03"][list(SafetyLevel).index(level)] for level in heard(known)}
        else:
            if state is None or state.awaiting_since is None:
                continue
            owed = set()
        drafts = decide(state, cause, policy=following, now=NOW)
        assert drafts[-1].type == TRIAGE_COMPLETED
        state = fold(state, cause.id, drafts, sequence)
        sequence += len(drafts)
        assert state is not None
        assert owed <= set(awaited(state)), "seen by nobody"
        assert bool(owed) == (state.awaiting_since is not None)
        if owed & {"R01", "R02"}:
            assert state.decision.outcome is TriageOutcome.HELD
            assert {item.support for item in state.decision.package} <= {Support.CRISIS, Support.GP}
        if owed:
            assert Support.PHYSIOTHERAPY not in {item.support for item in state.decision.package}
            assert not owed & set(acknowledged(state))
        assert state.decision.package


def heard(parts: list[Assessment]) -> set[SafetyLevel]:
    """Return the levels that the newest part is positive for: alone, or with back pain and signs named before.

    Written down a second time on purpose, from the domain facts, and not from what it is held against.
    """
    newest, said = parts[-1], [dict(part.red_flags or {}) for part in parts]
    ever = {flag for flags in said for flag, yes in flags.items() if yes}
    now = {flag for flag, yes in said[-1].items() if yes}
    back = [Condition.BACK_PAIN in (part.conditions or ()) for part in parts]
    emergency = {flag for flag in RedFlag if flag in set(list(RedFlag)[:7])}
    found = set()
    if now & emergency:
        found.add(SafetyLevel.EMERGENCY)
    if RedFlag.SELF_HARM_DISCLOSURE in now or (newest.phq9 is not None and (newest.phq9.item9 or 0) > 0):
        found.add(SafetyLevel.HOLD)
    urgent = set(list(RedFlag)[8:])
    if (now & urgent and any(back)) or (ever & urgent and back[-1] and not any(back[:-1])):
        found.add(SafetyLevel.URGENT)
    return found
