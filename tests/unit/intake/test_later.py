"""Later facts about a referral: an assessment, a withdrawal; what each may and may not do."""

import json
from datetime import date
from typing import Any

import pytest

from services.contracts import types
from services.contracts.assessment import Phq9
from services.contracts.referral import ReferralAssessed, ReferralWithdrawn
from services.intake.domain.posted import AssessmentAdded, WithdrawalPosted
from services.intake.domain.referral import ASSESS, WITHDRAW, AddAssessment, decide
from services.intake.domain.standing import Referral, evolve
from services.kernel.decision import Command, Event, Received, Refused
from tests.unit.intake.referrals import NOW, policy
from tests.unit.intake.test_derive import REFERRAL_ID, created


def event(kind: str, data: Any) -> Event:
    return Event("e", kind, REFERRAL_ID, 1, data, NOW)


def standing() -> Referral:
    return evolve(None, event(types.REFERRAL_CREATED, created()))


def command(kind: str, data: Any) -> Command:
    return Command(id="c", type=kind, key=REFERRAL_ID, data=data, actor="coach-1")


def assess(kind: str = "provider", **answers: Any) -> Command:
    posted = AssessmentAdded.model_validate_json(json.dumps({"assessment": answers}))
    return command(ASSESS, AddAssessment(posted=posted, organisation_kind=kind))


def withdraw(day: str | None = None) -> Command:
    posted = WithdrawalPosted.model_validate_json(json.dumps({"reason": "moved_away", "occurred_on": day}))
    return command(WITHDRAW, posted)


def run(state: Referral | None, cause: Any) -> Any:
    [draft] = decide(state, cause, policy=policy(), now=NOW)
    return draft.data


def test_answers_are_passed_on_with_who_and_when() -> None:
    data = run(standing(), assess(taken_on="2024-11-25", phq9={"score": 17}))
    assert isinstance(data, ReferralAssessed)
    assert (data.by, data.received_at, data.occurred_on) == ("coach-1", NOW, date(2024, 11, 25))
    assert data.sealed.assessment is not None
    assert data.sealed.assessment.content.phq9 == Phq9(score=17, item9=None)


@pytest.mark.parametrize(("taken_on", "occurred_on"), [(None, "2024-12-02"), ("2024-11-01", "2024-11-18")])
def test_a_fact_about_a_referral_is_not_older_than_it(taken_on: str | None, occurred_on: str) -> None:
    assert run(standing(), assess(taken_on=taken_on, gad7={"score": 3})).occurred_on.isoformat() == occurred_on


@pytest.mark.parametrize(
    ("cause", "codes"),
    [
        (assess("employer", gad7={"score": 3}), {"health_detail_not_accepted"}),
        (assess(), {"assessment_empty"}),
        (assess(taken_on="2024-12-03"), {"assessment_empty", "date_in_future"}),
        (assess(phq9={"score": 1, "item9": 3}), {"item9_exceeds_score"}),
        (withdraw("2024-12-03"), {"date_in_future"}),
        (withdraw("2024-11-17"), {"before_referral"}),
    ],
)
def test_impossible_input_is_refused_with_every_reason(cause: Command, codes: set[str]) -> None:
    with pytest.raises(Refused) as caught:
        decide(standing(), cause, policy=policy(), now=NOW)
    assert caught.value.status == 422
    assert {reason.code for reason in caught.value.reasons} == codes


@pytest.mark.parametrize("channel", ["phone", None])
def test_a_withdrawal_says_how_it_was_said(channel: str | None) -> None:
    posted = WithdrawalPosted.model_validate_json(json.dumps({"reason": "moved_away", "channel": channel}))
    assert run(standing(), command(WITHDRAW, posted)).change.channel == channel


def test_after_a_withdrawal_nothing_is_added() -> None:
    data = run(standing(), withdraw())
    assert isinstance(data, ReferralWithdrawn)
    assert data.change.reason == "moved_away"
    ended = evolve(standing(), event(types.REFERRAL_WITHDRAWN, data))
    for cause in (withdraw(), assess(gad7={"score": 3})):
        with pytest.raises(Refused) as caught:
            decide(ended, cause, policy=policy(), now=NOW)
        assert (caught.value.status, caught.value.reasons[0].code) == (409, "referral_withdrawn")


def test_an_unknown_referral_is_404() -> None:
    with pytest.raises(Refused) as caught:
        decide(None, withdraw(), policy=policy(), now=NOW)
    assert caught.value.status == 404


def test_other_services_events_change_nothing() -> None:
    cause = Received("e", types.TRIAGE_COMPLETED, REFERRAL_ID, None, NOW, 1)
    for state in (None, standing()):
        assert decide(state, cause, policy=policy(), now=NOW) == []


def test_a_command_of_another_kind_is_a_bug() -> None:
    with pytest.raises(TypeError, match="no command"):
        decide(standing(), command("referral.paint", object()), policy=policy(), now=NOW)
