"""Participant and engagements: every boundary of the Manchester card and of our own rules."""

from dataclasses import dataclass
from datetime import date, timedelta

import pytest

from services.contracts.codes import Channel
from services.contracts.outcome import ReferralOutcome
from services.contracts.plan_codes import EvidenceKind, OutcomeKind, SessionAttendance
from services.contracts.referral import Consent
from services.kernel.decision import Command, Received, Refused
from services.outcomes.domain.decide import decide
from tests.unit.outcomes.histories import CONTRACT, MANCHESTER, NOW, PROVIDER, REFERRED, Books, Plan, evidence

P, E = "participant", "engagement"


@dataclass(frozen=True)
class Case:
    """``facts`` are s(ession), m(issed), c(ancelled), t(step), r(eview) with a day, in order of arrival."""

    title: str
    facts: str
    earned: tuple[tuple[str, str], ...]


CASES = [
    Case("nothing without a fact", "", ()),
    Case("the first attended session makes a participant", "s12-02", ((P, "12-02"),)),
    Case("a missed session earns nothing", "m12-02", ()),
    Case("a cancelled session earns nothing", "c12-02", ()),
    Case("missed, then attended: the attended one counts", "m12-02 s12-09", ((P, "12-09"),)),
    Case("the second session is an engagement", "s12-02 s12-03", ((P, "12-02"), (E, "12-03"))),
    Case("the participant's session opens no gap", "s12-02 t12-03", ((P, "12-02"), (E, "12-03"))),
    Case("a finished step is an engagement", "s12-02 t12-10", ((P, "12-02"), (E, "12-10"))),
    Case("a completed review is an engagement", "s12-02 r12-10", ((P, "12-02"), (E, "12-10"))),
    Case("a day is paid once: two sessions", "s12-02 s12-02", ((P, "12-02"),)),
    Case("a day is paid once: session and step", "s12-02 t12-02", ((P, "12-02"),)),
    Case("a day is paid once: session and review", "s12-02 r12-02", ((P, "12-02"),)),
    Case("two engagements on one day: one is paid", "s12-02 t12-10 r12-10", ((P, "12-02"), (E, "12-10"))),
    Case("13 days apart: one is paid", "s12-01 s12-02 s12-15", ((P, "12-01"), (E, "12-02"))),
    Case("14 days apart: both are paid", "s12-01 s12-02 s12-16", ((P, "12-01"), (E, "12-02"), (E, "12-16"))),
    Case("the gap counts from the last paid one", "s12-01 s12-02 s12-10 s12-17",
         ((P, "12-01"), (E, "12-02"), (E, "12-17"))),
    Case("a step before any session earns nothing", "t12-02", ()),
    Case("a step before any session stays unpaid", "t12-02 s12-09", ((P, "12-09"),)),
    Case("a step of a day before the participant's earns nothing", "s12-09 t12-02", ((P, "12-09"),)),
    Case("a review of a day before the participant's earns nothing", "s12-09 r12-02", ((P, "12-09"),)),
    Case("a late session before the participant's day is an engagement", "s12-09 s12-02", ((P, "12-09"), (E, "12-02"))),
    Case("a late session 13 days before a paid one", "s12-01 s12-20 s12-07", ((P, "12-01"), (E, "12-20"))),
    Case("a late session 14 days before a paid one", "s12-01 s12-20 s12-06",
         ((P, "12-01"), (E, "12-20"), (E, "12-06"))),
    Case("a late session between two paid ones needs the gap to both", "s12-01 s12-02 s12-30 s12-16",
         ((P, "12-01"), (E, "12-02"), (E, "12-30"), (E, "12-16"))),
    Case("a late session too near the later neighbour", "s12-01 s12-02 s12-29 s12-16",
         ((P, "12-01"), (E, "12-02"), (E, "12-29"))),
    Case("first come, first served: a late one moves nothing", "s12-01 s12-12 s12-02 s12-24",
         ((P, "12-01"), (E, "12-12"))),
]  # fmt: skip


def tell(plan: Plan, facts: str) -> list[Received]:
    kinds = {
        "s": plan.session,
        "m": plan.missed,
        "c": lambda on: plan.session(on, SessionAttendance.CANCELLED),
        "t": plan.step,
        "r": plan.review,
    }
    return [kinds[fact[0]](f"2024-{fact[1:]}") for fact in facts.split()]


def earned(outcomes: list[ReferralOutcome]) -> tuple[tuple[str, str], ...]:
    assert {outcome.kind for outcome in outcomes} <= {OutcomeKind.EARNED}
    return tuple((o.milestone.code, o.effective_on.strftime("%m-%d")) for o in outcomes if o.milestone)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_what_facts_earn(case: Case) -> None:
    assert earned(Books().take(*tell(Plan(), case.facts))) == case.earned


def test_what_is_done_under_an_additional_referral_is_not_paid_a_second_time() -> None:
    first, second = Plan("first"), Plan("second", linked_referral=Plan("first").referral_id)
    books = Books()
    for plan in (first, second):
        books.take(plan.session("2024-12-02"), plan.step("2024-12-16"))
        books.take(plan.review("2025-01-06", improved=True), plan.confirmed("2025-01-06"))
    assert {event.key for event in books.events} == {first.referral_id}


def test_what_takes_over_is_paid_as_if_it_stood_by_itself() -> None:
    second = Plan("second", linked_referral=Plan("first").referral_id, takes_over=True)
    [earned] = Books().take(second.session("2024-12-02"))
    assert (earned.kind, earned.amount_pence) == (OutcomeKind.EARNED, 40200)


def test_what_was_earned_before_a_referral_became_additional_can_still_be_taken_back() -> None:
    plan, books = Plan(), Books()
    books.take(plan.session("2024-12-02"))
    plan.linked_referral = Plan("second").referral_id
    [back] = books.take(plan.corrected("2024-12-09", 1))
    assert (back.kind, back.amount_pence) == (OutcomeKind.REVERSAL, -40200)
    assert books.take(plan.session("2024-12-30")) == []


def test_what_a_plan_without_a_contract_earned_before_is_taken_back_and_its_claims_are_proven() -> None:
    plan, books = Plan(), Books()
    books.take(plan.session("2024-12-02"), plan.work("2025-01-06"))
    plan.provider = plan.contract = None
    assert books.take(plan.session("2025-01-13"), plan.review("2025-01-13", improved=True)) == []
    [proven] = books.take(plan.evidence("2025-01-20", evidence(EvidenceKind.EMPLOYER_CONFIRMATION, "2025-01-17")))
    [back] = books.take(plan.corrected("2025-01-27", 1))
    assert (proven.kind, back.kind, back.amount_pence) == (OutcomeKind.EARNED, OutcomeKind.REVERSAL, -40200)
    assert {(entry.provider, entry.contract) for entry in (proven, back)} == {(PROVIDER, CONTRACT)}


def test_an_entry_names_amount_card_evidence_and_reason() -> None:
    plan = Plan()
    first, second = Books().take(plan.session("2024-12-02"), plan.missed("2024-12-05"), plan.step("2024-12-09"))
    assert (first.amount_pence, second.amount_pence) == (40200, 5000)
    assert first.rate_card is not None
    assert (first.rate_card.id, first.rate_card.version) == ("wwgm-manchester", "2024.1")
    assert [(e.kind, e.obtained_on, e.reference) for e in second.evidence] == [
        (EvidenceKind.STEP_RECORD, date(2024, 12, 9), "plan/3")
    ]
    assert (first.reasons, second.reasons) == (("first_attended_session",), ("finished_step",))
    assert (first.plan_version, second.plan_version) == (1, 3)
    assert (second.provider, second.contract) == (plan.provider, plan.contract)


def test_the_eighth_engagement_is_paid_and_the_ninth_is_not() -> None:
    plan, books = Plan(), Books()
    books.take(plan.session("2024-12-01"))
    every_fortnight = [plan.session(date(2024, 12, 2) + timedelta(days=14 * number)) for number in range(9)]
    made = [books.take(session) for session in every_fortnight]
    assert [len(found) for found in made] == [1] * 8 + [0]
    assert [found[0].milestone.occurrence for found in made[:8] if found[0].milestone] == list(range(1, 9))
    assert books.pence == 40200 + 8 * 5000


@pytest.mark.parametrize(
    ("consent", "first_paid"),
    [
        (Consent(given=True, on=date(2024, 12, 3), channel=Channel.PHONE), "2024-12-03"),
        (Consent(given=True, on=date(2024, 12, 2), channel=Channel.PHONE), "2024-12-02"),
        (Consent(given=True, on=None, channel=Channel.PHONE), "2024-12-02"),
        (None, "2024-12-02"),
        (Consent(given=False, on=date(2024, 12, 3), channel=Channel.PHONE), "2024-12-02"),
        (Consent(given=False, on=date(2024, 12, 2), channel=Channel.PHONE), None),
        (Consent(given=False, on=None, channel=None), None),
    ],
)
def test_only_a_session_after_consent_makes_a_participant(consent: Consent | None, first_paid: str | None) -> None:
    plan = Plan(consent=consent)
    made = Books().take(*(plan.session(on) for on in ("2024-12-02", "2024-12-03", "2024-12-04")))
    assert (str(made[0].effective_on) if made else None) == first_paid


def test_engagements_end_with_the_consent() -> None:
    plan, books = Plan(), Books()
    books.take(plan.session("2024-12-02"))
    plan.consent = Consent(given=False, on=date(2024, 12, 20), channel=Channel.PHONE)
    assert books.take(plan.session("2024-12-20"), plan.step("2025-01-10"), plan.review("2025-02-10")) == []
    assert len(books.take(plan.session("2024-12-19"))) == 1


def test_a_fact_before_the_referral_earns_nothing() -> None:
    plan = Plan(consent=None)
    assert Books().take(plan.session(REFERRED - timedelta(days=1))) == []
    assert len(Books().take(plan.session(REFERRED))) == 1


@pytest.mark.parametrize("missing", ["contract", "provider"])
def test_nobody_is_paid_where_nobody_was_chosen(missing: str) -> None:
    plan = Plan()
    setattr(plan, missing, None)
    assert Books().take(plan.session("2024-12-02")) == []


def test_limits_follow_the_person_when_the_plan_is_handed_over() -> None:
    plan, books = Plan(), Books()
    books.take(plan.session("2024-12-02"), plan.session("2024-12-10"))
    plan.provider, plan.contract = "big-life", "wwgm-manchester-big-life"
    [entry] = books.take(plan.session("2024-12-23"), plan.session("2024-12-24"))
    assert (entry.provider, entry.effective_on) == ("big-life", date(2024, 12, 24))


def test_other_changes_earn_nothing() -> None:
    assert Books().take(Plan().note("2024-12-02")) == []


def test_outcomes_takes_no_command() -> None:
    with pytest.raises(Refused, match="unknown_command"):
        decide(None, Command("0", "period.close", "c", None), policy=MANCHESTER, now=NOW)
