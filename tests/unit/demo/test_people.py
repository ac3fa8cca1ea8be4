"""The synthetic people are spread as published, and are the same for the same seed."""

import json
import statistics
from collections import Counter
from datetime import date

import pytest

from services.contracts.identifiers import age_on, is_nhs_number
from services.demo.areas import national
from services.demo.identity import nhs_number
from services.demo.people import people
from services.demo.person import Kind, Person
from services.intake.domain.posted import ReferralPosted
from services.kernel.http.identity import principal_of

MANY = people(4000, seed=7)


def percent(part: int, whole: int) -> float:
    return 100 * part / whole


def usual() -> list[Person]:
    return [person for person in MANY if person.kind is Kind.USUAL]


def test_the_same_seed_makes_the_same_people_and_another_does_not() -> None:
    assert people(60, seed=3) == people(60, seed=3)
    assert people(60, seed=3) != people(60, seed=4)


@pytest.mark.parametrize(
    ("route", "share"), [("gp", 28), ("self", 27), ("jobcentre_plus", 24)], ids=["GP", "self", "Jobcentre Plus"]
)
def test_source(route: str, share: int) -> None:
    assert percent(Counter(person.route for person in usual())[route], len(usual())) == pytest.approx(share, abs=2)


def test_whoever_refers_has_claims_that_an_api_takes() -> None:
    """Also those of the longest names of organisations."""
    for person in (*MANY, *people(4000, seed=7, areas=national())):
        sender = person.sender
        claims = {name: getattr(sender, name) for name in ("organisation_kind", "programme", "role")}
        assert principal_of({"sub": sender.subject, "org": sender.organisation, **claims})


def test_in_work() -> None:
    assert percent(sum(person.in_work for person in usual()), len(usual())) == pytest.approx(41, abs=2)


def test_age_35_and_over() -> None:
    ages = [age_on(date.fromisoformat(p.body["person"]["birth_date"]), p.referred_on) for p in usual()]
    assert percent(sum(age >= 35 for age in ages), len(ages)) == pytest.approx(68, abs=2)
    assert min(ages) >= 16


def test_women() -> None:
    women = sum(person.body["person"]["sex"] == "female" for person in usual())
    assert percent(women, len(usual())) == pytest.approx(57, abs=2)


@pytest.mark.parametrize(
    ("barrier", "share"), [("mental_health", 48), ("musculoskeletal", 21), ("autism", 4), ("other", 22)]
)
def test_main_barrier(barrier: str, share: int) -> None:
    found = Counter(person.barrier for person in usual())[barrier]
    assert percent(found, len(usual())) == pytest.approx(share * 100 / 99, abs=2)


def test_scores_of_those_at_caseness() -> None:
    scored = [p.body["assessment"] for p in usual() if p.scored]
    cases = [a for a in scored if a["phq9"]["score"] >= 10 or a["gad7"]["score"] >= 8]
    phq9, gad7 = ([a[tool]["score"] for a in cases] for tool in ("phq9", "gad7"))
    assert statistics.mean(phq9) == pytest.approx(15.4, abs=0.8)
    assert statistics.pstdev(phq9) == pytest.approx(5.5, abs=0.8)
    assert statistics.mean(gad7) == pytest.approx(14.0, abs=0.8)
    assert statistics.pstdev(gad7) == pytest.approx(4.5, abs=0.8)


def test_start_msk_bands() -> None:
    scores = [p.body["assessment"]["start_msk"]["score"] for p in usual()
              if p.scored and p.body["assessment"]["start_msk"]]  # fmt: skip
    bands = Counter("low" if score <= 4 else "medium" if score <= 8 else "high" for score in scores)
    for band, share in (("low", 25), ("medium", 42), ("high", 33)):
        assert percent(bands[band], len(scores)) == pytest.approx(share, abs=5)


def test_nhs_numbers_are_synthetic_valid_and_often_missing() -> None:
    numbers = [p.body["person"]["nhs_number"] for p in usual()]
    known = [number for number in numbers if number]
    assert all(number.startswith("999") and is_nhs_number(number) for number in known)
    assert len(set(known)) == len(known)
    assert 20 < percent(len(numbers) - len(known), len(numbers)) < 50


def test_the_first_numbers_are_those_of_the_domain_facts() -> None:
    assert [nhs_number(serial) for serial in (1, 2, 3, 4)] == ["9990000018", "9990000026", "9990000034", "9990000042"]


def test_days_are_working_days_within_the_period() -> None:
    days = [person.referred_on for person in usual()]
    assert min(days) >= date(2024, 11, 1)
    assert max(days) <= date(2025, 6, 30)
    assert all(day.weekday() < 5 for day in days)


@pytest.mark.parametrize("kind", list(Kind))
def test_fifty_people_hold_every_kind(kind: Kind) -> None:
    assert kind in {person.kind for person in people(50, seed=1)}


def test_a_duplicate_is_the_same_person_later() -> None:
    by_number = {person.number: person for person in MANY}
    again = [person for person in MANY if person.kind is Kind.DUPLICATE]
    for person in again:
        original = by_number[person.duplicate_of or 0]
        assert person.body["person"] == original.body["person"]
        assert person.number > original.number
        assert person.referred_on >= original.referred_on
        assert person.body["referrer"] != original.body["referrer"]
    assert {person.expected_status for person in again} == {201, 409}


def test_an_employer_sends_no_health_detail() -> None:
    assert all(p.body["assessment"] is None for p in MANY if p.route == "employer")


def test_what_is_invalid_is_invalid() -> None:
    wrong = [person for person in MANY if person.kind is Kind.INVALID]
    assert {person.fault for person in wrong} == {
        "nhs_number_check_digit", "no_consent_to_take_part", "referred_in_the_future", "unknown_field",
    }  # fmt: skip
    for person in wrong:
        if person.fault == "nhs_number_check_digit":
            assert not is_nhs_number(person.body["person"]["nhs_number"])


def test_all_but_the_invalid_are_referrals_that_intake_reads() -> None:
    for person in MANY:
        body = json.dumps(person.body)
        if person.kind is Kind.INVALID:
            continue
        assert ReferralPosted.model_validate_json(body).referrer is not None
