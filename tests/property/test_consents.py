"""Consents as facts: the same facts are the same history, and it is what a reader of the facts would say."""

from datetime import UTC, date, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from services.contracts.codes import Channel, ConsentKind
from services.contracts.consent import ConsentFact, ConsentHistory, with_word, word
from services.contracts.referral import Consent, Consents

START = date(2024, 11, 18)
DAYS = st.integers(0, 6).map(lambda n: START + timedelta(days=n))
FACTS = st.lists(
    st.builds(
        ConsentFact,
        kind=st.sampled_from(ConsentKind),
        given=st.booleans(),
        on=DAYS,
        channel=st.sampled_from([*Channel, None]),
        by=st.sampled_from(["coach-1", None]),
        recorded_at=st.integers(0, 9).map(lambda n: datetime(2024, 12, 1, n, tzinfo=UTC)),
        source=st.integers(0, 99).map(lambda n: f"00000000-0000-5000-8000-{n:012d}"),
    ),
    max_size=12,
)


@given(FACTS, st.randoms(use_true_random=False))
def test_the_same_facts_in_any_order_and_more_than_once_are_the_same_history(
    facts: list[ConsentFact], random: Random
) -> None:
    shuffled = facts + facts[: len(facts) // 2]
    random.shuffle(shuffled)
    assert ConsentHistory.of("r", shuffled) == ConsentHistory.of("r", facts)


def read_by_hand(facts: list[ConsentFact], kind: ConsentKind, on: date) -> bool | None:
    """Go to the last day on which anything was said by then; of that day to the last moment; a refusal is heard."""
    said = [fact for fact in facts if fact.kind == kind and fact.on <= on]
    if not said:
        return None
    of_day = [fact for fact in said if fact.on == max(fact.on for fact in said)]
    at_last = [fact for fact in of_day if fact.recorded_at == max(fact.recorded_at for fact in of_day)]
    return all(fact.given for fact in at_last)


@given(FACTS, st.sampled_from(ConsentKind), DAYS)
def test_what_was_allowed_is_what_the_facts_say(facts: list[ConsentFact], kind: ConsentKind, on: date) -> None:
    assert ConsentHistory.of("r", facts).allowed(kind, on) is read_by_hand(facts, kind, on)


@given(FACTS, DAYS)
def test_a_permission_is_there_exactly_when_sharing_was_allowed(facts: list[ConsentFact], on: date) -> None:
    history = ConsentHistory.of("r", facts)
    found = history.employer_permission(on)
    assert (found is not None) is (history.allowed(ConsentKind.SHARE_WITH_EMPLOYER, on) is True)
    assert found is None or (found.given_on <= on == found.on)


@given(FACTS)
def test_who_keeps_only_the_latest_word_knows_what_is_allowed_in_the_end(facts: list[ConsentFact]) -> None:
    """Two words of each consent, in any order of their days: one is enough to know whether it stands now."""
    two = [fact for kind in ConsentKind for fact in [f for f in facts if f.kind is kind][:2]]
    recorded = sorted(two, key=lambda fact: (fact.recorded_at, not fact.given))
    consents = Consents(take_part=None, share_with_gp=None, share_with_employer=None)
    for fact in recorded:
        consents = with_word(consents, fact.kind, Consent(given=fact.given, on=fact.on, channel=fact.channel))
    for kind in ConsentKind:
        known = word(consents, kind)
        assert (None if known is None else known.given) is ConsentHistory.of("r", two).allowed(kind, date.max)
