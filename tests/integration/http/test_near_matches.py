"""Near matches: found with a referral, shown to the staff, decided by a person, merged by an operator."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.contracts import types
from services.intake.people.changed import SCRUB
from services.intake.referrals.examples import GP_REFERRAL
from services.intake.service import build
from services.kernel.envelope import Envelope, to_headers
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.runtime.inbox import Inbox
from services.kernel.runtime.records import Record
from tests.integration.http.conftest import Ask, calling
from tests.integration.http.test_intake import (
    ask,
    changed,
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
from tests.integration.http.test_intake_status import NOW

__all__ = ["ask", "employer", "gp", "intake", "keys", "settings", "stored"]

WORDS = ("Example", "Ada", "Adah", "9990000018", "9990000026", "M1 1AE", "1986")


@pytest.fixture
async def staff(intake: FastAPI, issuer: DevIssuer) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(intake, token(issuer, "provider", "big-life", "team_lead", sub="lead-1")) as client:
        yield client


def referral(reference: str, **person: Any) -> dict[str, Any]:
    return changed(
        GP_REFERRAL, lambda b: b["referrer"].update(reference=reference), lambda b: b["person"].update(person)
    )


async def referred(client: httpx.AsyncClient, reference: str, **person: Any) -> str:
    answer = await post(client, referral(reference, **person))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["referral_id"])


async def listed(client: httpx.AsyncClient, **query: str) -> list[dict[str, Any]]:
    answer = await client.get("/near-matches", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


async def pair(gp: httpx.AsyncClient, staff: httpx.AsyncClient) -> dict[str, Any]:
    await referred(gp, "GP-1")
    await referred(gp, "GP-2", given_name="Adah", nhs_number=None)
    [found] = await listed(staff)
    return found


async def decide(client: httpx.AsyncClient, near_match_id: str, decision: str) -> httpx.Response:
    return await post(client, {"decision": decision}, f"/near-matches/{near_match_id}/decision")


def record(number: int, person: str, survivor: str, merged: str) -> Record:
    """That vault says that two pseudonyms are one person."""
    body = {"person_id": person, "merged_at": NOW.isoformat(), "survivor": survivor, "merged": [merged]}
    envelope = Envelope(
        id=f"00000000-0000-5000-9000-{number:012d}",
        source="/pathway/vault",
        type=types.PERSON_MERGED,
        subject=person,
        time=NOW,
        recordedtime=NOW,
        sequence=1,
        correlationid="c",
        causationid="00000000-0000-7000-8000-000000000000",
    )
    return Record(
        types.TOPIC_PERSON, 0, number, person.encode(), json.dumps(body).encode(), to_headers(envelope.attributes())
    )


async def merged(intake: FastAPI, survivor: str, other: str) -> None:
    service = build()
    inbox = Inbox(service, service.policy(), intake.state.parts.pool)
    counts = await inbox.process([record(0, survivor, survivor, other), record(1, other, survivor, other)])
    assert counts.applied == 2


async def test_a_slip_in_a_name_is_flagged_and_nothing_is_merged(
    gp: httpx.AsyncClient, staff: httpx.AsyncClient, ask: Ask
) -> None:
    found = await pair(gp, staff)
    assert found["reasons"] == ["given_name_typo"]
    assert (found["decision"], found["merged"]) == (None, False)
    assert ask("SELECT count(*) FROM person") == "2"
    one, two = events(ask)
    assert one["person_id"] != two["person_id"]
    assert two["linked_referral"] is None
    assert {side["person_id"]: side["referrals"] for side in found["people"]} == {
        one["person_id"]: [one["referral_id"]],
        two["person_id"]: [two["referral_id"]],
    }


@pytest.mark.parametrize(
    ("title", "person", "reasons"),
    [
        (
            "the same number, another birth date",
            {"birth_date": "1990-04-12"},
            ["nhs_number_same", "birth_date_differs"],
        ),
        ("the same number, another name", {"family_name": "Married"}, ["nhs_number_same", "names_differ"]),
        ("another postcode", {"nhs_number": None, "postcode": "M2 2BB"}, ["postcode_differs"]),
        ("no postcode", {"nhs_number": None, "postcode": None}, ["postcode_unknown"]),
        ("names swapped", {"nhs_number": None, "family_name": "ADA", "given_name": "example"}, ["names_swapped"]),
        ("a slip in the family name", {"nhs_number": None, "family_name": "Exampel"}, ["family_name_typo"]),
        ("a second given name", {"nhs_number": None, "given_name": "Ada Mary"}, ["given_names_partly"]),
        ("day and month swapped", {"nhs_number": None, "birth_date": "1986-12-04"}, ["day_and_month_swapped"]),
        ("two numbers", {"nhs_number": "9990000026"}, ["nhs_numbers_differ"]),
    ],
)
async def test_each_kind_is_found_in_the_database(
    gp: httpx.AsyncClient, staff: httpx.AsyncClient, title: str, person: dict[str, Any], reasons: list[str]
) -> None:
    await referred(gp, "GP-1")
    await referred(gp, "GP-2", **person)
    assert [found["reasons"] for found in await listed(staff)] == [reasons], title


@pytest.mark.parametrize(
    ("title", "person"),
    [
        ("somebody else", {"nhs_number": None, "family_name": "Other", "given_name": "Grace"}),
        ("of the same name, born on another day", {"nhs_number": None, "birth_date": "1990-01-30"}),
        ("of the same family name and birth date", {"nhs_number": None, "given_name": "Grace"}),
        ("two numbers and two addresses", {"nhs_number": "9990000026", "postcode": "M2 2BB"}),
    ],
)
async def test_others_are_not_flagged(
    gp: httpx.AsyncClient, staff: httpx.AsyncClient, title: str, person: dict[str, Any]
) -> None:
    await referred(gp, "GP-1")
    await referred(gp, "GP-2", **person)
    assert await listed(staff) == [], title


async def test_a_number_that_is_given_for_somebody_else_joins_nobody_and_is_no_fault(
    gp: httpx.AsyncClient, ask: Ask
) -> None:
    await referred(gp, "GP-1")
    await referred(gp, "GP-2", birth_date="1990-04-12", given_name="Grace")
    assert ask("SELECT count(*), count(nhs_number) FROM person") == "2|1"
    again = await post(gp, referral("GP-3", birth_date="1990-04-12", given_name="Grace"))
    assert again.status_code == 409, "the second person is known, with the number in question, too"
    first = await post(gp, referral("GP-4"))
    assert first.status_code == 409
    assert first.json()["referral_id"] != again.json()["referral_id"]


async def test_what_agrees_is_named_and_what_differs_is_shown(
    gp: httpx.AsyncClient, staff: httpx.AsyncClient, intake: FastAPI, issuer: DevIssuer
) -> None:
    found = await pair(gp, staff)
    assert not any(word in json.dumps(found) for word in WORDS)
    told = (await staff.get(f"/near-matches/{found['near_match_id']}")).json()
    assert told["agree"] == ["family_name", "birth_date", "postcode"]
    differ = {difference["field"]: {difference["one"], difference["other"]} for difference in told["differ"]}
    assert differ == {"nhs_number": {"...0018", None}, "given_name": {"Ada", "Adah"}}
    assert not any(word in json.dumps(told) for word in ("Example", "999000", "M1 1AE", "1986"))
    async with calling(intake, token(issuer, "provider", "x", "auditor")) as auditor:
        shown = (await auditor.get(f"/near-matches/{found['near_match_id']}")).json()
    assert shown["differ"] == [{"field": f, "one": None, "other": None} for f in ("nhs_number", "given_name")]


async def test_who_may_see_and_decide(
    gp: httpx.AsyncClient, staff: httpx.AsyncClient, intake: FastAPI, issuer: DevIssuer
) -> None:
    found = await pair(gp, staff)
    here = f"/near-matches/{found['near_match_id']}"
    for who, status, seen in (
        (token(issuer, "provider", "x", "coach"), 200, 1),
        (token(issuer, "nhs", "x", "assessor"), 200, 1),
        (token(issuer, "provider", "x", "coach", programme="workwell-frimley"), 404, 0),
        (token(issuer, "provider", "x", "auditor", programme="workwell-frimley"), 200, 1),
        (token(issuer, "employer", "example-logistics", "coach"), 404, None),
        (token(issuer), 403, None),
        (token(issuer, role="commissioner"), 403, None),
    ):
        async with calling(intake, who) as client:
            assert (await client.get(here)).status_code == status
            answer = await client.get("/near-matches")
            assert answer.status_code == (200 if seen is not None else status)
            if seen is not None:
                assert len(answer.json()) == seen
            if status != 200:
                assert (await decide(client, found["near_match_id"], "same")).status_code == status
    async with calling(intake, token(issuer, "provider", "x", "auditor")) as auditor:
        assert (await decide(auditor, found["near_match_id"], "same")).status_code == 403


async def test_different_is_remembered(gp: httpx.AsyncClient, staff: httpx.AsyncClient, ask: Ask) -> None:
    found = await pair(gp, staff)
    assert (await decide(staff, found["near_match_id"], "different")).status_code == 201
    await post(gp, {"reason": "changed_mind"}, f"/referrals/{events(ask)[0]['referral_id']}/withdrawal")
    await referred(gp, "GP-3")  # the first again, still near to the second
    assert await listed(staff) == []
    [kept] = await listed(staff, decision="different")
    assert (kept["decided_by"], kept["decision"]) == ("lead-1", "different")
    assert ask("SELECT count(*) FROM near_match") == "1"


async def test_it_is_also_remembered_of_whom_one_of_them_was_merged_with(
    gp: httpx.AsyncClient, staff: httpx.AsyncClient, intake: FastAPI, ask: Ask
) -> None:
    found = await pair(gp, staff)
    await decide(staff, found["near_match_id"], "different")
    await referred(gp, "GP-3", family_name="Married")  # near to the first by the number, and not to the second
    first, _, third = (event["person_id"] for event in events(ask))
    await merged(intake, third, first)
    await post(gp, {"reason": "changed_mind"}, f"/referrals/{events(ask)[0]['referral_id']}/withdrawal")
    await post(gp, {"reason": "changed_mind"}, f"/referrals/{events(ask)[2]['referral_id']}/withdrawal")
    await referred(gp, "GP-4")
    assert events(ask)[-1]["person_id"] == third
    assert await listed(staff) == [], "nobody asks again whether the second is the one who stands for the first"


async def test_every_decision_leaves_an_audit_row_and_can_be_changed_until_they_are_merged(
    gp: httpx.AsyncClient, staff: httpx.AsyncClient, intake: FastAPI, ask: Ask
) -> None:
    found = await pair(gp, staff)
    for decision in ("different", "same", "same"):
        answer = await decide(staff, found["near_match_id"], decision)
        assert answer.json() == {"near_match_id": found["near_match_id"], "decision": decision}
    rows = ask("SELECT actor, target, detail ->> 'before', detail ->> 'decision' FROM operator_action ORDER BY id")
    near = found["near_match_id"]
    assert rows.splitlines() == [f"lead-1|{near}||different", f"lead-1|{near}|different|same"]
    one, other = (side["person_id"] for side in found["people"])
    await merged(intake, one, other)
    [told] = await listed(staff, decision="same")
    assert told["merged"] is True
    late = await decide(staff, near, "different")
    assert (late.status_code, late.json()["code"]) == (409, "near_match_merged")


async def test_a_pair_that_was_merged_by_hand_is_open_no_more(
    gp: httpx.AsyncClient, staff: httpx.AsyncClient, intake: FastAPI
) -> None:
    found = await pair(gp, staff)
    await merged(intake, *(side["person_id"] for side in found["people"]))
    assert await listed(staff) == []
    [told] = await listed(staff, decision="any")
    assert (told["merged"], told["decision"]) == (True, None)


async def test_after_a_merge_a_second_referral_is_a_duplicate_and_its_number_no_fault(
    gp: httpx.AsyncClient, staff: httpx.AsyncClient, intake: FastAPI, ask: Ask
) -> None:
    """The number is held by the pseudonym that was merged: written to the other one as well, it would stand twice."""
    await pair(gp, staff)
    first, second = (event["person_id"] for event in events(ask))
    await merged(intake, second, first)
    assert (await post(gp, referral("GP-3"))).status_code == 409
    for event in events(ask)[:2]:
        await post(gp, {"reason": "changed_mind"}, f"/referrals/{event['referral_id']}/withdrawal")
    await referred(gp, "GP-3")
    assert events(ask)[-1]["person_id"] == second


async def test_an_erased_person_is_in_no_pair(gp: httpx.AsyncClient, staff: httpx.AsyncClient, ask: Ask) -> None:
    found = await pair(gp, staff)
    gone = found["people"][0]["person_id"]
    ask(SCRUB.statement.replace("$1::text[]", f"ARRAY['{gone}']"))
    assert await listed(staff, decision="any") == []
    assert (await staff.get(f"/near-matches/{found['near_match_id']}")).status_code == 404


async def test_pages_follow_one_another(gp: httpx.AsyncClient, staff: httpx.AsyncClient) -> None:
    await referred(gp, "GP-0")
    for number in range(5):
        await referred(gp, f"GP-{number + 1}", nhs_number=None, given_name=f"Ad{'bcdef'[number]}")
    wanted = [found["near_match_id"] for found in await listed(staff, limit="200")]
    assert len(wanted) > 6
    seen: list[str] = []
    place: str | None = "/near-matches?limit=4"
    while place is not None:
        answer = await staff.get(place)
        seen += [found["near_match_id"] for found in answer.json()]
        place = answer.links["next"]["url"] if "next" in answer.links else None
    assert seen == wanted
    for cursor in ("x", "W10", "eyJhIjoxfQ", "WyJcdWQ4MDAiXQ"):
        answer = await staff.get("/near-matches", params={"cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (422, "cursor_malformed")


async def test_two_near_referrals_at_once_see_each_other(gp: httpx.AsyncClient, staff: httpx.AsyncClient) -> None:
    """They share no key: without the locks on birth date, and on names with postcode, neither would find the other."""
    answers = await asyncio.gather(
        post(gp, referral("GP-1")),
        post(gp, referral("GP-2", nhs_number=None, given_name="Adah")),
        post(gp, referral("GP-3", nhs_number=None, birth_date="1986-12-04")),
        post(gp, referral("GP-4", nhs_number=None, birth_date="1986-04-13")),
        post(gp, referral("GP-5", nhs_number=None, family_name="Married")),
    )
    assert {answer.status_code for answer in answers} == {201}
    reasons = sorted(reason for found in await listed(staff) for reason in found["reasons"])
    assert reasons == ["birth_date_typo", "day_and_month_swapped", "family_names_differ", "given_name_typo"]


@pytest.mark.parametrize(
    ("title", "first", "second", "reasons"),
    [
        ("another figure", "1986-04-12", {"birth_date": "1986-04-13"}, ["birth_date_typo"]),
        ("figures of the year swapped", "1986-04-12", {"birth_date": "1968-04-12"}, ["birth_date_typo"]),
        ("another name since", "1986-04-30", {"family_name": "Married"}, ["family_names_differ"]),
    ],
)
async def test_what_shares_neither_name_nor_birth_date_is_found_by_the_rest(
    gp: httpx.AsyncClient,
    staff: httpx.AsyncClient,
    title: str,
    first: str,
    second: dict[str, Any],
    reasons: list[str],
) -> None:
    await referred(gp, "GP-1", nhs_number=None, birth_date=first)
    await referred(gp, "GP-2", nhs_number=None, **{"birth_date": first, "postcode": "m11ae", **second})
    [found] = await listed(staff)
    assert found["reasons"] == reasons, title
    shown = (await staff.get(f"/near-matches/{found['near_match_id']}")).json()
    assert [one["field"] for one in shown["differ"]] == list(second), title
    assert len(shown["agree"]) == 3, title
