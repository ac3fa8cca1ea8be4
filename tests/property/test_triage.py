"""Laws of triage, whatever is said: never empty, unknown is never "no", no red flag is lost, replays agree."""

import itertools
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts import red_flags, types
from services.contracts.assessment import Assessment
from services.contracts.base import carry
from services.contracts.codes import (
    AgeBand,
    Attendance,
    Barrier,
    Condition,
    EarningsBand,
    RedFlag,
    SafetyLevel,
    Stressor,
    Support,
    TriageOutcome,
    Urgency,
    WorkStatus,
)
from services.contracts.referral import ReferralAssessed, SealedAssessment
from services.contracts.safety_codes import SafetyAction
from services.kernel.decision import Command, Received
from services.kernel.runtime.fold import encode
from services.kernel.sealing.content import Sealed
from services.programmes.logic import Truth, compile_condition
from services.triage.domain.answers import dated, merged, positive_levels
from services.triage.domain.decide import ACKNOWLEDGE, Acknowledge, decide
from services.triage.domain.facts import FIELDS
from services.triage.domain.state import TriageState, acknowledged, awaited
from tests.parts.keys import key_of, opened
from tests.spec.people import (
    NOW,
    PERSON,
    PROGRAMME,
    REFERRAL,
    TODAY,
    answered,
    answers,
    findings,
    first,
    fold,
    minted,
    policy,
    received,
    referral,
)

ENGINE = policy().engine(PROGRAMME, TODAY)


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


def codes(listed: Any) -> st.SearchStrategy[Any]:
    return maybe(st.lists(st.sampled_from([code.value for code in listed]), unique=True, max_size=4))


ANSWERS: dict[str, st.SearchStrategy[Any]] = {
    "conditions": codes(Condition),
    "phq9": maybe(st.integers(0, 27)),
    "item9": maybe(st.integers(0, 3)),
    "gad7": maybe(st.integers(0, 21)),
    "start_msk": maybe(st.integers(0, 12)),
    "wsas": maybe(st.integers(0, 40)),
    "under_secondary_mental_health_care": maybe(st.booleans()),
    "stressors": codes(Stressor),
    "barriers": codes(Barrier),
}
FLAGS = maybe(st.dictionaries(st.sampled_from([flag.value for flag in RedFlag]), maybe(st.booleans()), max_size=5))
DAYS = maybe(st.dates(min_value=TODAY.replace(month=9), max_value=TODAY))
SAID = st.fixed_dictionaries({**ANSWERS, "red_flags": FLAGS, "taken_on": DAYS})
PARTS = SAID.map(lambda said: answers(**said))

FACTS: dict[str, st.SearchStrategy[Any]] = {
    "age_band": maybe(st.sampled_from(AgeBand)),
    "work": st.sampled_from(WorkStatus),
    "attendance": maybe(st.sampled_from(Attendance)),
    "asks": st.lists(st.sampled_from(Support), unique=True, max_size=2),
    "job_at_risk": maybe(st.booleans()),
    "unemployed_since": maybe(st.dates(min_value=TODAY.replace(year=2022), max_value=TODAY)),
    "highest_qualification_level": maybe(st.integers(0, 8)),
    "earnings_band": maybe(st.sampled_from(EarningsBand)),
    "local_gp": maybe(st.booleans()),
    "complex_needs": maybe(st.booleans()),
}


def sealing(part: Assessment | None) -> SealedAssessment:
    return SealedAssessment(assessment=None if part is None else Sealed.of(part))


@st.composite
def referrals(draw: st.DrawFn) -> Any:
    said = draw(PARTS)
    made = referral(**draw(st.fixed_dictionaries(FACTS)))
    return made.model_copy(update={"sealed": sealing(draw(st.sampled_from([said, said, None])))})


@given(referrals())
def test_a_package_is_never_empty_ordered_and_closed(of: Any) -> None:
    decision = first(of)
    assert decision.package
    assert findings(decision).reasons
    place = {rule.support: rank for rank, rule in enumerate(ENGINE.rules.sequence)}
    ranks = [place[item.support] for item in decision.package]
    assert ranks == sorted(set(ranks))
    for earlier, item in enumerate(decision.package):
        assert set(item.after) <= {before.support for before in decision.package[:earlier]}
    assert not {item.support for item in decision.package} & set(decision.alternatives)


@given(referrals())
def test_every_positive_red_flag_awaits_a_person_and_an_emergency_or_hold_stops_matching(of: Any) -> None:
    decision = first(of)
    found = findings(decision)
    safety = red_flags.check(answered(of))
    assert (decision.awaiting_since is None) == (safety is None)
    if safety is None:
        assert found.awaits == ()
        assert (decision.outcome, found.urgency) == (TriageOutcome.RECOMMENDED, Urgency.ROUTINE)
        return
    assert ENGINE.rule_of_level[safety.level] in found.awaits
    assert found.urgency == Urgency(safety.level.value)
    held = safety.level is not SafetyLevel.URGENT
    assert (decision.outcome is TriageOutcome.HELD) == held
    supports = {item.support for item in decision.package}
    if held:
        assert supports <= {Support.CRISIS, Support.GP}
    else:
        assert Support.GP in supports
        assert Support.PHYSIOTHERAPY not in supports | set(decision.alternatives)


_ORDER = [*Urgency]


@given(SAID, SAID)
def test_more_information_never_removes_a_red_flag_nor_lowers_urgency(some: Any, more: Any) -> None:
    """Questions that were not asked are answered; what was said stays said."""
    flags = {**(more["red_flags"] or {}), **{k: v for k, v in (some["red_flags"] or {}).items() if v is not None}}
    whole = {name: more[name] if some[name] is None else some[name] for name in some}
    whole["red_flags"] = flags or None
    before, after = answers(**some), answers(**whole)
    assert set(positive_levels(before)) <= set(positive_levels(after))
    urgencies = [findings(first(with_answers(part))).urgency for part in (before, after)]
    assert _ORDER.index(urgencies[1]) <= _ORDER.index(urgencies[0])


def with_answers(part: Assessment | None) -> Any:
    return referral().model_copy(update={"sealed": sealing(part)})


RAW: dict[str, st.SearchStrategy[Any]] = {
    "age": st.sampled_from([16, 18, 19, 25]),
    "route": st.just("gp"),
    "work_status": st.sampled_from([code.value for code in WorkStatus]),
    "attendance": st.sampled_from([code.value for code in Attendance]),
    "out_of_work_days": st.integers(0, 400),
    "off_sick_days": st.integers(0, 400),
    "job_at_risk": st.booleans(),
    "weekly_hours": st.integers(0, 60),
    "highest_qualification_level": st.integers(0, 8),
    "earnings_band": st.sampled_from([code.value for code in EarningsBand]),
    "local_gp": st.booleans(),
    "complex_needs": st.booleans(),
    "asks": st.sampled_from([(), ("skills",)]),
    "conditions": st.lists(st.sampled_from([c.value for c in Condition]), unique=True, max_size=3).map(tuple),
    "stressors": st.lists(st.sampled_from([c.value for c in Stressor]), unique=True, max_size=2).map(tuple),
    "barriers": st.lists(st.sampled_from([c.value for c in Barrier]), unique=True, max_size=2).map(tuple),
    "phq9": st.integers(0, 27),
    "gad7": st.integers(0, 21),
    "start_msk": st.integers(0, 12),
    "wsas": st.integers(0, 40),
    "secondary_mental_health_care": st.booleans(),
    "red_flag_answers": st.integers(0, 14),
}


def test_the_strategies_cover_every_field() -> None:
    assert set(RAW) == set(FIELDS)


@given(st.fixed_dictionaries(RAW), st.sets(st.sampled_from(sorted(RAW))))
def test_an_unknown_answer_never_behaves_as_false_or_true(whole: dict[str, Any], unasked: set[str]) -> None:
    """Where a rule is decided in spite of unknown answers, every answer to them would decide it the same way."""
    partial: dict[str, Any] = {name: None if name in unasked else value for name, value in whole.items()}
    for rule in ENGINE.rules.rules:
        check = compile_condition(rule.when, ENGINE.rules.definitions, PARAMETERS)
        known: Truth = check(partial)
        assert known is None or known is check(whole), rule.id


PARAMETERS = policy().book.version_for(PROGRAMME, TODAY).matching.parameters()


@given(st.fixed_dictionaries(RAW), st.randoms(use_true_random=False))
def test_the_order_of_facts_and_of_codes_does_not_matter(facts: dict[str, Any], random: Any) -> None:
    names = list(facts)
    random.shuffle(names)
    turned = {name: tuple(reversed(facts[name])) if isinstance(facts[name], tuple) else facts[name] for name in names}
    assert ENGINE.match(facts, ()) == ENGINE.match(turned, ())


def join(earlier: Assessment, later: Assessment) -> Assessment:
    return merged(earlier, later, TODAY, TODAY)


@given(PARTS, PARTS, PARTS)
def test_answers_join_in_order_whatever_the_grouping(one: Assessment, two: Assessment, three: Assessment) -> None:
    assert join(join(one, two), three) == join(one, join(two, three))
    assert join(one, one) == dated(one, TODAY)
    assert join(one, answers()) == dated(one, TODAY)


SEEN_TO = Acknowledge(actions=(SafetyAction.PERSON_SAFE,))
STEPS = st.lists(st.one_of(PARTS, st.just("acknowledge")), max_size=5)


def causes(of: Any, steps: list[Any]) -> list[Received | Command]:
    made: list[Received | Command] = [received(types.REFERRAL_CREATED, of, 1)]
    for number, step in enumerate(steps, 2):
        if step == "acknowledge":
            made.append(Command(f"01935f00-0000-7000-8000-{number:012d}", ACKNOWLEDGE, REFERRAL, SEEN_TO, "n"))
        else:
            event = ReferralAssessed(**carry(of), received_at=NOW, by=None, sealed=sealing(step))
            made.append(received(types.REFERRAL_ASSESSED, event, number))
    return made


def play(all_causes: list[Received | Command], *, through_json: bool) -> tuple[list[bytes], list[TriageState]]:
    """Decide, seal and fold one cause after the other; acknowledgements of nothing are left out."""
    state: TriageState | None = None
    sequence = 0
    written: list[bytes] = []
    states: list[TriageState] = []
    for cause in all_causes:
        if isinstance(cause, Command) and (state is None or state.awaiting_since is None):
            continue
        drafts = decide(state, cause, policy=policy(), now=NOW)
        written += [encode(event, key_of(PERSON)) for event in minted(cause.id, drafts, sequence)]
        state = fold(state, cause.id, drafts, sequence)
        sequence += len(drafts)
        assert state is not None
        if through_json:
            state = opened(TriageState, state.model_dump_json(), PERSON)
        states.append(state)
    return written, states


@settings(max_examples=60)
@given(referrals(), STEPS)
def test_a_replay_gives_the_same_bytes_and_state_also_from_stored_json(of: Any, steps: list[Any]) -> None:
    once = play(causes(of, steps), through_json=False)
    assert play(causes(of, steps), through_json=False) == once
    assert play(causes(of, steps), through_json=True) == once


@settings(max_examples=60)
@given(referrals(), STEPS)
def test_a_hold_lasts_until_a_person_acknowledges(of: Any, steps: list[Any]) -> None:
    all_causes = causes(of, steps)
    _, states = play([c for c in all_causes if isinstance(c, Received)], through_json=False)
    for before, after in itertools.pairwise(states):
        assert set(awaited(before)) <= set(awaited(after))
        assert after.decision.revision == before.decision.revision + 1
    _, with_people = play(all_causes, through_json=False)
    for state in with_people:
        positive = {ENGINE.rule_of_level[level] for level in positive_levels(answered(state.decision))}
        assert positive <= set(awaited(state)) | set(acknowledged(state)), "no positive item passes unseen"
        assert (state.awaiting_since is None) == (not awaited(state))
