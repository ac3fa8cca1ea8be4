"""From a near match to one person: found, decided over the API, merged by an operator, known everywhere."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import httpx

from services.contracts.person_codes import ErasureReason
from services.intake.api import create_app
from services.kernel.http.dev_issuer import DevIssuer
from tests.integration.persons.conftest import Pathway
from tests.integration.persons.world import PROGRAMME, World

WORDS = ("Example", "Ada", "9990000018", "M1 1AE")


async def decided(world: World, decision: str = "same") -> tuple[str, str]:
    """Two pseudonyms of which the staff say that they are one person; the one that was known longer first."""
    first = await world.person_of(await world.refer())
    world.now += timedelta(minutes=1)
    second = await world.person_of(await world.refer(given_name="Adah", nhs_number=None))
    issuer = DevIssuer(world.settings)
    app = create_app(world.settings, issuer_transport=issuer.transport(), clock=lambda: world.now)
    headers = issuer.headers("team_lead", org="big-life", organisation_kind="provider", programme=PROGRAMME, sub="lead")
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers) as client,
    ):
        [found] = (await client.get("/near-matches")).json()
        place = f"/near-matches/{found['near_match_id']}/decision"
        answer = await client.post(place, json={"decision": decision}, headers={"Idempotency-Key": "k"})
        assert answer.status_code == 201, answer.text
    return first, second


def merge(pathway: Pathway, *words: str, code: int = 0) -> list[dict[str, Any]]:
    done = pathway("person", "merge-decided", "--actor", "operator-1", "--json", *words)
    assert done.exit_code == code, done.output
    assert not any(word in done.output for word in WORDS)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_what_staff_decide_is_merged_by_an_operator_and_known_everywhere(world: World, pathway: Pathway) -> None:
    first, second = asyncio.run(decided(world))
    [dry] = merge(pathway)
    assert (dry["survivor"], dry["merged"], dry["decided_by"], dry["outcome"]) == (first, second, "lead", "merged")
    assert asyncio.run(world.count("vault", "subject_alias")) == 0
    [done] = merge(pathway, "--apply")
    assert done["outcome"] == "merged"
    assert asyncio.run(world.ask("vault", "SELECT subject, survivor FROM subject_alias")) == [(second, first)]
    audit = asyncio.run(
        world.ask("vault", "SELECT actor, action, reason FROM operator_action WHERE action = 'person.merge'")
    )
    assert audit == [("operator-1", "person.merge", f"near match {done['near_match_id']}, decided by lead")]
    [again] = merge(pathway, "--apply")
    assert again["outcome"] == "merged before", "intake has not heard of it yet"
    asyncio.run(world.flow())
    assert merge(pathway, "--apply") == []
    assert asyncio.run(world.ask("intake", "SELECT survivor FROM person WHERE person_id = $1", second)) == [(first,)]


def test_what_is_decided_to_be_different_is_left_alone(world: World, pathway: Pathway) -> None:
    asyncio.run(decided(world, "different"))
    assert merge(pathway, "--apply") == []


def test_a_pair_that_cannot_be_merged_is_told(world: World, pathway: Pathway) -> None:
    _, second = asyncio.run(decided(world))

    async def erase() -> None:
        async with world.people() as people:
            await people.erase(second, ErasureReason.PERSON_ASKED, note="", apply=True)

    asyncio.run(erase())
    [told] = merge(pathway, "--apply", code=1)
    assert told["outcome"] == "person_erased"
    asyncio.run(world.flow())
    assert merge(pathway, "--apply") == [], "nothing is left of the pair"
