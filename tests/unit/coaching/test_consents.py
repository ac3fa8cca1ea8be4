"""Consents that come late, by whichever way: the word about the latest day stands."""

from typing import Any

import pytest

from services.coaching.domain.in_codes import _CHANGE
from services.coaching.domain.reissue import reissue
from services.contracts.consent import NotPermitted
from services.contracts.plan_codes import PlanState
from tests.unit.coaching.desk import ORIGIN, REFERRED_ON, Desk, day, desk


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
    assert consents(made).take_part.on == REFERRED_ON


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
