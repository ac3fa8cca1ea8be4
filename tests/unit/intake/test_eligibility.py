"""The area's code on the day, an area that a person must name, and what a review, a decision and a contest come to."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.contracts import types
from services.contracts.codes import EligibilityDecision
from services.contracts.referral import ReferralCreated
from services.intake.domain.eligibility import (
    CONTEST,
    DECIDE,
    ContestEligibility,
    ContestPosted,
    DecideEligibility,
    DecisionPosted,
)
from services.intake.domain.posted import ReferralPosted
from services.intake.domain.referral import CREATE, CreateReferral, decide
from services.intake.domain.standing import Referral, ReviewCause, evolve
from services.kernel.decision import Command, Event, Refused
from tests.unit.intake.referrals import policy, put, referral
from tests.unit.intake.test_derive import PERSON_ID, REFERRAL_ID

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
BEFORE, AFTER = date(2026, 3, 31), date(2026, 4, 1)
FRIMLEY, CAMBRIDGESHIRE = "workwell-frimley", "workwell-cambridgeshire-and-peterborough"


def created(programme: str, on: date, postcode: str | None, **answers: Any) -> ReferralCreated:
    body = referral(
        put("person.postcode", postcode),
        put("person.registered_gp_ods", None),
        put("work.off_sick_since", None),
        put("provider", {}),
        programme=programme,
        locality=None,
        referred_on=on.isoformat(),
    )
    body["eligibility_facts"].update(answers)
    data = CreateReferral(
        posted=ReferralPosted.model_validate_json(json.dumps(body)),
        person_id=PERSON_ID,
        linked_referral=None,
        organisation_id="P84001",
        organisation_kind="nhs",
    )
    [draft] = decide(None, Command("c", CREATE, REFERRAL_ID, data, "s1"), policy=policy(), now=NOW)
    assert isinstance(draft.data, ReferralCreated)
    return draft.data


@pytest.mark.parametrize(
    ("title", "programme", "on", "postcode", "code"),
    [
        ("Cambridgeshire, the last day of the old code", CAMBRIDGESHIRE, BEFORE, "CB1 1AA", "QUE"),
        ("Cambridgeshire, the first day of the new one", CAMBRIDGESHIRE, AFTER, "CB1 1AA", "S1Y5D"),
        ("without a postcode too: there is one successor", CAMBRIDGESHIRE, AFTER, None, "S1Y5D"),
        ("Frimley before the split, wherever", FRIMLEY, BEFORE, "SL5 1AA", "QNQ"),
        ("Slough", FRIMLEY, AFTER, "SL1 1AA", "S0E4D"),
        ("Surrey Heath", FRIMLEY, AFTER, "GU15 1AA", "S9B9J"),
        ("Rushmoor", FRIMLEY, AFTER, "GU14 1AA", "QRL"),
        ("a district of two authorities", FRIMLEY, AFTER, "SL5 1AA", None),
        ("an authority of another area", FRIMLEY, AFTER, "M1 1AA", None),
        ("a district that a border cuts", FRIMLEY, AFTER, "GU12 1AA", None),
        ("no postcode", FRIMLEY, AFTER, None, None),
    ],
)
def test_the_code_that_is_valid_on_the_day(
    title: str, programme: str, on: date, postcode: str | None, code: str | None
) -> None:
    found = created(programme, on, postcode)
    assert found.area_code == code, title
    undecided = [one.known for one in found.eligibility.reasons if one.code == "area_undecided"]
    assert undecided == ([False] if code is None else []), title
    assert (found.eligibility.outcome == "review") >= (code is None)


def test_the_deprivation_fifth_is_the_postcode_s() -> None:
    found = created(CAMBRIDGESHIRE, AFTER, "CB1 1AA").equality.imd_quintile
    assert found == policy().places.postcodes.find("CB1 1AA").imd_quintile is not None
    assert created(CAMBRIDGESHIRE, AFTER, None).equality.imd_quintile is None


class Story:
    """One referral's state, folded after each step."""

    def __init__(self, data: ReferralCreated) -> None:
        self.sequence = 1
        self.state: Referral = evolve(None, Event("e", types.REFERRAL_CREATED, REFERRAL_ID, 1, data, NOW))

    def run(self, kind: str, data: Any, actor: str) -> Any:
        [draft] = decide(self.state, Command("c", kind, REFERRAL_ID, data, actor), policy=policy(), now=NOW)
        self.sequence += 1
        self.state = evolve(self.state, Event("e", draft.type, REFERRAL_ID, self.sequence, draft.data, NOW))
        return draft.data

    def decide(self, outcome: str, actor: str = "nurse-1", **more: Any) -> Any:
        said = {"outcome": outcome, "reasons": ["other"], "alternatives": ["gp"], **more}
        posted = DecisionPosted.model_validate_json(json.dumps(said))
        return self.run(DECIDE, DecideEligibility(posted=posted), actor)

    def contest(self, actor: str = "someone") -> Any:
        return self.run(CONTEST, ContestEligibility(posted=ContestPosted()), actor)

    def refused(self, *said: Any, **more: Any) -> tuple[int, set[tuple[str, str]]]:
        before = self.state
        with pytest.raises(Refused) as caught:
            self.decide(*said, **more)
        assert self.state == before
        return caught.value.status, {(one.code, one.pointer) for one in caught.value.reasons}


def test_whoever_decides_says_which_area_it_is() -> None:
    story = Story(created(FRIMLEY, AFTER, "SL5 1AA"))
    assert story.refused("eligible") == (422, {("area_required", "/area_code")})
    assert story.refused("eligible", area_code="QOP") == (422, {("area_not_offered", "/area_code")})
    event = story.decide("eligible", area_code="S0E4D")
    assert (event.area_code, event.change.area_code) == ("S0E4D", "S0E4D")
    assert story.state.common.area_code == "S0E4D", "later events carry it"
    assert [one.code for one in event.change.unmet if one.code == "area_undecided"] == ["area_undecided"]
    assert story.state.awaited is None


def test_who_is_not_eligible_needs_no_area() -> None:
    story = Story(created(FRIMLEY, AFTER, "SL5 1AA"))
    event = story.decide("not_eligible")
    assert (event.area_code, event.change.area_code) == (None, None)


@pytest.mark.parametrize(
    ("title", "first", "contested", "actor", "status"),
    [
        ("the first decision, by anybody", None, False, "nurse-1", None),
        ("a second one without a contest", "not_eligible", False, "nurse-2", 409),
        ("eligible is not decided twice", "eligible", False, "nurse-2", 409),
        ("a contest, decided by the same", "not_eligible", True, "nurse-1", 409),
        ("a contest, decided by another", "not_eligible", True, "nurse-2", None),
    ],
)
@pytest.mark.parametrize("outcome", list(EligibilityDecision))
def test_who_decides_when(
    title: str, first: str | None, contested: bool, actor: str, status: int | None, outcome: EligibilityDecision
) -> None:
    story = Story(created(CAMBRIDGESHIRE, AFTER, "CB1 1AA", wants_to_work=None))
    if first is not None:
        story.decide(first)
    if contested:
        story.contest()
    if status is not None:
        assert story.refused(outcome, actor)[0] == status, title
        return
    event = story.decide(outcome, actor)
    assert (event.change.outcome, event.change.contested, event.change.by) == (outcome, contested, actor), title
    assert (story.state.decided, story.state.awaited) == (outcome, None)


def test_a_second_contest_is_decided_by_a_third_person() -> None:
    story = Story(created(CAMBRIDGESHIRE, AFTER, "CB1 1AA", wants_to_work=None))
    story.decide("not_eligible", "nurse-1")
    story.contest()
    story.decide("not_eligible", "nurse-2")
    story.contest()
    assert story.state.awaited is not None
    assert (story.state.awaited.cause, story.state.awaited.not_by) == (ReviewCause.CONTEST, ("nurse-1", "nurse-2"))
    for actor in ("nurse-1", "nurse-2"):
        assert story.refused("eligible", actor) == (409, {("another_person_needed", "")})
    story.decide("eligible", "nurse-3")


@pytest.mark.parametrize("first", [None, "eligible", "contested"])
def test_only_a_decision_against_the_person_is_contested_and_once(first: str | None) -> None:
    story = Story(created(CAMBRIDGESHIRE, AFTER, "CB1 1AA", wants_to_work=None))
    if first is not None:
        story.decide("not_eligible" if first == "contested" else first)
    if first == "contested":
        event = story.contest()
        assert (event.change.by, event.change.reasons) == ("someone", ("not_stated",))
    with pytest.raises(Refused, match="nothing_to_contest"):
        story.contest()
