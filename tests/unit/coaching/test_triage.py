"""What coaching does with what triage says."""

import json
from typing import Any

import pytest

from services.contracts import types
from services.contracts.plan_codes import PlanState
from services.kernel.decision import PolicyMissing, Received
from services.kernel.sealing.tokens import open_token
from tests.parts.keys import key_of
from tests.unit.coaching.desk import FINDINGS, NOW, ORIGIN, PERSON, REFERRAL, REFERRED_ON, SERVICE, Desk, day, desk


@pytest.mark.parametrize("outcome", ["held", "not_eligible"])
def test_a_first_revision_that_recommends_nothing_makes_no_plan(outcome: str) -> None:
    made = Desk()
    assert made.triage(outcome) == []
    assert made.acknowledge(1) == []
    assert made.relay("withdrawn", reason="changed_mind", channel=None) == []
    assert made.aggregate.state is None


def test_a_recommendation_after_a_hold_makes_a_plan_that_is_not_held() -> None:
    made = Desk()
    made.triage("held")
    made.acknowledge(1)
    [event] = made.triage(revision=2)
    assert (made.state.state, made.state.plan_version, made.state.plan.held) == (PlanState.PROPOSED, 1, False)
    assert event.data.change.sealed.findings.content == FINDINGS
    assert event.policy is not None
    assert event.policy.id == "workwell-greater-manchester"


@pytest.mark.parametrize("erased", [False, True])
def test_what_triage_sealed_is_passed_on_and_kept_as_it_came(erased: bool) -> None:
    """Nothing is opened for it, so it goes on when there is no key any more."""
    made = Desk()
    if erased:
        made.keys.erased.add(PERSON)
    [event] = made.triage()
    token = event.data.change.sealed.findings.token
    assert token is not None
    assert token.encode() in made.bytes[-1]
    [kept] = [row for name, row in made.rows if name == "plan_recommendation"]
    assert json.loads(kept[-1]) == {"findings": token, "assessment": None}
    assert open_token(token, key_of(PERSON), "findings", {PERSON}) == FINDINGS.model_dump(mode="json")


def test_a_recommendation_that_nobody_confirmed_is_replaced() -> None:
    made = desk("proposed")
    made.triage(revision=2, package=({"support": "gp", "intensity": None, "after": ()},))
    assert made.state.plan.proposal is not None
    assert [item.support for item in made.state.plan.proposal.package] == ["gp"]
    assert made.state.plan.package == ()


def test_a_later_one_is_a_proposal_on_a_confirmed_plan() -> None:
    made = desk("active")
    before = made.state.plan
    made.triage(revision=2, package=({"support": "gp", "intensity": None, "after": ()},))
    plan = made.state.plan
    assert (plan.package, plan.steps, plan.confirmed_revision) == (before.package, before.steps, 1)
    assert plan.proposal is not None
    assert plan.proposal.revision == 2
    made.ask("recommendation_confirmed", revision=2)
    assert [item.support for item in made.state.plan.package] == ["gp"]
    assert (made.state.plan.proposal, made.state.plan.confirmed_revision) == (None, 2)


def test_a_revision_seen_before_changes_nothing() -> None:
    made = desk("proposed")
    assert made.triage(revision=1) == []


def test_a_hold_ends_the_proposal_before_it() -> None:
    made = desk("active")
    made.triage(revision=2)
    made.triage("held", 3)
    assert (made.state.plan.proposal, made.state.plan.held, made.state.plan.held_revision) == (None, True, 3)


@pytest.mark.parametrize("state", ["proposed", "confirmed", "active", "paused", "closed"])
def test_a_hold_lasts_until_a_person_acknowledges_it_or_a_later_one(state: str) -> None:
    made = desk(state)
    made.triage("held", 2)
    made.triage("held", 3)
    assert made.acknowledge(2) == []
    made.triage(revision=4)
    assert made.state.plan.held
    [released] = made.acknowledge(4)
    assert (released.data.change.kind, released.data.change.revision, released.data.change.by) == (
        "hold_released",
        3,
        "nurse-1",
    )
    assert (made.state.plan.held, made.state.plan.held_revision) == (False, None)
    assert made.acknowledge(4) == []


def test_a_hold_on_a_closed_plan_is_there_when_it_is_reopened() -> None:
    made = desk("closed")
    made.triage("held", 2)
    made.ask("reopened", reason="person_returned")
    assert made.state.plan.held


def test_a_withdrawal_relayed_by_triage_ends_the_plan() -> None:
    made = desk("active")
    [event] = made.relay("withdrawn", on=day(9), reason="moved_away", channel=None)
    assert (event.data.change.reason, event.data.occurred_on, event.data.state) == ("moved_away", day(9), "withdrawn")
    assert made.triage(revision=2) == made.acknowledge(1) == made.relay("withdrawn", reason="died", channel=None) == []


def test_a_consent_relayed_by_triage_is_known() -> None:
    made = desk("active")
    made.relay("consent_changed", on=day(2), consent="share_with_employer", given=True, channel="phone")
    assert made.state.plan.consents is not None
    consent = made.state.plan.consents.share_with_employer
    assert consent is not None
    assert (consent.given, consent.on) == (True, day(2))


def test_an_eligibility_decision_comes_as_a_revision_not_as_a_relayed_fact() -> None:
    made = desk("proposed")
    said: dict[str, Any] = {"reasons": (), "unmet": (), "alternatives": (), "contested": False, "area_code": None}
    assert made.relay("eligibility_decided", by="nurse-1", outcome="not_eligible", **said) == []
    assert made.relay("eligibility_contested", reasons=(), unmet=(), channel=None) == []


def test_the_area_that_a_person_establishes_is_carried_from_then_on() -> None:
    made = desk("active")
    said = {"reasons": (), "unmet": (), "alternatives": (), "contested": False, "area_code": "S9B9J"}
    change = {"kind": "eligibility_decided", "by": "nurse-1", "outcome": "eligible", **said}
    [event] = made.hear(types.TRIAGE_RELAYED, area_code="S9B9J", change=change)
    assert (event.data.area_code, event.data.change.kind, event.data.change.fields) == (
        "S9B9J",
        "corrected",
        ("area_code",),
    )
    [later] = made.ask("acknowledged", day(4))
    assert later.data.area_code == "S9B9J"


OTHER = "00000000-0000-7000-8000-00000000000f"


@pytest.mark.parametrize("kind", ["eligibility_decided", "eligibility_contested"])
def test_a_referral_that_was_opened_again_beside_another_is_additional_from_then_on(kind: str) -> None:
    made = desk("active")
    before = made.state.plan.linked_referral
    change: dict[str, Any] = {"reasons": (), "unmet": (), "by": "nurse-1", "linked_referral": OTHER}
    if kind == "eligibility_decided":
        change |= {"outcome": "eligible", "alternatives": (), "contested": True, "area_code": None}
    else:
        change |= {"channel": None}
    [event] = made.hear(types.TRIAGE_RELAYED, change={"kind": kind, **change})
    assert (before, event.data.change.kind, event.data.plan.linked_referral) == (None, "corrected", OTHER)
    [later] = made.ask("acknowledged", day(4))
    assert later.data.plan.linked_referral == OTHER
    [again] = made.triage(revision=2, linked_referral=OTHER)
    assert again.data.plan.linked_referral == OTHER


def test_the_newest_common_fields_travel() -> None:
    made = desk("active")
    [event] = made.triage(revision=2, provider="big-life", contract="wwgm-manchester-big-life", occurred_on=day(3))
    assert (event.data.provider, event.data.contract, event.data.occurred_on) == (
        "big-life",
        "wwgm-manchester-big-life",
        day(3),
    )
    [later] = made.ask("acknowledged", day(4))
    assert (later.data.provider, later.data.referred_on) == ("big-life", REFERRED_ON)


def test_a_missing_programme_file_stops_instead_of_deciding_by_another() -> None:
    with pytest.raises(PolicyMissing, match=r"1999\.9"):
        desk("active").triage(revision=2, programme={"id": "workwell-greater-manchester", "version": "1999.9"})


def test_what_coaching_does_not_handle_is_a_bug() -> None:
    assert {types.TRIAGE_COMPLETED, types.TRIAGE_ACKNOWLEDGED, types.TRIAGE_RELAYED} == SERVICE.handles
    made = desk("active")
    with pytest.raises(TypeError, match="PlanUpdated"):
        made.apply(Received(ORIGIN, types.PLAN_UPDATED, REFERRAL, made.events[-1].data, NOW))
