"""Employers over HTTP on real PostgreSQL: registered, what was done with them, who may see them, the report."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.intake.api import create_app
from services.intake.employers.examples import ACTIVITY, COMMITTED, REGISTERED, SOLE_TRADER
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.settings import Settings
from tests.integration.http.conftest import Ask, Clock, calling
from tests.integration.http.test_intake import ask, changed, codes, events, post, settings, stored, token
from tests.parts.keys import MadeKeys

__all__ = ["ask", "settings", "stored"]

IN_WORK = "working-well-in-work"


@pytest.fixture
async def intake(settings: Settings, issuer: DevIssuer, clock: Clock) -> AsyncIterator[FastAPI]:
    app = create_app(settings, issuer_transport=issuer.transport(), keys=MadeKeys(), clock=clock)
    async with app.router.lifespan_context(app):
        yield app


def staff(issuer: DevIssuer, role: str = "coach", **more: str) -> dict[str, str]:
    return token(issuer, **{"kind": "provider", "org": "growth-company", "role": role, "programme": IN_WORK, **more})


@pytest.fixture
async def coach(intake: FastAPI, issuer: DevIssuer) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(intake, staff(issuer)) as client:
        yield client


async def registered(client: httpx.AsyncClient, body: Any = REGISTERED, **fields: Any) -> str:
    answer = await post(client, changed(body, **fields), "/employers")
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == answer.json()["links"]["self"]
    return str(answer.json()["links"]["self"])


async def told(client: httpx.AsyncClient, here: str, kind: str, **fields: Any) -> httpx.Response:
    return await post(client, {"kind": kind, **fields}, f"{here}/commands")


async def test_an_employer_with_all_that_was_recorded(coach: httpx.AsyncClient, ask: Ask) -> None:
    here = await registered(coach)
    for body in (COMMITTED, ACTIVITY, {**ACTIVITY, "activity": "visit", "employees_reached": 1}):
        assert (await post(coach, body, f"{here}/commands")).status_code == 201
    struck = await told(coach, here, "activity_struck", number=2, reason="recorded_twice")
    assert struck.json() == {"employer_id": here.rsplit("/", 1)[1], "state": "engaged", "number": 2}
    seen = (await coach.get(here)).json()
    assert (seen["name"], seen["size"], seen["sector"]) == ("Example Logistics Ltd", "medium", "H")
    assert seen["commitments"] == [{"commitment": "real_living_wage", "made": True, "on": "2024-11-18"}]
    assert [(a["number"], a["employees_reached"], a["struck"]) for a in seen["activities"]] == [
        (1, 14, None),
        (2, 1, "recorded_twice"),
    ]
    last = events(ask)[-1]
    assert (last["activities"], last["commitments"]) == (1, ["real_living_wage"])


async def test_a_name_is_in_one_table_and_in_no_event(coach: httpx.AsyncClient, ask: Ask) -> None:
    here = await registered(coach)
    assert ask("SELECT name FROM employer_name") == "Example Logistics Ltd"
    assert (await told(coach, here, "named", name=None)).status_code == 201
    assert (await coach.get(here)).json()["name"] is None
    assert ask("SELECT count(name) FROM employer_name") == "0"
    assert [e["change"]["named"] for e in events(ask)] == [True, False]
    texts = ask("SELECT convert_from(value, 'UTF8') || headers FROM outbox") + ask("SELECT state FROM aggregate")
    assert "Logistics" not in texts


@pytest.mark.parametrize("form", ["sole_trader", "partnership"])
async def test_a_name_that_is_a_person_s_is_refused(coach: httpx.AsyncClient, ask: Ask, form: str) -> None:
    answer = await post(coach, {**SOLE_TRADER, "facts": {"legal_form": form}, "name": "Ada Example"}, "/employers")
    assert (answer.status_code, codes(answer)) == (422, {("name_not_accepted", "/name")})
    assert "Ada" not in answer.text
    here = await registered(coach, SOLE_TRADER, facts={"legal_form": form})
    answer = await told(coach, here, "named", name="Ada Example")
    assert (answer.status_code, codes(answer)) == (422, {("name_not_accepted", "/name")})
    assert ask("SELECT count(*) FROM employer_name") == "0"


@pytest.mark.parametrize(
    ("who", "status", "code"),
    [
        ({"role": "team_lead"}, 201, None),
        ({"role": "commissioner"}, 403, "role_not_allowed"),
        ({"role": "auditor"}, 403, "role_not_allowed"),
        ({"role": "referrer"}, 403, "role_not_allowed"),
        ({"kind": "employer", "org": "example-logistics"}, 403, "not_staff"),
        ({"programme": "workwell-greater-manchester"}, 403, "programme_not_for_employers"),
    ],
)
async def test_who_registers(intake: FastAPI, issuer: DevIssuer, who: Any, status: int, code: str | None) -> None:
    async with calling(intake, staff(issuer, **who)) as client:
        answer = await post(client, REGISTERED, "/employers")
        assert (answer.status_code, answer.json().get("code")) == (status, code)


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ({"role": "commissioner"}, 200),
        ({"role": "auditor", "programme": "any"}, 200),
        ({"role": "team_lead", "programme": "workwell-greater-manchester"}, 404),
        ({"kind": "employer"}, 403),
        ({"role": "clinical_safety"}, 403),
    ],
)
async def test_who_reads(coach: httpx.AsyncClient, intake: FastAPI, issuer: DevIssuer, who: Any, status: int) -> None:
    here = await registered(coach)
    async with calling(intake, staff(issuer, **who)) as client:
        assert (await client.get(here)).status_code == status
        listed = await client.get("/employers")
        assert listed.status_code == (200 if status == 404 else status)
        if listed.status_code == 200:
            assert len(listed.json()) == (1 if status == 200 else 0)


async def test_another_programme_cannot_change_it(coach: httpx.AsyncClient, intake: FastAPI, issuer: DevIssuer) -> None:
    here = await registered(coach)
    async with calling(intake, staff(issuer, programme="workwell-greater-manchester")) as client:
        answer = await post(client, ACTIVITY, f"{here}/commands")
        assert (answer.status_code, answer.json()["code"]) == (404, "employer_unknown")


async def test_a_list_is_read_by_pages_and_kinds(coach: httpx.AsyncClient) -> None:
    sizes = ["micro", "small", "medium", "small", None]
    places = [
        await registered(
            coach, occurred_on=f"2024-11-0{n + 1}", facts={"legal_form": "company", "size": size, "sector": "CFCFC"[n]}
        )
        for n, size in enumerate(sizes)
    ]

    async def listed(**asked: Any) -> list[str]:
        found, place = [], f"/employers?{httpx.QueryParams(asked)}"
        while place:
            answer = await coach.get(place)
            found += [f"/employers/{one['employer_id']}" for one in answer.json()]
            place = answer.links.get("next", {}).get("url", "")
        return found

    assert await listed() == await listed(limit=2) == places
    assert await listed(size="small", limit=1) == [places[1], places[3]]
    assert await listed(sector="C", size="micro") == places[:1]
    assert (await coach.get("/employers", params={"cursor": "WyJhIiwiYiJd"})).json()["code"] == "cursor_malformed"


async def test_the_report_counts_a_period(coach: httpx.AsyncClient, intake: FastAPI, issuer: DevIssuer) -> None:
    early = {"occurred_on": "2024-10-01"}
    one = await registered(coach, **early)
    two = await registered(coach, SOLE_TRADER, **early)
    gone = await registered(coach, SOLE_TRADER, **early)
    await told(coach, gone, "left", occurred_on="2024-10-15")
    for here, day, count in ((one, "2024-10-31", 5), (one, "2024-11-01", 10), (two, "2024-11-18", 3)):
        await post(coach, {**ACTIVITY, "occurred_on": day, "employees_reached": count}, f"{here}/commands")
    await post(coach, {**ACTIVITY, "employees_reached": 999}, f"{two}/commands")
    await told(coach, two, "activity_struck", number=2, reason="wrong_facts")
    await told(coach, one, "commitment_made", commitment="secure_work", occurred_on="2024-10-02")
    await told(coach, two, "commitment_made", commitment="secure_work", occurred_on="2024-10-02")
    await told(coach, two, "commitment_ended", commitment="secure_work", occurred_on="2024-11-02")

    async def report(first: str, last: str, client: httpx.AsyncClient = coach) -> dict[str, Any]:
        answer = await client.get("/employers/report", params={"from": first, "to": last})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def lines(found: dict[str, Any], by: str) -> dict[str, tuple[int, int, int]]:
        return {
            one["code"]: (one["employers"], one["activities"], one["employees_reached"])
            for one in found[by]
            if one["employers"]
        }

    november = await report("2024-11-01", "2024-11-30")
    assert (november["employers"], november["activities_in_all"], november["employees_reached"]) == (2, 2, 13)
    assert lines(november, "sizes") == {"medium": (1, 1, 10), "micro": (1, 1, 3)}
    assert lines(november, "sectors") == {"H": (1, 1, 10), "G": (1, 1, 3)}
    assert lines(november, "occupational_health") == {"helpline": (1, 1, 10), "not_asked": (1, 1, 3)}
    assert lines(november, "commitments") == {"secure_work": (1, 1, 10)}
    assert lines(november, "activities") == {"manager_training": (2, 2, 13)}
    october = await report("2024-10-01", "2024-10-31")
    assert (october["employers"], october["employees_reached"]) == (3, 5)
    assert lines(october, "commitments") == {"secure_work": (2, 1, 5)}
    async with calling(intake, staff(issuer, "commissioner")) as client:
        assert await report("2024-11-01", "2024-11-30", client) == november
    async with calling(intake, staff(issuer, "commissioner", programme="another")) as client:
        assert (await report("2024-11-01", "2024-11-30", client))["employers"] == 0
    answer = await coach.get("/employers/report", params={"from": "2024-12-01", "to": "2024-11-30"})
    assert (answer.status_code, answer.json()["code"]) == (422, "period_backwards")
