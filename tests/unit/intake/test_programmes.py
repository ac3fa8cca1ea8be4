"""What a referral meets in a programme's file: its area's contract, its locality's rule, a programme without people."""

from typing import Any

import pytest

from services.contracts.referral import ReferralCreated
from services.intake.domain.referral import decide
from tests.unit.intake.referrals import NOW, Change, faults, policy, put, referral
from tests.unit.intake.test_derive import codes, create, created

OFF = put("eligibility_facts.condition_affects_work", None)
AT_WORK = put("work", {"status": "employed", "attendance": "struggling"})
ASKED = "eligibility_facts.health_condition"


def reasons(*changes: Change, **fields: Any) -> tuple[str, ...]:
    return codes(created(*changes, **fields).eligibility.reasons)


def unasked(body: dict[str, Any]) -> None:
    body.pop("assessment", None)


@pytest.mark.parametrize(
    ("title", "changes", "met"),
    [
        ("said", [OFF, unasked, AT_WORK, put(ASKED, True)], True),
        ("said that there is none", [put(ASKED, False)], False),
        ("the condition affects work", [unasked, AT_WORK], True),
        ("conditions stand in the assessment", [OFF, AT_WORK], True),
        ("signed off sick", [OFF, unasked], True),
        ("nothing was asked", [OFF, unasked, AT_WORK], False),
    ],
)
def test_whether_a_health_condition_is_known(title: str, changes: list[Change], met: bool) -> None:
    assert ("no_health_condition" not in reasons(*changes)) is met, title


def test_that_there_is_none_is_known_and_not_asked_is_not() -> None:
    def known(*changes: Change) -> bool:
        [one] = [r for r in created(*changes).eligibility.reasons if r.code == "no_health_condition"]
        return one.known

    assert known(put(ASKED, False))
    assert not known(OFF, unasked, AT_WORK)


def test_a_programme_about_employers_takes_no_referral() -> None:
    assert faults(referral(programme="working-well-in-work")) == {("programme_takes_no_referrals", "/programme")}
    assert faults(referral(programme="working-well-nowhere")) == {("programme_unknown", "/programme")}


def test_a_period_that_is_over_takes_no_referral() -> None:
    body = {"programme": "working-well-work-and-health", "locality": None}
    assert faults(referral(**body)) == {("programme_not_open", "/programme")}


def test_a_provider_of_a_locality_is_not_offered_to_the_area() -> None:
    named = {"named": "big-life", "chosen": None}
    assert faults(referral(locality=None, provider=named)) == {("provider_not_offered", "/provider/named")}


def elsewhere(programme: str, locality: str | None, *changes: Change) -> ReferralCreated:
    body = referral(*changes, programme=programme, locality=locality)
    assert faults(body) == set()
    [draft] = decide(None, create(body), policy=policy(), now=NOW)
    assert isinstance(draft.data, ReferralCreated)
    return draft.data


def test_an_area_without_localities_has_its_own_provider_and_contract() -> None:
    event = elsewhere("workwell-south-yorkshire", None)
    assert (event.locality, event.provider, event.contract) == (
        None,
        "south-yorkshire-provider",
        "workwell-south-yorkshire-main",
    )


OUT_OF_WORK = put("work", {"status": "unemployed", "unemployed_since": "2024-08-01"})


@pytest.mark.parametrize(
    ("title", "locality", "beyond"),
    [("in the area", None, False), ("in the locality that narrows it", "blackburn-with-darwen", True)],
)
def test_a_locality_asks_more_than_its_area(title: str, locality: str | None, beyond: bool) -> None:
    event = elsewhere("workwell-lancashire-and-south-cumbria", locality, OUT_OF_WORK)
    assert ("beyond_first_12_weeks" in codes(event.eligibility.reasons)) is beyond, title
    assert "long_term_unemployed" not in codes(event.eligibility.reasons)
