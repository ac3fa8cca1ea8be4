"""What is recorded of a plan over time, over HTTP: health detail only for its coach, and gone with the person's key."""

from typing import Any

from tests.integration.coaching.world import PLAN, Desk, Triage, codes
from tests.parts.contents import contents
from tests.parts.databases import Database
from tests.parts.keys import MadeKeys
from tests.unit.coaching.desk import FIRST_STEPS, GOAL, PERSON

NOTE = {"fitness": "may_be_fit", "adjustments": ["altered_hours"], "issuer": "physiotherapist"}


async def agreed(ada: Desk, triage: Triage) -> None:
    await triage(PLAN)
    await ada.ask("recommendation_confirmed", revision=1)
    assert (await ada.ask("plan_agreed", goals=[GOAL], steps=[*FIRST_STEPS])).status_code == 200


async def done(ada: Desk, kind: str, **fields: Any) -> None:
    answer = await ada.ask(kind, **fields)
    assert answer.status_code == 200, answer.text


async def test_everything_is_shown_in_the_order_of_its_days(ada: Desk, triage: Triage) -> None:
    await agreed(ada, triage)
    await done(ada, "barrier_changed", state="open", health="back_pain")
    await done(ada, "barrier_changed", state="open", workplace="relationships")
    await done(ada, "barrier_changed", barrier_id="barrier-1", state="eased", occurred_on="2024-11-20")
    await done(ada, "booking_changed", step_id="step-1", booking="booked", booked_for="2024-11-25")
    await done(ada, "booking_changed", step_id="step-1", booking="missed", occurred_on="2024-11-25")
    await done(ada, "adjustment_changed", adjustment="equipment", state="proposed", review_on="2024-12-02")
    await done(ada, "fit_note_recorded", fit_note={**NOTE, "from_on": "2024-11-25", "to_on": "2024-12-08"})
    await done(ada, "fit_note_recorded", fit_note={**NOTE, "from_on": "2024-11-04", "to_on": "2024-11-17"})
    scores = [{"tool": "phq9", "earlier": 16, "later": 9}, {"tool": "wsas", "earlier": 20, "later": 18}]
    await done(ada, "review_completed", scores=scores)
    work = {"status": "employed", "attendance": "working"}
    await done(ada, "work_status_changed", work=work, weekly_hours=20, pay_band="from_15k")
    found = (await ada.get(f"/plans/{PLAN}/record")).json()
    assert [(one["barrier_id"], one["state"], one["area"], one["health"]) for one in found["barriers"]] == [
        ("barrier-1", "open", "health", "back_pain"),
        ("barrier-2", "open", "workplace", None),
        ("barrier-1", "eased", "health", None),
    ]
    assert [(one["booking"], one["booked_for"]) for one in found["bookings"]] == [
        ("booked", "2024-11-25"),
        ("missed", None),
    ]
    assert found["fit_note_findings"] == [{"finding": "gap", "from_on": "2024-11-18", "to_on": "2024-11-24"}]
    assert [one["fit_note"]["issuer"] for one in found["fit_notes"]] == ["physiotherapist"] * 2
    [review] = found["reviews"]
    assert review["reliable_improvement"] is True
    assert [(one["earlier_band"], one["later_band"]) for one in review["scores"]] == [
        ("moderately_severe", "mild"),
        ("significant", "significant"),
    ]
    assert [one["reliable_improvement"] for one in review["scores"]] == [True, None]
    assert found["work_at_referral"]["attendance"] == "off_sick"
    [now] = found["work"]
    assert (now["work"], now["weekly_hours"], now["pay_band"], now["confirmed"]) == (work, 20, "from_15k", False)
    plan = (await ada.get(f"/plans/{PLAN}")).json()
    assert (plan["blocked"], plan["ready"]) == ({"step-2": ["step-1"]}, ["step-1"])
    assert plan["plan"]["steps"][0]["booking"]["state"] == "missed"


async def test_what_was_taken_back_is_shown_as_such_and_counts_for_nothing(ada: Desk, triage: Triage) -> None:
    await agreed(ada, triage)
    await done(ada, "fit_note_recorded", fit_note={**NOTE, "from_on": "2024-11-04", "to_on": "2024-11-17"})
    await done(ada, "fit_note_recorded", fit_note={**NOTE, "from_on": "2024-12-25", "to_on": "2024-12-31"})
    await done(ada, "review_completed", reliable_improvement=True)
    plan = (await ada.get(f"/plans/{PLAN}")).json()
    facts = [one for one in plan["facts"] if one["kind"] != "plan_agreed"]
    assert [one["kind"] for one in facts] == ["fit_note_recorded", "fit_note_recorded", "review_completed"]
    assert "corrected" in plan["moves"]
    for fact in facts[1:]:
        await done(ada, "corrected", refers_to=fact["plan_version"], reason="wrong_person")
    found = (await ada.get(f"/plans/{PLAN}/record")).json()
    last = plan["plan_version"] + 2
    assert [one["taken_back_in"] for one in found["fit_notes"]] == [None, last - 1]
    assert [one["taken_back_in"] for one in found["reviews"]] == [last]
    assert found["fit_note_findings"] == [], "a gap would follow from the second"
    again = await ada.ask("corrected", refers_to=facts[1]["plan_version"], reason="entered_twice")
    assert (again.status_code, codes(again)) == (409, ["nothing_to_take_back"])


async def test_no_health_detail_rests_in_clear_and_none_outlives_the_key(
    ada: Desk, triage: Triage, coaching: Database, keys: MadeKeys
) -> None:
    await agreed(ada, triage)
    await done(ada, "barrier_changed", state="open", health="severe_mental_illness")
    await done(ada, "fit_note_recorded", fit_note={**NOTE, "from_on": "2024-11-04", "to_on": "2024-11-17"})
    await done(ada, "review_completed", scores=[{"tool": "gad7", "earlier": 17, "later": 11}])
    at_rest = "".join(contents(coaching).values())
    assert "barrier_changed" in at_rest
    for word in ("severe_mental_illness", "altered_hours", "physiotherapist", "gad7", "2024-11-04"):
        assert word not in at_rest, word
    keys.erased.add(PERSON)
    found = (await ada.get(f"/plans/{PLAN}/record")).json()
    assert [one["health"] for one in found["barriers"]] == [None]
    assert [one["fit_note"] for one in found["fit_notes"]] == [None]
    assert [one["scores"] for one in found["reviews"]] == [None]
    assert found["reviews"][0]["reliable_improvement"] is True


async def test_an_employer_is_spoken_to_only_under_the_third_consent(ada: Desk, triage: Triage) -> None:
    await agreed(ada, triage)
    said = {"channel": "phone", "employer": "employer-1", "role": "owner", "size": "micro", "note": "they were kind"}
    refused = await ada.ask("employer_contacted", **said)
    assert (refused.status_code, codes(refused)) == (409, ["employer_consent_missing"])
    await done(ada, "consent_changed", consent="share_with_employer", given=True, channel="phone")
    await done(ada, "employer_contacted", **said, agreed=["travel"], next_on="2024-12-02")
    [one] = (await ada.get(f"/plans/{PLAN}/record")).json()["employers"]
    assert (one["size"], one["agreed"], one["next_on"]) == ("micro", ["travel"], "2024-12-02")
    assert [note["text"] for note in (await ada.get(f"/plans/{PLAN}/notes")).json()] == ["they were kind"]


async def test_another_coach_reads_no_record(ada: Desk, ben: Desk, triage: Triage) -> None:
    await agreed(ada, triage)
    assert (await ben.get(f"/plans/{PLAN}/record")).status_code == 404
