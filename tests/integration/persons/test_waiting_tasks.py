"""Whoever somebody still has to look at is neither erased nor removed, unless somebody says why."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from services.contracts.person_codes import ErasureReason
from services.intake.people.ending import lock_people
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.operations.audit import OperationRefused
from services.persons.erasing import erase
from services.triage.api import create_app
from services.vault.people import People
from tests.integration.persons.conftest import Pathway
from tests.integration.persons.test_retention import BOB, ended, erased, go
from tests.integration.persons.world import PROGRAMME, World

POSITIVE = {"assessment": {"red_flags": {"self_harm_disclosure": True}}}
WHY = ("--why", "person_asked", "--actor", "ann")


async def said(world: World, referral: str, code: int = 201, **more: Any) -> None:
    async with world.gp() as client:
        headers = {"Idempotency-Key": f"said-{referral}-{code}"}
        answer = await client.post(f"/referrals/{referral}/assessments", json=POSITIVE | more, headers=headers)
    assert answer.status_code == code, answer.text


async def acknowledged(world: World, referral: str) -> None:
    issuer = DevIssuer(world.settings)
    app = create_app(world.settings, issuer_transport=issuer.transport(), clock=lambda: world.now)
    who = issuer.headers("clinical_safety", org="P84001", organisation_kind="nhs", programme=PROGRAMME)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api", headers=who) as client,
    ):
        body = {"revision": 2, "actions": ["person_safe"]}
        headers = {"Idempotency-Key": f"a-{referral}"}
        answer = await client.post(f"/triage/{referral}/acknowledge", json=body, headers=headers)
    assert answer.status_code == 200, answer.text


async def in_danger(world: World, person: dict[str, Any] | None = None, *, read: bool = True) -> tuple[str, str]:
    """Somebody who said something positive before their referral ended; returns the referral and the pseudonym."""
    referral = await world.refer(**(person or {}))
    await world.flow()
    await said(world, referral)
    if read:
        await world.flow()
    await world.withdraw(referral)
    if read:
        await world.flow()
    return referral, await world.person_of(referral)


async def test_retention_keeps_whoever_somebody_must_look_at_and_says_so(world: World) -> None:
    referral, ada = await in_danger(world)
    await ended(world, **BOB)
    dry = await go(world, apply=False)
    assert (dry.due, dry.kept) == (1, {"a safety task waits": 1})
    outcome = await go(world)
    assert (outcome.erased, outcome.kept) == (1, {"a safety task waits": 1})
    assert ada not in [subject for subject, _ in await erased(world)]
    await acknowledged(world, referral)
    await world.flow()
    assert (await go(world)).erased == 1


async def test_retention_keeps_whoever_triage_has_not_read_all_of(world: World) -> None:
    await in_danger(world, read=False)
    assert (await go(world)).kept == {"triage has not read all": 1}
    assert await erased(world) == []


async def test_a_task_of_what_intake_refused_counts_too(world: World) -> None:
    await ended(world)
    ((referral,),) = await world.ask("intake", "SELECT referral_id FROM referral")
    await said(world, referral, 422, unheard_of=1)
    assert await world.count("intake", "safety_task") == 1
    assert (await go(world)).kept == {"a safety task waits": 1}


@pytest.mark.parametrize("with_", ["task", "merge"])
async def test_what_came_between_the_look_and_the_act_counts(
    world: World, monkeypatch: pytest.MonkeyPatch, with_: str
) -> None:
    """A task is raised, or somebody is merged with whom one waits, after the page was looked at."""
    ada = await ended(world)
    ((referral,),) = await world.ask("intake", "SELECT referral_id FROM referral")
    _, bob = await in_danger(world, BOB)
    erasing = People.erase
    once: list[int] = []

    async def comes_first(*words: Any) -> Any:
        if not once:
            once.append(1)
            await said(world, referral, 422, unheard_of=1)
        return await lock_people(*words)

    async def merged_first(self: People, *words: Any, **more: Any) -> Any:
        await self.merge(ada, bob, note="", apply=True)
        return await erasing(self, *words, **more)

    if with_ == "task":
        monkeypatch.setattr("services.retention.run.lock_people", comes_first)
    else:
        monkeypatch.setattr(People, "erase", merged_first)
    outcome = await go(world)
    assert (outcome.due, outcome.erased) == (1, 0)
    assert await erased(world) == []


async def test_who_says_something_while_being_erased_waits_and_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is said of a referral comes before the look, and is seen, or after the act, and is refused."""
    referral = await world.refer()
    await world.flow()
    ada = await world.person_of(referral)
    erasing = People.erase
    coming: list[asyncio.Task[None]] = []
    waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

    async def while_somebody_speaks(self: People, *words: Any, **more: Any) -> Any:
        coming.append(asyncio.create_task(said(world, referral, 410)))
        async with asyncio.timeout(20):
            while not (await world.ask("intake", waits))[0][0]:
                await world.ask("intake", "SELECT pg_sleep(0.02)")
        return await erasing(self, *words, **more)

    monkeypatch.setattr(People, "erase", while_somebody_speaks)
    async with world.people() as people:
        found = await erase(people, world.settings, ada, ErasureReason.PERSON_ASKED, note="", apply=True)
    assert found.done is not None
    await coming[0]
    assert await world.count("intake", "safety_task") == 1, "and what was refused has a task"


def test_erasing_shows_what_waits_and_is_refused_until_a_person_has_acted(world: World, pathway: Pathway) -> None:
    referral, ada = asyncio.run(in_danger(world))
    for words in ((), ("--apply",)):
        refused = pathway("person", "erase", ada, *WHY, *words, "--json")
        assert (refused.exit_code, refused.stderr.split(":")[0]) == (1, "safety_tasks_wait")
        shown = json.loads(refused.stdout)
        assert (shown["refused"], shown["applied"]) == ("safety_tasks_wait", False)
        ((task),) = shown["safety_tasks"]
        assert (task["service"], task["referral_id"], task["response"]) == ("triage", referral, "prompt")
    assert "prompt" in pathway("person", "erase", ada, *WHY).stdout
    assert asyncio.run(erased(world)) == []
    asyncio.run(acknowledged(world, referral))
    assert pathway("person", "erase", ada, *WHY, "--apply").exit_code == 0
    assert asyncio.run(erased(world)) == [(ada, "person_asked")]


def test_erasing_nevertheless_needs_a_reason_and_leaves_it_with_what_waited(world: World, pathway: Pathway) -> None:
    _, ada = asyncio.run(in_danger(world))
    despite: Callable[[str], tuple[str, ...]] = lambda why: (*WHY, "--despite-safety-tasks", why)  # noqa: E731
    empty = pathway("person", "erase", ada, *despite(" "), "--apply")
    assert (empty.exit_code, empty.stderr.split(":")[0]) == (1, "reason_required")
    dry = json.loads(pathway("person", "erase", ada, *despite("court order"), "--json").stdout)
    assert (dry["applied"], len(dry["safety_tasks"])) == (False, 1)
    assert asyncio.run(erased(world)) == []
    assert pathway("person", "erase", ada, *despite("court order"), "--apply").exit_code == 0
    ((detail,),) = asyncio.run(
        world.ask("vault", "SELECT detail::text FROM operator_action WHERE action = 'person.erase'")
    )
    noted = json.loads(detail)
    assert noted["despite_safety_tasks"] == "court order"
    assert noted["safety_tasks"] == [task["task_id"] for task in dry["safety_tasks"]]
    again = json.loads(pathway("person", "erase", ada, *WHY, "--apply", "--json").stdout)
    assert again["changed"] is False, "nothing is left to do, and nothing to refuse"


def test_erasing_is_refused_while_triage_has_not_read_all(world: World, pathway: Pathway) -> None:
    referral, ada = asyncio.run(in_danger(world, read=False))
    refused = pathway("person", "erase", ada, *WHY, "--apply", "--json")
    assert (refused.exit_code, json.loads(refused.stdout)["unread_referrals"]) == (1, [referral])
    assert asyncio.run(erased(world)) == []


async def test_whoever_has_come_to_have_another_pseudonym_is_looked_at_again(world: World) -> None:
    ada, bob = await ended(world), await ended(world, **BOB)
    async with world.people() as people:
        await people.merge(ada, bob, note="", apply=True)
        with pytest.raises(OperationRefused) as refused:
            await people.erase(ada, ErasureReason.PERSON_ASKED, note="", apply=True, looked_at=[ada])
        assert refused.value.code == "merged_meanwhile"
