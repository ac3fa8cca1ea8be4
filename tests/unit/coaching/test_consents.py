"""Consents that come late, by whichever way: the word about the latest day stands."""

from typing import Any

import pytest

from services.coaching.domain.consents import history
from services.coaching.domain.in_codes import _CHANGE
from services.coaching.domain.papers.letters import Letter, LetterState
from services.coaching.domain.papers.permitting import View, consent_missing
from services.coaching.domain.reissue import reissue
from services.contracts.consent import NotPermitted
from services.contracts.plan_codes import PlanState
from tests.unit.coaching.desk import NOW, ORIGIN, REFERRED_ON, Desk, day, desk, refusal


def consents(made: Desk) -> Any:
    return made.state.plan.consents


def test_an_event_says_whether_a_consent_came_from_intake_or_was_told_to_the_coach() -> None:
    made = desk("active")
    [relayed] = made.relay("consent_changed", on=day(2), consent="share_with_gp", given=False, channel=None)
    [asked] = made.ask("consent_changed", day(3), consent="share_with_gp", given=True)
    assert (relayed.data.change.event_id, asked.data.change.event_id) == (ORIGIN, None)
    again = reissue(asked, made.causes[-1].id)
    assert again.data.command == made.causes[-1].data.command


def test_a_withdrawal_that_was_overtaken_ends_no_plan() -> None:
    made = desk("active")
    made.ask("consent_changed", day(9), consent="take_part", given=True)
    [by_intake] = made.relay("consent_changed", on=day(5), consent="take_part", given=False, channel=None)
    [by_coach] = made.ask("consent_changed", day(5), consent="take_part", given=False)
    assert by_intake.data.state is by_coach.data.state is PlanState.ACTIVE
    assert (consents(made).take_part.given, consents(made).take_part.on) == (True, day(9))
    made.ask("consent_changed", day(9), consent="take_part", given=False)
    assert made.state.state is PlanState.WITHDRAWN


def test_a_late_consent_to_share_does_not_undo_its_withdrawal() -> None:
    made = desk("active")
    made.relay("consent_changed", on=day(9), consent="share_with_employer", given=False, channel=None)
    made.relay("consent_changed", on=day(5), consent="share_with_employer", given=True, channel="phone")
    assert consents(made).share_with_employer.given is False


def test_a_consent_known_to_be_older_counts_from_its_day() -> None:
    made = Desk()
    later = {"given": True, "on": day(9), "channel": "phone"}
    made.triage(consents={"take_part": later, "share_with_gp": None, "share_with_employer": None})
    made.ask("consent_changed", REFERRED_ON, consent="take_part", given=True)
    assert consents(made).take_part.stood_from == REFERRED_ON


def test_a_consent_that_is_said_again_does_not_take_away_what_it_stood_for() -> None:
    made = desk("agreed")
    made.ask("consent_changed", day(14), consent="take_part", given=True)
    made.ask("session_recorded", day(7), attendance="attended", minutes=30, channel="phone")
    assert made.state.plan.started_on == day(7)


def test_what_was_refused_between_stays_refused_whatever_is_said_of_before() -> None:
    made = desk("active")
    for on, given in ((3, True), (8, False), (12, True), (2, True)):
        made.ask("consent_changed", day(on), consent="share_with_employer", given=given)
    talk: dict[str, Any] = {"channel": "phone", "employer": "employer-1", "role": "owner"}
    assert refusal(made, "employer_contacted", day(9), **talk) == (409, [("employer_consent_missing", "/occurred_on")])
    assert made.ask("employer_contacted", day(12), **talk)


def test_a_letter_posted_after_a_withdrawal_was_not_allowed_whatever_is_said_later() -> None:
    made = desk("active")
    queued = Letter(ORIGIN, made.state.referral_id, View.GP, LetterState.QUEUED, None, day(1), NOW, day(1))
    for on, given in ((3, False), (10, True)):
        made.ask("consent_changed", day(on), consent="share_with_gp", given=given)
    known = history(made.state, NOW, queued.known_consents())
    missing = [consent_missing(View.GP, day(on), known) is not None for on in (2, 4, 10)]
    assert missing == [False, True, False]


def test_no_command_makes_a_contact_with_an_employer_without_its_permission() -> None:
    fields = {"kind": "employer_contacted", "by": "coach-1", "occurred_on": day(1), "channel": "phone"}
    fields |= {
        "employer": "employer-1",
        "size": None,
        "role": "owner",
        "agreed": (),
        "next_on": None,
        "note_digest": None,
    }
    with pytest.raises(NotPermitted):
        _CHANGE.validate_python(fields, strict=False)
