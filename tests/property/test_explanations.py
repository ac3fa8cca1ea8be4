"""Laws of explanations, whatever is said: they can be made, they say what was decided, and health stays with staff."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts.codes import TriageOutcome
from services.contracts.types import REFERRAL_CREATED
from services.triage.domain.decide import decide
from services.triage.domain.state import TriageState
from services.triage.domain.trace import Status
from services.triage.domain.tracing import trace
from services.triage.explanation.coach import coach_explanation
from services.triage.explanation.participant import participant_explanation
from services.triage.explanation.readers import CoachReader, ParticipantReader, ReferrerReader
from services.triage.explanation.referrer import OPEN, referrer_explanation
from services.triage.explanation.source import Source, source_of
from tests.property.test_matching_laws import ASKED, AWAITS, ENGINE
from tests.property.test_triage import PARTS, referrals, sealing
from tests.spec.people import NOW, findings, fold, policy, received


def decided(of: Any) -> Source:
    cause = received(REFERRAL_CREATED, of, 1)
    state = fold(None, cause.id, decide(None, cause, policy=policy(), now=NOW))
    assert isinstance(state, TriageState)
    return source_of(state, policy())


@settings(max_examples=60)
@given(referrals())
def test_every_view_can_be_made_and_the_coach_s_says_what_was_decided(of: Any) -> None:
    source = decided(of)
    assert source.missing is None
    decision, found = source.state.decision, findings(source.state.decision)
    told = coach_explanation(CoachReader(), source)
    assert (told.outcome, told.urgency, told.cause, told.intensity) == (
        decision.outcome,
        found.urgency,
        found.cause,
        found.intensity,
    )
    assert [rule.rule for rule in told.rules if rule.status is Status.FIRED] == [one.rule for one in found.reasons]
    assert all(rule.verdict and rule.because for rule in told.rules)
    assert all(item.rules for item in told.package)
    person = participant_explanation(ParticipantReader(), source)
    assert bool(person.safety) == bool(found.awaits)
    if decision.outcome is not TriageOutcome.HELD:
        assert [one.support for one in person.suggestions] == [item.support for item in decision.package]
        assert all(one.because for one in person.suggestions)
    text = f"{told.model_dump_json()} {person.model_dump_json()}"
    assert "{th" not in text.lower(), "every pronoun is filled in"


@settings(max_examples=100)
@given(referrals(), PARTS | st.none(), st.booleans() | st.none())
def test_what_is_said_of_health_changes_nothing_for_the_referrer(of: Any, other: Any, complex_needs: Any) -> None:
    """Beyond whether a person looks at it first, which the status of a referral says too."""
    facts = of.facts.model_copy(update={"complex_needs": complex_needs})
    twin = of.model_copy(update={"sealed": sealing(other), "facts": facts, "asks": ()})
    one, two = decided(of), decided(twin)
    views = [referrer_explanation(ReferrerReader(own=True), source) for source in (one, two)]
    assert views[0].rules == views[1].rules
    if one.state.decision.outcome is two.state.decision.outcome:
        assert views[0] == views[1]
    assert {fact.field for view in views for rule in view.rules for fact in rule.facts} <= OPEN


@settings(max_examples=60)
@given(ASKED, AWAITS, st.randoms(use_true_random=False))
def test_the_order_of_facts_and_of_what_awaits_changes_no_explanation(
    facts: dict[str, Any], awaits: tuple[str, ...], random: Any
) -> None:
    names = list(facts)
    random.shuffle(names)
    turned = {name: facts[name] for name in names}
    assert trace(ENGINE, facts, awaits) == trace(ENGINE, turned, tuple(reversed(awaits)))
