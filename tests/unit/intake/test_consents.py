"""Consents after the referral: what may be said, what follows, and which facts stay."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from services.contracts import types
from services.contracts.codes import Channel, ConsentKind
from services.contracts.plan import PlanUpdated
from services.contracts.referral import ReferralConsentChanged, ReferralWithdrawn
from services.intake.domain.audience import Employer, Informed, audience
from services.intake.domain.consent import GIVE, WITHDRAW, ChangeConsents, consent_facts
from services.intake.domain.posted import WithdrawalPosted
from services.intake.domain.referral import WITHDRAW as TAKE_BACK
from services.intake.domain.referral import decide
from services.intake.domain.standing import Referral, evolve
from services.intake.domain.status import Fact, Status, received
from services.intake.referrals.examples import CONSENT_EXAMPLES
from services.intake.referrals.reading import read_consents
from services.kernel.decision import Command, Event, Refused
from tests.unit.intake.referrals import NOW, policy
from tests.unit.intake.test_derive import REFERRAL_ID, created
from tests.unit.intake.test_later import command, event, standing

EXAMPLES = Path(__file__).parents[3] / "schemas" / "events" / "plan.updated" / "examples" / "0.1"
REFERRED_ON = date(2024, 11, 18)
ID = "00000000-0000-5000-8000-000000000001"


def read(said: Any, kind: str = "provider") -> Any:
    return read_consents(json.dumps(said).encode(), organisation_kind=kind, referred_on=REFERRED_ON, now=NOW)


def say(kind: str = "provider", since: date | None = REFERRED_ON, **said: Any) -> Command:
    data = ChangeConsents(posted=read({"consents": said}), organisation_kind=kind, takes_part_since=since)
    return command(data.command, data)


def said(given: bool, on: str | None = "2024-11-25") -> dict[str, Any]:
    return {"given": given, "on": on, "channel": "phone"}


def run(state: Referral, cause: Command) -> list[Any]:
    return [draft.data for draft in decide(state, cause, policy=policy(), now=NOW)]


def withdrawn() -> Referral:
    posted = WithdrawalPosted.model_validate_json('{"reason": "moved_away"}')
    [draft] = decide(standing(), command(TAKE_BACK, posted), policy=policy(), now=NOW)
    return evolve(standing(), event(types.REFERRAL_WITHDRAWN, draft.data))


def test_each_consent_that_changed_is_an_event_with_who_and_when() -> None:
    first, second = run(standing(), say(share_with_gp=said(False), share_with_employer=said(True, None)))
    assert isinstance(first, ReferralConsentChanged)
    assert isinstance(second, ReferralConsentChanged)
    assert (first.change.consent, first.change.given, first.occurred_on) == ("share_with_gp", False, date(2024, 11, 25))
    assert (first.change.by, first.change.channel, first.received_at) == ("coach-1", Channel.PHONE, NOW)
    assert (second.change.given, second.occurred_on) == (True, NOW.date()), "no day said is today"


def test_without_consent_to_take_part_the_referral_is_taken_back_last() -> None:
    drafts = run(standing(), say(take_part=said(False), share_with_gp=said(False, "2024-12-01")))
    assert [type(data) for data in drafts] == [ReferralConsentChanged, ReferralConsentChanged, ReferralWithdrawn]
    assert [data.change.consent for data in drafts[:2]] == ["share_with_gp", "take_part"]
    assert (drafts[2].change.reason, drafts[2].occurred_on) == ("consent_withdrawn", date(2024, 11, 25))
    assert drafts[2].change.channel == drafts[1].change.channel is not None


@pytest.mark.parametrize(
    ("on", "since", "taken_back"),
    [("2024-11-25", date(2024, 11, 25), True), ("2024-11-25", date(2024, 11, 26), False), ("2024-11-25", None, True)],
)
def test_a_withdrawal_that_came_late_takes_nothing_back_that_was_given_again(
    on: str, since: date | None, taken_back: bool
) -> None:
    drafts = run(standing(), say(since=since, take_part=said(False, on)))
    assert [isinstance(data, ReferralWithdrawn) for data in drafts] == [False, True][: 1 + taken_back]


def test_a_withdrawal_of_consent_is_always_accepted_a_consent_to_what_has_ended_is_not() -> None:
    ended = withdrawn()
    [fact] = run(ended, say(take_part=said(False)))
    assert isinstance(fact, ReferralConsentChanged)
    assert evolve(ended, event(types.REFERRAL_CONSENT_CHANGED, fact)) == ended
    with pytest.raises(Refused) as caught:
        run(ended, say(share_with_gp=said(True), share_with_employer=said(False)))
    assert (caught.value.status, caught.value.reasons[0].code) == (409, "referral_withdrawn")


def test_only_what_gives_is_stopped_by_a_restriction() -> None:
    assert say(share_with_gp=said(False), take_part=said(False)).type == WITHDRAW
    assert say(share_with_gp=said(False), take_part=said(True)).type == GIVE


def faults(said: Any, kind: str = "provider") -> set[tuple[str, str]]:
    with pytest.raises(Refused) as caught:
        read(said, kind)
    assert caught.value.status == 422
    return {(reason.code, reason.pointer) for reason in caught.value.reasons}


def test_everything_that_is_wrong_is_told_at_once() -> None:
    wrong = {
        "take_part": {"given": "no", "on": "2024-12-03"},
        "share_with_gp": {"given": True, "on": "2024-11-17", "channel": "pigeon"},
        "share_with_employer": {"on": "2024-12-01"},
        "share_with_aunt": {"given": True},
    }
    assert faults({"consents": wrong, "reason": "x"}) == {
        ("wrong_type", "/consents/take_part/given"),
        ("date_in_future", "/consents/take_part/on"),
        ("before_referral", "/consents/share_with_gp/on"),
        ("unknown_code", "/consents/share_with_gp/channel"),
        ("required", "/consents/share_with_employer/given"),
        ("unknown_field", "/consents/share_with_aunt"),
        ("unknown_field", "/reason"),
    }


@pytest.mark.parametrize("body", [{}, {"consents": None}, [], None])
def test_what_holds_no_consents_is_refused(body: Any) -> None:
    assert faults(body)


@pytest.mark.parametrize("consents", [{}, {"take_part": None, "share_with_gp": None}])
def test_nothing_said_is_refused(consents: dict[str, Any]) -> None:
    assert faults({"consents": consents}) == {("consents_empty", "/consents")}


def test_an_employer_passes_on_a_withdrawal_and_no_consent() -> None:
    wish = {"consents": {"take_part": said(False), "share_with_employer": said(True), "share_with_gp": said(True)}}
    assert faults(wish, "employer") == {
        ("consent_not_accepted", "/consents/share_with_employer/given"),
        ("consent_not_accepted", "/consents/share_with_gp/given"),
    }
    data = ChangeConsents(posted=read(wish), organisation_kind="employer")
    with pytest.raises(Refused):
        run(standing(), command(data.command, data))
    assert len(run(standing(), say("employer", share_with_gp=said(False)))) == 1


def test_the_examples_of_the_document_are_read() -> None:
    for example in CONSENT_EXAMPLES.values():
        assert read(example["value"]).consents.share_with_employer is not None


def test_the_facts_of_a_referral_and_of_what_changed() -> None:
    first = consent_facts(ID, NOW, created())
    assert [(f.kind, f.given, f.on, f.by, f.source) for f in first] == [
        ("take_part", True, REFERRED_ON, None, ID),
        ("share_with_gp", True, REFERRED_ON, None, ID),
        ("share_with_employer", False, REFERRED_ON, None, ID),
    ]
    [changed] = run(standing(), say(share_with_gp=said(False)))
    [fact] = consent_facts(ID, NOW, changed)
    assert (fact.kind, fact.given, fact.on, fact.by) == (
        ConsentKind.SHARE_WITH_GP,
        False,
        date(2024, 11, 25),
        "coach-1",
    )
    assert fact.recorded_at == changed.received_at


def plan_updated(**change: Any) -> PlanUpdated:
    found = json.loads((EXAMPLES / "consent_changed.pass.json").read_text())
    found["change"].update(change)
    return PlanUpdated.model_validate_json(json.dumps(found))


def test_a_coach_s_facts_are_kept_and_an_echo_of_intake_s_is_none() -> None:
    [fact] = consent_facts(ID, NOW, plan_updated(event_id=None))
    assert (fact.kind, fact.given, fact.by, fact.recorded_at) == ("share_with_gp", False, "coach-7f3a", NOW)
    assert consent_facts(ID, NOW, plan_updated(event_id="00000000-0000-5000-8000-000000000002")) == []
    other = json.loads((EXAMPLES / "closed.pass.json").read_text())
    assert consent_facts(ID, NOW, PlanUpdated.model_validate_json(json.dumps(other))) == []


@pytest.mark.parametrize(
    ("kind", "reader"),
    [
        ("nhs", Informed(full=True)),
        ("provider", Informed(full=True)),
        ("jobcentre", Informed(full=False)),
        ("community", Informed(full=False)),
        ("self", Informed(full=False)),
        ("employer", Employer()),
        ("Employer", Employer()),
        ("unheard-of", Employer()),
    ],
)
def test_whose_kind_is_not_known_is_told_as_little_as_an_employer(kind: str, reader: Any) -> None:
    assert audience(kind) == reader


def test_without_permission_a_referral_was_received_and_no_more() -> None:
    facts = [Fact(types.TOPIC_REFERRAL, 1, Status.RECEIVED, REFERRED_ON)]
    others = [Fact(types.TOPIC_PLAN, n, s, date(2024, 12, n)) for n, s in enumerate(Status, 1) if s != Status.RECEIVED]
    assert received([*facts, *others]) == received(facts)
    assert received(others) is None


def test_the_events_are_intake_s_own() -> None:
    drafts = decide(standing(), say(take_part=said(False)), policy=policy(), now=NOW)
    assert [draft.type for draft in drafts] == [types.REFERRAL_CONSENT_CHANGED, types.REFERRAL_WITHDRAWN]
    state = standing()
    for number, draft in enumerate(drafts, 2):
        state = evolve(state, Event("e", draft.type, REFERRAL_ID, number, draft.data, NOW))
    assert state.withdrawn
