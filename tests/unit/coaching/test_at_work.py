"""Employers, fit notes and a handover: what each needs, and what of it may stand in an event."""

from typing import Any

import pytest

from services.kernel.decision import Refused
from tests.unit.coaching.desk import GIVEN, Desk, day, desk, refusal

TALK: dict[str, Any] = {"channel": "phone", "employer": "employer-1", "role": "line_manager"}
EARLY_HELP: dict[str, Any] = {"programme": "working-well-early-help", "channel": "phone"}


def consenting(**said: Any) -> Desk:
    made = desk("active")
    made.ask("consent_changed", day(3), consent="share_with_employer", **{"given": True, **said})
    return made


@pytest.mark.parametrize(
    ("title", "on", "allowed"),
    [("before it was given", 2, False), ("on its day", 3, True), ("later", 9, True)],
)
def test_the_day_of_the_conversation_counts(title: str, on: int, allowed: bool) -> None:
    made = consenting()
    if allowed:
        [event] = made.ask("employer_contacted", day(on), **TALK)
        latest = event.data.plan.latest.employer
        assert latest is not None
        assert (latest.on, event.data.plan.counters.employer_contacts) == (day(on), 1)
    else:
        assert refusal(made, "employer_contacted", day(on), **TALK) == (
            409,
            [("employer_consent_missing", "/occurred_on")],
        )


@pytest.mark.parametrize("role", ["owner", "own_business"])
def test_small_employers_and_the_self_employed_need_it_too(role: str) -> None:
    small = {**TALK, "role": role, "size": "micro"}
    status, reasons = refusal(desk("active"), "employer_contacted", **small)
    assert (status, reasons) == (409, [("employer_consent_missing", "/occurred_on")])
    assert consenting().ask("employer_contacted", day(3), **small)


def test_after_a_withdrawal_nothing_is_recorded_whatever_its_day() -> None:
    made = consenting()
    made.ask("consent_changed", day(8), consent="share_with_employer", given=False)
    assert refusal(made, "employer_contacted", day(9), **TALK)[1] == [("employer_consent_missing", "/occurred_on")]
    assert refusal(made, "employer_contacted", day(5), **TALK)[1] == [("employer_consent_missing", "/occurred_on")]


def test_the_next_conversation_is_later() -> None:
    made = consenting()
    assert refusal(made, "employer_contacted", day(4), **TALK, next_on=day(4)) == (
        422,
        [("next_not_later", "/next_on")],
    )


NOTE: dict[str, Any] = {"fitness": "may_be_fit", "from_on": day(-14), "to_on": day(13), "issuer": "nurse"}


@pytest.mark.parametrize(
    ("title", "changed", "reasons"),
    [
        ("ends before it begins", {"to_on": day(-15)}, [("ends_before_it_begins", "/fit_note/to_on")]),
        (
            "not fit, with a tick",
            {"fitness": "not_fit", "adjustments": ("phased_return",)},
            [("ticks_without_may_be_fit", "/fit_note/adjustments")],
        ),
        ("equipment is no tick", {"adjustments": ("equipment",)}, [("not_a_tick", "/fit_note/adjustments/0")]),
    ],
)
def test_what_no_fit_note_can_say(title: str, changed: dict[str, Any], reasons: list[tuple[str, str]]) -> None:
    assert refusal(desk("active"), "fit_note_recorded", fit_note={**NOTE, **changed}) == (422, reasons)


def test_a_fit_note_leaves_sealed_and_the_snapshot_says_only_that_one_was_seen() -> None:
    made = desk("active")
    made.ask("fit_note_recorded", day(2), fit_note={**NOTE, "adjustments": ("amended_duties",)})
    assert (made.state.plan.latest.fit_note_on, made.state.plan.counters.fit_notes) == (day(2), 1)
    for word in (b"amended_duties", b"nurse", b"may_be_fit", str(day(13)).encode()):
        assert word not in made.bytes[-1]


def test_which_health_condition_is_a_barrier_leaves_sealed() -> None:
    made = desk("active")
    made.ask("barrier_changed", state="open", health="ptsd")
    assert b"ptsd" not in made.bytes[-1]
    [barrier] = made.state.plan.barriers
    assert (barrier.area, barrier.barrier, barrier.workplace) == ("health", None, None)


def test_a_handover_closes_the_plan_with_its_code_and_it_stays_closed() -> None:
    made = desk("active")
    [event] = made.ask("handed_over", day(10), **EARLY_HELP)
    plan = event.data.plan
    assert (event.data.state, plan.closure, plan.closed_on, plan.handed_over_to) == (
        "closed",
        "13",
        day(10),
        "working-well-early-help",
    )
    assert plan.outcomes_until is not None
    made.ask("work_status_confirmed", day(20), work={"status": "employed", "attendance": "working"})
    assert refusal(made, "reopened", day(12), reason="closed_in_error") == (409, [("plan_handed_over", "")])


@pytest.mark.parametrize(
    ("title", "fields", "code", "pointer"),
    [
        ("to itself", {"programme": "workwell-greater-manchester"}, "same_programme", "/programme"),
        ("to nobody", {"programme": "no-such-thing"}, "programme_not_open", "/programme"),
        ("to a programme for employers", {"programme": "working-well-in-work"}, "programme_not_open", "/programme"),
        ("to a place it has not", {"locality": "manchester"}, "locality_unknown", "/locality"),
        ("to a provider it has not", {"provider": "growth-company"}, "provider_not_offered", "/provider"),
    ],
)
def test_nobody_is_handed_over_to_where_they_cannot_go(
    title: str, fields: dict[str, Any], code: str, pointer: str
) -> None:
    assert refusal(desk("active"), "handed_over", **{**EARLY_HELP, **fields}) == (422, [(code, pointer)])


def test_nobody_is_handed_over_while_triage_holds() -> None:
    made = desk("active")
    made.triage("held", 2)
    assert refusal(made, "handed_over", **EARLY_HELP) == (409, [("on_hold", "")])


def test_what_a_person_needs_in_order_to_read_travels_with_the_plan() -> None:
    made = Desk()
    made.triage(
        language="ur",
        formats=("large_print",),
        consents={"take_part": GIVEN} | dict.fromkeys(("share_with_gp", "share_with_employer")),
    )
    assert (made.state.plan.language, made.state.plan.formats) == ("ur", ("large_print",))


def test_of_an_erased_person_no_health_detail_can_be_recorded() -> None:
    made = desk("active")
    made.keys.erased.add(made.person)
    with pytest.raises(Refused, match="person_erased"):
        made.ask("fit_note_recorded", fit_note=NOTE)
