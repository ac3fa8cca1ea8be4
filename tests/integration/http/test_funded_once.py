"""Who was referred anew while a decision stood against them is funded once when that decision falls."""

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.intake.eligibility.examples import ELIGIBLE, NOT_ELIGIBLE
from services.intake.referrals.examples import GP_REFERRAL
from services.kernel.http.dev_issuer import DevIssuer
from tests.integration.http.conftest import Ask, calling
from tests.integration.http.test_intake import ask, changed, events, gp, intake, keys, post, settings, stored, token
from tests.integration.http.test_intake_consents_downstream import Pathway, pathway
from tests.integration.http.test_intake_eligibility import CONTESTED, here, lead, made, nurse, status

__all__ = ["ask", "gp", "intake", "keys", "lead", "nurse", "pathway", "settings", "stored"]

UNCLEAR = changed(GP_REFERRAL, lambda b: b["eligibility_facts"].update(right_to_work=None))
ANEW = changed(GP_REFERRAL, lambda b: b["referrer"].update(reference="GP-ANEW"))
BY_JOBCENTRE = changed(ANEW, route="jobcentre_plus", referrer={"name": "Hulme Jobcentre", "reference": "JCP-1"})
RIGHT = {"eligibility_facts": {"right_to_work": True}}
OTHERWISE = {"eligibility_facts": {"wants_to_work": None}}

Step = tuple[str, str, dict[str, Any]]
WON: list[Step] = [("gp", "contest", CONTESTED), ("lead", "eligibility-decision", ELIGIBLE)]
CORRECTED: list[Step] = [("gp", "corrections", RIGHT)]
AT_ONCE = {"outcome": "eligible", "reasons": ["other"]}
CORRECTED_AND_DECIDED: list[Step] = [("gp", "corrections", OTHERWISE), ("lead", "eligibility-decision", AT_ONCE)]


def support(pathway: Pathway, key: str) -> None:
    """A coach takes the plan up and sees the person."""
    revision = pathway.plan(key).plan.revision
    pathway.coach(key, "recommendation_confirmed", "2024-12-03", revision=revision)
    for day in ("2024-12-04", "2024-12-20"):
        session = {"attendance": "attended", "channel": "in_person", "minutes": 60}
        pathway.coach(key, "session_recorded", day, **session)


def earned(pathway: Pathway, key: str) -> int:
    state = pathway.world.parts["outcomes"].state(key)
    return 0 if state is None else len(state.earned)


@pytest.mark.parametrize("early", [False, True], ids=["read at the end", "read at each step"])
@pytest.mark.parametrize(
    "steps", [WON, CORRECTED, CORRECTED_AND_DECIDED], ids=["a contest won", "corrected", "corrected, then decided"]
)
async def test_a_referral_that_is_opened_again_beside_another_earns_nothing(
    gp: httpx.AsyncClient,
    nurse: httpx.AsyncClient,
    lead: httpx.AsyncClient,
    pathway: Pathway,
    ask: Ask,
    steps: list[Step],
    early: bool,
) -> None:
    clients = {"gp": gp, "lead": lead}
    first = await made(gp, UNCLEAR)
    await pathway.flow()
    assert (await post(nurse, NOT_ELIGIBLE, here(first, "eligibility-decision"))).status_code == 201
    await pathway.flow()
    second = await made(gp, ANEW)
    for by, what, body in steps:
        answer = await post(clients[by], body, here(first, what))
        assert answer.status_code == 201, answer.text
        if early:
            await pathway.flow()
    await pathway.flow()
    assert {await status(gp, one) for one in (first, second)} == {"triaged"}
    told = [e["change"]["linked_referral"] for e in events(ask) if "change" in e and e["referral_id"] == first]
    assert told[:2] == [None, second], "from the step that opens it again"
    assert ask(f"SELECT linked_referral FROM referral WHERE referral_id = '{first}'") == second
    assert [pathway.plan(one).plan.linked_referral for one in (first, second)] == [second, None]

    support(pathway, first)
    support(pathway, second)
    assert pathway.world.refused == []
    await pathway.flow()
    assert (earned(pathway, first), earned(pathway, second)) == (0, 2)
    third = await post(gp, changed(ANEW, lambda b: b["referrer"].update(reference="GP-3")))
    assert (third.status_code, third.json()["referral_id"]) == (409, second), "the one that is paid for is named"


async def test_who_was_referred_while_the_contest_was_open_is_additional_and_not_the_other(
    gp: httpx.AsyncClient,
    nurse: httpx.AsyncClient,
    lead: httpx.AsyncClient,
    intake: FastAPI,
    issuer: DevIssuer,
    pathway: Pathway,
) -> None:
    first = await made(gp, UNCLEAR)
    await post(nurse, NOT_ELIGIBLE, here(first, "eligibility-decision"))
    assert (await post(gp, CONTESTED, here(first, "contest"))).status_code == 201
    async with calling(intake, token(issuer, "jobcentre", "jcp-1")) as client:
        second = await made(client, BY_JOBCENTRE)
    assert (await post(lead, ELIGIBLE, here(first, "eligibility-decision"))).status_code == 201
    await pathway.flow()
    assert [pathway.plan(one).plan.linked_referral for one in (first, second)] == [None, first]
    support(pathway, first)
    support(pathway, second)
    await pathway.flow()
    assert (earned(pathway, first), earned(pathway, second)) == (2, 0)


async def test_opened_again_and_referred_anew_at_one_moment(
    gp: httpx.AsyncClient, nurse: httpx.AsyncClient, intake: FastAPI, issuer: DevIssuer, ask: Ask
) -> None:
    first = await made(gp, UNCLEAR)
    await post(nurse, NOT_ELIGIBLE, here(first, "eligibility-decision"))
    async with calling(intake, token(issuer, "jobcentre", "jcp-1")) as client:
        answers = await asyncio.gather(post(client, BY_JOBCENTRE), post(gp, CONTESTED, here(first, "contest")))
    assert [answer.status_code for answer in answers] == [201, 201]
    assert ask("SELECT count(*), count(linked_referral) FROM referral") == "2|1", "whichever came first"


async def test_where_nobody_was_referred_anew_a_contest_links_nothing(
    gp: httpx.AsyncClient, nurse: httpx.AsyncClient, lead: httpx.AsyncClient, ask: Ask
) -> None:
    first = await made(gp, UNCLEAR)
    await post(nurse, NOT_ELIGIBLE, here(first, "eligibility-decision"))
    second = await made(gp, ANEW)
    assert (await post(gp, {"reason": "moved_away"}, here(second, "withdrawal"))).status_code == 201
    assert (await post(gp, CONTESTED, here(first, "contest"))).status_code == 201
    assert (await post(lead, ELIGIBLE, here(first, "eligibility-decision"))).status_code == 201
    told = [e["change"]["linked_referral"] for e in events(ask) if "change" in e and e["referral_id"] == first]
    assert told == [None, None, None]
