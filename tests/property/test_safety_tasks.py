"""Laws of safety tasks: no positive answer is without one, whatever comes, whatever is edited, until a person acts."""

import copy
from functools import cache
from typing import Any, NamedTuple

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from services.contracts import types
from services.contracts.base import carry
from services.contracts.codes import (
    Channel,
    ConsentKind,
    EligibilityDecision,
    SafetyLevel,
    Support,
    TriageOutcome,
    WithdrawalReason,
)
from services.contracts.referral import (
    ConsentChange,
    Correction,
    EligibilityContested,
    ReferralAssessed,
    ReferralConsentChanged,
    ReferralCorrected,
    ReferralCreated,
    ReferralEligibilityContested,
    ReferralEligibilityDecided,
    ReferralWithdrawn,
    Withdrawal,
)
from services.contracts.safety_codes import ResponseTime, SafetyAction
from services.contracts.safety_task import RESPONSE_TO, SafetyTask
from services.kernel.decision import Cause, Command
from services.programmes.book import ProgrammeBook
from services.programmes.reader import load_book
from services.triage.domain.checks import rule_faults
from services.triage.domain.decide import ACKNOWLEDGE, Acknowledge, decide
from services.triage.domain.policy import RuleBook, TriagePolicy
from services.triage.domain.rules import RuleSet
from services.triage.domain.state import TriageState
from services.triage.rulefile import FOLDER
from tests.property.test_matching_laws import FEW_ANSWERS, heard
from tests.property.test_triage import PARTS, referrals, sealing, with_answers
from tests.spec.people import NOW, PROGRAMME, REFERRAL, TODAY, answers, fold, policy, received
from tests.unit.triage.test_decide import decided

BOOK = ProgrammeBook([load_book().version_for(PROGRAMME, TODAY)])
FILE = next(FOLDER.glob("workwell-matching-*.yaml"))
WORDS = [
    *(level.value for level in SafetyLevel),
    "all",
    "R01",
    "R02",
    "R03",
    "R00",
    "R10",
    "physiotherapy",
    "wellbeing",
]


@cache
def rule_file() -> Any:
    found = yaml.safe_load(FILE.read_text("utf-8"))
    found.pop("cases", None)
    found.pop("baseline", None)
    return found


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place of a document, from the top."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(found for name, child in inner for found in places(child, (*path, name)))]


def at(node: Any, path: tuple[Any, ...]) -> Any:
    for name in path:
        node = node[name]
    return node


@st.composite
def edited_files(draw: st.DrawFn) -> Any:
    """The rule file after one to three edits anywhere, most of them where red flags stand."""
    whole = copy.deepcopy(rule_file())
    for _ in range(draw(st.integers(1, 3))):
        within = ("red_flags",) if draw(st.integers(0, 3)) else ()
        path = draw(st.sampled_from([p for p in places(at(whole, within), within) if p != ()]))
        above, name = at(whole, path[:-1]), path[-1]
        match draw(st.sampled_from(("remove", "word", "copy", "swap"))):
            case "remove":
                del above[name]
            case "word":
                above[name] = draw(st.sampled_from(WORDS))
            case "copy" if isinstance(above, list):
                above.append(copy.deepcopy(above[name]))
            case _:
                other = draw(st.sampled_from(list(range(len(above)) if isinstance(above, list) else above)))
                above[name], above[other] = above[other], above[name]
        assume(whole.get("red_flags") is not None or "red_flags" not in whole)
        if "red_flags" not in whole:
            break
    return whole


def as_read(node: Any) -> Any:
    """A document as the reader of files gives it: sequences are tuples."""
    if isinstance(node, dict):
        return {name: as_read(child) for name, child in node.items()}
    return tuple(as_read(child) for child in node) if isinstance(node, list) else node


def usable(whole: Any) -> TriagePolicy | None:
    """What triage would follow with this file; None where the check refuses it."""
    try:
        rules = RuleSet.model_validate({**as_read(whole), "sha256": "a" * 64})
    except ValidationError:
        return None
    if list(rule_faults(rules)) or (rules.ruleset, rules.version) != ("workwell-matching", "2024.1"):
        return None
    return TriagePolicy(BOOK, RuleBook([rules]))


_NOT_ELIGIBLE = EligibilityDecision.NOT_ELIGIBLE
OTHER = ("acknowledge", "consent", "eligible", "not_eligible", "contest", "overturned", "upheld", "withdraw")
"""Steps by name. ``overturned`` and ``upheld``: what another person decides on a contest."""


class Corrected(NamedTuple):
    """A correction: the facts are those of another referral from here on; which decision of a person still stands."""

    to: ReferralCreated
    decided: EligibilityDecision | None


CORRECTIONS = st.builds(Corrected, referrals(), st.sampled_from([None, *EligibilityDecision]))
STEPS = st.lists(FEW_ANSWERS | PARTS | CORRECTIONS | st.sampled_from(OTHER), max_size=7)


def cause_of(step: Any, of: ReferralCreated, number: int) -> Cause:
    common = {**carry(of), "received_at": NOW}
    data: Any
    match step:
        case "acknowledge":
            done = Acknowledge(actions=(SafetyAction.PERSON_SAFE,))
            return Command(f"01935f00-0000-7000-8000-{number:012d}", ACKNOWLEDGE, REFERRAL, done, "nurse-7")
        case "consent":
            said = ConsentChange(consent=ConsentKind.SHARE_WITH_GP, given=False, channel=Channel.PHONE, by="a")
            kind, data = types.REFERRAL_CONSENT_CHANGED, ReferralConsentChanged(**common, change=said)
        case "eligible" | "not_eligible" | "overturned" | "upheld":
            outcome = EligibilityDecision.ELIGIBLE if step in {"eligible", "overturned"} else _NOT_ELIGIBLE
            change = decided(outcome).model_copy(update={"contested": step in {"overturned", "upheld"}})
            kind, data = types.REFERRAL_ELIGIBILITY_DECIDED, ReferralEligibilityDecided(**common, change=change)
        case "contest":
            contest = EligibilityContested(by="a", reasons=(), unmet=(), channel=None)
            kind, data = types.REFERRAL_ELIGIBILITY_CONTESTED, ReferralEligibilityContested(**common, change=contest)
        case "withdraw":
            gone = Withdrawal(by="a", reason=WithdrawalReason.CHANGED_MIND, channel=None)
            kind, data = types.REFERRAL_WITHDRAWN, ReferralWithdrawn(**common, change=gone)
        case Corrected():
            corrected = {**carry(step.to), "received_at": NOW}
            kind, data = types.REFERRAL_CORRECTED, ReferralCorrected(**corrected, change=correction(step))
        case _:
            kind, data = types.REFERRAL_ASSESSED, ReferralAssessed(**common, by=None, sealed=sealing(step))
    return received(kind, data, number)


def correction(step: Corrected) -> Correction:
    kept = ("asks", "facts", "equality", "eligibility", "language", "formats", "priority_groups")
    changed = {name: getattr(step.to, name) for name in kept}
    return Correction(by="a", fields=("complex_needs",), eligibility_decided=step.decided, **changed)


def waiting(state: TriageState | None) -> tuple[SafetyTask, ...]:
    return () if state is None else tuple(task for task in state.tasks if task.done is None)


def live(of: ReferralCreated, steps: list[Any], policies: list[TriagePolicy]) -> None:
    """Play a referral's life under policies that change under way, and hold the tasks against what was said."""
    state: TriageState | None = None
    owed: set[ResponseTime] = set()
    known: list[Any] = []
    sequence = 0
    for number, step in enumerate(["created", *steps], 1):
        cause = received(types.REFERRAL_CREATED, of, 1) if step == "created" else cause_of(step, of, number)
        if isinstance(cause, Command) and not waiting(state):
            continue
        if isinstance(step, Corrected):
            of = step.to  # what comes later carries the corrected facts
        gone = state is not None and state.withdrawn
        assessment = getattr(getattr(cause.data, "sealed", None), "assessment", None)
        if assessment is not None and not gone:
            known.append(assessment.content)
            owed |= {RESPONSE_TO[level] for level in heard(known)}
        before = waiting(state)
        drafts = decide(state, cause, policy=policies[number % len(policies)], now=NOW)
        state = fold(state, cause.id, drafts, sequence)
        sequence += len(drafts)
        assert state is not None
        if isinstance(cause, Command):
            owed = set()
            closed = [task for task in state.tasks if task.done is not None]
            assert [(task.revision, task.response) for task in closed] == [(t.revision, t.response) for t in before]
            assert all(task.done is not None and task.done.actions and task.done.by == "nurse-7" for task in closed)
        else:
            assert set(before) <= set(waiting(state)), "a task that waits is neither lost nor begun anew"
        assert owed <= {task.response for task in waiting(state)}, "a positive item is seen by nobody"
        assert bool(waiting(state)) == (state.awaiting_since is not None)
        assert len({task.response for task in waiting(state)}) == len(waiting(state))
        if not state.withdrawn and owed:
            stopped(state, owed)


def stopped(state: TriageState, owed: set[ResponseTime]) -> None:
    supports = {item.support for item in state.decision.package}
    if owed & {ResponseTime.IMMEDIATE, ResponseTime.PROMPT}:
        assert state.decision.outcome is TriageOutcome.HELD
        assert supports & {Support.CRISIS}
    assert Support.PHYSIOTHERAPY not in supports | set(state.decision.alternatives)


@settings(max_examples=150, suppress_health_check=list(HealthCheck), deadline=None)
@given(referrals() | FEW_ANSWERS.map(with_answers), STEPS)
def test_whatever_comes_a_positive_item_has_a_task_until_a_person_acts(of: Any, steps: list[Any]) -> None:
    live(of, steps, [policy()])


@settings(max_examples=150, suppress_health_check=list(HealthCheck), deadline=None)
@given(FEW_ANSWERS.map(with_answers), STEPS, edited_files())
def test_an_edited_rule_file_is_refused_or_every_task_still_stands(of: Any, steps: list[Any], whole: Any) -> None:
    following = usable(whole)
    if following is not None:
        live(of, steps, [policy(), following])


@pytest.mark.parametrize("step", [Corrected(with_answers(None), None), "contest", "overturned", "upheld"])
def test_the_law_sees_a_step_that_loses_a_task(step: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the laws above would hold for nothing: a fold that forgets what waits is found out at each kind of step."""
    of = with_answers(answers(red_flags={"self_harm_disclosure": True}))
    live(of, ["eligible", step], [policy()])
    calls: list[int] = []
    real = fold

    def forgets(*words: Any) -> TriageState | None:
        calls.append(1)
        state = real(*words)
        return state.model_copy(update={"tasks": ()}) if state is not None and len(calls) == 3 else state

    monkeypatch.setattr("tests.property.test_safety_tasks.fold", forgets)
    with pytest.raises(AssertionError):
        live(of, ["eligible", step], [policy()])


def test_edits_are_of_both_kinds_some_are_refused_some_followed() -> None:
    """Else the law above would hold for nothing."""
    seen: set[bool] = set()

    @settings(max_examples=200, database=None, suppress_health_check=list(HealthCheck), deadline=None)
    @given(edited_files())
    def look(whole: Any) -> None:
        seen.add(usable(whole) is None)

    look()
    assert seen == {True, False}
    assert usable(rule_file()) is not None
