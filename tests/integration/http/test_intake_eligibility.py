"""Eligibility decided by named people, contested, corrected: over HTTP, and the whole way to the plan and back."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.intake.eligibility.examples import CONTEST_EXAMPLES, CORRECTION_EXAMPLES, ELIGIBLE, NOT_ELIGIBLE
from services.intake.referrals.examples import EMPLOYER_REFERRAL, GP_REFERRAL
from services.intake.service import build
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.replay.comparing import compare
from services.kernel.replay.folding import replay
from services.kernel.replay.history import History
from tests.integration.http.conftest import Ask, calling
from tests.integration.http.test_intake import (
    PROGRAMME,
    ask,
    changed,
    codes,
    employer,
    events,
    gp,
    intake,
    keys,
    post,
    settings,
    stored,
    token,
)
from tests.integration.http.test_intake_consents_downstream import Pathway, pathway
from tests.parts.keys import MadeKeys

__all__ = ["ask", "employer", "gp", "intake", "keys", "pathway", "settings", "stored"]

NOT_ASKED = changed(GP_REFERRAL, lambda b: b["eligibility_facts"].update(right_to_work=None))
CONTESTED = CONTEST_EXAMPLES["contest"]["value"]


@pytest.fixture
async def nurse(intake: FastAPI, issuer: DevIssuer) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(intake, token(issuer, "nhs", "P84001", "assessor", sub="nurse-1")) as client:
        yield client


@pytest.fixture
async def lead(intake: FastAPI, issuer: DevIssuer) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(intake, token(issuer, "provider", "big-life", "team_lead", sub="lead-1")) as client:
        yield client


async def made(client: httpx.AsyncClient, body: dict[str, Any] = NOT_ASKED) -> str:
    answer = await post(client, body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["referral_id"])


def here(referral_id: str, what: str) -> str:
    return f"/referrals/{referral_id}/{what}"


async def status(client: httpx.AsyncClient, referral_id: str) -> str:
    return str((await client.get(f"/referrals/{referral_id}")).json()["status"])


async def waiting(client: httpx.AsyncClient, **query: str) -> list[dict[str, Any]]:
    answer = await client.get("/eligibility-reviews", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


async def test_decided_contested_decided_anew_the_whole_way_to_the_plan(
    gp: httpx.AsyncClient, nurse: httpx.AsyncClient, lead: httpx.AsyncClient, pathway: Pathway, ask: Ask
) -> None:
    referral_id = await made(gp)
    await pathway.flow()
    triage = pathway.world.parts["triage"]
    assert pathway.plan(referral_id).state == "proposed", "triaged all the same"
    assert await status(gp, referral_id) == "eligibility_review"
    [row] = await waiting(nurse)
    assert (row["referral_id"], row["cause"], row["may_decide"]) == (referral_id, "rules", True)
    assert [(r["code"], r["known"], bool(r["text"])) for r in row["reasons"]] == [("no_right_to_work", False, True)]
    assert [a["code"] for a in row["alternatives"]] == ["working_well", "jobcentre_plus", "gp"]

    assert (await post(nurse, NOT_ELIGIBLE, here(referral_id, "eligibility-decision"))).status_code == 201
    assert await status(gp, referral_id) == "not_eligible", "told at once, before triage has heard of it"
    await pathway.flow()
    assert await status(gp, referral_id) == "not_eligible"
    assert triage.state(referral_id).decision.outcome == "not_eligible"
    assert pathway.plan(referral_id).plan.proposal.outcome == "not_eligible"
    assert await waiting(nurse) == []
    again = await post(nurse, ELIGIBLE, here(referral_id, "eligibility-decision"))
    assert (again.status_code, again.json()["code"]) == (409, "nothing_to_decide")

    contest = await post(gp, CONTESTED, here(referral_id, "contest"))
    assert (contest.status_code, contest.json()["status"]) == (201, "eligibility_review")
    assert await status(gp, referral_id) == "eligibility_review"
    await pathway.flow()
    assert triage.state(referral_id).decision.outcome == "recommended"
    [row] = await waiting(nurse)
    assert (row["cause"], row["may_decide"]) == ("contest", False)
    [row] = await waiting(lead)
    assert row["may_decide"] is True
    refused = await post(nurse, ELIGIBLE, here(referral_id, "eligibility-decision"))
    assert (refused.status_code, refused.json()["code"]) == (409, "another_person_needed")
    assert (await post(lead, ELIGIBLE, here(referral_id, "eligibility-decision"))).status_code == 201
    await pathway.flow()
    assert await status(gp, referral_id) == "triaged"
    pathway.coach(referral_id, "recommendation_confirmed", "2024-12-03", revision=3)
    assert pathway.world.refused == []
    assert pathway.plan(referral_id).state == "confirmed"

    told = [e["change"] for e in events(ask)[1:]]
    assert [(c["kind"], c.get("outcome"), c.get("contested")) for c in told] == [
        ("eligibility_decided", "not_eligible", False),
        ("eligibility_contested", None, None),
        ("eligibility_decided", "eligible", True),
    ]
    assert told[0]["alternatives"] == ["jobcentre_plus"]
    assert [c["unmet"] for c in told] == [[{"code": "no_right_to_work", "known": False}]] * 3
    assert [c["by"] for c in told] == ["nurse-1", "someone", "lead-1"]


async def test_the_list_says_who_waited_at_the_end_of_a_day_page_by_page(
    gp: httpx.AsyncClient, nurse: httpx.AsyncClient, ask: Ask
) -> None:
    ids = []
    for number, nhs in enumerate(("9990000018", "9990000026", "9990000034")):
        body = changed(NOT_ASKED, lambda b, n=number: b["referrer"].update(reference=f"R-{n}"))  # type: ignore[misc]
        body["person"]["nhs_number"] = nhs
        body["person"]["family_name"] = ("Alpha", "Bravo", "Charlie")[number]
        ids.append(await made(gp, body))
    first = await nurse.get("/eligibility-reviews", params={"limit": 2})
    assert [row["referral_id"] for row in first.json()] == ids[:2]
    following = first.links["next"]["url"]
    assert "as_of=" in following, "asked for tomorrow, it is still a page of today's list"
    second = await nurse.get(following)
    assert ([row["referral_id"] for row in second.json()], second.links) == (ids[2:], {})
    ask("UPDATE eligibility_review SET opened_on = opened_on - 9")
    await post(nurse, NOT_ELIGIBLE, here(ids[0], "eligibility-decision"))
    day = ask("SELECT opened_on + 5 FROM eligibility_review LIMIT 1")
    assert len(await waiting(nurse, as_of=day)) == 3, "on that day it was still awaited"
    assert [row["referral_id"] for row in await waiting(nurse)] == ids[1:]
    assert await waiting(nurse, as_of="2020-01-01") == []
    for cursor in ("x", "WyJ4IiwieSJd", "WyIyMDI0LTAxLTAxIiwieSJd"):
        assert (await nurse.get("/eligibility-reviews", params={"cursor": cursor})).status_code == 422


@pytest.mark.parametrize(
    ("title", "kind", "role", "programme", "expected"),
    [
        ("an assessor of an NHS organisation", "nhs", "assessor", PROGRAMME, 201),
        ("a coach of a provider", "provider", "coach", PROGRAMME, 201),
        ("a team lead of a provider", "provider", "team_lead", PROGRAMME, 201),
        ("a referrer", "nhs", "referrer", PROGRAMME, 403),
        ("clinical safety", "nhs", "clinical_safety", PROGRAMME, 403),
        ("an auditor", "provider", "auditor", PROGRAMME, 403),
        ("finance", "provider", "provider_finance", PROGRAMME, 403),
        ("a coach of an employer", "employer", "coach", PROGRAMME, 403),
        ("an assessor of a Jobcentre", "jobcentre", "assessor", PROGRAMME, 403),
        ("a coach of the community", "community", "coach", PROGRAMME, 403),
        ("a coach of another programme", "provider", "coach", "another", 404),
    ],
)
async def test_who_may_decide(
    gp: httpx.AsyncClient,
    intake: FastAPI,
    issuer: DevIssuer,
    title: str,
    kind: str,
    role: str,
    programme: str,
    expected: int,
) -> None:
    referral_id = await made(gp)
    async with calling(intake, token(issuer, kind, "someone-else", role, programme=programme)) as client:
        answer = await post(client, ELIGIBLE, here(referral_id, "eligibility-decision"))
        assert answer.status_code == expected, title
        listed = await client.get("/eligibility-reviews")
    allowed = expected in {201, 404} or role == "auditor"
    assert listed.status_code == (200 if allowed else 403), title


async def test_whoever_may_not_know_learns_nothing_from_a_contest(
    gp: httpx.AsyncClient, nurse: httpx.AsyncClient, employer: httpx.AsyncClient, ask: Ask
) -> None:
    unclear, clear = [
        changed(
            EMPLOYER_REFERRAL,
            lambda b, n=n: b["referrer"].update(reference=f"HR-{n}"),  # type: ignore[misc]
            lambda b, n=n: b["person"].update(family_name=f"Person{n}"),  # type: ignore[misc]
        )
        for n in (1, 2)
    ]
    unclear["eligibility_facts"] = {}
    ids = [await made(employer, body) for body in (unclear, clear)]
    assert (await post(nurse, NOT_ELIGIBLE, here(ids[0], "eligibility-decision"))).status_code == 201
    answers = [await post(employer, CONTESTED, here(one, "contest")) for one in ids]
    bodies = [{**a.json(), "referral_id": ""} for a in answers]
    assert [a.status_code for a in answers] == [201, 201]
    assert bodies[0] == bodies[1]
    assert {(await employer.get(f"/referrals/{one}")).json()["status"] for one in ids} == {"received"}
    kinds = ask("SELECT headers ->> 'type' FROM outbox WHERE key = '" + ids[1] + "'")
    assert "contested" not in kinds, "where there was nothing to contest, nothing is recorded"
    assert [row["cause"] for row in await waiting(nurse)] == ["contest"], "and where there was, somebody decides"


@pytest.mark.parametrize(
    ("title", "change", "told"),
    [
        ("no reason", {"reasons": []}, {("too_short", "/reasons")}),
        ("no such reason", {"reasons": ["because"]}, {("unknown_code", "/reasons/0"), ("too_short", "/reasons")}),
        ("no such alternative", {"alternatives": ["gp", "moon"]}, {("alternative_unknown", "/alternatives/1")}),
        ("sent away with nothing", {"alternatives": []}, {("alternative_required", "/alternatives")}),
        ("a day to come", {"occurred_on": "2094-01-01"}, {("date_in_future", "/occurred_on")}),
        ("before the referral", {"occurred_on": "2024-11-17"}, {("before_referral", "/occurred_on")}),
        ("an area where none is undecided", {"area_code": "QRV"}, {("area_established", "/area_code")}),
        ("no area at all", {"area_code": "nowhere"}, {("malformed", "/area_code")}),
        ("reasons that are no longer", {"unmet": ["under_16"]}, {("reasons_changed", "/unmet")}),
        ("a field that nobody knows", {"because": 1}, {("unknown_field", "/because")}),
        (
            "three at once",
            {"alternatives": ["moon"], "occurred_on": "2024-11-17", "area_code": "QRV"},
            {
                ("alternative_unknown", "/alternatives/0"),
                ("before_referral", "/occurred_on"),
                ("area_established", "/area_code"),
            },
        ),
    ],
)
async def test_what_no_decision_can_be(
    gp: httpx.AsyncClient, nurse: httpx.AsyncClient, title: str, change: dict[str, Any], told: set[tuple[str, str]]
) -> None:
    referral_id = await made(gp)
    answer = await post(nurse, {**NOT_ELIGIBLE, **change}, here(referral_id, "eligibility-decision"))
    assert answer.status_code in {409, 422}, title
    assert codes(answer) == told, title


async def test_nothing_is_decided_where_nothing_is_asked_or_all_has_ended(
    gp: httpx.AsyncClient, nurse: httpx.AsyncClient
) -> None:
    clear = await made(gp, GP_REFERRAL)
    for what, body, code in (
        ("eligibility-decision", NOT_ELIGIBLE, "nothing_to_decide"),
        ("contest", CONTESTED, "nothing_to_contest"),
        ("corrections", {"person": {"family_name": "Example"}}, "nothing_to_correct"),
        ("corrections", {}, "nothing_to_correct"),
    ):
        answer = await post(nurse, body, here(clear, what))
        assert (answer.status_code, answer.json()["code"]) == (409, code)
    assert (await post(gp, {"reason": "moved_away"}, here(clear, "withdrawal"))).status_code == 201
    for what, body in (("eligibility-decision", NOT_ELIGIBLE), ("corrections", {"asks": []})):
        answer = await post(nurse, body, here(clear, what))
        assert (answer.status_code, answer.json()["code"]) == (409, "referral_withdrawn")


async def test_a_withdrawal_ends_the_waiting(gp: httpx.AsyncClient, nurse: httpx.AsyncClient) -> None:
    referral_id = await made(gp)
    assert len(await waiting(nurse)) == 1
    await post(gp, {"reason": "moved_away"}, here(referral_id, "withdrawal"))
    assert await waiting(nurse) == []


async def test_a_correction_answers_the_question_and_triage_decides_again(
    gp: httpx.AsyncClient, nurse: httpx.AsyncClient, pathway: Pathway, ask: Ask
) -> None:
    referral_id = await made(gp)
    await pathway.flow()
    done = await post(gp, CORRECTION_EXAMPLES["asked"]["value"], here(referral_id, "corrections"))
    assert (done.status_code, done.json()["status"]) == (201, "accepted")
    assert await waiting(nurse) == []
    change = events(ask)[-1]["change"]
    assert change["fields"] == ["eligibility_facts.right_to_work"]
    assert change["eligibility"] == {"outcome": "eligible", "reasons": []}
    assert change["facts"] == events(ask)[0]["facts"], "what was not corrected stands"
    await pathway.flow()
    assert pathway.world.parts["triage"].state(referral_id).decision.revision == 2
    assert await status(gp, referral_id) == "triaged"


async def test_corrected_people_are_recognised_by_what_is_right(gp: httpx.AsyncClient, ask: Ask) -> None:
    referral_id = await made(gp, GP_REFERRAL)
    fixes = {"nhs_number": "9990000034", "family_name": "Exempla", "birth_date": "1994-05-01", "postcode": "ls11aa"}
    done = await post(gp, {"person": fixes, "work": {"weekly_hours": 20}}, here(referral_id, "corrections"))
    assert done.status_code == 201, done.text
    event = events(ask)[-1]
    assert (event["age_band"], event["change"]["facts"]["weekly_hours"]) == ("25-34", 20)
    assert event["change"]["facts"]["earnings_band"] is None
    text = json.dumps(event)
    assert not [said for said in ("9990000034", "Exempla", "1994", "LS1") if said in text]
    details = ask("SELECT nhs_number, family_name, birth_date, postcode, family_key FROM referral_details")
    assert details == "9990000034|Exempla|1994-05-01|LS1 1AA|exempla"
    assert ask("SELECT nhs_number FROM person") == "9990000034"
    again = changed(GP_REFERRAL, lambda b: b["referrer"].update(reference="GP-2"))
    again["person"] |= {**fixes, "postcode": "LS1 1AA"}
    assert (await post(gp, again)).status_code == 409, "the same person"
    before = changed(GP_REFERRAL, lambda b: b["referrer"].update(reference="GP-3"))
    assert (await post(gp, before)).status_code == 201, "who the details were first taken for is somebody else"


async def test_a_number_of_somebody_else_is_a_conflict_and_never_a_merge(
    gp: httpx.AsyncClient, employer: httpx.AsyncClient, ask: Ask
) -> None:
    await made(gp, GP_REFERRAL)
    other = await made(employer, EMPLOYER_REFERRAL)
    number = {"person": {"nhs_number": "9990000018"}}
    theirs = await post(employer, number, here(other, "corrections"))
    assert (theirs.status_code, codes(theirs)) == (422, {("nhs_number_not_accepted", "/person/nhs_number")})
    unknown = await post(employer, {"person": {"nhs_number": "9990000026"}}, here(other, "corrections"))
    assert {**theirs.json(), "request_id": ""} == {**unknown.json(), "request_id": ""}, "an employer learns nothing"


async def test_staff_are_told_of_the_conflict(
    gp: httpx.AsyncClient, employer: httpx.AsyncClient, lead: httpx.AsyncClient, ask: Ask
) -> None:
    await made(gp, GP_REFERRAL)
    other = await made(employer, EMPLOYER_REFERRAL)
    answer = await post(lead, {"person": {"nhs_number": "9990000018"}}, here(other, "corrections"))
    assert (answer.status_code, codes(answer)) == (409, {("nhs_number_of_another", "/person/nhs_number")})
    assert ask("SELECT count(*), count(nhs_number) FROM person") == "2|1"
    fine = await post(lead, {"person": {"nhs_number": "9990000026"}}, here(other, "corrections"))
    assert fine.status_code == 201
    assert sorted(ask("SELECT nhs_number FROM person").split()) == ["9990000018", "9990000026"]
    gone = await post(lead, {"person": {"nhs_number": None}}, here(other, "corrections"))
    assert gone.status_code == 201
    assert ask("SELECT count(*), count(nhs_number) FROM person") == "2|1"


async def test_a_number_that_the_person_has_under_another_pseudonym_is_no_conflict(
    gp: httpx.AsyncClient, employer: httpx.AsyncClient, lead: httpx.AsyncClient, ask: Ask
) -> None:
    first = await made(gp, GP_REFERRAL)
    other = await made(employer, EMPLOYER_REFERRAL)
    person = {one: ask(f"SELECT person_id FROM referral WHERE referral_id = '{one}'") for one in (first, other)}
    ask(f"UPDATE person SET survivor = '{person[other]}' WHERE person_id = '{person[first]}'")
    answer = await post(lead, {"person": {"nhs_number": "9990000018"}}, here(other, "corrections"))
    assert answer.status_code == 201, answer.text
    assert ask("SELECT count(nhs_number) FROM person") == "1", "it is written once"


@pytest.mark.parametrize(
    ("title", "body", "told"),
    [
        ("a name cannot be unknown", {"person": {"family_name": None}}, {("required", "/person/family_name")}),
        ("nor the work status", {"work": {"status": None}}, {("required", "/work/status")}),
        ("born too late", {"person": {"birth_date": "2024-11-19"}}, {("born_after_referral", "/person/birth_date")}),
        ("half of it", {"work": {"status": "unemployed"}}, {("attendance_without_work", "/work/attendance")}),
        ("no such field", {"person": {"nickname": "A"}}, {("unknown_field", "/person/nickname")}),
        ("not before the referral", {"asks": [], "occurred_on": "2024-11-17"}, {("before_referral", "/occurred_on")}),
        ("no assessment here", {"assessment": {}}, {("unknown_field", "/assessment")}),
    ],
)
async def test_what_no_correction_can_be(
    gp: httpx.AsyncClient, title: str, body: dict[str, Any], told: set[tuple[str, str]]
) -> None:
    answer = await post(gp, body, here(await made(gp, GP_REFERRAL), "corrections"))
    assert (answer.status_code, codes(answer)) == (422, told), title


EMPLOYERS_DO_NOT_CORRECT = [
    ({"asks": []}, "health_detail_not_accepted", "/asks"),
    ({"asks": None}, "health_detail_not_accepted", "/asks"),
    ({"asks": ["skills"]}, "health_detail_not_accepted", "/asks"),
    *(
        ({"eligibility_facts": {name: said}}, code, f"/eligibility_facts/{name}")
        for code, names in (
            ("health_detail_not_accepted", ("health_condition", "condition_affects_work", "complex_needs")),
            ("answer_not_accepted", ("right_to_work", "wants_to_work")),
        )
        for name in names
        for said in (None, False, True)
    ),
    ({"person": {"sex": None}}, "answer_not_accepted", "/person/sex"),
    ({"person": {"ethnic_category": "H"}}, "answer_not_accepted", "/person/ethnic_category"),
    ({"work": {"attendance": "working"}}, "say_all_of_it", "/work"),
    ({"person": {"nhs_number": None}}, "nhs_number_not_accepted", "/person/nhs_number"),
]


async def test_what_an_employer_does_not_correct(employer: httpx.AsyncClient) -> None:
    """Whatever it says of it, not even that it is unknown: the answer would tell what others have said."""
    referral_id = await made(employer, EMPLOYER_REFERRAL)
    for body, code, pointer in EMPLOYERS_DO_NOT_CORRECT:
        answer = await post(employer, body, here(referral_id, "corrections"))
        assert (answer.status_code, codes(answer)) == (422, {(code, pointer)}), body


async def test_an_employer_corrects_what_it_knows(employer: httpx.AsyncClient, ask: Ask) -> None:
    referral_id = await made(employer, EMPLOYER_REFERRAL)
    work = {"status": "employed", "attendance": "working", "off_sick_since": None, "unemployed_since": None}
    for _ in range(2):  # the second time there is nothing to correct, of which it is not told
        fine = await post(employer, {"work": work, "eligibility_facts": {}}, here(referral_id, "corrections"))
        assert (fine.status_code, fine.json()["status"]) == (201, "accepted")
    assert [e["work"]["attendance"] for e in events(ask)] == ["struggling", "working"]


async def test_a_decision_stands_for_what_it_was_about(
    gp: httpx.AsyncClient, nurse: httpx.AsyncClient, ask: Ask
) -> None:
    referral_id = await made(gp)
    await post(nurse, ELIGIBLE, here(referral_id, "eligibility-decision"))
    fix = await post(gp, {"work": {"weekly_hours": 12}}, here(referral_id, "corrections"))
    assert (fix.json()["status"], events(ask)[-1]["change"]["eligibility_decided"]) == ("accepted", "eligible")
    young = await post(gp, {"person": {"birth_date": "2010-01-01"}}, here(referral_id, "corrections"))
    assert (young.json()["status"], events(ask)[-1]["change"]["eligibility_decided"]) == ("eligibility_review", None)
    [row] = await waiting(nurse)
    assert (row["cause"], [r["code"] for r in row["reasons"]]) == ("correction", ["under_16", "no_right_to_work"])
    await post(
        nurse, {**NOT_ELIGIBLE, "unmet": ["under_16", "no_right_to_work"]}, here(referral_id, "eligibility-decision")
    )
    hours = await post(gp, {"work": {"weekly_hours": 13}}, here(referral_id, "corrections"))
    assert (hours.json()["status"], events(ask)[-1]["change"]["eligibility_decided"]) == ("accepted", "not_eligible")
    assert await status(gp, referral_id) == "not_eligible"
    old = {"person": {"birth_date": "1986-04-12"}, "eligibility_facts": {"right_to_work": True}}
    assert (await post(gp, old, here(referral_id, "corrections"))).json()["status"] == "accepted"
    assert await status(gp, referral_id) == "received"


async def test_what_is_erased_is_not_corrected(gp: httpx.AsyncClient, ask: Ask) -> None:
    referral_id = await made(gp, GP_REFERRAL)
    ask("DELETE FROM referral_details")
    answer = await post(gp, {"asks": []}, here(referral_id, "corrections"))
    assert (answer.status_code, answer.json()["code"]) == (409, "details_erased")


async def test_a_replay_gives_the_same_reviews(
    gp: httpx.AsyncClient,
    nurse: httpx.AsyncClient,
    intake: FastAPI,
    pathway: Pathway,
    ask: Ask,
    keys: MadeKeys,
) -> None:
    referral_id = await made(gp)
    await post(nurse, NOT_ELIGIBLE, here(referral_id, "eligibility-decision"))
    await post(gp, CONTESTED, here(referral_id, "contest"))
    await post(gp, CORRECTION_EXAMPLES["person"]["value"], here(referral_id, "corrections"))
    await pathway.flow()
    assert ask("SELECT count(*), count(closed_at) FROM eligibility_review") == "2|1"
    service = build()
    history = History(service)
    for records in pathway.world.log.values():
        for record in records:
            history.add(record)
    replayed = replay(history, service.policy(), keys=await keys.get(history.subjects().values()))
    assert replayed.differences == []
    kept = {"eligibility_review", "referral_status"}
    async with intake.state.parts.pool.acquire() as connection:
        assert [d for d in await compare(connection, history, replayed) if d.detail in kept] == []
    ask("UPDATE eligibility_review SET cause = 'rules'")
    async with intake.state.parts.pool.acquire() as connection:
        assert [d for d in await compare(connection, history, replayed) if d.detail == "eligibility_review"] != []
