"""Lists of referrals: who sees which, as what; pages, filters, and how many queries they take."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import event as sqlalchemy_event

from services.intake.referrals import listing
from services.intake.referrals.examples import EMPLOYER_REFERRAL, GP_REFERRAL
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.runtime.inbox import Inbox
from tests.integration.http.conftest import calling
from tests.integration.http.test_intake import (
    ask,
    changed,
    employer,
    gp,
    intake,
    keys,
    post,
    settings,
    stored,
    token,
)
from tests.integration.http.test_intake_status import inbox, story

__all__ = ["ask", "employer", "gp", "inbox", "intake", "keys", "settings", "stored"]


@pytest.fixture
async def staff(intake: FastAPI, issuer: DevIssuer) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(intake, token(issuer, "provider", "big-life", "coach")) as client:
        yield client


def referral(number: int, **fields: Any) -> dict[str, Any]:
    """The ``number``-th person's: nobody is near to anybody."""
    person = {"nhs_number": None, "family_name": f"Family{'abcdefghijklmnopqrstuvwxyz'[number] * 5}"}
    return changed(
        GP_REFERRAL,
        lambda b: b["referrer"].update(reference=f"GP-{number}"),
        lambda b: b["person"].update(person),
        **fields,
    )


async def made(client: httpx.AsyncClient, number: int, **fields: Any) -> str:
    answer = await post(client, referral(number, **fields))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["referral_id"])


async def ids(client: httpx.AsyncClient, **query: Any) -> list[str]:
    answer = await client.get("/referrals", params=query)
    assert answer.status_code == 200, answer.text
    return [one["referral_id"] for one in answer.json()]


async def all_pages(client: httpx.AsyncClient, place: str) -> list[list[str]]:
    pages = []
    while place:
        answer = await client.get(place)
        assert answer.status_code == 200, answer.text
        pages.append([one["referral_id"] for one in answer.json()])
        place = answer.links["next"]["url"] if "next" in answer.links else ""
    return pages


async def test_pages_are_stable_while_referrals_arrive(gp: httpx.AsyncClient) -> None:
    first = [await made(gp, number) for number in range(5)]
    answer = await gp.get("/referrals?limit=2")
    assert [one["referral_id"] for one in answer.json()] == [first[4], first[3]], "the newest first"
    newer = await made(gp, 5)
    rest = await all_pages(gp, answer.links["next"]["url"])
    assert rest == [[first[2], first[1]], [first[0]]]
    assert (await all_pages(gp, "/referrals?limit=6")) == [[newer, *reversed(first)]], "no empty page at the end"


async def test_each_organisation_sees_its_own_and_staff_the_programme(
    gp: httpx.AsyncClient, staff: httpx.AsyncClient, intake: FastAPI, issuer: DevIssuer
) -> None:
    mine = await made(gp, 0)
    async with calling(intake, token(issuer, org="P84002")) as other_gp:
        theirs = await made(other_gp, 1)
        assert await ids(other_gp) == [theirs]
    assert await ids(gp) == [mine]
    assert await ids(staff) == [theirs, mine]
    assert await ids(staff, programme="workwell-frimley") == []
    for who, seen in (
        (token(issuer, programme="workwell-frimley"), []),
        (token(issuer, "provider", "big-life", "coach", programme="workwell-frimley"), []),
        (token(issuer, "provider", "x", "auditor", programme="workwell-frimley"), [theirs, mine]),
        (token(issuer, "employer", "x", "coach"), []),
        (token(issuer, "employer", "x", "auditor"), []),
    ):
        async with calling(intake, who) as client:
            assert await ids(client) == seen
    async with calling(intake, token(issuer, role="commissioner")) as client:
        assert (await client.get("/referrals")).status_code == 403


async def test_each_is_shown_as_it_is_alone(
    gp: httpx.AsyncClient,
    employer: httpx.AsyncClient,
    staff: httpx.AsyncClient,
    inbox: Inbox,
    intake: FastAPI,
    issuer: DevIssuer,
) -> None:
    """The same view for every kind of reader, with and without the third consent."""
    await made(gp, 0)
    for number, given in enumerate((True, False)):
        said = {"given": given, "on": "2024-11-20", "channel": "phone"}
        body = changed(
            EMPLOYER_REFERRAL,
            lambda b, n=number: b["referrer"].update(reference=f"HR-{n}"),  # type: ignore[misc]
            lambda b, n=number: b["person"].update(family_name=f"Sample{'xy'[n] * 4}"),  # type: ignore[misc]
            consents={**EMPLOYER_REFERRAL["consents"], "share_with_employer": said},
        )
        assert (await post(employer, body)).status_code == 201
    for nth, referral_id in enumerate(await ids(staff)):
        for topic in story(referral_id):
            await inbox.process([replace(one, offset=one.offset + nth * len(topic)) for one in topic])
    async with calling(intake, token(issuer, "jobcentre", "P84001")) as jobcentre:
        for client in (gp, employer, staff, jobcentre):
            shown = (await client.get("/referrals")).json()
            assert shown
            for one in shown:
                assert one == (await client.get(f"/referrals/{one['referral_id']}")).json()


async def test_a_status_is_sought_as_the_reader_is_told_it(
    gp: httpx.AsyncClient, employer: httpx.AsyncClient, staff: httpx.AsyncClient, inbox: Inbox
) -> None:
    mine = await made(gp, 0)
    waits = await made(gp, 1)
    theirs = (await post(employer, EMPLOYER_REFERRAL)).json()["referral_id"]
    for topic in story(mine):
        await inbox.process(topic)
    assert await ids(gp, status="closed") == await ids(staff, status="closed") == [mine]
    assert await ids(gp, status="received") == [waits]
    assert await ids(staff, status="received") == [theirs, waits]
    assert await ids(staff, status="triaged") == []
    assert await ids(employer, status="received") == [theirs]
    assert (await gp.get("/referrals", params={"status": "lost"})).status_code == 422


async def test_an_employer_finds_no_status_that_it_is_not_told(
    employer: httpx.AsyncClient, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even by where its pages end: what is not shown is not sought in the query either."""
    monkeypatch.setattr(listing, "CHUNK", 1)
    monkeypatch.setattr(listing, "MOST_LOOKED_AT", 1)
    theirs = []
    for number in range(3):
        body = changed(
            EMPLOYER_REFERRAL,
            lambda b, n=number: b["referrer"].update(reference=f"HR-{n}"),  # type: ignore[misc]
            lambda b, n=number: b["person"].update(family_name="S" + "abc"[n] * 6),  # type: ignore[misc]
        )
        theirs.append((await post(employer, body)).json()["referral_id"])
    statuses = ("closed", "acknowledged", "active", "on_hold", "withdrawn")
    before = {status: await all_pages(employer, f"/referrals?status={status}") for status in statuses}
    for topic in story(theirs[1]):
        await inbox.process(topic)
    after = {status: await all_pages(employer, f"/referrals?status={status}") for status in statuses}
    assert before == after == {status: [[], [], []] for status in statuses}
    seen = [one for page in await all_pages(employer, "/referrals?status=received") for one in page]
    assert seen == sorted(theirs, reverse=True)


async def test_filters_go_together(gp: httpx.AsyncClient) -> None:
    early = await made(gp, 0, referred_on="2024-11-18")
    late = await made(gp, 1, referred_on="2024-12-02")
    hospital = await made(gp, 2, referred_on="2024-12-02", route="hospital")
    assert await ids(gp, referred_from="2024-12-02") == [hospital, late]
    assert await ids(gp, referred_to="2024-12-01") == [early]
    assert await ids(gp, referred_from="2024-11-18", referred_to="2024-11-18") == [early]
    assert await ids(gp, route="hospital") == [hospital]
    assert await ids(gp, route="hospital", referred_to="2024-12-01") == []
    assert await ids(gp, programme="workwell-greater-manchester", route="gp", status="received") == [late, early]
    answer = await gp.get("/referrals", params={"route": "gp", "limit": 1})
    assert await all_pages(gp, answer.links["next"]["url"]) == [[early]], "the filters stay in the link"


async def test_a_reference_finds_as_before(gp: httpx.AsyncClient, staff: httpx.AsyncClient) -> None:
    mine = await made(gp, 0)
    await made(gp, 1)
    assert await ids(gp, reference="GP-0") == [mine]
    assert await ids(gp, reference="GP-9") == []
    assert await ids(staff, reference="GP-0") == [], "a reference is its organisation's own"


async def test_who_refers_themselves_has_no_list(intake: FastAPI, issuer: DevIssuer) -> None:
    async with calling(intake, token(issuer, "self", "self")) as client:
        answer = await client.get("/referrals")
        assert (answer.status_code, answer.json()["code"]) == (422, "reference_required")
        assert await ids(client, reference="mine") == []


@pytest.mark.parametrize("limit", ["0", "201", "x", "-1"])
async def test_a_page_has_a_limit(gp: httpx.AsyncClient, limit: str) -> None:
    assert (await gp.get("/referrals", params={"limit": limit})).status_code == 422


@pytest.mark.parametrize("cursor", ["x", "W10", "eyJhIjoxfQ", "WyJhIiwiYiJd", "WyJcdWQ4MDAiXQ", "WzFd", "é"])
async def test_a_cursor_that_was_never_given_is_refused(gp: httpx.AsyncClient, cursor: str) -> None:
    answer = await gp.get("/referrals", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (422, "cursor_malformed")


async def test_a_cursor_opens_nothing(gp: httpx.AsyncClient, intake: FastAPI, issuer: DevIssuer) -> None:
    for number in range(3):
        await made(gp, number)
    place = (await gp.get("/referrals?limit=1")).links["next"]["url"]
    async with calling(intake, token(issuer, org="P84002")) as other:
        assert await all_pages(other, place) == [[]]


async def test_seeking_a_status_ends_a_page_early_and_goes_on(
    gp: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "CHUNK", 2)
    monkeypatch.setattr(listing, "MOST_LOOKED_AT", 4)
    wanted = await made(gp, 0)
    others = [await made(gp, number) for number in range(1, 8)]
    for other in others:
        await post(gp, {"reason": "changed_mind"}, f"/referrals/{other}/withdrawal")
    pages = await all_pages(gp, "/referrals?status=received&limit=3")
    assert pages == [[], [wanted]]


@contextmanager
def counted(intake: FastAPI) -> Iterator[list[str]]:
    seen: list[str] = []
    engine = intake.state.parts.engine.sync_engine

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        if statement.startswith("SELECT"):
            seen.append(statement)

    sqlalchemy_event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sqlalchemy_event.remove(engine, "before_cursor_execute", note)


async def test_a_page_takes_the_same_queries_however_long_it_is(
    gp: httpx.AsyncClient, employer: httpx.AsyncClient, intake: FastAPI
) -> None:
    for number in range(6):
        await made(gp, number)
        body = changed(
            EMPLOYER_REFERRAL,
            lambda b, n=number: b["referrer"].update(reference=f"HR-{n}"),  # type: ignore[misc]
            lambda b, n=number: b["person"].update(family_name="S" + "abcdef"[n] * 6),  # type: ignore[misc]
        )
        assert (await post(employer, body)).status_code == 201
    for client, most in ((gp, 3), (employer, 4)):  # one of them: whether the service may answer at all
        with counted(intake) as short:
            await ids(client, limit=1)
        with counted(intake) as long:
            assert len(await ids(client, limit=200)) == 6
        assert len(short) == len(long) == most, json.dumps(long)
