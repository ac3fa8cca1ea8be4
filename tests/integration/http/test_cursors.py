"""Whatever a cursor of intake's lists says: a page or a 422 that says what a cursor is, never a 500."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given
from hypothesis import settings as rules
from hypothesis import strategies as st

from services.kernel.http.dev_issuer import DevIssuer
from tests.integration.http.conftest import calling
from tests.integration.http.test_employers import staff
from tests.integration.http.test_intake import intake, keys, settings, stored, token
from tests.parts.cursors import any_parts, at_the_edges, of_parts

__all__ = ["intake", "keys", "settings", "stored"]

LISTS = {
    "/referrals": "provider",
    "/referrals/overdue": "provider",
    "/eligibility-reviews": "provider",
    "/invitations": "provider",
    "/near-matches": "provider",
    "/employers": "in work",
    "/safety-tasks": "provider",
}


@pytest.fixture
async def clients(intake: FastAPI, issuer: DevIssuer) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    who = {"provider": token(issuer, "provider", "big-life", "coach"), "in work": staff(issuer)}
    async with AsyncExitStack() as opened:
        yield {name: await opened.enter_async_context(calling(intake, one)) for name, one in who.items()}


async def page(clients: dict[str, httpx.AsyncClient], place: str, cursor: str) -> httpx.Response:
    answer = await clients[LISTS[place]].get(place, params={"cursor": cursor[:200]})
    assert answer.status_code in {200, 422}, (place, cursor, answer.text)
    assert answer.status_code == 200 or answer.json()["code"] == "cursor_malformed", answer.text
    return answer


def test_every_list_is_asked(intake: FastAPI) -> None:
    paths = intake.openapi()["paths"]
    takes = {p for p, of in paths.items() for x in of.get("get", {}).get("parameters", []) if x["name"] == "cursor"}
    assert takes == set(LISTS)


@pytest.mark.parametrize("place", LISTS)
async def test_a_cursor_at_the_edges_is_no_500(clients: dict[str, httpx.AsyncClient], place: str) -> None:
    for parts in at_the_edges():
        await page(clients, place, of_parts(*parts))


@rules(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(LISTS)), any_parts)
async def test_any_cursor_is_no_500(clients: dict[str, httpx.AsyncClient], place: str, parts: list[object]) -> None:
    await page(clients, place, of_parts(*parts))


async def test_a_moment_that_is_in_no_year_is_malformed(clients: dict[str, httpx.AsyncClient]) -> None:
    for moment in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-14:00"):
        assert (await page(clients, "/eligibility-reviews", of_parts(moment, "x"))).status_code == 422
