"""A decision explained to staff: every rule in words, and what is said where it cannot be told."""

import re
from datetime import date
from typing import Any

import pytest

from services.contracts.codes import (
    EligibilityDecision,
    Intensity,
    RedFlag,
    Support,
    TriageOutcome,
)
from services.kernel.sealing.content import unlock
from services.kernel.sealing.subject_key import ERASED
from services.programmes.vocabulary import Code, Codes, Flag, Number
from services.triage.domain.facts import FIELDS, LOWEST_AGE, PARAMETERS, SCOPE
from services.triage.domain.matching import Engine
from services.triage.domain.policy import RuleBook, TriagePolicy
from services.triage.domain.rules import RuleSet
from services.triage.domain.trace import FactRead
from services.triage.explanation import words
from services.triage.explanation.coach import CoachExplanation
from services.triage.explanation.sentences import statement
from services.triage.explanation.source import Missing, source_of
from services.triage.explanation.tell import tell
from services.triage.explanation.words import CodesWords, CodeWords, FlagWords, NumberWords, Voice
from tests.spec.people import PROGRAMME, TODAY, policy
from tests.unit.triage.explained import (
    COACH,
    MANY,
    OUT,
    PARTICIPANT,
    READERS,
    REFERRER,
    coach,
    rule,
)
from tests.unit.triage.test_decide import Triage

# Words


def test_every_field_code_and_parameter_has_words() -> None:
    for field, kind in FIELDS.items():
        found = words.words_of(field)
        match kind:
            case Number():
                assert isinstance(found, NumberWords), field
            case Flag():
                assert isinstance(found, FlagWords), field
            case Code():
                assert isinstance(found, CodeWords), field
                assert set(found.clauses) == kind.codes, field
            case Codes():
                assert isinstance(found, CodesWords), field
                assert set(found.codes) == kind.codes, field
    assert all(words.words_of(field) for field in (*SCOPE, *RedFlag))
    assert set(words.SUPPORTS) == set(Support)
    assert set(words.INTENSITIES) == set(Intensity)
    assert set(words.AGES) == set(LOWEST_AGE.values())
    assert set(words.PARAMETERS) == {name for name, kind in PARAMETERS.items() if isinstance(kind, Flag)}
    with pytest.raises(ValueError, match="shoe_size"):
        words.words_of("shoe_size")


FACTS: list[tuple[str, FactRead, str]] = [
    ("a number", FactRead(field="phq9", value=9, asked=True), "Your PHQ-9 score (low mood) is 9."),
    ("a band", FactRead(field="age", value=16, asked=True), "Your age is 16 or 17."),
    ("yes", FactRead(field="local_gp", value=True, asked=True), "You are with a local GP."),
    ("no", FactRead(field="local_gp", value=False, asked=True), "You are not with a local GP."),
    ("a list", FactRead(field="barriers", value=("debt", "housing"), asked=True),
     "These stand in the way of work: debt and housing."),
    ("nobody asked", FactRead(field="gad7", value=None, asked=False),
     "Nobody has asked about your GAD-7 score (worry)."),
    ("does not apply", FactRead(field="out_of_work_days", value=None, asked=False, applies=False),
     "Your time out of work does not apply."),
]  # fmt: skip


@pytest.mark.parametrize(("title", "fact", "said"), FACTS, ids=[row[0] for row in FACTS])
def test_a_fact_in_words(title: str, fact: FactRead, said: str) -> None:
    assert statement(fact, Voice.TO) == said, title


APPLIES: list[tuple[str, dict[str, Any], str, str, str]] = [
    ("somebody in work is out of none", {}, "R32", "out_of_work_days", "Their time out of work does not apply."),
    ("since when is not known", {"work": "unemployed", "attendance": None}, "R32", "out_of_work_days",
     "Nobody has asked about their time out of work."),
    ("attendance of somebody without work", {"work": "inactive", "attendance": None}, "R30", "attendance",
     "How work goes does not apply."),
    ("attendance was not asked", {"attendance": None}, "R30", "attendance", "Nobody has asked about how work goes."),
]  # fmt: skip


@pytest.mark.parametrize(("title", "given", "rule_id", "field", "said"), APPLIES, ids=[row[0] for row in APPLIES])
def test_what_does_not_apply_is_not_called_unasked(
    title: str, given: dict[str, Any], rule_id: str, field: str, said: str
) -> None:
    facts = {fact.field: fact for fact in rule(coach(**given), rule_id).facts}
    assert facts[field].said == said, title


# The coach's view


def test_a_coach_is_told_every_rule_with_its_facts_what_won_and_what_would_change() -> None:
    of = coach(**MANY)
    engine = policy().engine(PROGRAMME, TODAY)
    assert [one.rule for one in of.rules] == [one.id for one in engine.rules.every_rule()]
    assert all(one.facts and one.verdict and one.because for one in of.rules)
    assert (of.ruleset.id, of.ruleset.version, of.ruleset.sha256) == (
        engine.rules.ruleset,
        engine.rules.version,
        engine.rules.sha256,
    )
    assert of.summary[0] == (
        "Triage suggests advice about debt, NHS Talking Therapies, physiotherapy and a talk with the employer. "
        "A coach confirms or changes this."
    )
    mental = next(need for need in of.needs if need.need == "mental_health")
    assert mental.said.startswith("Mental health: R10 (Talking therapies, step 2 likely) won.")
    assert mental.runner_up is not None
    assert "R11" in mental.runner_up.said
    assert "Nobody has asked about their GAD-7 score (worry)." in mental.runner_up.said
    assert of.intensity_said == ("Expected: with a key worker.", "Many needs come together.")
    assert of.package[0].rules == ("R50",)


SAID: list[tuple[str, dict[str, Any], str, str, list[str], str]] = [
    ("it counts", {"attendance": "off_sick"}, "R30", "This rule counts.", ["They have a job.", "They are off sick."],
     "This rule would no longer count if they have no work and do not look for it now."),
    ("just below", {"phq9": 9}, "R10", "This rule does not count.",
     ["Their PHQ-9 score (low mood) is 9. The rule asks that their PHQ-9 score (low mood) is 10 or more.",
      "Their GAD-7 score (worry) is 0. The rule asks that their GAD-7 score (worry) is 8 or more."],
     "This rule would count if their PHQ-9 score (low mood) is 10."),
    ("not asked", {"start_msk": None, "conditions": ["back_pain"]}, "R21",
     "Nobody can tell yet: too little was asked. That is not a no.",
     ["Nobody has asked about their STarT MSK score (how pain holds back)."],
     "This rule would count if their STarT MSK score (how pain holds back) is 5. Nobody has asked yet."),
    ("a stronger rule", {"phq9": 12, "gad7": 15}, "R10",
     "This rule fits, but a stronger rule takes its place: R11 (Talking therapies, step 3 likely).", [],
     "This rule would count if their GAD-7 score (worry) is 14."),
    ("a hold", {"phq9": 12, "item9": 1}, "R10",
     "This rule fits, but it is stopped until a named person has looked: R02 (Thoughts of self-harm).", [],
     "This rule would count once a named person has looked."),
    ("a red flag", {"item9": 1}, "R02", "This safety rule counts. A named person must look first.",
     ["Their answer to PHQ-9 item 9 (thoughts of self-harm) is 1.", "1 of its 2 questions was answered with no."],
     "Only a named person can change this: they look, and say what they did."),
    ("no red flag", {}, "R01", "This rule does not count.", ["7 of its 7 questions were answered with no."],
     "This rule would count with an answer that is cause for concern."),
    ("the area's limit", OUT, "R32", "This rule does not count.",
     ["Their time out of work is 183 days. The rule asks that their time out of work is 182 days or less.",
      "Their job is not at risk. The rule asks that their job is at risk."],
     "This rule would count if their time out of work is 182 days."),
    ("a list with one more", {"conditions": ["back_pain"]}, "R33", "This rule does not count.", [],
     "This rule would count if the health conditions include autism too."),
]  # fmt: skip


@pytest.mark.parametrize(("title", "given", "rule_id", "verdict", "because", "change"), SAID, ids=[r[0] for r in SAID])
def test_a_rule_in_words(
    title: str, given: dict[str, Any], rule_id: str, verdict: str, because: list[str], change: str
) -> None:
    found = rule(coach(**given), rule_id)
    assert (found.verdict, found.change_said) == (verdict, change), title
    if because:
        assert list(found.because) == because, title


def test_a_red_flag_that_a_person_has_taken_up_is_told_as_that() -> None:
    triage = Triage(phq9=12, item9=1)
    triage.acknowledge()
    assert triage.state is not None
    of = tell(COACH, triage.state, policy())
    assert isinstance(of, CoachExplanation)
    assert rule(of, "R02").verdict == "An answer was a cause for concern. A named person has looked at it."
    assert rule(of, "R10").verdict == "This rule counts."


def test_a_person_s_decision_is_told_as_a_person_s() -> None:
    triage = Triage(phq9=12, eligibility={"outcome": "review", "reasons": [{"code": "outside_area", "known": True}]})
    triage.decide_eligibility(EligibilityDecision.NOT_ELIGIBLE)
    assert triage.state is not None
    for who in READERS:
        assert "person" in tell(who, triage.state, policy()).summary[0]
        assert "decided" in tell(who, triage.state, policy()).summary[0]
    triage.withdraw()
    told = tell(COACH, triage.state, policy()).summary
    assert told[-1] == "Before that, a named person had decided against the programme for this person."


def test_a_high_score_without_a_local_gp_is_told_though_another_need_won() -> None:
    """No rule of the table answers it: whoever confirms the package must see it (hazard H13)."""
    of = coach(phq9=22, local_gp=False, barriers=["debt"])
    assert [item.support for item in of.package] == [Support.DEBT_ADVICE]
    assert next(need.said for need in of.needs if need.need == "mental_health") == "Mental health: no rule counts."
    kept_out = rule(of, "R11")
    assert kept_out.because == ("They are not with a local GP. The rule asks that they are with a local GP.",)
    assert kept_out.change_said == "This rule would count if they are with a local GP."
    assert "Their PHQ-9 score (low mood) is 22." in [fact.said for fact in kept_out.facts]
    unasked = coach(phq9=22, local_gp=None, barriers=["debt"])
    assert Support.COACH_ASSESSMENT in [item.support for item in unasked.package], "not asked is not no"


def test_item_9_holds_without_a_local_gp_too() -> None:
    of = coach(phq9=22, item9=1, local_gp=False, barriers=["debt"])
    assert of.outcome is TriageOutcome.HELD


# After a withdrawal


@pytest.mark.parametrize(
    ("given", "acknowledged", "told"),
    [
        (
            {"phq9": 12},
            False,
            ("No action is expected.", "Before that, triage had suggested NHS Talking Therapies."),
        ),
        (
            {"item9": 1},
            False,
            (
                "A safety task still waits, since 18 November 2024. A named person must look, and say what was done.",
                "No other action is expected.",
                "Before that, triage had stopped for a named person to look.",
            ),
        ),
        (
            {"item9": 1},
            True,
            ("No action is expected.", "Before that, triage had stopped for a named person to look."),
        ),
    ],
)
def test_after_a_withdrawal_nothing_is_expected_but_what_still_waits(
    given: dict[str, Any], acknowledged: bool, told: tuple[str, ...]
) -> None:
    triage = Triage(**given)
    triage.withdraw()
    if acknowledged:
        triage.acknowledge()
    assert triage.state is not None
    of = tell(COACH, triage.state, policy())
    assert of.summary == ("The referral was withdrawn on 18 November 2024.", *told)
    for who in (REFERRER, PARTICIPANT):
        assert tell(who, triage.state, policy()).summary[-1] == "The referral was withdrawn on 18 November 2024."


# What cannot be told


def test_of_an_erased_person_it_says_so_and_nothing_else() -> None:
    state = Triage(**MANY, item9=1).state
    assert state is not None
    sealed = [state.decision.sealed.findings, state.decision.sealed.assessment]
    unlock([one for one in sealed if one is not None], ERASED)
    for who in READERS:
        of = tell(who, state, policy())
        assert of.missing is Missing.ERASED
        text = of.model_dump_json()
        assert not re.search(r"\bR\d\d\b|PHQ|GAD|self_harm|hold\b", text.replace("on_hold", "").replace("STarT", ""))
    assert "erased" in tell(COACH, state, policy()).summary[1]
    assert "erased" in tell(PARTICIPANT, state, policy()).summary[-1]
    assert "erased" not in " ".join(tell(REFERRER, state, policy()).summary)


def other_policy(**changed: Any) -> TriagePolicy:
    mine = policy()
    rules = mine.engine(PROGRAMME, TODAY).rules
    found = [rules.model_copy(update=changed), mine.rules.find("care-and-support-matching", "2024.1")]
    return TriagePolicy(mine.book, RuleBook(one for one in found if isinstance(one, RuleSet)))


def test_rules_that_are_not_here_are_said_to_be_missing_with_their_hash() -> None:
    state = Triage(**MANY).state
    assert state is not None
    sha = state.decision.ruleset.sha256
    for who in READERS:
        of = tell(who, state, other_policy(sha256="0" * 64))
        assert of.missing is Missing.RULES_NOT_HERE
        assert of.ruleset.sha256 == sha
    of = tell(COACH, state, other_policy(sha256="0" * 64))
    assert isinstance(of, CoachExplanation)
    assert sha in of.summary[1]
    assert of.summary[2] == (
        "The rules that counted: R10 (moderate_score_step_2), R21 (msk_medium_or_high_risk), R30 (work_affected) "
        "and R50 (debt_or_housing)."
    )
    assert (of.rules, of.needs) == ((), ())
    assert [item.support for item in of.package] == [item.support for item in state.decision.package]


def test_rules_that_are_here_under_another_version_of_the_programme_are_found_by_their_hash() -> None:
    state = Triage(**MANY).state
    assert state is not None
    old = state.decision.ruleset
    mine = policy()
    care = mine.rules.find("care-and-support-matching", "2024.1")
    named = mine.rules.find(old.id, old.version)
    assert care is not None
    assert named is not None

    class Newer(TriagePolicy):
        def engine(self, programme: str, on: date, locality: str | None = None) -> Engine:
            assert care is not None
            return Engine(care, super().engine(programme, on, locality).parameters)

    assert tell(COACH, state, Newer(mine.book, mine.rules)).missing is None
    assert source_of(state, Newer(mine.book, RuleBook([care, named.model_copy(update={"sha256": "1" * 64})]))).missing


def test_settings_that_make_the_rules_come_to_something_else_are_noticed() -> None:
    state = Triage(**OUT).state
    assert state is not None

    class Stricter(TriagePolicy):
        def engine(self, programme: str, on: date, locality: str | None = None) -> Engine:
            found = super().engine(programme, on, locality)
            return Engine(found.rules, {**found.parameters, "out_of_work_limit_days": 300})

    assert tell(COACH, state, policy()).missing is None
    assert tell(COACH, state, Stricter(policy().book, policy().rules)).missing is Missing.OTHER_SETTINGS


def test_settings_under_which_only_another_rule_came_second_are_noticed_too() -> None:
    state = Triage(**{**OUT, "complex_needs": True, "unemployed_since": "2024-08-10"}).state
    assert state is not None

    class Stricter(TriagePolicy):
        def engine(self, programme: str, on: date, locality: str | None = None) -> Engine:
            found = super().engine(programme, on, locality)
            return Engine(found.rules, {**found.parameters, "out_of_work_limit_days": 50})

    assert tell(COACH, state, policy()).missing is None
    assert tell(COACH, state, Stricter(policy().book, policy().rules)).missing is Missing.OTHER_SETTINGS
